"""Time stamps: an authority of the deployment's choice confirms that a day's head was there by then (RFC 3161).

A head is published without one while the authority is away, visibly so, and gets it from the sweeper as soon as it is
back. No answer is kept before it was verified in full: status, signature and chain up to the trusted roots, the
signer's extended key usage, nonce, and the imprint of exactly this head.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import requests
import structlog
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from sqlalchemy import Column, Date, DateTime, ForeignKey, LargeBinary, Table, select
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs, outside_calls
from app.database import append_only, metadata
from app.settings import settings
from app.supervision.tree_heads import statement, tree_heads

log = structlog.get_logger()

_LARGEST: Final = 64 * 1024
"""Bytes of an answer; one with a few certificates in it has some five thousand."""

_SKEW: Final = timedelta(minutes=5)
"""How far the authority's clock may stand from ours at the moment of stamping."""

time_stamps = Table(
    "time_stamps",
    metadata,
    Column("day", Date, ForeignKey("tree_heads.day"), primary_key=True),
    # The TimeStampResp in DER, whole: whatever verifies time stamps reads it.
    Column("token", LargeBinary, nullable=False),
    Column("stamped_at", DateTime(timezone=True), nullable=False),
    info=append_only(),
)


class NotStamped(Exception):
    """The authority is away, refuses, or answered something that does not hold; the text says which."""


class AuthorityAway(NotStamped):
    """It cannot be reached now: asking for the next head would only cost time."""


@dataclass(frozen=True)
class Stamp:
    """A verified answer, and the instant that it vouches for."""

    token: bytes
    at: datetime


def sweep() -> int:
    """Have every head stamped that is not yet, the oldest first; how many were. What fails stays for the next run."""
    if settings().tsa_url is None:
        return 0
    count = 0
    for day, said in _waiting():
        # No connection is held meanwhile: the authority may be slow.
        try:
            stamp = ask(said)
        except NotStamped as error:
            log.warning("tree_head_unstamped", day=day.isoformat(), detail=str(error))
            if isinstance(error, AuthorityAway):
                break
            continue
        with database.work() as work:
            values = {"day": day, "token": stamp.token, "stamped_at": stamp.at}
            kept = insert(time_stamps).values(**values).on_conflict_do_nothing().returning(time_stamps.c.day)
            count += len(work.run(kept).all())
    return count


@jobs.tasks.periodic(cron="5-59/10 * * * *")
@jobs.task("stamp_tree_heads", queueing_lock="stamp_tree_heads")
def stamp_waiting(timestamp: int) -> None:
    """Every ten minutes: heads that have no time stamp yet."""
    sweep()


def ask(message: bytes) -> Stamp:
    """Have the authority stamp these bytes. Raises NotStamped, AuthorityAway."""
    wanted = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _post(wanted.as_bytes())
    try:
        response = decode_timestamp_response(answer)
        verifier = VerifierBuilder.from_request(wanted)
        for root in trusted_roots():
            verifier = verifier.add_root_certificate(root)
        _verify(response, message, verifier)
        at = response.tst_info.gen_time
    # The library parses in Rust, and a malformed answer is a ValueError there.
    except (ValueError, VerificationError) as error:
        raise NotStamped(f"the authority's answer does not hold: {error}") from None
    if abs(at - clock.now()) > _SKEW:
        raise NotStamped(f"the authority's clock says {at.isoformat()}")
    return Stamp(answer, at)


def verify(token: bytes, message: bytes, roots: list[Certificate]) -> datetime:
    """The instant by which a kept stamp vouches for these bytes. Raises NotStamped."""
    try:
        response = decode_timestamp_response(token)
        verifier = VerifierBuilder()
        for root in roots:
            verifier = verifier.add_root_certificate(root)
        _verify(response, message, verifier)
        return response.tst_info.gen_time
    except (ValueError, VerificationError) as error:
        raise NotStamped(f"the time stamp does not hold: {error}") from None


def trusted_roots() -> list[Certificate]:
    """The roots of `TSA_CERTIFICATES`. Raises NotStamped when the file cannot be read."""
    try:
        return load_pem_x509_certificates(Path(str(settings().tsa_certificates)).read_bytes())
    except (OSError, ValueError) as error:
        raise NotStamped(f"TSA_CERTIFICATES: {type(error).__name__}") from None


def _verify(response: TimeStampResponse, message: bytes, verifier: VerifierBuilder) -> None:
    imprint = response.tst_info.message_imprint
    # Only the hash that was asked for: of a weaker one somebody might find a second message.
    if imprint.hash_algorithm.dotted_string != _SHA256:
        raise VerificationError("an imprint by another hash than SHA-256")
    verifier.build().verify(response, hashlib.sha256(message).digest())


_SHA256: Final = "2.16.840.1.101.3.4.2.1"


def _waiting() -> list[tuple[date, bytes]]:
    """Heads without a stamp, the oldest first, and what is stamped of each."""
    missing = select(tree_heads).outerjoin(time_stamps, time_stamps.c.day == tree_heads.c.day)
    missing = missing.where(time_stamps.c.day.is_(None)).order_by(tree_heads.c.day)
    with database.reading() as connection:
        return [(row["day"], statement(row)) for row in connection.execute(missing).mappings()]


def _post(query: bytes) -> bytes:
    """RFC 3161 §3.4: time stamps over HTTP. Raises NotStamped, AuthorityAway."""
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        response = outside_calls.call("POST", str(settings().tsa_url), data=query, headers=headers)
    except requests.RequestException as error:
        raise AuthorityAway(f"the authority does not answer: {type(error).__name__}") from None
    answer, status, kind = response.content, response.status_code, response.headers.get("Content-Type", "")
    if status != 200 or kind.split(";")[0].strip() != "application/timestamp-reply" or len(answer) > _LARGEST:
        raise NotStamped(f"the authority answered {status} {kind[:60]}, {len(answer)} bytes")
    return answer
