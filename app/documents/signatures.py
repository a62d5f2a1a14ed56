"""Signatures: evidence that this person agreed to exactly this content, at this time, with this login.

An image of a drawn signature alone is not a reliable electronic signature (电子签名法 第十三条): it is kept as
evidence of intent, bound to the hash of the content. A certificate signature can be added beside it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, DateTime, ForeignKey, Integer, Table, Text, delete, select
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.catalogue import services
from app.database import Work, metadata
from app.people import identity
from app.people.callers import Resident
from app.refusals import Refusal
from app.submissions import applications, drafts

signatures = Table(
    "signatures",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("signer_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("method", Text, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("upload_id", Uuid(as_uuid=True), ForeignKey("uploads.id"), nullable=False),
    Column("image_sha256", Text, nullable=False),
    Column("identity_level", Integer, nullable=False),
    Column("authenticated_at", DateTime(timezone=True), nullable=False),
    Column("signed_at", DateTime(timezone=True), nullable=False),
    Column("device", Text, nullable=False),
)


class SignatureImageUnusable(Refusal):
    """The drawn signature is not a clean upload of this draft (yet)."""


class SignatureNotNeeded(Refusal):
    """This service does not ask for a signature, so none is taken: no data without need (PIPL art. 6)."""


def sign(work: Work, caller: Resident, submission_id: UUID, upload_id: UUID, device: str) -> dict[str, Any]:
    """Sign the draft as it stands now; signing again replaces the earlier signature.

    Raises SubmissionNotFound, AlreadySubmitted, SignatureNotNeeded, StepUpRequired, UploadsUnchecked and
    SignatureImageUnusable.
    """
    draft = drafts.own_draft(work, caller, submission_id)
    application = applications.of_draft(work.connection, draft)
    service = application.service
    if not service.needs_signature:
        raise SignatureNotNeeded
    identity.require(work.connection, caller, service)
    image = next((file for file in application.files if file.id == upload_id), None)
    if image is None or image.material != services.SIGNATURE.code or image.state != "clean":
        raise SignatureImageUnusable
    values = {
        "signer_id": caller.id,
        "method": "drawn",
        "content_sha256": application.sha256,
        "upload_id": upload_id,
        "image_sha256": image.sha256,
        "identity_level": caller.level,
        "authenticated_at": caller.authenticated_at,
        "signed_at": clock.now(),
        "device": device,
    }
    statement = insert(signatures).values(submission_id=submission_id, **values)
    work.run(statement.on_conflict_do_update(index_elements=["submission_id"], set_=values))
    shown = ("method", "content_sha256", "image_sha256", "identity_level", "signed_at")
    return {**{name: values[name] for name in shown}, "content_salt": application.salt}


def of(connection: Connection, submission_id: UUID) -> Any:
    """The signature row of a submission, or None."""
    return connection.execute(select(signatures).where(signatures.c.submission_id == submission_id)).one_or_none()


def withdraw(work: Work, submission_id: UUID) -> None:
    """Take back the signature of a draft that is not what was signed any more."""
    work.run(delete(signatures).where(signatures.c.submission_id == submission_id))


def standing(connection: Connection, draft: Any, files: list[Any]) -> Any:
    """The signature of a draft, unless its image was taken out since: then there is none."""
    signature = of(connection, draft.id)
    if signature is None or signature.upload_id not in {file.id for file in files}:
        return None
    return signature
