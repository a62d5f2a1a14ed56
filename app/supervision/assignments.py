"""Assignments: who of the staff has a submission in hand, and how it came to them.

`give_next` hands out the one that waits longest; taking another one needs a reason of a list, and words. Each taking
is a row of the submission's own history, which the applicant reads, and a look. Whoever handles it keeps it to the
end, or it is given back to its old place, or its department's head hands it to somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from app import clock
from app.crypto import data_keys
from app.database import Work
from app.identifiers import new_id
from app.people import staff
from app.people.callers import Clerk
from app.refusals import NotFound, Refusal
from app.settings import settings
from app.submissions import drafts, steps, turns
from app.submissions.drafts import submissions
from app.submissions.history import Actor, Given
from app.submissions.submissions import StepForbidden, take_step
from app.submissions.turns import HANDED_OVER, assignments, queues
from app.supervision import looks, sheets, unmaskings
from app.supervision.looks import Look, LookNotFound, Reason

REASON = "assignments.reason"
RELEASE_REASON = "assignments.release_reason"

HANDLERS = frozenset({steps.CLERK, steps.HEAD})
"""Who may have a submission in hand."""

_WHOSE: Final = Reason("handling", "接手、交回、转办 Who has it in hand")


class QueueNotFound(NotFound):
    """No such queue in the department of this member of staff."""


class QueueEmpty(Refusal):
    """Nobody waits in this queue."""


class TooManyUnhandled(Refusal):
    """`held` are in hand and nothing was done with them yet; the limit is `limit`."""


class AlreadyTaken(Refusal):
    """Somebody has it in hand; `mine` says whether it is the caller."""


class NotTaken(Refusal):
    """Nobody has it in hand, so there is nothing to give back or to hand over."""


class NotYours(Refusal):
    """Somebody else has it in hand: they or the head of the department give it back. The try is on record."""

    is_recorded: ClassVar[bool] = True


class HandlerNotFound(NotFound):
    """No active clerk of this department has this staff number."""


@dataclass(frozen=True)
class _Taking:
    """How somebody comes by a submission. `kind` is why it was not its turn; `words` are for auditors."""

    in_turn: bool
    kind: str | None = None
    words: str | None = None
    skipped: int = 0


def handler_of(connection: Connection, submission_id: UUID) -> UUID | None:
    """Who of the staff has the submission in hand; None when nobody does."""
    return turns.holder(connection, submission_id)


# Those who ask for the next of one queue come one after the other, so that they are served in its order. Nobody holds
# this lock without the other rows being free, or soon: what somebody else changes just now is passed over.
_IN_LINE = "SELECT pg_advisory_xact_lock(hashtextextended(%(department)s || ' ' || %(service)s, 203))"
OLDEST = """
SELECT id FROM submissions WHERE department_code = %(department)s AND service_code = %(service)s AND waiting
ORDER BY acceptance_turn, turn LIMIT 1 FOR UPDATE SKIP LOCKED
"""


def give_next(work: Work, clerk: Clerk, department: str, service_code: str, language: str) -> dict[str, Any]:
    """Assign the submission that waits longest to the caller: how it was taken, and its masked sheet.

    Raises StepForbidden (not a clerk or head), QueueNotFound (of another department, too), TooManyUnhandled,
    QueueEmpty.
    """
    _require_handler(clerk)
    _require_queue(work.connection, clerk, department, service_code)
    _require_room(work, clerk)
    queue = {"department": department, "service": service_code}
    work.row(_IN_LINE, queue)
    found = work.row(OLDEST, queue)
    if found is None:
        raise QueueEmpty
    row = _locked(work, clerk, found.id)
    skipped = turns.overtaken(work, row)
    taking = _Taking(True, "busy" if skipped else None, None, skipped)
    return _take(work, clerk, row, "take", taking, Reason("handling", "叫号 next in the queue"), language)


def take(work: Work, clerk: Clerk, submission_id: UUID, kind: str, words: str, language: str) -> dict[str, Any]:
    """Assign one submission to the caller, for a reason of `steps.OUT_OF_TURN` where others wait longer.

    Raises StepForbidden, LookNotFound (of another department, too), TooManyUnhandled, AlreadyTaken, StepNotAllowed.
    """
    _require_handler(clerk)
    _require_room(work, clerk)
    row = _locked(work, clerk, submission_id)
    holder = handler_of(work.connection, submission_id)
    if holder is not None:
        raise AlreadyTaken(mine=holder == clerk.id)
    skipped = turns.overtaken(work, row)
    # Where nobody waits longer the reason is not needed, and so it is not told.
    taking = _Taking(False, kind, words, skipped) if skipped else _Taking(True, None, words)
    name = "take_out_of_turn" if skipped else "take"
    return _take(work, clerk, row, name, taking, Reason("handling", words), language)


def _take(
    work: Work, clerk: Clerk, row: Any, step: str, taking: _Taking, reason: Reason, language: str
) -> dict[str, Any]:
    at = clock.now()
    take_step(work, row.id, step, _actor(work.connection, clerk), at, Given(kind=taking.kind))
    _assign(work, row, clerk.id, taking, at)
    opened, unmasking_id = unmaskings.live(work, clerk, row.id)
    current = work.run(drafts.with_key().where(submissions.c.id == row.id)).one()
    sheet = sheets.sheet(work.connection, current, opened, language)
    shown = Look(
        "submission",
        "shown",
        asked_id=row.id,
        shown=[row],
        plain_fields=opened.shown,
        unmasking_id=unmasking_id if opened.shown else None,
    )
    looks.record(work, clerk, reason, shown)
    return {
        "taken_at": at,
        "in_turn": taking.in_turn,
        "reason_kind": taking.kind,
        "skipped": taking.skipped,
        "acceptance_turn": row.acceptance_turn,
        "submission": sheet,
    }


def _assign(work: Work, row: Any, staff_id: UUID, taking: _Taking, at: Any) -> None:
    assignment_id = new_id()
    sealed = data_keys.opened(row).seal(taking.words, REASON, assignment_id) if taking.words else None
    work.run(
        insert(assignments).values(
            id=assignment_id,
            submission_id=row.id,
            staff_id=staff_id,
            taken_at=at,
            in_turn=taking.in_turn,
            reason_kind=taking.kind,
            reason=sealed,
            skipped=taking.skipped,
        )
    )


def give_back(work: Work, clerk: Clerk, submission_id: UUID, words: str) -> dict[str, Any]:
    """Put a submission back into its old place of the line; where it stands then.

    Raises StepForbidden, LookNotFound, NotTaken, NotYours, StepNotAllowed.
    """
    _require_handler(clerk)
    row = _locked(work, clerk, submission_id)
    holder = handler_of(work.connection, submission_id)
    if holder is None:
        raise NotTaken
    if holder != clerk.id and clerk.role != steps.HEAD:
        _note(work, clerk, submission_id, "not_allowed")
        raise NotYours
    _release(work, clerk, row, words)
    take_step(work, submission_id, "give_back", _actor(work.connection, clerk), clock.now())
    return {"submission": submission_id, "state": row.state, "handler": None}


def hand_over(work: Work, clerk: Clerk, submission_id: UUID, staff_number: str, words: str) -> dict[str, Any]:
    """Give what somebody has in hand, or nobody yet, to another clerk of the department.

    Raises StepForbidden (heads alone do this), LookNotFound, NotTaken, HandlerNotFound, StepNotAllowed.
    """
    if clerk.role != steps.HEAD:
        raise StepForbidden(legal=[])
    row = _locked(work, clerk, submission_id)
    if handler_of(work.connection, submission_id) is None:
        raise NotTaken
    other = staff.active_by_number(work, staff_number)
    if other is None or other.department_code != row.department_code or other.role not in HANDLERS:
        raise HandlerNotFound
    _release(work, clerk, row, words)
    at = clock.now()
    take_step(work, submission_id, "hand_over", _actor(work.connection, clerk), at)
    _assign(work, row, other.id, _Taking(True, HANDED_OVER, words), at)
    return {"submission": submission_id, "state": row.state, "handler": staff_number}


def _release(work: Work, clerk: Clerk, row: Any, words: str) -> None:
    live = (assignments.c.submission_id == row.id, assignments.c.released_at.is_(None))
    assignment_id = work.run(select(assignments.c.id).where(*live)).scalar_one()
    values = {
        "released_at": clock.now(),
        "released_by": clerk.id,
        "release_reason": data_keys.opened(row).seal(words, RELEASE_REASON, assignment_id),
    }
    work.run(update(assignments).where(assignments.c.id == assignment_id).values(**values))


def _require_handler(clerk: Clerk) -> None:
    if clerk.role not in HANDLERS:
        raise StepForbidden(legal=[])


def _require_queue(connection: Connection, clerk: Clerk, department: str, service_code: str) -> None:
    known = select(queues.c.last_turn).where(
        queues.c.department_code == department, queues.c.service_code == service_code
    )
    if department != clerk.department_code or connection.execute(known).one_or_none() is None:
        raise QueueNotFound


def _require_room(work: Work, clerk: Clerk) -> None:
    """Whoever hoards submissions keeps them from others. Two requests of one person count one after the other."""
    work.run(select(staff.staff.c.id).where(staff.staff.c.id == clerk.id).with_for_update(key_share=True))
    held = unhandled(work.connection, clerk.id)
    if held >= settings().unhandled_per_clerk:
        raise TooManyUnhandled(held=held, limit=settings().unhandled_per_clerk)


def unhandled(connection: Connection, staff_id: UUID) -> int:
    """How many somebody has in hand without having taken a step."""
    statement = select(func.count()).where(
        assignments.c.staff_id == staff_id, assignments.c.released_at.is_(None), assignments.c.handled_at.is_(None)
    )
    return int(connection.execute(statement).scalar_one())


def _locked(work: Work, clerk: Clerk, submission_id: UUID) -> Any:
    """A filed submission of the caller's department under its row lock, with its key.

    Whoever reaches for another one is on record. Raises LookNotFound.
    """
    statement = drafts.with_key().where(
        submissions.c.id == submission_id,
        submissions.c.state != "draft",
        submissions.c.department_code == clerk.department_code,
        submissions.c.restricted_at.is_(None),
        submissions.c.erased_at.is_(None),
    )
    row = work.run(statement.with_for_update(of=submissions)).one_or_none()
    if row is None:
        _note(work, clerk, submission_id, "nothing")
        raise LookNotFound
    return row


def _note(work: Work, clerk: Clerk, submission_id: UUID, outcome: str) -> None:
    """Record what somebody tried and may not do; nothing of the submission was shown to them."""
    looks.record(work, clerk, _WHOSE, Look("handling", outcome, asked_id=submission_id))


def _actor(connection: Connection, clerk: Clerk) -> Actor:
    """The caller as history has them. Officials act in their own name."""
    name = connection.execute(select(staff.staff.c.name).where(staff.staff.c.id == clerk.id)).scalar_one()
    return Actor("staff", clerk.role, name, clerk.id)
