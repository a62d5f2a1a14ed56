"""Hand-over: giving a submission to its office, exactly once in effect, however often it is tried.

The ledger row is written before the office is called (an attempt that crashes has still been counted) and
its event id never changes, so an office that already has the case recognises it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Integer, Table, Text, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs, storage
from app.catalogue import services
from app.database import Job, Work, metadata
from app.documents import results, signatures, uploads
from app.events import SubmissionReceived
from app.identifiers import new_id
from app.people import residents
from app.privacy import requirements
from app.settings import settings
from app.submissions import drafts, history
from app.submissions.drafts import submissions
from app.submissions.submissions import take_step
from approvals.connectors.interface import Case, File, Handed, OfficeAway
from approvals.connectors.registry import CONNECTORS

log = structlog.get_logger()

handovers = Table(
    "handovers",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("event_id", Uuid(as_uuid=True), nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_attempt_at", DateTime(timezone=True), nullable=False),
    Column("last_error", Text),
    Column("office_reference", Text),
    Column("sent_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('waiting', 'sent')", name="state"),
    CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
)


def on_received(work: Work, event: SubmissionReceived) -> None:
    """The listener: a filed submission wants to be handed over."""
    work.defer(_job(event.submission_id))


def _job(submission_id: UUID) -> Job:
    # The lock keeps the tries for one submission in single file.
    return Job("handover", {"submission_id": str(submission_id)}, lock=f"handover:{submission_id}", queue=jobs.OFFICES)


@jobs.task("handover", cap=lambda: settings().handover_retry_cap)
def run(submission_id: str) -> None:
    """Hand one submission over. May run twice: what was sent is not sent again."""
    case_id = UUID(submission_id)
    with database.work() as work:
        attempt = _count_attempt(work, case_id)
        if attempt.state == "sent":
            return
        row = work.run(drafts.with_key().where(submissions.c.id == case_id)).one()
        case = case_of(work, row, attempt.event_id)
    # No connection is held while the office is asked: it may take its time.
    try:
        handed = CONNECTORS[case.definition["connector"]](case)
    except Exception as error:
        # A fault of the connector is noted too, by its kind only: its text may quote a person.
        _note_failure(
            case_id, attempt.attempts, error.reason if isinstance(error, OfficeAway) else type(error).__name__
        )
        raise
    with database.work() as work:
        _settle(work, case_id, handed)


def _count_attempt(work: Work, submission_id: UUID) -> Any:
    statement = insert(handovers).values(
        submission_id=submission_id,
        event_id=new_id(),
        state="waiting",
        attempts=1,
        last_attempt_at=clock.now(),
    )
    again = {"attempts": handovers.c.attempts + 1, "last_attempt_at": clock.now()}
    counted = statement.on_conflict_do_update(index_elements=["submission_id"], set_=again)
    return work.run(counted.returning(handovers)).one()


def _note_failure(submission_id: UUID, attempts: int, reason: str) -> None:
    log.warning("handover_failed", submission=str(submission_id), attempts=attempts, reason=reason)
    with database.work() as work:
        work.run(update(handovers).where(handovers.c.submission_id == submission_id).values(last_error=reason))


def _settle(work: Work, submission_id: UUID, handed: Handed) -> None:
    sent = update(handovers).where(handovers.c.submission_id == submission_id, handovers.c.state == "waiting")
    values = {
        "state": "sent",
        "sent_at": clock.now(),
        "office_reference": handed.office_reference,
        "last_error": None,
    }
    if work.run(sent.values(**values)).rowcount == 1 and handed.data is not None:
        _answer_on_the_spot(work, submission_id, handed.data)


def _answer_on_the_spot(work: Work, submission_id: UUID, data: dict[str, Any]) -> None:
    """Keep the answer, unless the applicant withdrew meanwhile: then it is of no use to anybody.

    An office that was away for days may find that it counts as accepted by law. Raises AcceptedByLaw while that is only
    about to be written down: then the hand-over is tried again.
    """
    locked = select(submissions.c.state).where(submissions.c.id == submission_id).with_for_update()
    state = work.run(locked).scalar_one()
    if state not in ("received", "accepted"):
        log.info("answer_not_kept", submission=str(submission_id))
        return
    results.keep_data(work, submission_id, data)
    for step in (*(("accept",) if state == "received" else ()), "approve", "complete"):
        take_step(work, submission_id, step, history.office(), clock.now())


def case_of(work: Work, row: Any, key: UUID) -> Case:
    """What an office gets of a submission that was read with its key, as it stands filed now. Raises SealError."""
    submission_id: UUID = row.id
    service = services.version(work.connection, row.service_code, row.service_version)
    return Case(
        key=key,
        submission_id=submission_id,
        reference=row.reference,
        service_code=service.code,
        service_version=service.version,
        service_name=service.name("zh"),
        definition=service.definition,
        department_code=row.department_code,
        received_at=row.received_at,
        turn=row.turn,
        acceptance_due=row.acceptance_due,
        decision_due=row.decision_due,
        applicant=residents.applicant(work.connection, row.applicant_id),
        answers=requirements.still_allowed(work.connection, service, row.applicant_id, drafts.answers(row)),
        files=tuple(_file(service, upload) for upload in _attached(work, submission_id)),
        signature=_signature(signatures.of(work.connection, submission_id)),
    )


def _attached(work: Work, submission_id: UUID) -> list[Any]:
    return uploads.attached(uploads.listing(work.connection, submission_id))


def _file(service: services.ServiceVersion, upload: Any) -> File:
    seconds, filename = int(settings().office_download_life.total_seconds()), uploads.filename(upload)
    return File(
        material=upload.material,
        name=service.materials[upload.material].name["zh"],
        filename=filename,
        content_type=upload.content_type,
        size=upload.size,
        sha256=upload.sha256,
        url=storage.presigned_get(upload.key, filename, seconds),
    )


def _signature(row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "method": row.method,
        "content_sha256": row.content_sha256,
        "signed_at": row.signed_at.isoformat(),
        "identity_level": row.identity_level,
    }


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("sweep_handovers", queueing_lock="sweep_handovers")
def sweep(timestamp: int) -> None:
    """Find submissions that wait for a hand-over without a job that would do it, and give them one."""
    with database.work() as work:
        for submission_id in work.run_sql(_FORGOTTEN, {}).scalars():
            log.warning("handover_swept", submission=str(submission_id))
            work.defer(_job(submission_id))


_FORGOTTEN = """
SELECT s.id FROM submissions s
LEFT JOIN handovers h ON h.submission_id = s.id
WHERE s.state <> 'draft' AND s.completed_at IS NULL AND h.sent_at IS NULL
  AND s.received_at < now() - interval '2 minutes'
  AND NOT EXISTS (SELECT FROM procrastinate_jobs j
                  WHERE j.lock = 'handover:' || s.id AND j.status IN ('todo', 'doing'))
LIMIT 500
"""
