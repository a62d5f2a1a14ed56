"""Logins of staff: by password or by single sign-on, then whatever is still needed, one step after the other.

    password or sign-on → second_factor → new_password → enrol → done

Each step answers `next`, and a new ticket for it: a random secret that only the one who did the last step knows. Single
sign-on that reached level 3 by itself proved two factors, and is done at once. Whatever is wrong is told the same way.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import Boolean as Bool
from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import staff_changes
from app.refusals import InvalidContent
from app.settings import settings
from auth import passkeys, passwords, refusals, second_factors, sessions
from auth import staff_credentials as credentials
from auth.devices import Device
from auth.passkeys import PasskeyUnsound
from auth.providers.interface import LoginRefused

SECOND_FACTOR, NEW_PASSWORD, ENROL, DONE = "second_factor", "new_password", "enrol", "done"
_STAGES = (SECOND_FACTOR, NEW_PASSWORD, ENROL)
BY_PASSWORD, BY_SIGN_ON = "password", "sign_on"
TOTP, PASSKEY, RECOVERY_CODE = "totp", "passkey", "recovery_code"
TWO_FACTORS = 3
"""The level of a provider that saw two factors; and that of a session of staff who showed two."""

desk_logins = Table(
    "desk_logins",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("ticket_sha256", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("authenticated_at", DateTime(timezone=True), nullable=False),
    Column("stage", Text, nullable=False),
    Column("factor_shown", Bool, nullable=False, server_default="false"),
    # What they want to do before they enter: change the password, or enrol another factor.
    Column("wish", Text),
    Column("challenge", LargeBinary),
    # Sealed; a secret that no app has confirmed yet.
    Column("new_totp", LargeBinary),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"stage IN {_STAGES}", name="stage"),
    CheckConstraint(f"way IN {(BY_PASSWORD, BY_SIGN_ON)}", name="way"),
    Index(None, "expires_at"),
)


def begin_by_password(staff_number: str, password: str, device: Device) -> dict[str, Any]:
    """The first step with a password. Saves by itself, and holds no connection while the password is judged.

    Raises LoginRefused: for nobody, a wrong password, a locked account, somebody who left, the same words and time.
    """
    with database.work() as work:
        found = credentials.account(work, staff_number)
        allowed = found is not None and credentials.begin_try(work, found.id)
    is_right = passwords.is_right(None if found is None else found.password_hash, password)
    wrong = _why_not(found, allowed, is_right)
    if wrong:
        _refuse("staff_password", wrong)
    with database.work() as work:
        credentials.take_back_try(work, found.id)
        credentials.renew_hash(work, found, password)
        return _begin(work, found.id, BY_PASSWORD, clock.now(), device)


def _why_not(found: Any, allowed: bool, is_right: bool) -> str | None:
    """For operators; the answer never says it."""
    if found is None:
        return "unknown"
    if not allowed:
        return "locked"
    if not is_right:
        return "wrong"
    if not found.active:
        return "left"
    return "first_password_too_old" if credentials.has_run_out(found) else None


def enter_by_sign_on(
    work: Work, staff_id: UUID, level: int, authenticated_at: datetime, device: Device
) -> dict[str, Any]:
    """Whoever the government's single sign-on vouches for: in at once if it saw two factors, else asked for one."""
    if level >= TWO_FACTORS:
        return {"next": DONE, **sessions.open_for_staff(work, staff_id, level, authenticated_at, device)}
    return _begin(work, staff_id, BY_SIGN_ON, authenticated_at, device)


def _begin(work: Work, staff_id: UUID, way: str, authenticated_at: datetime, device: Device) -> dict[str, Any]:
    values = {"staff_id": staff_id, "way": way, "authenticated_at": authenticated_at, "ticket_sha256": ""}
    expires_at = clock.now() + settings().login_life
    statement = insert(desk_logins).values(id=new_id(), **values, stage=SECOND_FACTOR, expires_at=expires_at)
    return _go_on(work, work.run(statement.returning(desk_logins)).one(), device)


