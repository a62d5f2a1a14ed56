"""Guards: who may enter. Every door of the API is built with one of these six.

A guard looks at a request and returns the caller it found, or refuses. Each names the security schemes under
which its doors are published in openapi.yaml; any one of them is enough, and an empty one is none.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from flask import Request

from app.people.callers import Caller, Resident
from app.settings import settings
from auth import addresses, desk_activity, office_tokens, tokens, wechat_push
from auth import offices as office_signatures
from auth.revocations import revoked
from auth.tokens import TokenInvalid, TokenMissing


@dataclass(frozen=True)
class Guard:
    """`check` is called before every request of a door; `words` tell a reader of openapi.yaml who may enter;
    `body_limit` is in bytes, asked for at each request."""

    name: str
    words: str
    check: Callable[[Request], Caller | None]
    schemes: tuple[str, ...]
    body_limit: Callable[[], int]


def _bearer(request: Request) -> str:
    """The access token of the request (RFC 6750 §2.1: in the header only, never in the address)."""
    header = request.headers.get("Authorization", "")
    kind, _, token = header.partition(" ")
    if not header:
        raise TokenMissing
    if kind.lower() != "bearer" or not token:
        raise TokenInvalid
    return token


def _anyone(request: Request) -> None:
    return None


def logged_in(request: Request) -> Resident:
    """The resident whose access token a request carries; for open doors that ask it only sometimes too.

    Raises TokenMissing, TokenInvalid.
    """
    resident = tokens.resident_of(_bearer(request))
    if revoked.bars(resident):
        raise TokenInvalid
    return resident


def _clerk(request: Request) -> Caller:
    clerk = tokens.clerk_of(_bearer(request))
    if revoked.bars(clerk) or not desk_activity.is_alive(clerk.session_id):
        raise TokenInvalid
    return clerk


def _watcher(request: Request) -> None:
    """Whoever knows METRICS_TOKEN; where there is none, whoever asks from this very machine."""
    expected = settings().metrics_token
    if not expected:
        if not addresses.is_local(request):
            raise TokenMissing
    elif not hmac.compare_digest(_bearer(request).encode(), expected.encode()):
        raise TokenInvalid


def _office(request: Request) -> Caller:
    code = str((request.view_args or {}).get("office_code", ""))
    if "Authorization" in request.headers:
        kind, _, token = request.headers["Authorization"].partition(" ")
        token = token if kind.lower() == "bearer" else ""
        return office_tokens.bearer(code, token, request.headers.get("webhook-id", ""))
    return office_signatures.verified(code, dict(request.headers), request.get_data(cache=True))


def _wechat(request: Request) -> Caller:
    return wechat_push.verified(request.args, request.get_data(cache=True))


anyone = Guard("anyone", "Open to anyone.", _anyone, (), lambda: settings().body_limit)
residents = Guard("residents", "For residents who logged in.", logged_in, ("resident",), lambda: settings().body_limit)
staff = Guard("staff", "For staff who logged in.", _clerk, ("staff",), lambda: settings().body_limit)
watchers = Guard(
    "watchers",
    "For whoever watches the service: with METRICS_TOKEN or, where none is set, from this very machine.",
    _watcher,
    ("", "watcher"),
    lambda: settings().body_limit,
)
offices = Guard(
    "offices",
    "For approval systems, who sign each request or send an access token.",
    _office,
    ("office", "office_token"),
    lambda: settings().office_body_limit,
)
wechat = Guard(
    "wechat",
    "For WeChat's message push, which signs each request.",
    _wechat,
    ("wechat",),
    lambda: wechat_push.BODY_LIMIT,
)
