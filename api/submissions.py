"""Submissions of the caller: start, fill in, sign, submit, follow, and fetch the result."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from api import answers
from api.acknowledgements import shown
from api.answers import with_etag
from api.doors import Door, Visit
from api.errors import BadHeader, CursorInvalid, PreconditionRequired
from api.headers import CLIENT, IF_MATCH, IF_MATCH_OPTIONAL, IF_NONE_MATCH
from api.paging import PageQuery, after_id, page
from api.schemas.submissions import (
    AnswersPatchSchema,
    ChangesSchema,
    ProgressSchema,
    ReceiptSchema,
    ResultSchema,
    SignatureSchema,
    SignSchema,
    SlotSchema,
    StartedSchema,
    SubmissionPageSchema,
    SubmissionSchema,
    SubmissionStartSchema,
    SubmitSchema,
    UploadWishSchema,
    WithdrawSchema,
)
from app import clock
from app.catalogue.services import CLOSED, UNAVAILABLE, ServiceNotOnline
from app.documents import results, signatures, uploads
from app.documents.results import ResultNotReady
from app.documents.signatures import SignatureImageUnusable, SignatureNotNeeded
from app.documents.uploads import UploadLimitReached
from app.people.identity import ActsForOrganisation, StepUpRequired
from app.privacy.requirements import ConsentRequired, NoticeUnseen
from app.refusals import InvalidContent
from app.submissions import amendments, discards, drafts, filings, progress, prospects, renewals, submissions
from app.submissions.acceptances import AcceptedByLaw
from app.submissions.drafts import AlreadySubmitted, DraftLimitReached, Stale, SubmissionNotFound
from app.submissions.promises import NothingPromised
from app.submissions.renewals import Renewed
from app.submissions.submissions import (
    SignatureOutdated,
    SignatureRequired,
    StepNotAllowed,
    SubmissionIncomplete,
    UploadsUnchecked,
)
from auth import guards, throttles

door = Door("submissions", guards.residents, "/v1/submissions", "My submissions.")

# A schema is made once: making one costs more than using it.
_RECEIPT = ReceiptSchema()
_SUBMISSION = SubmissionSchema()

_FILING = (
    StepUpRequired,
    ActsForOrganisation,
    SubmissionIncomplete,
    SignatureRequired,
    ConsentRequired,
    NoticeUnseen,
    InvalidContent,
)


@door.acts(
    "",
    status=201,
    body=SubmissionStartSchema,
    answer=StartedSchema,
    refuses=(*UNAVAILABLE, ServiceNotOnline, *CLOSED, DraftLimitReached, SubmissionNotFound, *_FILING),
    headers=(CLIENT,),
    throttle=throttles.SUBMIT,
)
def start_submission(visit: Visit, wish: dict[str, Any]) -> Response:
    """Start a draft, empty or as a copy, or with `submit` file at once what needs neither materials nor a signature."""
    if "copy_of" in wish:
        return _renewed(
            visit, renewals.copy(visit.work, visit.caller, wish["copy_of"], wish["answers"], visit.client), 201
        )
    if wish["submit"]:
        args = (visit.work, visit.caller, wish["service"], wish["answers"], visit.language)
        receipt = submissions.submit_at_once(*args, shown(wish, visit.device), visit.client)
        return answers.of(_RECEIPT.dump(receipt), 201)
    draft = drafts.start(visit.work, visit.caller, wish["service"], wish["answers"], visit.client)
    return _with_revision(_shown(visit, draft), 201)


@door.reads("", query=PageQuery, answer=SubmissionPageSchema, refuses=(CursorInvalid,))
def list_submissions(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """My submissions, newest first."""
    before, limit = after_id(query["cursor"]), query["limit"]
    return page(progress.listing(visit.connection, visit.caller, before, limit + 1, visit.language), limit, "id")


@door.reads("/<uuid:submission_id>", answer=SubmissionSchema, refuses=(SubmissionNotFound,))
def read_submission(visit: Visit, submission_id: UUID) -> Response:
    """One submission with its answers and what it still lacks."""
    return _with_revision(_shown(visit, drafts.own(visit.connection, visit.caller, submission_id)), 200)


@door.saves(
    "PATCH",
    "/<uuid:submission_id>",
    body=AnswersPatchSchema,
    media_type="application/merge-patch+json",
    answer=SubmissionSchema,
    headers=(IF_MATCH,),
    refuses=(SubmissionNotFound, AlreadySubmitted, PreconditionRequired, BadHeader, Stale, InvalidContent),
)
def edit_submission(visit: Visit, patch: dict[str, Any], submission_id: UUID) -> Response:
    """Save some answers of a draft, complete or not."""
    if not visit.is_conditional:
        raise PreconditionRequired
    draft = drafts.edit(visit.work, visit.caller, submission_id, visit.revision, patch["answers"])
    return _with_revision(_shown(visit, draft), 200)


@door.acts(
    "/<uuid:submission_id>/upgrade",
    answer=SubmissionSchema,
    headers=(IF_MATCH,),
    refuses=(SubmissionNotFound, AlreadySubmitted, PreconditionRequired, Stale, *UNAVAILABLE, ServiceNotOnline),
)
def upgrade_submission(visit: Visit, submission_id: UUID) -> Response:
    """Move a draft to the newest version of its service: what still fits stays, `dropped` says what did not."""
    if not visit.is_conditional:
        raise PreconditionRequired
    return _renewed(visit, renewals.upgrade(visit.work, visit.caller, submission_id, visit.revision), 200)


@door.saves(
    "DELETE",
    "/<uuid:submission_id>",
    status=204,
    headers=(IF_MATCH_OPTIONAL,),
    refuses=(SubmissionNotFound, AlreadySubmitted, BadHeader, Stale),
)
def drop_submission(visit: Visit, submission_id: UUID) -> None:
    """Drop a draft for good, with its files. What was filed can not be dropped."""
    discards.drop(visit.work, visit.caller, submission_id, visit.revision)


@door.acts(
    "/<uuid:submission_id>/uploads",
    status=201,
    body=UploadWishSchema,
    answer=SlotSchema,
    refuses=(SubmissionNotFound, AlreadySubmitted, InvalidContent, UploadLimitReached),
)
def ask_upload_slot(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """A slot for one file, to be posted straight to the store."""
    return uploads.ask_slot(visit.work, visit.caller, submission_id, wish)


@door.acts(
    "/<uuid:submission_id>/signature",
    status=201,
    body=SignSchema,
    answer=SignatureSchema,
    refuses=(
        SubmissionNotFound,
        AlreadySubmitted,
        SignatureNotNeeded,
        StepUpRequired,
        ActsForOrganisation,
        SignatureImageUnusable,
    ),
)
def sign_submission(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """Sign the draft exactly as it stands now."""
    return signatures.sign(visit.work, visit.caller, submission_id, wish["upload"], visit.device)


@door.acts(
    "/<uuid:submission_id>/submit",
    body=SubmitSchema,
    body_required=False,
    answer=ReceiptSchema,
    headers=(IF_MATCH_OPTIONAL, CLIENT),
    refuses=(
        SubmissionNotFound,
        AlreadySubmitted,
        Stale,
        UploadsUnchecked,
        SignatureOutdated,
        *UNAVAILABLE,
        *CLOSED,
        *_FILING,
    ),
    throttle=throttles.SUBMIT,
)
def submit_submission(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """File the draft, or file again what was corrected: the receipt."""
    args = (visit.work, visit.caller, submission_id, visit.revision, visit.language)
    return amendments.submit(*args, shown(wish, visit.device), visit.client)


@door.reads("/<uuid:submission_id>/changes", answer=ChangesSchema, refuses=(SubmissionNotFound,))
def read_changes(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """What each filing changed against the one before, the correction in work last."""
    row = drafts.own(visit.connection, visit.caller, submission_id)
    return {"items": filings.of_own(visit.connection, row, visit.language)}


@door.acts(
    "/<uuid:submission_id>/promise",
    answer=ProgressSchema,
    refuses=(SubmissionNotFound, NothingPromised, StepUpRequired, StepNotAllowed, AcceptedByLaw),
)
def promise_papers(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """Promise to bring later the papers that the department named: it accepts at once."""
    amendments.promise(visit.work, visit.caller, submission_id)
    return _progress(visit, submission_id)


@door.acts(
    "/<uuid:submission_id>/keep-promise",
    answer=ProgressSchema,
    refuses=(SubmissionNotFound, NothingPromised, UploadsUnchecked, SubmissionIncomplete, StepNotAllowed),
)
def keep_promise(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """Hand in the promised papers, once they are uploaded."""
    amendments.keep_promise(visit.work, visit.caller, submission_id, visit.language)
    return _progress(visit, submission_id)


@door.acts(
    "/<uuid:submission_id>/withdraw",
    body=WithdrawSchema,
    body_required=False,
    answer=ProgressSchema,
    refuses=(SubmissionNotFound, StepNotAllowed),
)
def withdraw_submission(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """Take the application back, until it is decided."""
    amendments.withdraw(visit.work, visit.caller, submission_id, wish.get("reason"))
    return _progress(visit, submission_id)


@door.acts("/<uuid:submission_id>/collect", answer=ResultSchema, refuses=(SubmissionNotFound, ResultNotReady))
def collect_result(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """Fetch the result and have it counted as delivered."""
    return amendments.collect(visit.work, visit.caller, submission_id)


@door.reads(
    "/<uuid:submission_id>/progress",
    answer=ProgressSchema,
    headers=(IF_NONE_MATCH,),
    refuses=(SubmissionNotFound,),
    answers_also={304: "Nothing happened since."},
)
def read_progress(visit: Visit, submission_id: UUID) -> Response:
    """Where it stands and how it came there."""
    row = progress.revision_and_progress(visit.connection, visit.caller, submission_id)
    # A day that is over changes the words although nothing happened.
    tag = f"{row.revision}-{visit.language}-{prospects.half_day(clock.now())}"
    return with_etag(lambda: progress.in_words(visit.connection, row, visit.language), tag)


@door.reads("/<uuid:submission_id>/result", answer=ResultSchema, refuses=(SubmissionNotFound, ResultNotReady))
def read_result(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """What came of it: a document to fetch, or an answer in data."""
    return results.show(visit.connection, visit.caller, submission_id)


def _progress(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    row = progress.revision_and_progress(visit.connection, visit.caller, submission_id)
    return progress.in_words(visit.connection, row, visit.language)


def _shown(visit: Visit, row: Any) -> dict[str, Any]:
    is_draft, is_editable = row.state == "draft", row.state in drafts.EDITABLE
    return {
        **progress.summary(visit.connection, row, visit.language),
        "revision": row.revision,
        "answers": drafts.in_work(row),
        "uploads": [uploads.described(upload) for upload in uploads.in_work(visit.connection, row)],
        "missing": submissions.missing(visit.connection, row, visit.language) if is_editable else {},
        "newer_version": renewals.newer_version(visit.connection, row) if is_draft else None,
    }


def _renewed(visit: Visit, renewed: Renewed, status: int) -> Response:
    return _with_revision({**_shown(visit, renewed.draft), "dropped": renewed.dropped}, status)


def _with_revision(shown: dict[str, Any], status: int) -> Response:
    return answers.of(_SUBMISSION.dump(shown), status, headers={"ETag": f'"{shown["revision"]}"'})
