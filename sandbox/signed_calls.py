"""Requests signed by HMAC headers, checked as strictly as a province's gateway does (domain-facts §2.2, example B)."""

import base64
import hmac
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode

from flask import Request

ALGORITHM = "hmac-sha256"
TOLERANCE = 300  # seconds between their clock and ours


class Unsigned(Exception):
    """The request is not signed by anybody we know; the text says what is wrong with it."""


def signer(request: Request, secrets: Mapping[str, str], now: float | None = None) -> str:
    """The access key that signed this request, of those in `secrets`. Raises Unsigned."""
    key = request.headers.get("X-BG-HMAC-ACCESS-KEY", "")
    date = request.headers.get("X-BG-DATE-TIME", "")
    if request.headers.get("X-BG-HMAC-ALGORITHM") != ALGORITHM:
        raise Unsigned("unknown algorithm")
    if key not in secrets:
        raise Unsigned("unknown access key")
    check_date(date, time.time() if now is None else now)
    expected = base64.b64encode(hmac.digest(secrets[key].encode(), to_sign(request, key, date).encode(), "sha256"))
    if not hmac.compare_digest(expected, request.headers.get("X-BG-HMAC-SIGNATURE", "").encode()):
        raise Unsigned("wrong signature")
    return key


def to_sign(request: Request, access_key: str, date: str) -> str:
    query = urlencode(sorted(parse_qsl(request.query_string.decode("ascii", "replace"), keep_blank_values=True)))
    return "".join(f"{line}\n" for line in (request.method, request.path, query, access_key, date))


def check_date(date: str, now: float) -> None:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        raise Unsigned("malformed date") from None
    # A date with -0000 has no zone, and then its moment is anybody's guess.
    if not date.endswith("GMT") or abs(at.timestamp() - now) > TOLERANCE:
        raise Unsigned("stale date")
