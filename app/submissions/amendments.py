"""Amendments: what an applicant does after filing — corrects, brings what was promised, withdraws, takes the result.

Each is a step of the table, taken under the row lock; nothing that was filed before is ever overwritten.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app import clock
from app.catalogue import services
from app.catalogue.availability import Client
from app.crypto import data_keys
from app.database import Work
from app.documents import results, uploads
from app.people import identity
from app.people.callers import Resident
from app.privacy import requirements
from app.privacy.acknowledgements import Shown
from app.submissions import applications, drafts, filings, history, progress, promises, submissions
from app.submissions.applications import Application
from app.submissions.drafts import ANSWERS, AlreadySubmitted
from app.submissions.drafts import submissions as table
from app.submissions.history import Given
from app.submissions.submissions import SubmissionIncomplete, take_step


def submit(
    work: Work,
    caller: Resident,
    submission_id: UUID,
    revision: int | None,
    language: str,
    shown: Shown,
    client: Client | None = None,
) -> dict[str, Any]:
    """File a draft, or file again what the department asked to correct: the receipt.

    Raises as `submissions.submit`, and as `refile`.
    """
    try:
        return submissions.submit(work, caller, submission_id, revision, language, shown, client)
    except AlreadySubmitted:
        if drafts.own(work.connection, caller, submission_id).state != "correcting":
            raise
    return refile(work, caller, submission_id, revision, language, shown)


def refile(
    work: Work, caller: Resident, submission_id: UUID, revision: int | None, language: str, shown: Shown
) -> dict[str, Any]:
    """File a correction: from here on what was held apart is what stands; the receipt.

    Raises SubmissionNotFound, AlreadySubmitted (it is not waiting for a correction), Stale, StepUpRequired,
    SubmissionIncomplete, UploadsUnchecked, SignatureRequired, SignatureOutdated, ConsentRequired, NoticeUnseen,
    InvalidContent; the correction stays as it is then.
    """
    row = drafts.own_editable(work, caller, submission_id)
    drafts.check_revision(row, revision)
    application = applications.of_draft(work.connection, row)
    proof = submissions.checked(work, caller, application, language)
    needed = requirements.of(application.service, application.answers, shown)
    if not needed.nothing:
        requirements.record(work, caller, needed, submission_id, clock.now())
    uploads.leave_out(work, row, application.unused)
    at = clock.now()
    _replace(work, row, application, proof["content_sha256"], at)
    given = Given(content_sha256=proof["content_sha256"])
    take_step(work, submission_id, "refile", history.applicant(caller.id), at, given)
    return {**_receipt(drafts.own(work.connection, caller, submission_id)), **proof}


def _receipt(row: Any) -> dict[str, Any]:
    names = ("id", "reference", "state", "turn", "received_at")
    return {**{name: getattr(row, name) for name in names}, "due": progress.due(row)}


def _replace(work: Work, row: Any, application: Application, content_sha256: str, at: datetime) -> None:
    filings.keep(work, row, at)
    sealed = data_keys.opened(row).seal(application.answers, ANSWERS, row.id)
    values = {"answers": sealed, "amended": None, "content_sha256": content_sha256, "round": row.round + 1}
    work.run(update(table).where(table.c.id == row.id).values(**values))


def promise(work: Work, caller: Resident, submission_id: UUID) -> None:
    """Promise to bring later what the department offered: it is accepted from here on (安阳市政务服务条例 第二十四条).

    Raises SubmissionNotFound, StepUpRequired, NothingPromised, StepNotAllowed, AcceptedByLaw.
    """
    row = drafts.own(work.connection, caller, submission_id, lock=True)
    offer, at = promises.of(work.connection, row), clock.now()
    if offer is None or offer.given or offer.until < clock.day_of(at):
        raise promises.NothingPromised
    identity.require(work.connection, caller, services.version(work.connection, row.service_code, row.service_version))
    given = Given(items=offer.items, until=offer.until)
    take_step(work, submission_id, "promise", history.applicant(caller.id), at, given)


def keep_promise(work: Work, caller: Resident, submission_id: UUID, language: str) -> None:
    """Hand in what was promised and is uploaded now.

    Raises SubmissionNotFound, NothingPromised, UploadsUnchecked, SubmissionIncomplete (a promised paper is missing).
    """
    row = drafts.own(work.connection, caller, submission_id, lock=True)
    standing = promises.of(work.connection, row)
    if standing is None or not standing.given:
        raise promises.NothingPromised
    application = applications.of_draft(work.connection, row)
    files = [file for file in application.files if file.round == drafts.round_in_work(row)]
    if any(file.state == "received" for file in files):
        raise submissions.UploadsUnchecked
    brought = {file.material for file in files if file.state == "clean"}
    if lacking := standing.materials - brought:
        names = {code: application.service.materials[code].name[language] for code in lacking}
        raise SubmissionIncomplete(errors=submissions.to_attach(names, language))
    at = clock.now()
    _replace(work, row, application, application.sha256, at)
    given = Given(items=standing.items, content_sha256=application.sha256)
    take_step(work, submission_id, "keep_promise", history.applicant(caller.id), at, given)


def withdraw(work: Work, caller: Resident, submission_id: UUID, reason: str | None) -> None:
    """Take the application back; what was being corrected goes, what was filed stays on record.

    Raises SubmissionNotFound, StepNotAllowed.
    """
    row = drafts.own(work.connection, caller, submission_id, lock=True)
    take_step(work, submission_id, "withdraw", history.applicant(caller.id), clock.now(), Given(reason=reason))
    in_work = [file for file in uploads.in_work(work.connection, row) if file.round > row.round]
    uploads.take_out(work, in_work)
    work.run(update(table).where(table.c.id == submission_id).values(amended=None))


def collect(work: Work, caller: Resident, submission_id: UUID) -> dict[str, Any]:
    """Take the result by download: it counts as delivered from the first time on (行政许可法 第四十四条).

    Raises SubmissionNotFound, ResultNotReady.
    """
    row = drafts.own(work.connection, caller, submission_id, lock=True)
    found = results.show(work.connection, caller, submission_id)
    if row.state == "completed":
        take_step(work, submission_id, "deliver", history.applicant(caller.id), clock.now(), Given(kind="download"))
    return found
