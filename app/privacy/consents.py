"""Consents: what a person agreed to, on which version of which notice, and when they took it back.

Both are rows that are only ever added: a consent stands while no withdrawal names it (PIPL art. 14, 15). Consent to
sensitive data and to giving data to another handler are acts of their own (art. 23, 29); for a child under 14 a
guardian gives it (art. 31).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    exists,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.crypto import blind_indexes, data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.events import ConsentWithdrawn
from app.identifiers import new_id
from app.people import identity, masks
from app.people.callers import Resident
from app.privacy import guardians, notices, purposes
from app.privacy.guardians import Child
from app.privacy.notices import notices as notices_table
from app.privacy.purposes import KINDS_OF_CONSENT, Purpose
from app.refusals import InvalidContent, NotFound

SCREEN, WECHAT_TAP = METHODS = ("screen", "wechat_tap")
"""How it was given: on a screen of its own, or by allowing WeChat messages beside the notice."""

consents = Table(
    "consents",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("notice_code", Text, nullable=False),
    Column("notice_version", Integer, nullable=False),
    Column("notice_sha256", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # What exactly it covers (`Purpose.scope`): a notice that covers something else asks anew.
    Column("scope_sha256", Text, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
    Column("device", Text, nullable=False),
    Column("method", Text, nullable=False),
    # Of a consent for a child under 14: by which the child's own login finds it.
    Column("child_index", LargeBinary, index=True),
    Column(
        "guardianship",
        Sealed,
        info=personal(purpose="to prove which guardian consented for which child under 14 (PIPL art. 31)"),
    ),
    ForeignKeyConstraint(
        ["notice_code", "notice_version"], ["notices.code", "notices.version"], name="consents_notice_fk"
    ),
    CheckConstraint(f"kind IN {KINDS_OF_CONSENT}", name="kind"),
    CheckConstraint(f"method IN {METHODS}", name="method"),
    CheckConstraint("(child_index IS NULL) = (guardianship IS NULL)", name="child"),
    sealed_only("guardianship"),
    Index(None, "resident_id", "scope_sha256"),
)

consent_withdrawals = Table(
    "consent_withdrawals",
    metadata,
    Column("consent_id", Uuid(as_uuid=True), ForeignKey("consents.id"), primary_key=True),
    Column("withdrawn_at", DateTime(timezone=True), nullable=False),
    Column("device", Text, nullable=False),
    Column("method", Text, nullable=False),
    CheckConstraint(f"method IN {METHODS}", name="method"),
)

GUARDIANSHIP = "consents.guardianship"


class ConsentNotFound(NotFound):
    """No such consent of this resident."""


@dataclass(frozen=True)
class Wish:
    """What somebody agrees to: one kind of consent to one purpose of one version of a notice."""

    notice: str
    version: int
    purpose: str
    kind: str
    child: Child | None = None


def give(work: Work, caller: Resident, wish: Wish, device: str, language: str, method: str = SCREEN) -> dict[str, Any]:
    """Record a consent; the one that stands already when it covers the same.

    Raises NoticeNotFound, InvalidContent (the notice asks for no such consent, or the child is none),
    GuardianConsentRequired, and StepUpRequired of somebody whose age nobody knows.
    """
    notice = notices.version(work.connection, wish.notice, wish.version)
    purpose = _asked(notice, wish)
    guardianship = guardians.vouched(identity.require_person(work.connection, caller), wish.child, language)
    index = None if wish.child is None else data_keys.index(blind_indexes.DOCUMENT_NUMBER, wish.child.document_number)
    same = (consents.c.kind == wish.kind, consents.c.scope_sha256 == purpose.scope, _about(index))
    standing = work.run(_own(caller).where(*same, _stands()).limit(1)).one_or_none()
    if standing is not None:
        return _described(work.connection, standing)
    consent_id = new_id()
    values = {
        "id": consent_id,
        "resident_id": caller.id,
        "notice_code": notice.code,
        "notice_version": notice.version,
        "notice_sha256": notice.content_sha256,
        "purpose": purpose.code,
        "kind": wish.kind,
        "scope_sha256": purpose.scope,
        "given_at": clock.now(),
        "device": device,
        "method": method,
        "child_index": index,
        "guardianship": guardianship
        and data_keys.of(work.connection, caller.id).seal(guardianship, GUARDIANSHIP, consent_id),
    }
    work.run(insert(consents).values(**values))
    return one(work.connection, caller, consent_id)


def withdraw(work: Work, caller: Resident, consent_id: UUID, device: str) -> dict[str, Any]:
    """Take a consent back, with every other one of the same person to the same; what was done before stays valid.

    Nothing but the person's own login is asked, as when it was given (PIPL art. 15). Withdrawing again changes
    nothing. Raises ConsentNotFound.
    """
    row = _own_row(work.connection, caller, consent_id)
    same = _own(caller).where(
        consents.c.notice_code == row.notice_code,
        consents.c.purpose == row.purpose,
        consents.c.kind == row.kind,
        _about(row.child_index),
        _stands(),
    )
    for standing in work.run(same).all():
        values = {"consent_id": standing.id, "withdrawn_at": clock.now(), "device": device, "method": SCREEN}
        work.run(insert(consent_withdrawals).values(**values))
    if row.withdrawn_at is None:
        work.announce(ConsentWithdrawn(caller.id, row.notice_code, row.purpose))
    return one(work.connection, caller, consent_id)


def one(connection: Connection, caller: Resident, consent_id: UUID) -> dict[str, Any]:
    """One consent of the caller. Raises ConsentNotFound."""
    return _described(connection, _own_row(connection, caller, consent_id))


def listing(connection: Connection, caller: Resident, before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Everything the caller ever consented to, newest first, before the given one."""
    statement = _own(caller)
    if before is not None:
        statement = statement.where(consents.c.id < before)
    rows = connection.execute(statement.order_by(consents.c.id.desc()).limit(limit)).all()
    return [_described(connection, row) for row in rows]


