"""Discards: a resident drops a draft of their own."""

from __future__ import annotations

from uuid import UUID

from app.database import Work
from app.people.callers import Resident
from app.privacy import endings
from app.submissions import drafts


def drop(work: Work, caller: Resident, submission_id: UUID, revision: int | None) -> None:
    """Erase a draft without a trace: its rows, key and files. Raises SubmissionNotFound, AlreadySubmitted, Stale."""
    draft = drafts.own_draft(work, caller, submission_id)
    drafts.check_revision(draft, revision)
    endings.drop_drafts(work, [submission_id])