def _go_on(work: Work, login: Any, device: Device) -> dict[str, Any]:
    """The next step with its ticket, or at the end the tokens of a new session."""
    stage = _next(work, login)
    if stage == DONE:
        work.run(delete(desk_logins).where(desk_logins.c.id == login.id))
        tokens = sessions.open_for_staff(work, login.staff_id, TWO_FACTORS, login.authenticated_at, device)
        return {"next": DONE, **tokens}
    ticket = secrets.token_urlsafe(32)
    values = {"stage": stage, "ticket_sha256": _hash(ticket), "challenge": None, "new_totp": None}
    work.run(update(desk_logins).where(desk_logins.c.id == login.id).values(**values))
    step = {"next": stage, "id": login.id, "ticket": ticket, "expires_at": login.expires_at}
    return {**step, "second_factors": _factors(work, login.staff_id) if stage == SECOND_FACTOR else []}


def _next(work: Work, login: Any) -> str:
    if not login.factor_shown and _factors(work, login.staff_id):
        return SECOND_FACTOR
    if login.way == BY_PASSWORD:
        account = credentials.account_of(work, login.staff_id)
        if login.wish == NEW_PASSWORD or credentials.must_change(account):
            return NEW_PASSWORD
    return ENROL if not login.factor_shown or login.wish == ENROL else DONE


def _factors(work: Work, staff_id: UUID) -> list[str]:
    """What this person can show. A recovery code alone is paper that belongs to one of the others."""
    found = [TOTP] if second_factors.has_totp(work, staff_id) else []
    found += [PASSKEY] if passkeys.has_any(work, staff_id) else []
    if found and second_factors.unused_recovery_codes(work, staff_id):
        found.append(RECOVERY_CODE)
    return found


def challenge(login_id: UUID, ticket: str) -> dict[str, Any]:
    """A challenge for a passkey: `passkey` is the `publicKey` of `navigator.credentials.get`. Raises LoginRefused."""
    with database.work() as work:
        login = _held(work, login_id, ticket, SECOND_FACTOR)
        fresh = passkeys.new_challenge()
        _change(work, login, challenge=fresh)
        return {"passkey": passkeys.options_to_log_in(work, login.staff_id, fresh)}


def show_second_factor(
    login_id: UUID, ticket: str, kind: str, shown: Any, wish: str | None, device: Device
) -> dict[str, Any]:
    """Judge a second factor; `shown` is a code, or a passkey's answer. Raises LoginRefused."""
    with database.work() as work:
        login = _held(work, login_id, ticket, SECOND_FACTOR)
        # Whatever comes of it, a challenge is answered once.
        _change(work, login, challenge=None)
        allowed = credentials.begin_try(work, login.staff_id)
        wrong = _judge(work, login, kind, shown) if allowed else "locked"
        if wrong is None:
            credentials.forget_failures(work, login.staff_id)
            answer = _go_on(work, _change(work, login, factor_shown=True, wish=wish), device)
    if wrong is not None:
        _refuse("staff_second_factor", wrong)
    return answer


def _judge(work: Work, login: Any, kind: str, shown: Any) -> str | None:
    """Why it does not hold, for operators; None when it does."""
    if kind == TOTP:
        return None if second_factors.use_totp(work, login.staff_id, shown) else "wrong_or_used_code"
    if kind == RECOVERY_CODE:
        return None if second_factors.use_recovery_code(work, login.staff_id, shown) else "wrong_or_used_recovery_code"
    if login.challenge is None:
        return "no_challenge"
    try:
        passkeys.use(work, login.staff_id, bytes(login.challenge), shown)
    except PasskeyUnsound:
        return "unsound_passkey"
    return None


def set_new_password(login_id: UUID, ticket: str, password: str, language: str, device: Device) -> dict[str, Any]:
    """Take a new password in place of a first or an old one. Raises LoginRefused, InvalidContent (a weak one)."""
    with database.work() as work:
        account = credentials.account_of(work, _held(work, login_id, ticket, NEW_PASSWORD).staff_id)
    faults = passwords.faults(password, account.staff_number, language)
    if not faults and passwords.is_right(account.password_hash, password):
        faults = [{"zh": "不能与原密码相同。", "en": "It is the old one."}[language]]
    if faults:
        raise InvalidContent(errors={"/password": faults})
    hashed = passwords.hashed(password)
    with database.work() as work:
        login = _held(work, login_id, ticket, NEW_PASSWORD)
        credentials.set_password(work, login.staff_id, hashed)
        staff_changes.record(work, login.staff_id, login.staff_id, "own_password_changed", {})
        rest = None if login.wish == NEW_PASSWORD else login.wish
        return _go_on(work, _change(work, login, wish=rest), device)


