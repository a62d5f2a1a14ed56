"""Answers: how our data becomes JSON. One way for every door, the error body and the specification."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Flask, Response, current_app, request
from flask.json.provider import JSONProvider

JSON = "application/json"


class Json(JSONProvider):
    """Compact, in the order given, Chinese as it is; dates as RFC 3339 and ids as text."""

    def dumps(self, obj: Any, **options: Any) -> str:
        return _encoder.encode(obj)

    def loads(self, s: str | bytes, **options: Any) -> Any:
        return json.loads(s, parse_constant=_no_number)


def _no_number(name: str) -> None:
    """Python reads NaN and Infinity; JSON (RFC 8259 §6) and PostgreSQL know no such numbers."""
    raise ValueError(f"{name} is no number in JSON")


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)


def register(app: Flask) -> None:
    app.json = Json(app)


def of(content: Any, status: int = 200, mimetype: str = JSON, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(current_app.json.dumps(content), status, headers, mimetype)


def with_etag(content: Callable[[], Any], tag: str) -> Response:
    """A JSON answer with its ETag, or 304 when the client has it already (RFC 9110 §13.1.2).

    `content` is only called when an answer is needed.
    """
    quoted = f'"{tag}"'
    if quoted in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers={"ETag": quoted})
    return of(content(), headers={"ETag": quoted})


_AN_HOUR = "public, max-age=3600"


def with_content_tag(content: Any, cache: str = _AN_HOUR) -> Response:
    """A JSON answer for anyone, whose ETag is a hash of it, or 304; for what is small and seldom changes."""
    body = current_app.json.dumps(content)
    quoted = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    if quoted in request.headers.get("If-None-Match", ""):
        response = Response(status=304)
    else:
        response = Response(body, 200, mimetype=JSON)
    response.headers["ETag"] = quoted
    response.headers["Cache-Control"] = cache
    return response
