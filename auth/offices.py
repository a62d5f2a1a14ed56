"""Offices at the door: approval systems prove themselves by signing each request, or by a token (office_tokens.py).

Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over id, time and body; the time may be five minutes off.
"""

from __future__ import annotations

from collections.abc import Mapping

from standardwebhooks import Webhook, WebhookVerificationError

from app import offices
from app.people.callers import Office
from app.refusals import Refusal
from auth import refusals


class OfficeSignatureInvalid(Refusal):
    """The request is not signed with a current secret of this office, or is too old."""


def verified(office_code: str, headers: Mapping[str, str], body: bytes) -> Office:
    """The office that signed this very request. An unknown office gets the same words as a wrong signature.

    Any of its secrets that hold now may have been used, so that secrets can be changed without a gap; that an old one
    still is in use is counted and logged. The same request sent again is let in: its id makes it harmless
    (`approvals/decisions.py` takes each once). Raises OfficeSignatureInvalid.
    """
    for key in offices.signing_keys(office_code):
        try:
            Webhook(key.secret).verify(body, dict(headers), json_parse=False)
        # The library lets malformed headers through: a signature without a comma, a time without an end.
        except (WebhookVerificationError, ValueError, OverflowError):
            continue
        if key.is_old:
            refusals.count("office", f"old_secret_used_by_{office_code}")
        return Office(office_code, {name.lower(): value for name, value in headers.items()}["webhook-id"])
    refusals.count("office", "signature_invalid")
    raise OfficeSignatureInvalid
