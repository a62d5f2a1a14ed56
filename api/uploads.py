"""Uploads of the caller, once their bytes are on the way to the store."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.schemas.submissions import UploadSchema
from app.documents import uploads
from app.documents.uploads import UploadMissing, UploadNotFound
from app.submissions.drafts import AlreadySubmitted
from auth import guards

door = Door("uploads", guards.residents, "/v1/uploads", "Files on their way from the phone.")


@door.acts(
    "/<uuid:upload_id>/confirm",
    status=202,
    answer=UploadSchema,
    refuses=(UploadNotFound, UploadMissing, AlreadySubmitted),
)
def confirm_upload(visit: Visit, upload_id: UUID) -> dict[str, Any]:
    """Say that the bytes were sent; they are checked in a moment: read the upload until it is clean."""
    return uploads.confirm(visit.work, visit.caller, upload_id)


@door.reads("/<uuid:upload_id>", answer=UploadSchema, refuses=(UploadNotFound,))
def read_upload(visit: Visit, upload_id: UUID) -> dict[str, Any]:
    """Where an upload stands."""
    return uploads.show(visit.connection, visit.caller, upload_id)


@door.saves("DELETE", "/<uuid:upload_id>", status=204, refuses=(UploadNotFound, AlreadySubmitted))
def remove_upload(visit: Visit, upload_id: UUID) -> None:
    """Take a file out of a draft."""
    uploads.remove(visit.work, visit.caller, upload_id)
