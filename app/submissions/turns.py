"""Turns: the order of a queue. Who came when, who was accepted when, and in which order they were taken up.

Every department × service has one queue with three counters, each without a gap: `turn` at receipt; `acceptance_turn`
at acceptance where the number is limited, because 行政许可法 第五十七条 gives such licences in the order of acceptance;
`taken` when a submission comes out of the line, because somebody takes it up or because it ends. A counter is a row
that stays locked until the commit: what is rolled back takes its number back with it, and who has a higher number
was committed later. Locks are always asked for in the order submission, then queue, so nobody waits in a circle.

A submission is `waiting` while the department must act and nobody has it in hand.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.catalogue import services
from app.catalogue.services import ServiceVersion
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.submissions import steps
from app.submissions.history import Actor, Given
from app.submissions.moments import Moment
from app.submissions.steps import FINAL_STATES, STEPS, Step

queues = Table(
    "queues",
    metadata,
    Column("department_code", Text, ForeignKey("departments.code"), primary_key=True),
    Column("service_code", Text, ForeignKey("services.code"), primary_key=True),
    Column("last_turn", Integer, nullable=False),
    Column("last_acceptance_turn", Integer, nullable=False, server_default="0"),
    Column("last_taken", Integer, nullable=False, server_default="0"),
    CheckConstraint("last_turn > 0", name="last_turn"),
)

HANDED_OVER: Final = "handed_over"
_REASONS = (*steps.OUT_OF_TURN, *steps.BUSY, HANDED_OVER)

assignments = Table(
    "assignments",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True, server_default=text("gen_random_uuid()")),
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), nullable=False, index=True),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("in_turn", Boolean, nullable=False, server_default="true"),
    Column("reason_kind", Text),
    Column("reason", Sealed, info=personal(purpose="to account for taking somebody out of turn; it may name a person")),
    # How many waited longer at that moment; counting ends at MOST_COUNTED.
    Column("skipped", Integer, nullable=False, server_default="0"),
    # When its holder took the first step with it.
    Column("handled_at", DateTime(timezone=True)),
    Column("released_at", DateTime(timezone=True)),
    Column("released_by", Uuid(as_uuid=True), ForeignKey("staff.id")),
    Column("release_reason", Sealed, info=personal(purpose="to account for giving it back; it may name a person")),
    CheckConstraint(f"reason_kind IN {_REASONS}", name="reason_kind"),
    CheckConstraint("in_turn OR reason_kind IS NOT NULL", name="has_reason"),
    sealed_only("reason"),
    sealed_only("release_reason"),
    Index("assignments_live_key", "submission_id", unique=True, postgresql_where=text("released_at IS NULL")),
    Index("assignments_unhandled_idx", "staff_id", postgresql_where=text("released_at IS NULL AND handled_at IS NULL")),
    Index("assignments_out_of_turn_idx", "taken_at", postgresql_where=text("NOT in_turn")),
)
"""Who has, or had, a submission in hand; the live one has no `released_at`."""

NEXT = """turn AS (
    INSERT INTO queues AS q (department_code, service_code, last_turn)
    VALUES (%(department)s, %(service)s, 1)
    ON CONFLICT (department_code, service_code) DO UPDATE SET last_turn = q.last_turn + 1
    RETURNING last_turn
)"""
"""The part of the filing's one statement that gives the turn; its row lock is held from here to the commit."""

MOST_COUNTED: Final = 1000

_ACCEPTED = frozenset({"accepted", "approved"})
_BY_DEPARTMENT = frozenset({steps.CLERK, steps.HEAD, steps.OFFICE})
_STILL_WAITING = frozenset({None, "received", "accepted"})
_TAKES = frozenset({"take", "take_out_of_turn"})
_UNASKED = {steps.CLERK: "unstated", steps.HEAD: "unstated", steps.SUPERVISOR: "supervisor_order"}
"""What is said of who was before others and was not taken up for a reason, by the role of whoever acted."""


