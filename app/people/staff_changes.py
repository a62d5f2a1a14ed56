"""Changes of staff accounts: who did what to whose account; append-only, the database refuses otherwise.

Nobody manages their own rights, and whatever concerns an administrator's account takes two administrators: the first
asks, and it is done when another one asks for the same within a day (GB/T 22239-2019 8.1.4.2, separation of rights).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Connection, DateTime, ForeignKey, Index, Row, Table, Text, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.database import Work, metadata
from app.identifiers import new_id
from app.people.staff import staff
from app.refusals import Refusal

ADMINISTRATOR = "administrator"
_READERS = frozenset({ADMINISTRATOR, "auditor"})
_AGREE_WITHIN = timedelta(days=1)

staff_changes = Table(
    "staff_changes",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    # Nobody for what an operator did by a command on the machine.
    Column("actor_id", Uuid(as_uuid=True), ForeignKey("staff.id")),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("act", Text, nullable=False),
    # What was set; never a secret.
    Column("facts", JSONB, nullable=False),
    # Only asked for as yet: a second administrator must ask for the same.
    Column("asked", Boolean, nullable=False),
    Column("agreed_with", Uuid(as_uuid=True), ForeignKey("staff_changes.id"), unique=True),
    Index(None, "staff_id", "at"),
)


class StaffNotManageable(Refusal):
    """Only administrators manage accounts of staff; auditors read what they did."""


class OwnAccount(Refusal):
    """Nobody manages their own rights."""


def require_administrator(role: str) -> None:
    """Raises StaffNotManageable."""
    if role != ADMINISTRATOR:
        raise StaffNotManageable


def require_reader(role: str) -> None:
    """Raises StaffNotManageable."""
    if role not in _READERS:
        raise StaffNotManageable


def decide(work: Work, actor_id: UUID | None, target: Any, act: str, facts: dict[str, Any]) -> bool:
    """Record an act on an account; whether it may be done now, or waits for a second administrator.

    `target` is the row of `staff`, locked. Commands of an operator (no actor) are done at once. Raises OwnAccount.
    """
    if actor_id == target.id:
        raise OwnAccount
    if actor_id is None or ADMINISTRATOR not in (target.role, facts.get("role")):
        record(work, actor_id, target.id, act, facts)
        return True
    asked = _asked_by_another(work, actor_id, target.id, act, facts)
    record(work, actor_id, target.id, act, facts, asked=asked is None, agreed_with=asked)
    return asked is not None


def _asked_by_another(work: Work, actor_id: UUID, staff_id: UUID, act: str, facts: dict[str, Any]) -> UUID | None:
    """The open request of another administrator; once it was done, all requests for the same are closed."""
    done = staff_changes.alias("done")
    same = (done.c.staff_id == staff_id) & (done.c.act == act) & (done.c.facts == facts) & ~done.c.asked
    answered = select(done.c.id).where(same, done.c.at >= staff_changes.c.at).exists()
    statement = select(staff_changes.c.id).where(
        staff_changes.c.staff_id == staff_id,
        staff_changes.c.act == act,
        staff_changes.c.facts == facts,
        staff_changes.c.asked,
        staff_changes.c.actor_id != actor_id,
        staff_changes.c.at > clock.now() - _AGREE_WITHIN,
        ~answered,
    )
    return work.run(statement.order_by(staff_changes.c.id.desc()).limit(1)).scalar_one_or_none()


def record(
    work: Work,
    actor_id: UUID | None,
    staff_id: UUID,
    act: str,
    facts: dict[str, Any],
    *,
    asked: bool = False,
    agreed_with: UUID | None = None,
) -> None:
    """Write one row; what members of staff do to their own factors is recorded by this alone."""
    values = {"id": new_id(), "at": clock.now(), "actor_id": actor_id, "staff_id": staff_id, "act": act}
    work.run(insert(staff_changes).values(**values, facts=facts, asked=asked, agreed_with=agreed_with))


def listing(connection: Connection, before: UUID | None, limit: int) -> list[Row[Any]]:
    """The latest changes first, with the staff numbers of both."""
    actor = staff.alias("actor")
    statement = (
        select(
            staff_changes.c.id,
            staff_changes.c.at,
            actor.c.staff_number.label("actor"),
            staff.c.staff_number,
            staff_changes.c.act,
            staff_changes.c.facts,
            staff_changes.c.asked,
        )
        .join(staff, staff.c.id == staff_changes.c.staff_id)
        .outerjoin(actor, actor.c.id == staff_changes.c.actor_id)
    )
    if before is not None:
        statement = statement.where(staff_changes.c.id < before)
    return list(connection.execute(statement.order_by(staff_changes.c.id.desc()).limit(limit)))
