"""Updates: telling an office what happened to its case on our side after the hand-over, once in effect each.

A correction filed again, a withdrawal, a promise, what a clerk decided at our own desk: the office's system hears of
all of it, in order, after it got the case itself. What it did itself it is not told.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Integer, Table, Text, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs
from app.database import Job, Work, metadata
from app.events import StepTaken
from app.identifiers import new_id
from app.settings import settings
from app.submissions import drafts, history
from app.submissions.drafts import submissions
from app.submissions.steps import QUIET
from approvals import handover
from approvals.connectors.interface import Change, OfficeAway
from approvals.connectors.registry import UPDATES
from approvals.handover import handovers

log = structlog.get_logger()

office_updates = Table(
    "office_updates",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("event_id", Uuid(as_uuid=True), nullable=False, unique=True),
    Column("attempts", Integer, nullable=False),
    Column("last_attempt_at", DateTime(timezone=True), nullable=False),
    Column("last_error", Text),
    Column("sent_at", DateTime(timezone=True)),
    CheckConstraint("attempts > 0", name="attempts"),
)

_WITH_CONTENT = frozenset({"refile", "keep_promise"})
"""Steps after which the office needs the whole case anew."""


def on_step(work: Work, event: StepTaken) -> None:
    """The listener: an office may want to know. Its first row is the filing itself, which is handed over."""
    if event.number > 1:
        work.defer(_job(event.submission_id, event.number))


def _job(submission_id: UUID, number: int) -> Job:
    # The lock of the hand-over, so that an office gets the case first, and then what happened in its order.
    arguments = {"submission_id": str(submission_id), "number": number}
    return Job("update_office", arguments, lock=f"handover:{submission_id}", queue=jobs.OFFICES)


@jobs.task("update_office", cap=lambda: settings().handover_retry_cap)
def run(submission_id: str, number: int) -> None:
    """Tell one office of one step. May run twice: what was sent is not sent again."""
    case_id = UUID(submission_id)
    with database.work() as work:
        row = work.run(drafts.with_key().where(submissions.c.id == case_id)).one()
        event = history.row(work, case_id, number)
        case = handover.case_of(work, row, new_id()) if _concerns(row, event) else None
        tell = UPDATES.get(case.definition["connector"]) if case else None
        if case is None or tell is None:
            return
        if not _is_handed_over(work, case_id):
            raise OfficeAway("not_handed_over")
        attempt = _count_attempt(work, case_id, number)
        if attempt.sent_at is not None:
            return
        change = _change(row, event, attempt.event_id)
    try:
        tell(case, change)
    except Exception as error:
        _note_failure(attempt, error.reason if isinstance(error, OfficeAway) else type(error).__name__)
        raise
    with database.work() as work:
        work.run(_of(attempt).values(sent_at=clock.now(), last_error=None))


def _concerns(row: Any, event: Any) -> bool:
    """Whether the office is to hear of it: not of what it did itself, of who at our desk has it in hand, nor of what
    was erased since."""
    heard = event.actor_kind == "office" or event.step in QUIET
    return not heard and event.visible and row.erased_at is None


def _is_handed_over(work: Work, submission_id: UUID) -> bool:
    sent = select(handovers.c.sent_at).where(handovers.c.submission_id == submission_id)
    return work.run(sent).scalar_one_or_none() is not None


def _change(row: Any, event: Any, key: UUID) -> Change:
    number, sealed = event.number, event._mapping["items"]
    return Change(
        key=key,
        number=number,
        step=event.step,
        state=event.state,
        at=event.at,
        reason=history.opinion(row, row.id, number, event.opinion),
        items=tuple((item.pointer, item.words) for item in history.items(row, row.id, number, sealed)),
        until=event.terms.get("until"),
        with_content=event.step in _WITH_CONTENT,
    )


def _count_attempt(work: Work, submission_id: UUID, number: int) -> Any:
    now = clock.now()
    statement = insert(office_updates).values(
        submission_id=submission_id, number=number, event_id=new_id(), attempts=1, last_attempt_at=now
    )
    again = {"attempts": office_updates.c.attempts + 1, "last_attempt_at": now}
    counted = statement.on_conflict_do_update(index_elements=["submission_id", "number"], set_=again)
    return work.run(counted.returning(office_updates)).one()


def _note_failure(attempt: Any, reason: str) -> None:
    log.warning("office_update_failed", submission=str(attempt.submission_id), reason=reason)
    with database.work() as work:
        work.run(_of(attempt).values(last_error=reason))


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("sweep_office_updates", queueing_lock="sweep_office_updates")
def sweep(timestamp: int) -> None:
    """Find updates that were tried and never arrived without a job that would do it, and give them one."""
    with database.work() as work:
        for lost in work.run_sql(_FORGOTTEN, {}).all():
            log.warning("office_update_swept", submission=str(lost.submission_id))
            work.defer(_job(lost.submission_id, lost.number))


_FORGOTTEN = """
SELECT u.submission_id, u.number FROM office_updates u
WHERE u.sent_at IS NULL AND u.last_attempt_at < now() - interval '2 minutes'
  AND NOT EXISTS (SELECT FROM procrastinate_jobs j
                  WHERE j.lock = 'handover:' || u.submission_id AND j.status IN ('todo', 'doing'))
ORDER BY u.submission_id, u.number LIMIT 500
"""


def _of(attempt: Any) -> Any:
    return update(office_updates).where(
        office_updates.c.submission_id == attempt.submission_id, office_updates.c.number == attempt.number
    )
