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

from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
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
    # Whoever of an office decides does so by name, in public: it is printed under the decision.
    Column("actor_name", Text),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    Column("opinion", Sealed, info=personal(purpose="to tell the resident why an office decided so")),
    Column("visible", Boolean, nullable=False, server_default="true"),
    CheckConstraint(f"actor_kind IN {ACTOR_KINDS}", name="actor_kind"),
    sealed_only("opinion"),
)

OPINION = "history.opinion"


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
    """Append a row for a step just taken under the submission's row lock; its number.

    The submission was read with its key. Raises SealKeyMissing.
    """
    highest = select(func.coalesce(func.max(history.c.number), 0)).where(history.c.submission_id == submission.id)
    number = int(work.run(highest).scalar_one()) + 1
    place = f"{submission.id}/{number}"
    statement = insert(history).values(
        submission_id=submission.id,
        number=number,
        at=at,
        step=step,
        state=state,
        actor_kind=actor.kind,
        actor_name=actor.name,
        department_code=submission.department_code,
        opinion=None if opinion is None else data_keys.opened(submission).seal(opinion, OPINION, place),
    )
    work.run(statement)
    return number


def opinion(row: Any, submission_id: UUID, number: int, sealed: bytes | None) -> str | None:
    """The opinion of one event, by the submission's key, which the row holds. Raises SealError."""
    return None if sealed is None else data_keys.opened(row).open_text(sealed, OPINION, f"{submission_id}/{number}")


def row(work: Work, submission_id: UUID, number: int) -> Any:
    """One history row."""
    return work.run(select(history).where(history.c.submission_id == submission_id, history.c.number == number)).one()
