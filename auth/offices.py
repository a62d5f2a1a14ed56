"""Offices at the door: approval systems prove themselves by signing each request.

Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over id, time and body; the time may be five minutes off.
"""

from __future__ import annotations

from collections.abc import Mapping

from standardwebhooks import Webhook, WebhookVerificationError

from app.people.callers import Office
from app.refusals import Refusal
from app.settings import settings


class OfficeSignatureInvalid(Refusal):
    """The request is not signed with a current secret of this office, or is too old."""


def verified(office_code: str, headers: Mapping[str, str], body: bytes) -> Office:
    """The office that signed this very request. An unknown office gets the same words as a wrong signature.

    Any of its configured secrets may have been used, so that secrets can be changed without a gap. Raises
    OfficeSignatureInvalid.
    """
    for secret in settings().offices.get(office_code, {}).get("secrets", ()):
        try:
            Webhook(secret).verify(body, dict(headers), json_parse=False)
        # The library lets malformed headers through: a signature without a comma, a time without an end.
        except (WebhookVerificationError, ValueError, OverflowError):
            continue
        return Office(office_code, {name.lower(): value for name, value in headers.items()}["webhook-id"])
    raise OfficeSignatureInvalid
