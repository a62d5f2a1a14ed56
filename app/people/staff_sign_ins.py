"""Sign-ins of staff: who came to a desk, or tried; append-only, the database refuses otherwise.

An audit of every user's logins, with date, time, user and success, is asked of level 3 (GB/T 22239-2019 8.1.4.3), and
network logs are kept for six months at least (网络安全法 第二十三条第三项). Auditors read it; nobody takes a line away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Row,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.database import Work, append_only, metadata
from app.identifiers import new_id
from app.people.staff import staff

ENTERED: Final = "entered"
REFUSED: Final = "refused"
OUTCOMES: Final = (ENTERED, REFUSED)

staff_sign_ins = Table(
    "staff_sign_ins",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    # Nobody for a number that no member of staff has. What was typed is not kept: it may be a password.
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id")),
    Column("outcome", Text, nullable=False),
    # A word of our own code, such as `wrong` or `locked`; empty for who came in.
    Column("reason", Text),
    Column("device", Text, nullable=False),
    Column("network", Text),
    CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
    Index(None, "staff_id", "id"),
    info=append_only(),
)


@dataclass(frozen=True)
class StaffSignIn:
    """One try. `network` is an address without its last part."""

    staff_id: UUID | None
    outcome: str
    device: str = ""
    network: str | None = None
    reason: str | None = None


def record(work: Work, tried: StaffSignIn) -> None:
    work.run(insert(staff_sign_ins).values(**vars(tried), id=new_id(), at=clock.now()))


def listing(connection: Connection, before: UUID | None, limit: int) -> list[Row[Any]]:
    """The latest first, with the staff numbers."""
    c = staff_sign_ins.c
    shown = (c.id, c.at, staff.c.staff_number, c.outcome, c.reason, c.device, c.network)
    statement = select(*shown).outerjoin(staff, staff.c.id == c.staff_id)
    if before is not None:
        statement = statement.where(c.id < before)
    return list(connection.execute(statement.order_by(c.id.desc()).limit(limit)))
