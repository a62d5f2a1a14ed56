"""Access tokens: short-lived, signed with our own key (ES256, RFC 7518 §3.4), checked without the database.

A token that was verified once is remembered until it expires; whether its session was revoked is asked from
`auth/sessions.py`, which knows within a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import jwt

from app.identifiers import new_id
from app.people.callers import Clerk, Resident
from app.refusals import Refusal
from app.settings import settings

ALGORITHM = "ES256"
RESIDENTS = "residents"
STAFF = "staff"

_C = TypeVar("_C", Resident, Clerk)


class TokenMissing(Refusal):
    """The request carries no access token."""


class TokenInvalid(Refusal):
    """The access token is forged, expired, revoked or meant for somebody else; the answer does not say which."""


@dataclass(frozen=True)
class _Keys:
    signing: jwt.PyJWK
    by_id: dict[str, jwt.PyJWK]
    public: dict[str, Any]


@cache
def _keys() -> _Keys:
    """The keys of TOKEN_KEYS_FILE, a private JWK Set (RFC 7517): the first signs, all of them verify."""
    entries = json.loads(Path(settings().token_keys_file).read_text())["keys"]
    keys = [jwt.PyJWK(entry, algorithm=ALGORITHM) for entry in entries]
    public = [{k: v for k, v in entry.items() if k != "d"} | {"use": "sig", "alg": ALGORITHM} for entry in entries]
    return _Keys(keys[0], {str(key.key_id): key for key in keys}, {"keys": public})


def published_keys() -> dict[str, Any]:
    """The public halves, for `/.well-known/jwks.json`."""
    return _keys().public


def issue(audience: str, subject: UUID, session_id: UUID, claims: dict[str, Any]) -> str:
    """A signed access token for one session. `claims` holds no personal data: tokens pass through many hands."""
    key, now = _keys().signing, int(time.time())
    payload = {
        "iss": settings().public_url,
        "aud": audience,
        "sub": str(subject),
        "sid": str(session_id),
        "jti": str(new_id()),
        "iat": now,
        "exp": now + int(settings().access_token_life.total_seconds()),
        **claims,
    }
    return jwt.encode(payload, key.key, algorithm=ALGORITHM, headers={"kid": key.key_id})


def resident_of(token: str) -> Resident:
    """The resident an access token speaks for. Raises TokenInvalid."""
    caller, expires_at = _verified_resident(token)
    _check_time(expires_at)
    return caller


def clerk_of(token: str) -> Clerk:
    """The member of staff an access token speaks for. Raises TokenInvalid."""
    caller, expires_at = _verified_clerk(token)
    _check_time(expires_at)
    return caller


def _check_time(expires_at: int) -> None:
    if time.time() >= expires_at:
        raise TokenInvalid


@lru_cache(maxsize=8192)
def _verified_resident(token: str) -> tuple[Resident, int]:
    return _verified(token, RESIDENTS, _resident)


@lru_cache(maxsize=1024)
def _verified_clerk(token: str) -> tuple[Clerk, int]:
    return _verified(token, STAFF, _clerk)


def _resident(claims: dict[str, Any]) -> Resident:
    authenticated_at = datetime.fromtimestamp(claims["auth_time"], UTC)
    who = (UUID(claims["sub"]), UUID(claims["sid"]), _number(claims["lvl"]), authenticated_at)
    organisation = claims.get("org")
    return Resident(*who, organisation and UUID(organisation), *_of_session(claims))


def _clerk(claims: dict[str, Any]) -> Clerk:
    return Clerk(UUID(claims["sub"]), UUID(claims["sid"]), claims["role"], claims["dept"], *_of_session(claims))


def _of_session(claims: dict[str, Any]) -> tuple[datetime | None, int]:
    """When the session ends, and the generation of its tokens; one that was made before we told them has neither."""
    ends = claims.get("sxp")
    return ends and datetime.fromtimestamp(ends, UTC), _number(claims.get("gen", 0))


def _number(claim: Any) -> int:
    if type(claim) is not int:
        raise TypeError
    return claim


def _verified(token: str, audience: str, read: Callable[[dict[str, Any]], _C]) -> tuple[_C, int]:
    """The caller in a token whose signature, algorithm, issuer, audience and time all hold (RFC 8725); its end."""
    try:
        key = _keys().by_id[jwt.get_unverified_header(token)["kid"]]
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=settings().public_url,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "sid"]},
        )
        return read(claims), claims["exp"]
    # The last five are claims that are missing or of the wrong kind.
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise TokenInvalid from None
