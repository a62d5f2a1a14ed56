"""Logins: from "who are you" to a session, by way of an e-ID provider.

A login belongs to the client that began it. Its start answers with a `secret` (256 random bits) that stands in no
address, log or redirect, and only who brings it completes the login. Whoever lures somebody into following the end
of a login that is not theirs (login CSRF, RFC 9700 §4.7) has a client that never kept this secret, and a code or
ticket that leaks on its way back is worth nothing without it. We keep its hash; state, nonce, PKCE verifier and
whatever a connector keeps are sealed at rest.

Each try is counted and saved before the provider is asked, so that a crash or a slow answer gives no further try
away. A login is spent by its success; where a provider sends the person back with an answer that is right or wrong
for good, by its refusal too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Index,
    SmallInteger,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.crypto import data_keys
from app.crypto.blind_indexes import NothingToIndex
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Job, Work, metadata
from app.identifiers import new_id
from app.people import accounts, identities, one_time_codes, residents, sign_ins, staff, staff_sign_ins
from app.people.accounts import PersonUnproved
from app.people.callers import Resident
from app.people.identities import Identity
from app.people.sign_ins import SignIn
from app.people.staff_sign_ins import StaffSignIn
from app.privacy import corrections
from app.refusals import InvalidContent, Refusal
from app.settings import settings
from auth import acting, refusals, sessions, staff_logins
from auth.devices import Device
from auth.providers import phone
from auth.providers.configured import RESIDENTS, STAFF, providers
from auth.providers.interface import Handshake, LoginRefused, Proof, Provider, ProviderAway, Wish
from auth.providers.phone import CodeRefused
from auth.secret_hashes import hashed

log = structlog.get_logger()

_T = TypeVar("_T")

TRIES = 5
"""How often one login may be answered: a mistyped code or a provider that is away for a moment, no guessing."""
_SKEW = timedelta(seconds=60)

logins = Table(
    "logins",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("audience", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False),
    Column("handshake", Sealed, nullable=False, info=personal(purpose="to recognise the answer to this very login")),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    CheckConstraint("audience IN ('residents', 'staff')", name="audience"),
    Index(None, "expires_at"),
    sealed_only("handshake"),
)

_HANDSHAKE = "logins.handshake"


class LoginTooWeak(LoginRefused):
    """The person proved who they are, but less strongly or longer ago than this login asked for."""

    def __init__(self, reason: str, required_level: int | None, max_age_seconds: int | None) -> None:
        super().__init__(reason)
        asked = {"required_level": required_level, "max_age_seconds": max_age_seconds}
        self.facts = {name: value for name, value in asked.items() if value is not None}


def start(audience: str, provider_name: str, linking: Resident | None = None, **wished: Any) -> dict[str, Any]:
    """Begin a login: its id and secret, and what the client needs to go on. `wished` are the fields of `Wish`.

    `linking` is somebody logged in who wants to add this login to their account; only their session can finish it.
    Saves by itself, because no connection is held while the provider is asked what it offers. Raises
    InvalidContent (an unknown provider, or an address that is not registered: both exactly), ProviderAway.
    """
    provider = providers(audience).get(provider_name)
    if provider is None:
        raise InvalidContent(errors={"/provider": [f"One of: {', '.join(sorted(providers(audience)))}."]})
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    wish, handshake = Wish(**wished), Handshake(state, nonce, verifier)
    if wish.redirect_uri is not None and not _sends_back(provider):
        raise InvalidContent(errors={"/redirect_uri": ["This provider sends nobody anywhere."]})
    begun = _begun(audience, provider_name, provider, handshake, wish)
    login_id, secret, now = new_id(), secrets.token_urlsafe(32), clock.now()
    login = insert(logins).values(
        id=login_id,
        audience=audience,
        provider=provider_name,
        secret_sha256=hashed(secret),
        handshake=_sealed(login_id, handshake, wish, now, linking),
        expires_at=now + settings().login_life,
    )
    with database.work() as work:
        work.run(login)
    own = {"id": login_id, "secret": secret, "protocol": provider.protocol, "expires_at": now + settings().login_life}
    return begun | own


def _begun(audience: str, name: str, provider: Provider, handshake: Handshake, wish: Wish) -> dict[str, Any]:
    try:
        return _guarded(name, lambda: provider.begin(handshake, wish))
    except InvalidContent as refusal:
        if "/redirect_uri" in refusal.errors:
            _refused("redirect_uri_unregistered", audience, name)
        raise


def complete(
    audience: str,
    login_id: UUID,
    answer: dict[str, Any],
    device: Device | str,
    caller: Callable[[], Resident] | None = None,
) -> dict[str, Any]:
    """Turn what the person came back with into a session: the token pair.

    `answer` has the login's secret, and what its protocol brings; `caller` finds out who is logged in already, and is
    only asked for a login that adds an identity to an account. Saves in parts, because no connection is held while
    the provider is asked. Raises LoginRefused, LoginTooWeak, ProviderAway, and for such a login what `accounts.link`
    and `caller` raise.
    """
    name = "none"
    try:
        login = _taken(audience, login_id, str(answer.get("secret") or ""))
        name = login.provider
        return _completed(audience, login, answer, Device(device) if isinstance(device, str) else device, caller)
    except LoginRefused as refusal:
        _refused(refusal.reason, audience, name)
        raise


def _completed(
    audience: str, login: Any, answer: dict[str, Any], device: Device, caller: Callable[[], Resident] | None
) -> dict[str, Any]:
    provider = providers(audience).get(login.provider)
    if provider is None:
        raise LoginRefused("provider_gone")
    handshake, wish, begun_at = _opened(login)
    proof = None
    try:
        linking = _linking(login, caller)
        proof = _guarded(login.provider, lambda: provider.identify(handshake, answer))
        _check_strength(proof, _level(audience, login.provider, proof), wish, begun_at)
        with database.work() as work:
            _spend(work, login.id)
            if audience == STAFF:
                return _enter_staff(work, proof, device)
            return _enter_resident(work, proof.identity(login.provider), device, linking)
    except LoginRefused as refusal:
        with database.work() as work:
            if _sends_back(provider):
                work.run(update(logins).where(logins.c.id == login.id).values(used_at=clock.now()))
            if proof is not None and audience == STAFF:
                _note_refused_staff(work, refusal.reason, proof, device)
            elif proof is not None:
                _note_refused(work, login.provider, proof, device)
            elif isinstance(refusal, CodeRefused) and refusal.code_id is not None:
                _note_refused_code(work, login, refusal.code_id)
        raise


def _note_refused_staff(work: Work, reason: str, proof: Proof, device: Device) -> None:
    """A line in the record of staff, also for who left or was never one of them."""
    known = staff.id_of(work.connection, str(proof.claims.get("staff_number", "")))
    tried = (device.name, device.network, f"staff_sign_on: {reason}")
    staff_sign_ins.record(work, StaffSignIn(known, staff_sign_ins.REFUSED, *tried))


def _note_refused(work: Work, provider: str, proof: Proof, device: Device) -> None:
    """A line in the history of whoever the provider says it was: they should see that somebody tried."""
    known = accounts.owner_of(work, provider, proof.subject)
    if known is not None:
        tried = (device.name, device.network, provider, proof.method)
        sign_ins.record(work, SignIn(known, sign_ins.REFUSED, *tried))


def _note_refused_code(work: Work, login: Any, code_id: str) -> None:
    """The same for whoever has the number that was guessed at. Later, and for every number: else the time that a
    refusal takes would tell who is known here. From where it came would lie open in the job, so it is left out."""
    about = {"sign_in_id": str(new_id()), "provider": login.provider, "code_id": code_id}
    work.defer(Job("note_refused_code", about))


@jobs.task("note_refused_code")
def note_refused_code(sign_in_id: str, provider: str, code_id: str) -> None:
    """Add the line. May run twice."""
    asked = one_time_codes.asked_for(UUID(code_id))
    if asked is None:
        return
    number, voice = asked
    with database.work() as work:
        known = accounts.owner_of(work, provider, phone.subject_of(number))
        if known is not None:
            tried = SignIn(known, sign_ins.REFUSED, provider=provider, method=phone.method_of(voice))
            sign_ins.record(work, tried, UUID(sign_in_id))


def _guarded(name: str, ask: Callable[[], _T]) -> _T:
    """What a connector says. A fault in one is this provider's trouble and no fault of ours: it counts as away."""
    try:
        return ask()
    except Refusal:
        raise
    except Exception as fault:
        log.error("connector_crashed", provider=name, exc_info=fault)
        raise ProviderAway from None


