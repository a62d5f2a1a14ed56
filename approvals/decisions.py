"""Decisions: what an office's answer means, and applying it once.

Every message is recorded under the office's own message id. One that came before changes nothing; one that
comes too early waits for the step before it; one that comes too late is noted and ignored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs, storage
from app.catalogue import calendars
from app.catalogue.working_days import add_working_days
from app.crypto import data_keys
from app.crypto.envelopes import DataKey
from app.crypto.failures import SealError
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.documents import results
from app.identifiers import is_reference, normal_reference
from app.people.callers import Office
from app.refusals import InvalidContent, NotFound, Refusal
from app.submissions import drafts, history
from app.submissions.drafts import submissions
from app.submissions.history import SYSTEM, Given, Item
from app.submissions.steps import STEPS, is_ahead
from app.submissions.submissions import take_step

log = structlog.get_logger()

MEANINGS = {
    "cn.onephone.submission.accepted": "accept",
    "cn.onephone.submission.declined": "decline",
    "cn.onephone.submission.in_review": "review",
    "cn.onephone.submission.approved": "approve",
    "cn.onephone.submission.refused": "refuse",
    "cn.onephone.submission.completed": "complete",
    "cn.onephone.submission.correction_asked": "ask_correction",
    "cn.onephone.submission.suspended": "suspend",
    "cn.onephone.submission.resumed": "resume",
    "cn.onephone.submission.extended": "extend",
    "cn.onephone.submission.terminated": "terminate",
    "cn.onephone.submission.delivered": "deliver",
}
"""What each word of an office means here, as a step of `app/submissions/steps.py`."""

_PARKED_TOO_LONG = timedelta(hours=1)

DATA = "office_messages.data"

OUTCOMES = ("applied", "already_applied", "parked", "ignored")

office_messages = Table(
    "office_messages",
    metadata,
    Column("office", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("data", Sealed, nullable=False, info=personal(purpose="to apply what an office says once it fits")),
    CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
    sealed_only("data"),
    Index(None, "submission_id"),
)


class OfficeCaseNotFound(NotFound):
    """No submission with this reference was ever handed to this office."""


def receive(work: Work, office: Office, message: dict[str, Any]) -> dict[str, str]:
    """Take one message of an office: `{"outcome"}`.

    `message` is the CloudEvent. The office may send it any number of times, in any order. Raises
    OfficeCaseNotFound, InvalidContent (an id that is not the signed one, a result whose bytes are not as declared).
    """
    if message["id"] != office.message_id:
        raise InvalidContent(errors={"/id": ["The event id must be the signed webhook-id."]})
    submission = _locked(work, office.code, message["subject"])
    data = _without_bytes(submission, _as_json(message["data"]))
    step = MEANINGS[message["type"]]
    outcome = _outcome(work, _Said(submission.id, office.code, step, data["sequence"]), submission.state)
    if not _first_time(work, office, submission, step, outcome, data):
        return {"outcome": "already_applied"}
    if outcome == "applied":
        _apply(work, submission.id, step, data)
        _apply_parked(work, submission.id, data_keys.opened(submission))
    return {"outcome": outcome}


def _as_json(data: dict[str, Any]) -> dict[str, Any]:
    until = data.get("until")
    return {**data, "until": until.isoformat()} if isinstance(until, date) else data


def _locked(work: Work, office_code: str, reference: str) -> Any:
    """The submission under its row lock, so that two messages about it come one after the other."""
    if not is_reference(reference):
        raise OfficeCaseNotFound
    statement = drafts.with_key().where(
        submissions.c.reference == normal_reference(reference), submissions.c.department_code == office_code
    )
    row = work.run(statement.with_for_update(of=submissions)).one_or_none()
    if row is None:
        raise OfficeCaseNotFound
    return row


class _Said(NamedTuple):
    """One message among all that its office says of a submission, by the office's own count."""

    submission_id: UUID
    office: str
    step: str
    sequence: int


# Each leads back to where the other began. So the state alone does not tell whether such a word came too early or too
# late, but the count of the office does.
_UNDO_EACH_OTHER = ("suspend", "resume")


def _outcome(work: Work, said: _Said, state: str) -> str:
    step, undoes = STEPS[said.step], said.step in _UNDO_EACH_OTHER
    if undoes and _is_overtaken(work, said):
        return "ignored"
    if state in step.origins:
        return "applied"
    # What leaves the state as it is, an extension, is early where one of its own states still lies ahead.
    aims = {step.target} if step.target else step.origins
    if undoes and _something_before_is_under_way(work, said):
        aims = step.origins
    return "parked" if any(is_ahead(state, aim) for aim in aims if aim) else "ignored"


def _is_overtaken(work: Work, said: _Said) -> bool:
    c = office_messages.c
    later = _of_the_same(said) & (c.sequence > said.sequence) & c.step.in_(_UNDO_EACH_OTHER) & (c.outcome == "applied")
    return bool(work.run(select(exists().where(later))).scalar_one())


def _something_before_is_under_way(work: Work, said: _Said) -> bool:
    """Messages are counted from 1."""
    before = _of_the_same(said) & office_messages.c.sequence.between(1, said.sequence - 1)
    count = select(func.count(office_messages.c.sequence.distinct())).where(before)
    return bool(work.run(count).scalar_one() < said.sequence - 1)


def _of_the_same(said: _Said) -> ColumnElement[bool]:
    return (office_messages.c.submission_id == said.submission_id) & (office_messages.c.office == said.office)


