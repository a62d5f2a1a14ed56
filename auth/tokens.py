"""Access tokens: short-lived, signed with our own key (ES256, RFC 7518 §3.4), checked without the database.

A token that was verified once is remembered until it expires; whether its session was revoked is asked from
`auth/revocations.py`, which knows within a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import jwt

from app.identifiers import new_id
from app.people.callers import Clerk, Resident
from app.refusals import Refusal
from app.settings import settings
from auth import token_keys

RESIDENTS = "residents"
STAFF = "staff"
OFFICES = "offices"

_LONGEST = 4096
_HEADER = {"alg", "kid", "typ"}

_C = TypeVar("_C", Resident, Clerk, str)


class TokenMissing(Refusal):
    """The request carries no access token."""


class TokenInvalid(Refusal):
    """The access token is forged, expired, revoked or meant for somebody else; the answer does not say which."""


def published_keys() -> dict[str, Any]:
    """The public halves, for `/.well-known/jwks.json`."""
    return token_keys.current().public


def issue(audience: str, subject: UUID | str, session_id: UUID, claims: dict[str, Any]) -> str:
    """A signed access token for one session. `claims` holds no personal data: tokens pass through many hands."""
    key, now = token_keys.current().signing, int(time.time())
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
    return jwt.encode(payload, key.key, algorithm=token_keys.ALGORITHM, headers={"kid": key.key_id})


def resident_of(token: str) -> Resident:
    """The resident an access token speaks for. Raises TokenInvalid."""
    caller, expires_at = _verified_resident(_bounded(token), token_keys.current().number)
    _check_time(expires_at)
    return caller


def clerk_of(token: str) -> Clerk:
    """The member of staff an access token speaks for. Raises TokenInvalid."""
    caller, expires_at = _verified_clerk(_bounded(token), token_keys.current().number)
    _check_time(expires_at)
    return caller


def office_of(token: str) -> str:
    """The code of the office an access token speaks for. Raises TokenInvalid."""
    code, expires_at = _verified_office(_bounded(token), token_keys.current().number)
    _check_time(expires_at)
    return code


def _check_time(expires_at: int) -> None:
    if time.time() >= expires_at:
        raise TokenInvalid


def _bounded(token: str) -> str:
    """Ours are a few hundred characters; a huge one is neither parsed nor remembered."""
    if len(token) > _LONGEST:
        raise TokenInvalid
    return token


# Keys that changed have another number: what a dropped key signed is not remembered as valid.
@lru_cache(maxsize=8192)
def _verified_resident(token: str, keys_number: int) -> tuple[Resident, int]:
    return _verified(token, RESIDENTS, _resident)


@lru_cache(maxsize=1024)
def _verified_clerk(token: str, keys_number: int) -> tuple[Clerk, int]:
    return _verified(token, STAFF, _clerk)


@lru_cache(maxsize=1024)
def _verified_office(token: str, keys_number: int) -> tuple[str, int]:
    return _verified(token, OFFICES, lambda claims: str(claims["sub"]))


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


def _key_id(token: str) -> str:
    """The id of the key in a header that holds nothing else than ours do: no key, no address of one, no `crit`.

    It is only ever looked up among our own keys, and opens no file and no address (RFC 8725 §3.10).
    """
    header = jwt.get_unverified_header(token)
    if header.keys() != _HEADER or header["alg"] != token_keys.ALGORITHM:
        raise TokenInvalid
    key_id: str = header["kid"]
    return key_id


def _verified(token: str, audience: str, read: Callable[[dict[str, Any]], _C]) -> tuple[_C, int]:
    """The caller in a token whose signature, algorithm, issuer, audience and time all hold (RFC 8725); its end."""
    try:
        key = token_keys.current().by_id[_key_id(token)]
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[token_keys.ALGORITHM],
            audience=audience,
            issuer=settings().public_url,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "sid"]},
        )
        return read(claims), claims["exp"]
    # The last five are claims that are missing or of the wrong kind.
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise TokenInvalid from None