def _sends_back(provider: Provider) -> bool:
    """Whether the person comes back from a page of the provider's, with an answer that no second try mends."""
    return hasattr(provider, "redirect_uris")


def _taken(audience: str, login_id: UUID, secret: str) -> Any:
    """Count a try and return the login. Raises LoginRefused, in the same words and time whatever is wrong."""
    mine = (logins.c.id == login_id) & (logins.c.audience == audience) & (logins.c.secret_sha256 == hashed(secret))
    open_still = logins.c.used_at.is_(None) & (logins.c.expires_at > clock.now()) & (logins.c.tries < TRIES)
    with database.work() as work:
        counted = update(logins).where(mine & open_still).values(tries=logins.c.tries + 1).returning(logins)
        login = work.run(counted).one_or_none()
        found = None if login is not None else work.run(select(logins).where(logins.c.id == login_id)).one_or_none()
    if login is None:
        raise LoginRefused(_why_not(found, audience, secret))
    return login


def _why_not(login: Any, audience: str, secret: str) -> str:
    """For operators only."""
    if login is None:
        return "login_unknown"
    if login.audience != audience:
        return "login_of_another_audience"
    if login.secret_sha256 != hashed(secret):
        return "login_of_another_client"
    if login.used_at is not None:
        return "login_used"
    return "tries_spent" if login.tries >= TRIES else "login_expired"


