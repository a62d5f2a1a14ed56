"""Applications: what a draft would file at this moment, which is less than all that was ever typed and attached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.catalogue import services
from app.catalogue.services import ServiceVersion
from app.crypto import data_keys
from app.documents import uploads
from app.submissions import drafts
from app.submissions.contents import SALT, content_hash


@dataclass(frozen=True)
class Application:
    """`answers` are cleaned; `files` are the uploads that these answers call for, and `unused` all others."""

    draft: Any
    service: ServiceVersion
    answers: dict[str, Any]
    files: list[Any]
    unused: list[Any]

    @property
    def salt(self) -> str:
        """The salt of the content hash. Raises SealError."""
        return data_keys.opened(self.draft).salt(SALT)

    @property
    def sha256(self) -> str:
        """What is signed and filed; the signature's own image is no part of it. Raises SealError."""
        attachments = [(file.material, file.sha256) for file in uploads.attached(self.files)]
        draft = self.draft
        about = (draft.id, draft.service_code, draft.service_version, draft.applicant_id)
        return content_hash(*about, self.answers, attachments, self.salt)


def of_draft(connection: Connection, draft: Any) -> Application:
    """The application of a draft, or of a correction in work, that was read with its key. Raises SealError."""
    service = services.version(connection, draft.service_code, draft.service_version)
    answers = drafts.cleaned(connection, service, draft)
    wanted, files = service.materials_for(answers), uploads.in_work(connection, draft)
    return Application(
        draft,
        service,
        answers,
        [file for file in files if file.material in wanted],
        [file for file in files if file.material not in wanted],
    )