def begin_enrolment(login_id: UUID, ticket: str, kind: str) -> dict[str, Any]:
    """What an app or an authenticator needs to become a second factor. Raises LoginRefused."""
    with database.work() as work:
        login = _held(work, login_id, ticket, ENROL)
        account = credentials.account_of(work, login.staff_id)
        if kind == PASSKEY:
            fresh = passkeys.new_challenge()
            _change(work, login, challenge=fresh, new_totp=None)
            return {"passkey": passkeys.options_to_enrol(work, account, fresh)}
        secret = second_factors.new_secret()
        _change(work, login, challenge=None, new_totp=second_factors.sealed(secret, login.staff_id))
        address = second_factors.address(secret, account.staff_number)
        return {"totp": {"secret": second_factors.in_base32(secret), "address": address}}


def confirm_enrolment(login_id: UUID, ticket: str, kind: str, shown: Any, device: Device) -> dict[str, Any]:
    """Take the new factor once it has worked; with the first one come recovery codes. Raises LoginRefused."""
    with database.work() as work:
        login = _held(work, login_id, ticket, ENROL)
        # A challenge is answered once; an app's code may be mistyped, and is asked for again.
        _change(work, login, challenge=None)
        wrong = _enrol(work, login, kind, shown)
        if wrong is None:
            codes = [] if second_factors.unused_recovery_codes(work, login.staff_id) else _codes(work, login)
            staff_changes.record(work, login.staff_id, login.staff_id, "own_factor_enrolled", {"kind": kind})
            answer = _go_on(work, _change(work, login, factor_shown=True, wish=None), device)
    if wrong is not None:
        _refuse("staff_enrolment", wrong)
    return {**answer, "recovery_codes": codes}


def _codes(work: Work, login: Any) -> list[str]:
    return second_factors.new_recovery_codes(work, login.staff_id)


def _enrol(work: Work, login: Any, kind: str, shown: Any) -> str | None:
    if kind == PASSKEY:
        if login.challenge is None:
            return "no_challenge"
        try:
            passkeys.enrol(work, login.staff_id, bytes(login.challenge), shown)
        except PasskeyUnsound:
            return "unsound_passkey"
        return None
    if login.new_totp is None:
        return "not_begun"
    secret = second_factors.opened(bytes(login.new_totp), login.staff_id)
    step = second_factors.step_of(secret, shown)
    if step is None:
        return "wrong_code"
    second_factors.enrol_totp(work, login.staff_id, secret, step)
    return None


def _held(work: Work, login_id: UUID, ticket: str, stage: str) -> Any:
    """The login under way whose ticket this is, locked, so that its steps come one after the other.

    Raises LoginRefused.
    """
    statement = select(desk_logins).where(desk_logins.c.id == login_id, desk_logins.c.expires_at > clock.now())
    login = work.run(statement.with_for_update()).one_or_none()
    if login is None or not hmac.compare_digest(login.ticket_sha256, _hash(ticket)) or login.stage != stage:
        _refuse("staff_login", "no_such_step")
    if not credentials.account_of(work, login.staff_id).active:
        _refuse("staff_login", "left")
    return login


def _change(work: Work, login: Any, **values: Any) -> Any:
    statement = update(desk_logins).where(desk_logins.c.id == login.id).values(**values)
    return work.run(statement.returning(desk_logins)).one()


def _refuse(door: str, reason: str) -> NoReturn:
    refusals.count(door, reason)
    raise LoginRefused


def _hash(ticket: str) -> str:
    # 256 random bits: nothing to guess, so a plain hash keeps it secret.
    return hashlib.sha256(ticket.encode(errors="replace")).hexdigest()


@jobs.tasks.periodic(cron="23 * * * *")
@jobs.task("purge_desk_logins", queueing_lock="purge_desk_logins")
def purge(timestamp: int) -> None:
    """Forget logins that came to nothing."""
    with database.work() as work:
        work.run(delete(desk_logins).where(desk_logins.c.expires_at < clock.now()))
