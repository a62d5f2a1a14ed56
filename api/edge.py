"""The edge: what happens around every request, whatever door it came through."""

from __future__ import annotations

import time
from functools import cache, lru_cache

import structlog
from flask import Flask, Response, g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.exceptions import LengthRequired, NotFound
from werkzeug.http import parse_accept_header

from app import clock
from app.identifiers import new_id
from app.settings import settings

log = structlog.get_logger()

# Answers hold personal data, so they are not stored, unless their door says otherwise.
_DEFAULT_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# Two years, as browsers' preload lists ask for; only said by a service that is reached by https (RFC 6797 §7.2).
_HTTPS_ONLY = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}

CONTENT_LANGUAGE = {"zh": "zh-CN", "en": "en"}


def register(app: Flask) -> None:
    app.before_request(_arrive)
    app.after_request(_leave)


def _arrive() -> None:
    g.started = time.perf_counter()
    g.request_id = new_id()
    # Cut before it is remembered: a stranger must not fill our memory with headers.
    g.language = _language(request.headers.get("Accept-Language", "")[:200])
    # A chunked body would be cut silently at the size limit, so the length must be said before.
    if "Transfer-Encoding" in request.headers:
        raise LengthRequired
    # PostgreSQL stores no NUL character, so nothing has an address with one.
    if "\x00" in request.path:
        raise NotFound


def _leave(response: Response) -> Response:
    request_id = str(g.request_id)
    response.headers.extend(_headers(response, request_id))
    log.info(
        "request",
        method=request.method,
        route=str(request.url_rule),
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 1),
        request_id=request_id,
    )
    return response


def _headers(response: Response, request_id: str) -> list[tuple[str, str]]:
    """What every answer carries beside its own headers. They are added all at once: setting one looks at all."""
    own = {name.lower() for name, _ in response.headers}
    about = [
        ("X-Request-Id", request_id),
        ("Content-Language", CONTENT_LANGUAGE[g.language]),
        ("Vary", "Accept-Language, Authorization"),
        *_of_session(),
    ]
    return about + [(name, value) for name, value in _defaults(_by_https()).items() if name.lower() not in own]


def _of_session() -> list[tuple[str, str]]:
    """How long the caller's session still lasts, in seconds, as their token says: nobody must lose an afternoon's work
    because a login ended under it."""
    ends = getattr(g.get("caller"), "session_ends", None)
    if ends is None:
        return []
    return [("Session-Expires-In", str(max(0, int((ends - clock.now()).total_seconds()))))]


@cache
def _defaults(by_https: bool) -> dict[str, str]:
    return _DEFAULT_HEADERS | (_HTTPS_ONLY if by_https else {})


def _by_https() -> bool:
    return settings().public_url.startswith("https:")


@lru_cache(maxsize=1024)
def _language(header: str) -> str:
    """The language of the answer for an Accept-Language header (RFC 9110 §12.5.4); Chinese if in doubt."""
    wanted = parse_accept_header(header, LanguageAccept)
    best = wanted.best_match(("zh-CN", "zh", "en"), default="zh")
    return best[:2]
