"""The edge: what happens around every request, whatever door it came through."""

from __future__ import annotations

import time
from functools import lru_cache

import structlog
from flask import Flask, Response, g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.exceptions import LengthRequired, NotFound
from werkzeug.http import parse_accept_header

from app.identifiers import new_id

log = structlog.get_logger()

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

CONTENT_LANGUAGE = {"zh": "zh-CN", "en": "en"}


def register(app: Flask) -> None:
    app.before_request(_arrive)
    app.after_request(_leave)


def _arrive() -> None:
    g.started = time.perf_counter()
    g.request_id = new_id()
    g.language = _language(request.headers.get("Accept-Language", ""))
    # A chunked body would be cut silently at the size limit, so the length must be said before.
    if "Transfer-Encoding" in request.headers:
        raise LengthRequired
    # PostgreSQL stores no NUL character, so nothing has an address with one.
    if "\x00" in request.path:
        raise NotFound


def _leave(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = str(g.request_id)
    headers["Content-Language"] = CONTENT_LANGUAGE[g.language]
    headers["Vary"] = "Accept-Language, Authorization"
    # Answers hold personal data unless their door says otherwise.
    headers.setdefault("Cache-Control", "no-store")
    for name, value in _SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    log.info(
        "request",
        method=request.method,
        route=str(request.url_rule),
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 1),
        request_id=headers["X-Request-Id"],
    )
    return response


@lru_cache(maxsize=1024)
def _language(header: str) -> str:
    """The language of the answer for an Accept-Language header (RFC 9110 §12.5.4); Chinese if in doubt."""
    wanted = parse_accept_header(header[:200], LanguageAccept)
    best = wanted.best_match(("zh-CN", "zh", "en"), default="zh")
    return best[:2]
