"""Results: what the applicant gets in the end, a document or an answer in data."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import storage
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.people.callers import Resident
from app.refusals import NotFound
from app.settings import settings
from app.submissions import drafts

results = Table(
    "results",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("filename", Sealed, info=personal(purpose="to name the document that the office made")),
    Column("key", Text),
    Column("size", BigInteger),
    Column("sha256", Text),
    Column("data", Sealed, info=personal(purpose="to give the answer that was asked for")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('document', 'data')", name="kind"),
    CheckConstraint("(kind = 'document') = (key IS NOT NULL) AND (kind = 'data') = (data IS NOT NULL)", name="shape"),
    sealed_only("filename"),
    sealed_only("data"),
)

FILENAME, DATA = "results.filename", "results.data"


class ResultNotReady(NotFound):
    """The submission has no result yet; its progress says where it stands."""


def key_of(submission_id: UUID, sha256: str) -> str:
    """Where a result document is stored: the same bytes always at the same place."""
    return f"results/{submission_id}/{sha256}"


def keep_document(work: Work, submission_id: UUID, filename: str, sha256: str, size: int) -> None:
    """Record a result document whose bytes are stored already; the first one stands."""
    name = data_keys.of(work.connection, submission_id).seal(filename, FILENAME, submission_id)
    values = {"kind": "document", "filename": name, "sha256": sha256, "size": size}
    key = key_of(submission_id, sha256)
    work.run(insert(results).values(submission_id=submission_id, key=key, **values).on_conflict_do_nothing())


def keep_data(work: Work, submission_id: UUID, data: dict[str, Any]) -> None:
    """Record a result that is an answer in data; the first one stands."""
    sealed = data_keys.of(work.connection, submission_id).seal(data, DATA, submission_id)
    work.run(insert(results).values(submission_id=submission_id, kind="data", data=sealed).on_conflict_do_nothing())


def show(connection: Connection, caller: Resident, submission_id: UUID) -> dict[str, Any]:
    """The result for its applicant: data, or an address to fetch the document from for a few minutes.

    Raises SubmissionNotFound, ResultNotReady.
    """
    submission = drafts.own(connection, caller, submission_id)
    row = connection.execute(select(results).where(results.c.submission_id == submission_id)).one_or_none()
    if row is None:
        raise ResultNotReady
    key = data_keys.opened(submission)
    if row.kind == "data":
        return {"kind": "data", "data": key.open(row.data, DATA, submission_id)}
    filename = key.open_text(row.filename, FILENAME, submission_id)
    seconds = int(settings().upload_slot_life.total_seconds())
    url = storage.presigned_get(row.key, filename, seconds)
    return {"kind": "document", "filename": filename, "size": row.size, "sha256": row.sha256, "url": url}
