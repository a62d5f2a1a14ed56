"""Calls that carry an HMAC in their headers, as provincial platforms ask (domain-facts §2.2, example B).

    string to sign = METHOD \\n PATH \\n QUERY \\n ACCESS KEY \\n DATE \\n
    X-BG-HMAC-SIGNATURE = base64(HMAC-SHA-256(secret, string to sign))

The query is signed with its parameters in the order of their names; the date is an IMF-fixdate (RFC 9110 §5.6.7).
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
import structlog

from app import clock, outside_calls
from auth.providers.interface import ProviderAway

log = structlog.get_logger()

ALGORITHM = "hmac-sha256"


@dataclass(frozen=True)
class SignedCalls:
    """Calls to one platform in one application's name."""

    access_key: str
    secret: str = field(repr=False)

    def headers(self, method: str, url: str, at: datetime) -> dict[str, str]:
        """The four headers that sign one request made at this moment (aware)."""
        parts, date = urlsplit(url), format_datetime(at.astimezone(UTC), usegmt=True)
        query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
        signed = "".join(f"{line}\n" for line in (method, parts.path or "/", query, self.access_key, date))
        signature = hmac.digest(self.secret.encode(), signed.encode(), "sha256")
        return {
            "X-BG-HMAC-ACCESS-KEY": self.access_key,
            "X-BG-HMAC-SIGNATURE": base64.b64encode(signature).decode(),
            "X-BG-HMAC-ALGORITHM": ALGORITHM,
            "X-BG-DATE-TIME": date,
        }

    def post(self, url: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send JSON, get a JSON object. Raises ProviderAway for anything else, a refused signature among it: then our
        own key or clock is wrong, and nobody's login is at fault."""
        try:
            answer = outside_calls.call("POST", url, json=content, headers=self.headers("POST", url, clock.now()))
            if answer.status_code != 200:
                log.warning("provider_answered", status=answer.status_code)
                raise ProviderAway
            return outside_calls.read_object(answer)
        except (requests.RequestException, ValueError):
            raise ProviderAway from None
