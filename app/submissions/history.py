"""History: the append-only, past-tense rows of a submission. State is what the last row says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.database import Work, metadata

ACTOR_KINDS = ("resident", "office", "system")

history = Table(
    "history",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("step", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_name", Text),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    Column("opinion", Text),
    Column("visible", Boolean, nullable=False, server_default="true"),
    CheckConstraint(f"actor_kind IN {ACTOR_KINDS}", name="actor_kind"),
)


@dataclass(frozen=True)
class Actor:
    """Who took a step: a resident, an office's handler by name, or the system itself."""

    kind: str
    name: str | None = None


SYSTEM = Actor("system")
RESIDENT = Actor("resident")


def record(
    work: Work,
    submission: Any,
    step: str,
    state: str,
    actor: Actor,
    at: datetime,
    opinion: str | None = None,
) -> int:
    """Append a row for a step just taken under the submission's row lock; its number."""
    next_number = select(func.coalesce(func.max(history.c.number), 0) + 1).where(
        history.c.submission_id == submission.id
    )
    statement = insert(history).values(
        submission_id=submission.id,
        number=next_number.scalar_subquery(),
        at=at,
        step=step,
        state=state,
        actor_kind=actor.kind,
        actor_name=actor.name,
        department_code=submission.department_code,
        opinion=opinion,
    )
    return int(work.run(statement.returning(history.c.number)).scalar_one())


def row(work: Work, submission_id: UUID, number: int) -> Any:
    """One history row."""
    return work.run(select(history).where(history.c.submission_id == submission_id, history.c.number == number)).one()
