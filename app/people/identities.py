"""Identities: one login at one e-ID provider each, and what the provider vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, DateTime, ForeignKey, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.database import metadata
from app.people.residents import Person

ACCOUNT_LEVEL = 1
"""How far a login reaches that vouches for nobody (domain-facts §2.3)."""

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
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("last_login_at", DateTime(timezone=True), nullable=False),
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