def _first_time(work: Work, office: Office, submission: Any, step: str, outcome: str, data: dict[str, Any]) -> bool:
    statement = insert(office_messages).values(
        office=office.code,
        message_id=office.message_id,
        submission_id=submission.id,
        step=step,
        sequence=data["sequence"],
        outcome=outcome,
        at=clock.now(),
        data=data_keys.opened(submission).seal(data, DATA, f"{office.code}/{office.message_id}"),
    )
    return work.run(statement.on_conflict_do_nothing().returning(office_messages.c.step)).one_or_none() is not None


def _apply(work: Work, submission_id: Any, step: str, data: dict[str, Any]) -> None:
    at: datetime = clock.now()
    given = _given(data)
    if given.until is not None:
        # 民法典 第二百零三条: a last day that is a day off is the next working day; offices need not know our calendar.
        calendar = calendars.current(work.connection)
        given = replace(given, until=add_working_days(calendar, given.until, 0).date)
    take_step(work, submission_id, step, history.office(data.get("handler")), at, given)
    result = data.get("result")
    if result is not None:
        results.keep_document(work, submission_id, result["filename"], result["sha256"], result["size"])
    # An approval that brings its result leaves nothing to wait for; one without is completed by a later message.
    if step == "approve" and result is not None:
        take_step(work, submission_id, "complete", SYSTEM, at)


def _given(data: dict[str, Any]) -> Given:
    """What an office says with a step, in the words of our step table."""
    until = data.get("until")
    return Given(
        reason=data.get("reason") or data.get("opinion"),
        kind=data.get("kind"),
        items=tuple(Item(one["pointer"], one["words"]) for one in data.get("items") or ()),
        until=until if until is None or isinstance(until, date) else date.fromisoformat(until),
        days=data.get("days"),
        document=data.get("document"),
    )


def lacking(event_type: str, data: dict[str, Any]) -> frozenset[str]:
    """What an office must say with this message and does not."""
    step = MEANINGS[event_type]
    return _given(data).lacking(STEPS[step])


def surplus(event_type: str, data: dict[str, Any]) -> frozenset[str]:
    """What an office says with this message and has no place in it."""
    return _given(data).surplus(STEPS[MEANINGS[event_type]])


def _apply_parked(work: Work, submission_id: Any, key: DataKey) -> None:
    """Apply what came too early, as long as it fits now. One that our rules refuse holds up nobody's later word."""
    waiting = select(office_messages).where(
        office_messages.c.submission_id == submission_id, office_messages.c.outcome == "parked"
    )
    for message in work.run(waiting.order_by(office_messages.c.sequence)).all():
        state = work.run(select(submissions.c.state).where(submissions.c.id == submission_id)).scalar_one()
        outcome = _outcome(work, _Said(submission_id, message.office, message.step, message.sequence), state)
        if outcome == "applied":
            data = key.open(message.data, DATA, f"{message.office}/{message.message_id}")
            try:
                with work.connection.begin_nested():
                    _apply(work, submission_id, message.step, data)
            except Refusal as refused:
                log.warning("office_message_refused", office=message.office, code=refused.code())
                outcome = "ignored"
        mark = update(office_messages).where(
            office_messages.c.office == message.office, office_messages.c.message_id == message.message_id
        )
        work.run(mark.values(outcome=outcome))


@jobs.tasks.periodic(cron="*/10 * * * *")
@jobs.task("sweep_parked_messages", queueing_lock="sweep_parked_messages")
def sweep(timestamp: int) -> None:
    """Apply what came too early and fits by now, because a clerk, the applicant or the clock took the step before it.

    What waits too long for a step of the office itself is told to operators: the office must send it again.
    """
    parked = select(office_messages.c.submission_id, func.min(office_messages.c.at).label("since"))
    parked = parked.where(office_messages.c.outcome == "parked").group_by(office_messages.c.submission_id)
    with database.reading() as connection:
        waiting = connection.execute(parked.order_by("since").limit(500)).all()
    for one in waiting:
        if not _caught_up(one.submission_id) and one.since < clock.now() - _PARKED_TOO_LONG:
            log.warning("office_message_parked", submission=str(one.submission_id))


def _caught_up(submission_id: Any) -> bool:
    """Whether nothing of this submission waits any more."""
    left = select(office_messages.c.message_id).where(
        office_messages.c.submission_id == submission_id, office_messages.c.outcome == "parked"
    )
    try:
        with database.work() as work:
            one = drafts.with_key().where(submissions.c.id == submission_id)
            row = work.run(one.with_for_update(of=submissions)).one()
            _apply_parked(work, submission_id, data_keys.opened(row))
            return work.run(left.limit(1)).one_or_none() is None
    except SealError as error:
        log.error("office_message_unreadable", submission=str(submission_id), error=type(error).__name__)
        return False


def _without_bytes(submission: Any, data: dict[str, Any]) -> dict[str, Any]:
    """The message's data with the result's bytes moved to the file store.

    The bytes go under a key made of their own hash, so storing them again, or for a work that is then undone,
    harms nothing.
    """
    result = data.get("result")
    if result is None:
        return data
    content = _decoded(result["content"])
    if hashlib.sha256(content).hexdigest() != result["sha256"]:
        raise InvalidContent(errors={"/data/result/sha256": ["The bytes have another hash."]})
    if not content.startswith(b"%PDF-"):
        raise InvalidContent(errors={"/data/result/content": ["Not a PDF."]})
    storage.put(results.key_of(submission.id, result["sha256"]), content, "application/pdf")
    kept = {"filename": result["filename"], "sha256": result["sha256"], "size": len(content)}
    return {**data, "result": kept}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidContent(errors={"/data/result/content": ["Not base64."]}) from None
