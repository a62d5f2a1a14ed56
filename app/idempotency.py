"""Idempotency keys: the same request sent again gets the stored answer, and nothing is done twice.

After the IETF httpapi draft "The Idempotency-Key HTTP Header Field". The record is written in the same
transaction as the work, and scoped to the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, delete, func
from sqlalchemy.dialects.postgresql import JSONB

from app import clock, database, jobs
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, require_sealed, sealed_only
from app.database import Work, metadata
from app.refusals import Refusal
from app.settings import settings

idempotency_records = Table(
    "idempotency_records",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_sha256", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", Sealed, nullable=False, info=personal(purpose="to answer the same request the same way")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index(None, "created_at"),
    sealed_only("body"),
)

BODY = "idempotency_records.body"


class RequestInProgress(Refusal):
    """The same key is being worked on right now; ask again in a moment."""


class IdempotencyKeyReused(Refusal):
    """The key was used before for another request."""


@dataclass(frozen=True)
class StoredAnswer:
    status: int
    headers: dict[str, str]
    body: str


# The lock and the record in one round trip. The lock only turns waiting into a clear answer; what makes a
# second record impossible is the primary key.
_CLAIM = """
SELECT pg_try_advisory_xact_lock(hashtextextended(%(scope)s || ' ' || %(key)s, 0)) AS free,
       r.request_sha256, r.status, r.headers, r.body
FROM (SELECT 1) AS one
LEFT JOIN idempotency_records r ON r.scope = %(scope)s AND r.key = %(key)s
"""


def claim(work: Work, scope: str, key: str, request_sha256: str) -> StoredAnswer | None:
    """The answer stored for this key, or None when the work is to be done now.

    Raises RequestInProgress and IdempotencyKeyReused.
    """
    row = work.row(_CLAIM, {"scope": scope, "key": key})
    if row.request_sha256 is not None:
        if row.request_sha256 != request_sha256:
            raise IdempotencyKeyReused
        body = data_keys.of_the_house().open_text(row.body, BODY, f"{scope} {key}")
        return StoredAnswer(row.status, row.headers, body)
    if not row.free:
        raise RequestInProgress
    return None


_REMEMBER = """
INSERT INTO idempotency_records (scope, key, request_sha256, status, headers, body)
VALUES (%(scope)s, %(key)s, %(request_sha256)s, %(status)s, %(headers)s::jsonb, %(body)s)
RETURNING key
"""


def remember(work: Work, record: dict[str, Any]) -> None:
    """Store the answer beside the work and its jobs. A second record of the same key fails on the primary key."""
    row = f"{record['scope']} {record['key']}"
    body = require_sealed(data_keys.of_the_house().seal(record["body"], BODY, row))
    work.flush_jobs(beside=_REMEMBER, values=record | {"body": body})


@jobs.tasks.periodic(cron="7 * * * *")
@jobs.task("purge_idempotency_records", queueing_lock="purge_idempotency_records")
def purge(timestamp: int) -> None:
    """Forget the records that are older than their life."""
    oldest = clock.now() - settings().idempotency_life
    with database.work() as work:
        work.run(delete(idempotency_records).where(idempotency_records.c.created_at < oldest))
