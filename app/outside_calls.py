"""Outside calls: HTTP to whoever is not us. Nobody there decides how long we wait, how much we read, or where we go.

A party that lets one byte trickle every few seconds, answers with a gigabyte out of a kilobyte, or sends us elsewhere
with what we brought, costs one call and neither a thread nor the memory of the process.
"""

from __future__ import annotations

import io
import json
import time
from typing import Any, Final, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter

from app.settings import settings

LARGEST: Final = 4 * 1024 * 1024
"""In bytes, unpacked. What parties have to tell us are a few kilobytes."""

_PIECE: Final = 64 * 1024


def call(method: str, url: str, **sent: Any) -> requests.Response:
    """One call, as `requests.request` takes it; redirects are answers and not followed.

    Raises requests.RequestException: what came after `OUTSIDE_TIMEOUT` of silence, or not wholly within twice that
    time, is a ReadTimeout; what is larger than LARGEST, or cannot be unpacked, a ContentDecodingError.
    """
    with requests.Session() as session:
        bound(session)
        return session.request(method, url, allow_redirects=False, **sent)


def bound(session: requests.Session) -> None:
    """Give a session of another library the same bounds."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Bounded())


def read_object(answer: requests.Response) -> dict[str, Any]:
    """The JSON object of an answer, whatever it says of its type. Raises ValueError for anything else."""
    try:
        found = json.loads(answer.content)
    except RecursionError:
        raise ValueError("nested without end") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


class _Bounded(HTTPAdapter):
    """Reads the whole answer here, piece by piece as it comes, and puts it in the place of the open connection."""

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        seconds = settings().outside_timeout.total_seconds()
        give_up = time.monotonic() + 2 * seconds
        answer = super().send(request, **{**options, "stream": True, "timeout": seconds})
        raw = cast(urllib3.HTTPResponse, answer.raw)
        try:
            answer.raw = io.BytesIO(_whole(raw, give_up))
        except BaseException:
            raw.close()
            raise
        return answer


def _whole(raw: urllib3.HTTPResponse, give_up: float) -> bytes:
    whole = bytearray()
    while piece := _next(raw):
        whole += piece
        if len(whole) > LARGEST:
            raise requests.exceptions.ContentDecodingError(f"more than {LARGEST} bytes")
        if time.monotonic() > give_up:
            raise requests.ReadTimeout("it came too slowly")
    return bytes(whole)


def _next(raw: urllib3.HTTPResponse) -> bytes:
    """What has come by now, unpacked, without waiting for more than one piece."""
    try:
        return raw.read1(_PIECE, decode_content=True)
    except urllib3.exceptions.ReadTimeoutError:
        raise requests.ReadTimeout("it stopped coming") from None
    except urllib3.exceptions.DecodeError:
        raise requests.exceptions.ContentDecodingError("it cannot be unpacked") from None
    except urllib3.exceptions.HTTPError:
        raise requests.exceptions.ChunkedEncodingError("it ended too soon") from None
