"""Requests in full, as bytes, so that sending one costs the load generator next to nothing.

A recording is one file: requests separated by RECORD, with KEY where an Idempotency-Key that was never used
before is to stand. Both bytes are control characters that no HTTP request and no JSON text may contain.
"""

from __future__ import annotations

import http.client
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from bench import form
from bench.rows import Resident

RECORD = b"\x1e"
KEY = b"\x1f"
KEY_LENGTH = 28


@dataclass(frozen=True)
class Target:
    """What one workload sends: to which port, the recording, and the status that alone is right."""

    port: int
    recording: Path
    expected: int


def record(port: int, recording: Path, requests: list[bytes], expected: int) -> Target:
    recording.write_bytes(RECORD.join(requests))
    return Target(port, recording, expected)


def _request(line: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def hello() -> list[bytes]:
    return [_request("GET /", {})]


def progress(submissions: list[tuple[uuid.UUID, uuid.UUID]], tokens: dict[uuid.UUID, str]) -> list[bytes]:
    """W1: where does my submission stand?"""
    return [
        _request(f"GET {_address(submission)}", {"Authorization": f"Bearer {tokens[applicant]}"})
        for submission, applicant in submissions
    ]


def progress_unchanged(
    port: int, submissions: list[tuple[uuid.UUID, uuid.UUID]], tokens: dict[uuid.UUID, str]
) -> list[bytes]:
    """W1 by phones that have the answer already: each knows the ETag that it was given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    recorded = []
    for submission, applicant in submissions:
        headers = {"Authorization": f"Bearer {tokens[applicant]}"}
        connection.request("GET", _address(submission), headers=headers)
        answer = connection.getresponse()
        answer.read()
        headers["If-None-Match"] = answer.headers["ETag"]
        recorded.append(_request(f"GET {_address(submission)}", headers))
    connection.close()
    return recorded


def reads(paths: list[str]) -> list[bytes]:
    """What anyone may read."""
    return [_request(f"GET {path}", {}) for path in paths]


def reads_unchanged(port: int, paths: list[str]) -> list[bytes]:
    """The same by phones that have the answer already."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    recorded = []
    for path in paths:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        recorded.append(_request(f"GET {path}", {"If-None-Match": answer.headers["ETag"]}))
    connection.close()
    return recorded


def filings(residents: list[Resident], services: int) -> list[bytes]:
    """W2: a form of 30 fields filed at once, by each resident under their own token."""
    recorded = []
    for number, resident in enumerate(residents):
        service = form.SERVICE.format(1 + number % services)
        content = {"service": service, "submit": True, "answers": form.answers()}
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {
            "Authorization": f"Bearer {resident.token}",
            "Idempotency-Key": KEY.decode(),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        recorded.append(_request("POST /v1/submissions", headers, body))
    return recorded


def _address(submission: uuid.UUID) -> str:
    return f"/v1/submissions/{submission}/progress"
