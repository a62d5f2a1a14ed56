"""Handling: which member of staff takes which step on which submission, and what they see of it meanwhile.

A clerk takes steps on what is assigned to them, a head on anything of their department that somebody has in hand, a
supervisor on anything; which steps their role has is in the step table. What still waits in its line is taken up first,
in its turn or for a reason (assignments.py); only ending it needs nobody to have it. Whoever tries another one leaves a
record, and nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import select

from app import clock
from app.database import Work
from app.people import residents, staff
from app.people.callers import Clerk
from app.refusals import Refusal
from app.submissions import drafts, issued_notices, moments, progress, step_rules, steps
from app.submissions import submissions as filed
from app.submissions.drafts import submissions
from app.submissions.history import Actor, Given
from app.submissions.moments import Moment
from app.submissions.steps import STATES, STEPS
from app.supervision import admission, assignments, looks, lookups, masked_notices, sheets, whole_histories
from app.supervision.looks import Look, LookNotAllowed, LookNotFound, Reason

HANDLERS: Final = frozenset({steps.CLERK, steps.HEAD, steps.SUPERVISOR})
"""The roles of staff that take steps at all."""

OTHER_DOORS: Final = frozenset({"take", "take_out_of_turn", "give_back", "hand_over"})
"""Who handles a submission is settled where its queue is, and not by taking a step by its name."""

HANDLING: Final = Reason("handling", "办理办件 Handling the submission")


class NotAHandler(LookNotAllowed):
    """This role handles no submissions."""


class NotAssigned(Refusal):
    """The submission is another clerk's to handle, or still waits in its queue."""

    is_recorded: ClassVar[bool] = True


class StepNotOfRole(filed.StepForbidden):
    """This step is not for people in this role; `legal` is what they may do now. The try is on record."""

    is_recorded: ClassVar[bool] = True


@dataclass(frozen=True)
class Taken:
    """What came of a step: the submission as a row, and the number of the history row."""

    row: Any
    number: int


def show(work: Work, clerk: Clerk, submission_id: UUID, language: str) -> dict[str, Any]:
    """The submission masked, its whole history, its notices and what this member of staff may do now; a look.

    Raises NotAHandler, LookNotFound, LookLimitReached, SealError.
    """
    tried = Look("handling", "nothing", asked_id=submission_id)
    admission.admit(work, clerk, staff.LOOK, NotAHandler, HANDLING, tried)
    row = _reached(work, clerk, submission_id, lock=False)
    _, sheet = lookups.open_sheet(work, clerk, row, HANDLING, tried, language)
    plain = sheets.OPINIONS in sheet["plain_fields"]
    people = [one.name for one in residents.people(work.connection, [row.applicant_id]).values()]
    return {
        "revision": row.revision,
        "submission": sheet,
        "handler": _handler(work, row),
        "steps": legal(work, clerk, row, language),
        "history": whole_histories.whole(work.connection, row, people, plain, language),
        "notices": masked_notices.listed(work.connection, row, people, plain),
    }


def take(work: Work, clerk: Clerk, submission_id: UUID, name: str, given: Given, revision: int | None) -> Taken:
    """Take a step in one's own name. `revision` is what the desk last saw, None meaning any.

    Raises NotAHandler, LookNotFound, NotAssigned, StepNotOfRole, Stale, or as `submissions.take_step`.
    """
    row = _reached(work, clerk, submission_id, lock=True)
    if not _is_theirs(clerk, row, assignments.handler_of(work.connection, row.id), name):
        _note(work, clerk, row)
        raise NotAssigned
    if name in OTHER_DOORS or clerk.role not in STEPS[name].actors:
        _note(work, clerk, row)
        raise StepNotOfRole(legal=_names(work, clerk, row))
    drafts.check_revision(row, revision)
    number = filed.take_step(work, submission_id, name, _actor(work, clerk), clock.now(), given)
    return Taken(work.run(drafts.with_key().where(submissions.c.id == submission_id)).one(), number)


def told(work: Work, clerk: Clerk, taken: Taken, name: str, language: str) -> dict[str, Any]:
    """What a step has come to, for whoever took it."""
    row = taken.row
    notice = issued_notices.number_at(work.connection, row.id, taken.number)
    return {
        "submission": row.id,
        "step": name,
        "number": taken.number,
        "state": row.state,
        "state_text": STATES[row.state][language],
        "revision": row.revision,
        "due": progress.due(row),
        "notice": None if notice is None else {"id": notice[0], "number": notice[1]},
        "steps": legal(work, clerk, row, language),
    }


