"""The content of a submission and its hash: what exactly was signed, filed and handed over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import rfc8785

SALT = "content"
"""What `DataKey.salt` is asked for."""


def content_hash(
    submission_id: UUID,
    service_code: str,
    service_version: int,
    applicant_id: UUID,
    answers: Mapping[str, Any],
    attachments: Iterable[tuple[str, str]],
    salt: str,
) -> str:
    """SHA-256, in hex, over the canonical JSON (RFC 8785) of everything an applicant says and attaches.

    `attachments` are pairs of material code and the file's own SHA-256. Any later change of a letter or a
    file gives another hash, which is what 电子签名法 第十三条 asks a reliable signature to reveal.

    Everything but the answers and the salt stands in plain in the database, and the answers of a short form are soon
    guessed; the salt (32 hex digits) is on the receipt and comes from the submission's data key.
    """
    content: dict[str, Any] = {
        "submission": str(submission_id),
        "service": service_code,
        "version": service_version,
        "applicant": str(applicant_id),
        "answers": dict(answers),
        "attachments": sorted([material, sha256] for material, sha256 in attachments),
        "salt": salt,
    }
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()