def moved(work: Work, moment: Moment, name: str, actor: Actor, given: Given) -> dict[str, Any]:
    """What a step changes of a submission's places, as columns of its row, which the caller has locked."""
    row, at = moment.row, moment.at
    step, by_department = STEPS[name], actor.role in _BY_DEPARTMENT
    values: dict[str, Any] = {}
    if _is_accepted(work, row, step):
        values["acceptance_turn"] = _next(work, row, "last_acceptance_turn")
    if name in steps.DECISIONS:
        values["decided_at"] = at
    if name == "reopen":
        values["decided_at"] = None
    handles = step.target in FINAL_STATES or (by_department and name not in steps.QUIET)
    if handles and moment.steps(*steps.QUIET):
        _handled(work, row.id, at)
    if row.waiting and name != "give_back" and (by_department or step.target not in _STILL_WAITING):
        values |= {"waiting": False, **({} if row.taken else _taken(work, row, name, actor, given))}
    elif name in ("reopen", "refile", "give_back"):
        # Whoever has it in hand goes on with it; else it stands in its old place of the line.
        values["waiting"] = name == "give_back" or holder(work.connection, row.id) is None
    return values


def _is_accepted(work: Work, row: Any, step: Step) -> bool:
    """Whether this step gives the place in the order of acceptance."""
    if step.target not in _ACCEPTED or row.acceptance_turn is not None:
        return False
    return by_acceptance(services.version(work.connection, row.service_code, row.service_version))


def by_acceptance(service: ServiceVersion) -> bool:
    """Whether a limited number is given in the order of acceptance. Points, lots and tenders know no such order."""
    return service.quota is not None and service.quota.get("order", "acceptance") == "acceptance"


def _taken(work: Work, row: Any, name: str, actor: Actor, given: Given) -> dict[str, Any]:
    """The number with which the submission comes out of the line, and how."""
    number = _next(work, row, "last_taken")
    in_order = "in_turn" if row.acceptance_turn is None else "acceptance_order"
    if name in _TAKES:
        return {"taken": number, "taken_as": given.kind or in_order}
    if STEPS[name].target in steps.WITHOUT_DECISION:
        return {"taken": number, "taken_as": "left"}
    otherwise = _UNASKED.get(actor.role, "office_order")
    return {"taken": number, "taken_as": otherwise if _older(work, row) else in_order}


def overtaken(work: Work, row: Any) -> int:
    """How many wait before this submission in its line, at most MOST_COUNTED.

    Nobody else comes out of the line from here to the commit: the queue's row is locked first. The caller has locked
    the submission's.
    """
    lock = select(queues.c.last_taken).where(
        queues.c.department_code == row.department_code, queues.c.service_code == row.service_code
    )
    work.run(lock.with_for_update())
    return _older(work, row)


_LINE = "SELECT FROM submissions WHERE department_code = %(department)s AND service_code = %(service)s AND waiting"
BEFORE = f"""
    {_LINE} AND acceptance_turn < coalesce(%(acceptance_turn)s::integer, 2147483647)
    UNION ALL
    {_LINE} AND %(acceptance_turn)s::integer IS NULL AND acceptance_turn IS NULL AND turn < %(turn)s
"""
"""SQL for those who wait before one submission. The line's order is that of its index: first those accepted already,
in the order of acceptance, then all others by receipt."""

_OLDER = f"SELECT count(*) AS older FROM ({BEFORE} LIMIT {MOST_COUNTED}) AS before"


def places(row: Any) -> dict[str, Any]:
    """The values of BEFORE for one submission."""
    return {
        "department": row.department_code,
        "service": row.service_code,
        "acceptance_turn": row.acceptance_turn,
        "turn": row.turn,
    }


def _older(work: Work, row: Any) -> int:
    return int(work.row(_OLDER, places(row)).older)


_NEXT_NUMBER = """
INSERT INTO queues AS q (department_code, service_code, last_turn, {counter})
VALUES (%(department)s, %(service)s, %(turn)s, 1)
ON CONFLICT (department_code, service_code) DO UPDATE SET {counter} = q.{counter} + 1 RETURNING {counter} AS number
"""


def _next(work: Work, row: Any, counter: str) -> int:
    return int(work.row(_NEXT_NUMBER.format(counter=counter), places(row)).number)


def holder(connection: Connection, submission_id: UUID) -> UUID | None:
    """Who of the staff has the submission in hand."""
    statement = select(assignments.c.staff_id).where(
        assignments.c.submission_id == submission_id, assignments.c.released_at.is_(None)
    )
    return connection.execute(statement).scalar_one_or_none()


def _handled(work: Work, submission_id: UUID, at: datetime) -> None:
    """From the first step on it weighs on its holder no more: the next may be given."""
    statement = update(assignments).where(
        assignments.c.submission_id == submission_id,
        assignments.c.released_at.is_(None),
        assignments.c.handled_at.is_(None),
    )
    work.run(statement.values(handled_at=at))