def _level(audience: str, provider: str, proof: Proof) -> int:
    """The level of the session that it would open: a proof of nobody by name is an account's and no more, however
    strong it was, and a step-up by it would be none."""
    return proof.level if audience == STAFF else proof.identity(provider).reached


def _check_strength(proof: Proof, level: int, wish: Wish, begun_at: datetime) -> None:
    """Level and freshness as they are and not as they were asked (OIDC Core §5.5.1.1: a provider may return less).

    Freshness counts from when the login began, because the person may take their time at the provider.
    """
    if proof.authenticated_at > clock.now() + _SKEW:
        raise LoginRefused("auth_time_ahead")
    if wish.level is not None and level < wish.level:
        raise LoginTooWeak("level_too_low", wish.level, wish.max_age)
    if wish.max_age is not None and proof.authenticated_at + timedelta(seconds=wish.max_age) + _SKEW < begun_at:
        raise LoginTooWeak("auth_time_old", wish.level, wish.max_age)


def _spend(work: Work, login_id: UUID) -> None:
    """Only one success each: of two answers at once the later finds it spent. Raises LoginRefused."""
    mine = (logins.c.id == login_id) & logins.c.used_at.is_(None)
    if work.run(update(logins).where(mine).values(used_at=clock.now()).returning(logins.c.id)).one_or_none() is None:
        raise LoginRefused("login_used")


