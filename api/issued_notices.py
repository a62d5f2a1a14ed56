"""Notices (通知书) of my submissions: numbered, dated, with reasons and remedies; read, never changed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.schemas.issued_notices import IssuedNoticeSchema, IssuedNoticesSchema
from app.submissions import issued_notices
from app.submissions.drafts import SubmissionNotFound
from app.submissions.issued_notices import IssuedNoticeNotFound
from auth import guards

door = Door(
    "issued_notices", guards.residents, "/v1/submissions/<uuid:submission_id>/notices", "What was told me in writing."
)


@door.reads("", answer=IssuedNoticesSchema, refuses=(SubmissionNotFound,))
def list_submission_notices(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """Every notice of my submission, the latest first."""
    return {"items": issued_notices.of_own(visit.connection, visit.caller, submission_id)}


@door.reads("/<uuid:notice_id>", answer=IssuedNoticeSchema, refuses=(SubmissionNotFound, IssuedNoticeNotFound))
def read_submission_notice(visit: Visit, submission_id: UUID, notice_id: UUID) -> dict[str, Any]:
    """One notice of my submission."""
    return issued_notices.one_of_own(visit.connection, visit.caller, submission_id, notice_id)