def standing_for(resident_id: Any, notice_code: str, purpose: str) -> ColumnElement[bool]:
    """Whether every consent of a resident to a purpose stands, as a condition of a statement; the id may be a column.

    For processing that goes on by itself, such as sending messages. When a newer notice covers something else, it
    waits until the person has agreed to that (PIPL art. 14).
    """
    told = notices_table.c.scopes[purpose]
    newest = (
        select(told["sha256"].astext.label("scope"), told["consents"].as_integer().label("asked"))
        .where(notices_table.c.code == notice_code)
        .order_by(notices_table.c.version.desc())
        .limit(1)
        .subquery("newest")
    )
    given = (
        select(newest.c.asked)
        .join(consents, consents.c.scope_sha256 == newest.c.scope)
        .where(consents.c.resident_id == resident_id, consents.c.child_index.is_(None), _stands())
        .group_by(newest.c.asked)
        .having(func.count(consents.c.kind.distinct()) >= newest.c.asked)
    )
    return exists(given)


def _asked(notice: Any, wish: Wish) -> Purpose:
    """The purpose of the notice that asks for this consent. Raises InvalidContent."""
    purpose = next((p for p in purposes.in_notice(notice.code, notice.content) if p.code == wish.purpose), None)
    if purpose is None:
        raise InvalidContent(errors={"/purpose": ["The notice has no such purpose."]})
    if wish.kind not in purpose.consents:
        raise InvalidContent(errors={"/kind": ["The notice asks for no such consent to this purpose."]})
    return purpose


def _own(caller: Resident) -> Select[Any]:
    withdrawn = consent_withdrawals.c.withdrawn_at
    beside = consents.outerjoin(consent_withdrawals, consent_withdrawals.c.consent_id == consents.c.id)
    return select(consents, withdrawn).select_from(beside).where(consents.c.resident_id == caller.id)


def _own_row(connection: Connection, caller: Resident, consent_id: UUID) -> Any:
    row = connection.execute(_own(caller).where(consents.c.id == consent_id)).one_or_none()
    if row is None:
        raise ConsentNotFound
    return row


def _stands() -> ColumnElement[bool]:
    taken_back = consent_withdrawals.alias("taken_back")
    return ~exists(select(taken_back.c.consent_id).where(taken_back.c.consent_id == consents.c.id))


def _about(child_index: bytes | None) -> ColumnElement[bool]:
    return consents.c.child_index.is_(None) if child_index is None else consents.c.child_index == child_index


def _described(connection: Connection, row: Any) -> dict[str, Any]:
    notice = notices.version(connection, row.notice_code, row.notice_version)
    purpose = next(p for p in purposes.in_notice(notice.code, notice.content) if p.code == row.purpose)
    return {
        "id": row.id,
        "notice": {"code": row.notice_code, "version": row.notice_version, "sha256": row.notice_sha256},
        "purpose": {"code": row.purpose, "name": purpose.name, "required": purpose.required},
        "kind": row.kind,
        "state": "given" if row.withdrawn_at is None else "withdrawn",
        "given_at": row.given_at,
        "withdrawn_at": row.withdrawn_at,
        "method": row.method,
        "device": row.device,
        "child": _child(connection, row),
        "after_withdrawal": purpose.part["after_withdrawal"],
    }


def _child(connection: Connection, row: Any) -> dict[str, str] | None:
    """Whom it is about, masked. Raises SealError."""
    if row.guardianship is None:
        return None
    said = data_keys.of(connection, row.resident_id).open(row.guardianship, GUARDIANSHIP, row.id)
    name, number = said["child"]["name"], said["child"]["document_number"]
    return {"name": masks.name(name), "document_number": masks.document_number(number), "relation": said["relation"]}
