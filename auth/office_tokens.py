"""Tokens of offices: OAuth 2.0 client credentials (RFC 6749 §4.4), for systems that rather log in than sign.

An office proves itself by a JWT that it signed (private_key_jwt, RFC 7523 §2.2), each good once, or by its client
secret (client_secret_basic, RFC 6749 §2.3.1). Whatever is wrong is told the same way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import unquote_plus

import jwt
from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, delete
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs, offices
from app.database import metadata
from app.identifiers import new_id
from app.people.callers import Office
from app.refusals import Refusal
from app.settings import settings
from auth import refusals, tokens
from auth.offices import OfficeSignatureInvalid
from auth.tokens import TokenInvalid

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# One algorithm for each kind of key, so that no token chooses how it is judged (RFC 8725 §3.1).
_ALGORITHMS = {"EC": "ES256", "OKP": "EdDSA", "RSA": "PS256"}
_LONGEST_ASSERTION_SECONDS = 600
_LEEWAY_SECONDS = 30

# An assertion that was shown, until it has expired by itself.
office_assertions = Table(
    "office_assertions",
    metadata,
    Column("office", Text, primary_key=True),
    Column("jti_sha256", LargeBinary, primary_key=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index(None, "expires_at"),
)


class OfficeUnproved(Refusal):
    """The client did not prove which office it is: `error` is OAuth's `invalid_client`."""


class GrantUnsupported(Refusal):
    """Only client credentials are granted here: `error` is OAuth's `unsupported_grant_type`."""


def grant(office_code: str, asked: dict[str, Any], authorization: str | None) -> dict[str, Any]:
    """An access token for this office. Raises GrantUnsupported, OfficeUnproved."""
    if asked["grant_type"] != "client_credentials":
        raise GrantUnsupported(error="unsupported_grant_type")
    has_assertion = "client_assertion" in asked
    # RFC 6749 §2.3: one way to authenticate in one request.
    if has_assertion == (authorization is not None):
        _refuse("no_proof_or_two")
    if has_assertion:
        _check_assertion(office_code, asked)
    else:
        _check_secret(office_code, authorization or "")
    return {
        "access_token": tokens.issue(tokens.OFFICES, office_code, new_id(), {}),
        "token_type": "Bearer",
        "expires_in": int(settings().access_token_life.total_seconds()),
    }


def bearer(office_code: str, token: str, message_id: str) -> Office:
    """The office whose access token this is, at its own address. Raises OfficeSignatureInvalid."""
    try:
        is_theirs = tokens.office_of(token) == office_code and office_code in settings().offices
    except TokenInvalid:
        is_theirs = False
    if not is_theirs:
        refusals.count("office", "token_invalid")
        raise OfficeSignatureInvalid
    return Office(office_code, message_id)


def _check_assertion(office_code: str, asked: dict[str, Any]) -> None:
    if asked.get("client_assertion_type") != ASSERTION_TYPE or asked.get("client_id", office_code) != office_code:
        _refuse("assertion_of_another_kind")
    claims = _claims(office_code, asked["client_assertion"])
    if claims is None:
        _refuse("assertion_invalid")
    if not _is_first_use(office_code, claims):
        _refuse("assertion_replayed")


def _claims(office_code: str, assertion: str) -> dict[str, Any] | None:
    """What the office signed, when all of it holds (RFC 7523 §3); None otherwise."""
    try:
        kid = jwt.get_unverified_header(assertion).get("kid")
    except jwt.PyJWTError:
        return None
    keys = [key for key in offices.public_keys(office_code) if kid is None or key.get("kid") == kid]
    return next((claims for key in keys if (claims := _verified(office_code, assertion, key)) is not None), None)


def _verified(office_code: str, assertion: str, key: dict[str, Any]) -> dict[str, Any] | None:
    algorithm = _ALGORITHMS[key["kty"]]
    here = settings().public_url
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion,
            jwt.PyJWK(key, algorithm=algorithm).key,
            algorithms=[algorithm],
            audience=[here, f"{here}/v1/offices/{office_code}/token"],
            issuer=office_code,
            subject=office_code,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "sub", "aud", "jti"]},
        )
        is_short = claims["exp"] - time.time() <= _LONGEST_ASSERTION_SECONDS + _LEEWAY_SECONDS
        return claims if is_short and isinstance(claims["jti"], str) and claims["jti"] else None
    # The last ones are claims of the wrong kind, and keys that the configuration got wrong.
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _is_first_use(office_code: str, claims: dict[str, Any]) -> bool:
    """Note the assertion as shown; saved by itself, so that it is spent whatever comes after."""
    values = {
        "office": office_code,
        "jti_sha256": hashlib.sha256(claims["jti"].encode(errors="replace")).digest(),
        "expires_at": datetime.fromtimestamp(claims["exp"] + _LEEWAY_SECONDS, UTC),
    }
    statement = insert(office_assertions).values(**values).on_conflict_do_nothing()
    with database.work() as work:
        return work.run(statement.returning(office_assertions.c.office)).one_or_none() is not None


def _check_secret(office_code: str, authorization: str) -> None:
    kind, _, content = authorization.partition(" ")
    try:
        pair = base64.b64decode(content.strip(), validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        pair = ""
    client_id, _, secret = pair.partition(":")
    # Both are form-encoded before they are joined (RFC 6749 §2.3.1).
    if not _is_right(office_code, unquote_plus(secret)) or unquote_plus(client_id) != office_code:
        _refuse("secret_wrong")


def _is_right(office_code: str, offered: str) -> bool:
    # Compared with all of them, and with something where there is none.
    keys = offices.client_secrets(office_code)
    digest = hashlib.sha256(offered.encode(errors="replace")).digest()
    known = [hashlib.sha256(key.secret.encode()).digest() for key in keys] or [b"\0" * 32]
    matches = [hmac.compare_digest(digest, one) for one in known]
    if any(match and key.is_old for match, key in zip(matches, keys, strict=False)):
        refusals.count("office_token", f"old_secret_used_by_{office_code}")
    return any(matches) and bool(keys)


def _refuse(reason: str) -> NoReturn:
    refusals.count("office_token", reason)
    raise OfficeUnproved(error="invalid_client")


@jobs.tasks.periodic(cron="41 * * * *")
@jobs.task("purge_office_assertions", queueing_lock="purge_office_assertions")
def purge(timestamp: int) -> None:
    """Forget assertions that have expired: they would be refused anyway."""
    with database.work() as work:
        work.run(delete(office_assertions).where(office_assertions.c.expires_at < clock.now()))
