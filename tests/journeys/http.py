"""How a good client speaks to OnePhone: patient, and never sending a thing twice in effect.

A request that creates or acts carries an Idempotency-Key, so it is simply sent again when the line or the
server broke: the same key, the same body.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 0.25


class Unexpected(AssertionError):
    """An answer that the story does not allow; the text shows it."""


@dataclass
class Exchange:
    """One request and its answer, as the story tells it."""

    method: str
    path: str
    status: int
    ms: float
    tries: int


@dataclass
class Client:
    """Speaks to one base address; remembers each exchange in `told`."""

    base: str
    token: str | None = None
    language: str = "zh-CN"
    told: list[Exchange] = field(default_factory=list)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, content: Any = None, **options: Any) -> requests.Response:
        """A POST with its own key; the key stays the same over every try."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), **options.pop("headers", {})}
        return self.send("POST", path, json=content, headers=headers, **options)

    def send(
        self, method: str, path: str, expect: tuple[int, ...] = (200, 201, 202, 204), **options: Any
    ) -> requests.Response:
        """Send, again and again while the other side is away; raises Unexpected for any other answer."""
        options["headers"] = {"Accept-Language": self.language, **options.get("headers", {})}
        if self.token:
            options["headers"]["Authorization"] = f"Bearer {self.token}"
        started, tries = time.monotonic(), 0
        while True:
            tries += 1
            answer = _try(method, self.base + path, options)
            if answer is not None and answer.status_code != 503 and not _in_progress(answer):
                break
            if time.monotonic() - started > PATIENCE_SECONDS:
                raise Unexpected(f"{method} {path} got no answer in {PATIENCE_SECONDS:.0f} s")
            time.sleep(_PAUSE_SECONDS)
        ms = (time.monotonic() - started) * 1000
        self.told.append(Exchange(method, path, answer.status_code, ms, tries))
        if answer.status_code not in expect:
            raise Unexpected(f"{method} {path} → {answer.status_code}: {answer.text[:500]}")
        return answer


def _try(method: str, url: str, options: dict[str, Any]) -> requests.Response | None:
    try:
        return requests.request(method, url, timeout=30, allow_redirects=False, **options)
    except (requests.ConnectionError, requests.Timeout):
        return None


def _in_progress(answer: requests.Response) -> bool:
    """An earlier try of the same key is still being worked on: its answer comes by asking again."""
    return answer.status_code == 409 and answer.json().get("code") == "request_in_progress"