def legal(work: Work, clerk: Clerk, row: Any, language: str) -> list[dict[str, Any]]:
    """What this member of staff may do now with a submission that was read with its key."""
    return [_described(name, language) for name in _names(work, clerk, row)]


def notices(work: Work, clerk: Clerk, submission_id: UUID) -> list[dict[str, Any]]:
    """The notices of a submission, masked; a look. Raises NotAHandler, LookNotFound, LookLimitReached."""
    row, people = _looked(work, clerk, submission_id)
    return masked_notices.listed(work.connection, row, people, plain=False)


def notice(work: Work, clerk: Clerk, submission_id: UUID, notice_id: UUID) -> dict[str, Any]:
    """One of them. Raises IssuedNoticeNotFound too."""
    row, people = _looked(work, clerk, submission_id)
    return masked_notices.masked(issued_notices.one(work.connection, row, notice_id), people)


def _looked(work: Work, clerk: Clerk, submission_id: UUID) -> tuple[Any, list[str]]:
    tried = Look("handling", "nothing", asked_id=submission_id)
    admission.admit(work, clerk, staff.LOOK, NotAHandler, HANDLING, tried)
    row = _reached(work, clerk, submission_id, lock=False)
    looks.record(work, clerk, HANDLING, Look("handling", "shown", asked_id=submission_id, shown=[row]))
    return row, [one.name for one in residents.people(work.connection, [row.applicant_id]).values()]


def _reached(work: Work, clerk: Clerk, submission_id: UUID, lock: bool) -> Any:
    """The filed submission as a row with its key, under its row lock if asked, when this role and department reach it.

    Another department's is as good as none; whoever tries is on record. Raises NotAHandler, LookNotFound.
    """
    if clerk.role not in HANDLERS:
        looks.record(work, clerk, HANDLING, Look("handling", "not_allowed", asked_id=submission_id))
        raise NotAHandler
    if lock:
        work.run(select(submissions.c.id).where(submissions.c.id == submission_id).with_for_update())
    row = admission.visible(work, clerk, submissions.c.id == submission_id)
    if row is None or row.erased_at is not None or row.restricted_at is not None:
        kept = row is not None and row.erased_at is None
        outcome, shown = ("restricted", [row]) if kept else ("nothing", [])
        looks.record(work, clerk, HANDLING, Look("handling", outcome, asked_id=submission_id, shown=shown))
        raise LookNotFound
    return row


def _is_theirs(clerk: Clerk, row: Any, handler: UUID | None, name: str) -> bool:
    """Whether this step is theirs to take, be it legal or not. A head past the line would be a back door (走后门)."""
    if clerk.role == steps.CLERK:
        return handler == clerk.id
    past_the_line = row.waiting and handler is None and STEPS[name].target not in steps.WITHOUT_DECISION
    return clerk.role == steps.SUPERVISOR or not past_the_line


def _note(work: Work, clerk: Clerk, row: Any) -> None:
    """Record a step that somebody tried and may not take; nothing of the submission was shown to them."""
    looks.record(work, clerk, HANDLING, Look("handling", "not_allowed", asked_id=row.id))


def _names(work: Work, clerk: Clerk, row: Any) -> list[str]:
    moment: Moment = moments.of(work.connection, row, clock.now())
    names = step_rules.legal(moment, Actor("staff", clerk.role, id=clerk.id))
    handler = assignments.handler_of(work.connection, row.id)
    return [name for name in names if name not in OTHER_DOORS and _is_theirs(clerk, row, handler, name)]


def _actor(work: Work, clerk: Clerk) -> Actor:
    """Officials act by name: it is printed under what they decide."""
    name = work.run(select(staff.staff.c.name).where(staff.staff.c.id == clerk.id)).scalar_one()
    return Actor("staff", clerk.role, name, clerk.id)


def _handler(work: Work, row: Any) -> dict[str, Any] | None:
    """Who handles it, by name and number; None while it waits."""
    handler = assignments.handler_of(work.connection, row.id)
    if handler is None:
        return None
    wanted = select(staff.staff.c.staff_number, staff.staff.c.name).where(staff.staff.c.id == handler)
    found = work.run(wanted).one()
    return {"number": found.staff_number, "name": found.name}


def _described(name: str, language: str) -> dict[str, Any]:
    step = STEPS[name]
    kinds = (step.kinds or {}).items()
    return {
        "step": name,
        "text": dict(steps.LABELS[name]),
        "to": step.target,
        "to_text": None if step.target is None else STATES[step.target][language],
        "needs": sorted(step.needs),
        "kinds": [{"kind": kind, **words} for kind, words in kinds],
        "notice": step.notice,
    }
