"""Logins: from "who are you" to a session, by way of an e-ID provider."""

from __future__ import annotations

import hmac
import secrets
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Table,
    Text,
    delete,
    insert,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.crypto.blind_indexes import NothingToIndex
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import accounts, staff
from app.people.accounts import PersonUnproved
from app.people.identities import Identity
from app.privacy import corrections
from app.refusals import InvalidContent
from app.settings import settings
from auth import sessions
from auth.devices import Device
from auth.providers.interface import Handshake, LoginRefused, Proof, Provider
from auth.providers.registry import PROTOCOLS

RESIDENTS = "residents"
STAFF = "staff"

logins = Table(
    "logins",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("audience", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    CheckConstraint("audience IN ('residents', 'staff')", name="audience"),
    Index(None, "expires_at"),
)


@cache
def providers(audience: str) -> dict[str, Provider]:
    """The configured providers for residents or for staff, by name."""
    configured = settings().eid_providers if audience == RESIDENTS else settings().staff_providers
    return {name: PROTOCOLS[options["protocol"]](**options) for name, options in configured.items()}


def start(audience: str, provider_name: str, redirect_uri: str, level: int | None) -> dict[str, Any]:
    """Begin a login: its id, and the address at the provider to send the person to.

    Saves by itself, because no connection is held while the provider is asked what it offers. Raises
    InvalidContent (an unknown provider, or an address that is not registered: both exactly), ProviderAway.
    """
    provider = providers(audience).get(provider_name)
    if provider is None:
        raise InvalidContent(errors={"/provider": [f"One of: {', '.join(sorted(providers(audience)))}."]})
    options = settings().eid_providers if audience == RESIDENTS else settings().staff_providers
    if redirect_uri not in options[provider_name]["redirect_uris"]:
        raise InvalidContent(errors={"/redirect_uri": ["This address is not registered."]})
    handshake = Handshake(*(secrets.token_urlsafe(32) for _ in range(3)))
    login_id, expires_at = new_id(), clock.now() + settings().login_life
    url = provider.authorize_url(handshake, redirect_uri, level)
    login = insert(logins).values(
        id=login_id,
        audience=audience,
        provider=provider_name,
        redirect_uri=redirect_uri,
        expires_at=expires_at,
        state=handshake.state,
        nonce=handshake.nonce,
        verifier=handshake.verifier,
    )
    with database.work() as work:
        work.run(login)
    return {"id": login_id, "authorize_url": url, "expires_at": expires_at}


def complete(audience: str, login_id: UUID, answer: dict[str, Any], device: Device) -> dict[str, Any]:
    """Turn what the person came back with into a session: the token pair.

    `answer` has code, state and iss. Saves in two parts, because no connection is held while the provider is
    asked, and a login is spent by its first try, whatever comes of it. Raises LoginRefused, ProviderAway.
    """
    with database.work() as work:
        login = _spend(work, audience, login_id)
    if login is None or not hmac.compare_digest(login.state.encode(), answer["state"].encode()):
        raise LoginRefused
    handshake = Handshake(login.state, login.nonce, login.verifier)
    provider = providers(audience)[login.provider]
    proof = provider.identify(handshake, login.redirect_uri, answer["code"], answer.get("iss"))
    with database.work() as work:
        if audience == STAFF:
            return _enter_staff(work, proof, device)
        return _enter_resident(work, proof.identity(login.provider), device)


def _spend(work: Work, audience: str, login_id: UUID) -> Any:
    """Mark a login as used and return it; None when it is unknown, expired, used, or another audience's."""
    statement = update(logins).where(
        logins.c.id == login_id,
        logins.c.audience == audience,
        logins.c.used_at.is_(None),
        logins.c.expires_at > clock.now(),
    )
    return work.run(statement.values(used_at=clock.now()).returning(logins)).one_or_none()


def _enter_resident(work: Work, identity: Identity, device: Device | str) -> dict[str, Any]:
    try:
        resident_id, before = accounts.enter(work, identity)
    except (PersonUnproved, NothingToIndex):
        raise LoginRefused from None
    if before is not None and identity.person is not None:
        corrections.note_login(work, resident_id, before, identity.person)
    how = (identity.reached, identity.authenticated_at, device, identity.provider, identity.method)
    return sessions.open_for_resident(work, resident_id, *how)


def _enter_staff(work: Work, proof: Proof, device: Device) -> dict[str, Any]:
    """Only people on the staff list get in, whatever the provider says of them."""
    person = staff.active_by_number(work, str(proof.claims.get("staff_number", "")))
    if person is None:
        raise LoginRefused
    return sessions.open_for_staff(work, person.id, proof.level, proof.authenticated_at, device)


@jobs.tasks.periodic(cron="17 * * * *")
@jobs.task("purge_logins", queueing_lock="purge_logins")
def purge(timestamp: int) -> None:
    """Forget logins that expired: their secrets are of no use to anybody but a thief."""
    with database.work() as work:
        work.run(delete(logins).where(logins.c.expires_at < clock.now() - settings().login_life))
