"""Acknowledgements: which version of which notice a person was shown, when and on which device (PIPL art. 17).

Append-only. An acknowledgement is no consent: it only says that the person was told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.database import Work, metadata
from app.identifiers import new_id
from app.people.callers import Resident
from app.privacy import notices

METHODS = ("screen", "filing")

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("notice_code", Text, nullable=False),
    Column("notice_version", Integer, nullable=False),
    Column("notice_sha256", Text, nullable=False),
    # Of one that came with a filing.
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), index=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("device", Text, nullable=False),
    Column("method", Text, nullable=False),
    ForeignKeyConstraint(
        ["notice_code", "notice_version"], ["notices.code", "notices.version"], name="acknowledgements_notice_fk"
    ),
    CheckConstraint(f"method IN {METHODS}", name="method"),
    Index(None, "resident_id", "notice_code", "notice_version"),
)


@dataclass(frozen=True)
class Shown:
    """What a client says it showed to the person: notices by code and version, and how the client names itself."""

    notices: tuple[tuple[str, int], ...] = ()
    device: str = ""


def record(work: Work, caller: Resident, shown: Shown) -> list[dict[str, Any]]:
    """Note that the person was shown these notices. Raises NoticeNotFound."""
    return [_record_one(work, caller, code, number, shown.device) for code, number in shown.notices]


def _record_one(work: Work, caller: Resident, code: str, number: int, device: str) -> dict[str, Any]:
    notice = notices.version(work.connection, code, number)
    values = {
        "id": new_id(),
        "resident_id": caller.id,
        "notice_code": code,
        "notice_version": number,
        "notice_sha256": notice.content_sha256,
        "at": clock.now(),
        "device": device,
        "method": "screen",
    }
    work.run(insert(acknowledgements).values(**values))
    return _described({**values, "submission_id": None})


def listing(connection: Connection, caller: Resident, before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """What the person was shown, newest first, before the given one."""
    statement = select(acknowledgements).where(acknowledgements.c.resident_id == caller.id)
    if before is not None:
        statement = statement.where(acknowledgements.c.id < before)
    rows = connection.execute(statement.order_by(acknowledgements.c.id.desc()).limit(limit))
    return [_described(dict(row._mapping)) for row in rows]


def _described(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "notice": {"code": row["notice_code"], "version": row["notice_version"], "sha256": row["notice_sha256"]},
        "submission": row["submission_id"],
        "at": row["at"],
        "method": row["method"],
        "device": row["device"],
    }
