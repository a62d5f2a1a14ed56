"""Identities: one login at one e-ID provider each, and what the provider vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.database import Work, metadata
from app.events import IdentityRemoved
from app.people import identity, residents
from app.people.callers import Resident
from app.people.residents import Person
from app.refusals import NotFound, Refusal
from app.settings import settings

ACCOUNT_LEVEL = 1
"""How far a login reaches that vouches for nobody (domain-facts §2.3)."""

BY_NUMBER = frozenset({"sms_otp", "voice_otp"})
"""The methods that prove a phone number, which operators give to somebody else one day."""

PERSON = "person"
ORGANISATION = "organisation"

LEGAL_REPRESENTATIVE = "legal_representative"
HANDLER = "handler"
"""In which capacity somebody acts for an organisation: 法定代表人, or 经办人 whom it authorised."""

identities = Table(
    "identities",
    metadata,
    Column("provider", Text, primary_key=True),
    # Blind: the name that a provider has for somebody is looked up and never read.
    Column("subject_index", LargeBinary, primary_key=True),
    Column("id", Uuid(as_uuid=True), nullable=False, unique=True, server_default=func.gen_random_uuid()),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    # What its last login reached, and how; from before these were kept it is unknown.
    Column("level", Integer),
    Column("method", Text),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_login_at", DateTime(timezone=True), nullable=False),
    Index(None, "resident_id"),
)


@dataclass(frozen=True)
class Organisation:
    """An organisation (法人) as a provider vouches for it. `role` is LEGAL_REPRESENTATIVE or HANDLER."""

    name: str
    credit_code: str
    role: str


@dataclass(frozen=True)
class Identity:
    """Who logged in, as a connector understood its provider.

    `subject` means something at this provider only; `level` is our scale 0–4 (domain-facts §2.3); `method` is how
    they proved it (`oidc`, `ticket`, `network_id`, `wechat`, `sms_otp`, `voice_otp`). `person` is None where the
    provider vouches for no name and number (WeChat, a phone number): such a login never reaches beyond level 1.
    `phone` is a number whose possession was proved just now. `organisation` is set when somebody logged in for one.
    """

    provider: str
    subject: str
    level: int
    method: str
    authenticated_at: datetime
    person: Person | None = None
    phone: str | None = None
    organisation: Organisation | None = None

    @property
    def reached(self) -> int:
        """The level of the session that this login opens: without a person it is an account and no more."""
        return self.level if self.person is not None else min(self.level, ACCOUNT_LEVEL)

    @property
    def subject_type(self) -> str:
        return PERSON if self.organisation is None else ORGANISATION


class IdentityNotFound(NotFound):
    """No such identity of this resident."""


class LastIdentity(Refusal):
    """Nobody could log in to the account any more: add another identity first, or close the account."""


def listing(connection: Connection, caller: Resident) -> list[dict[str, Any]]:
    """How I can log in, oldest first."""
    rows = connection.execute(_of(caller.id)).all()
    shown = ("id", "provider", "level", "method", "added_at", "last_login_at")
    usable = [row.provider in settings().eid_providers for row in rows]
    return [
        {**{name: getattr(row, name) for name in shown}, "usable": can, "removable": sum(usable) > can}
        for row, can in zip(rows, usable, strict=True)
    ]


def _of(resident_id: UUID) -> Any:
    mine = select(identities).where(identities.c.resident_id == resident_id)
    return mine.order_by(identities.c.added_at, identities.c.id)


def require_owner(connection: Connection, caller: Resident, since: timedelta = timedelta(0)) -> None:
    """Who changes how the account is entered is its owner, freshly and as strongly as the account was ever proved (3 is
    enough): a stolen WeChat must not take over a person's account. `since` is how long ago they may have begun it.

    Raises StepUpRequired.
    """
    level = min(identity.RIGHTS_LEVEL, residents.proved_level(connection, caller.id))
    identity.require_login(caller, level, identity.RIGHTS_FRESHNESS, since)


def remove(work: Work, caller: Resident, identity_id: UUID) -> str:
    """Take an identity from my account, and tell me of it on all my devices; the name of its provider.

    Raises StepUpRequired, IdentityNotFound, LastIdentity.
    """
    require_owner(work.connection, caller)
    # Two at once, each of them sparing the other's, would leave none.
    work.run(select(residents.residents.c.id).where(residents.residents.c.id == caller.id).with_for_update())
    rows = work.run(_of(caller.id)).all()
    unwanted = next((row for row in rows if row.id == identity_id), None)
    if unwanted is None:
        raise IdentityNotFound
    if not any(row.provider in settings().eid_providers for row in rows if row is not unwanted):
        raise LastIdentity
    work.run(delete(identities).where(identities.c.id == identity_id))
    work.announce(IdentityRemoved(caller.id, unwanted.provider))
    return str(unwanted.provider)
