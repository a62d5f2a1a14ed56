"""Sending: one notification to one person about one event, over the channels they have.

Why did a phone get nothing? The attempt rows of the notification say it. WeChat is at most once: the attempt
is saved as `sending` before the call, and a worker that dies in between leaves `unknown`, never a second push.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs
from app.catalogue import services
from app.database import Job, Work
from app.events import StepTaken
from app.identifiers import new_id
from app.submissions import history
from app.submissions.drafts import submissions
from app.submissions.steps import FINAL_STATES, QUIET
from notifications import inbox, messages, subscriptions
from notifications.channels import wechat
from notifications.inbox import attempts, notifications

log = structlog.get_logger()

WECHAT = "wechat"
_NO_CREDIT = "errcode_43101"


def on_step(work: Work, event: StepTaken) -> None:
    """The listener: a step was taken that the resident should hear of."""
    # The lock keeps the messages about one submission in the order of its steps.
    arguments = {"submission_id": str(event.submission_id), "number": event.number}
    work.defer(Job("notify", arguments, lock=f"notify:{event.submission_id}"))


@jobs.task("notify")
def notify(submission_id: str, number: int) -> None:
    """Put the event into the resident's inbox and push it. May run twice."""
    with database.work() as work:
        if not _worth_telling(work, UUID(submission_id), number):
            return
        notification = _ensure(work, UUID(submission_id), number)
        attempt = _begin_wechat(work, notification)
    if attempt is None:
        return
    try:
        sent = wechat.send(attempt.openid, attempt.fields)
    except wechat.WechatBusy:
        _forget_attempt(notification.id)
        raise
    _settle(notification, _known(sent))


def _worth_telling(work: Work, submission_id: UUID, number: int) -> bool:
    """Whether the person wants to hear of this step: of a query answered on the spot, only of its end."""
    row = work.run(select(submissions).where(submissions.c.id == submission_id)).one()
    if row.restricted_at is not None or row.erased_at is not None:
        return False
    event = history.row(work, submission_id, number)
    if event.step in QUIET:
        return False
    service = services.version(work.connection, row.service_code, row.service_version)
    return event.visible and (not service.on_the_spot or event.state in FINAL_STATES)


def _ensure(work: Work, submission_id: UUID, number: int) -> Any:
    """The notification of this event; made once, whoever comes first."""
    applicant = select(submissions.c.applicant_id).where(submissions.c.id == submission_id).scalar_subquery()
    work.run(
        insert(notifications)
        .values(id=new_id(), resident_id=applicant, submission_id=submission_id, number=number)
        .on_conflict_do_nothing()
    )
    found = select(notifications).where(
        notifications.c.submission_id == submission_id, notifications.c.number == number
    )
    return work.run(found).one()


class _Attempt:
    """One WeChat message ready to go."""

    def __init__(self, openid: str, fields: dict[str, dict[str, str]]) -> None:
        self.openid = openid
        self.fields = fields


def _begin_wechat(work: Work, notification: Any) -> _Attempt | None:
    """Note the attempt before it is made; None when there is nothing to send, or it was tried before."""
    binding = subscriptions.of(work.connection, notification.resident_id)
    if binding is None:
        return None
    obstacle = _obstacle(binding)
    state = "sending" if obstacle is None else "skipped"
    noted = insert(attempts).values(
        notification_id=notification.id,
        channel=WECHAT,
        state=state,
        detail=obstacle,
        at=clock.now(),
    )
    if work.run(noted.on_conflict_do_nothing().returning(attempts.c.state)).one_or_none() is None:
        _mark_unknown(work, notification.id)
        return None
    if state == "skipped":
        return None
    _, facts = inbox.facts_of(work.connection, notification.id, "zh")
    return _Attempt(subscriptions.openid(work.connection, binding), messages.wechat_fields(facts))


def _obstacle(binding: Any) -> str | None:
    """Why nothing may be sent: a consent that was taken back counts at once (PIPL art. 15), or no credit is left."""
    if not binding.consented:
        return "consent_withdrawn"
    return None if binding.progress_credits > 0 else "no_credit"


def _mark_unknown(work: Work, notification_id: UUID) -> None:
    """An attempt still `sending` when its job runs again: a worker died over it, and nobody knows its end."""
    lost = update(attempts).where(
        attempts.c.notification_id == notification_id,
        attempts.c.channel == WECHAT,
        attempts.c.state == "sending",
    )
    if work.run(lost.values(state="unknown", detail="worker_died")).rowcount:
        log.warning("push_unknown", notification=str(notification_id))


def _forget_attempt(notification_id: UUID) -> None:
    """WeChat surely sent nothing, so the next run may try anew."""
    with database.work() as work:
        work.run(attempts.delete().where(attempts.c.notification_id == notification_id, attempts.c.channel == WECHAT))


def _known(sent: wechat.Sent) -> wechat.Sent:
    return wechat.Sent("unknown", "answer_lost") if sent.detail == "errcode_lost" else sent


def _settle(notification: Any, sent: wechat.Sent) -> None:
    with database.work() as work:
        work.run(
            update(attempts)
            .where(attempts.c.notification_id == notification.id, attempts.c.channel == WECHAT)
            .values(state=sent.state, detail=sent.detail, receipt=sent.receipt, at=clock.now())
        )
        if sent.state == "accepted":
            subscriptions.spend(work, notification.resident_id)
        elif sent.detail == _NO_CREDIT:
            subscriptions.clear(work, notification.resident_id)