def _enter_resident(work: Work, identity: Identity, device: Device, linking: Resident | None = None) -> dict[str, Any]:
    try:
        if linking is not None:
            return _linked(work, identity, device, linking)
        resident_id, before = accounts.enter(work, identity, lambda owner: sessions.has_been_on(work, owner, device))
    except (PersonUnproved, NothingToIndex):
        raise LoginRefused("person_unproved") from None
    if before is not None and identity.person is not None:
        corrections.note_login(work, resident_id, before, residents.applicant(work.connection, resident_id))
    acting.note_login(work, resident_id, identity)
    how = (identity.reached, identity.authenticated_at, device, identity.provider, identity.method)
    return sessions.open_for_resident(work, resident_id, *how)


def _linked(work: Work, identity: Identity, device: Device, linking: Resident) -> dict[str, Any]:
    """Add the identity to the account of whoever began this; a session by the stronger of their two logins.

    Whether they may is asked once more: an account that was nobody's may have become a person's since.
    """
    is_owner = partial(identities.require_owner, work.connection, linking, settings().login_life)
    resident_id, merged = accounts.link(work, linking.id, identity, is_owner)
    if merged:
        # What their tokens say of whose they are is not so any more; every device goes on by its refresh token.
        sessions.outdate(work, sessions.sessions.c.resident_id == resident_id)
    now = (identity.reached, identity.authenticated_at)
    acting.note_login(work, resident_id, identity)
    level, authenticated_at = max(now, (linking.level, linking.authenticated_at))
    return sessions.open_for_resident(
        work, resident_id, level, authenticated_at, device, identity.provider, identity.method
    )


def _enter_staff(work: Work, proof: Proof, device: Device) -> dict[str, Any]:
    """Only people on the staff list get in, whatever the provider says of them; who is just being let go does not."""
    person = staff.active_by_number(work, str(proof.claims.get("staff_number", "")), lock=True)
    if person is None:
        raise LoginRefused("not_on_the_staff_list")
    return staff_logins.enter_by_sign_on(work, person.id, proof.level, proof.authenticated_at, device)


def _refused(reason: str, audience: str, provider: str) -> None:
    """Tell operators. Reasons are words of our own code, so nothing that was brought can stand in a log or a label."""
    refusals.count("login", reason)
    log.warning("login_refused", reason=reason, audience=audience, provider=provider)


def _sealed(
    login_id: UUID, handshake: Handshake, wish: Wish, begun_at: datetime, linking: Resident | None = None
) -> Any:
    content = {
        "handshake": [handshake.state, handshake.nonce, handshake.verifier, handshake.kept],
        "level": wish.level,
        "max_age": wish.max_age,
        "begun_at": begun_at.isoformat(),
        "link": linking and str(linking.session_id),
    }
    return data_keys.of_the_house().seal(content, _HANDSHAKE, login_id)


def _linking(login: Any, caller: Callable[[], Resident] | None) -> Resident | None:
    """Who adds this login to their account; None for a login as any other. Raises LoginRefused when it is another
    session that finishes it: nobody's login may be slipped into somebody else's account, nor theirs into one's own."""
    session_id = data_keys.of_the_house().open(login.handshake, _HANDSHAKE, login.id).get("link")
    if session_id is None:
        return None
    found = None if caller is None else caller()
    if found is None or str(found.session_id) != session_id:
        raise LoginRefused("link_of_another_session")
    return found


def _opened(login: Any) -> tuple[Handshake, Wish, datetime]:
    content = data_keys.of_the_house().open(login.handshake, _HANDSHAKE, login.id)
    wish = Wish(level=content["level"], max_age=content["max_age"])
    return Handshake(*content["handshake"]), wish, datetime.fromisoformat(content["begun_at"])


@jobs.tasks.periodic(cron="17 * * * *")
@jobs.task("purge_logins", queueing_lock="purge_logins")
def purge(timestamp: int) -> None:
    """Forget logins that expired: their secrets are of no use to anybody but a thief."""
    with database.work() as work:
        work.run(delete(logins).where(logins.c.expires_at < clock.now() - settings().login_life))


__all__ = ["RESIDENTS", "STAFF", "LoginTooWeak", "complete", "logins", "purge", "start"]
