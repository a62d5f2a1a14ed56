"""Signing keys: what the service signs with in its own name, such as the head of each day's tree.

Wrapped by the master keys like data keys, whoever keeps those, in the table `signing_keys`. The newest key of the suite
that `CRYPTO_SUITE` names signs; all of them can be read, so what an older one signed is verified for ever. A key is
made by who first needs it, and by `onephone keys --add-signing-key`.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, DateTime, LargeBinary, Table, Text, insert, select, text, update

from app import clock
from app.crypto import suites
from app.crypto.keyring import KeyRing, Wrapped
from app.crypto.suites import SigningPair, Suite
from app.database import Work, append_only, metadata

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("suite", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # A rotation wraps the private half anew.
    info=append_only("master_key_id", "wrapped"),
)

ALGORITHMS = {"international": "Ed25519", "national": "SM2"}
"""What a suite signs with, by its name: Ed25519 (RFC 8032), SM2 with SM3 (GB/T 32918.2-2016)."""

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7166302)")


@dataclass(frozen=True)
class PublicKey:
    """Who verifies needs this: the public half, in the suite's raw encoding (Ed25519: 32 bytes; SM2: x and y)."""

    id: str
    suite: Suite
    raw: bytes

    @property
    def algorithm(self) -> str:
        return ALGORITHMS[self.suite.name]

    def verify(self, message: bytes, signature: bytes) -> bool:
        return self.suite.verify(self.raw, message, signature)

    def told(self) -> dict[str, str]:
        """The key as it is published."""
        return {"id": self.id, "algorithm": self.algorithm, "public_key": base64.b64encode(self.raw).decode()}


def sign(work: Work, suite: Suite, ring: KeyRing, message: bytes) -> tuple[str, bytes]:
    """The id of the key that signs today, and its signature. Raises SealError, SuiteUnavailable."""
    row = _newest(work.connection, suite) or _made(work, suite, ring)
    private = ring.unwrap(Wrapped(row.master_key_id, bytes(row.wrapped)))
    return row.id, suite.sign(SigningPair(private, bytes(row.public_key)), message)


def add(work: Work, suite: Suite, ring: KeyRing) -> str:
    """A new key that signs from now on; its id."""
    work.run(_ONE_AT_A_TIME)
    pair, at = suite.new_signing_pair(), clock.now()
    key_id, wrapped = f"{clock.day_of(at)}-{secrets.token_hex(8)}", ring.wrap(pair.private)
    values = {"id": key_id, "suite": suite.name, "public_key": pair.public, "created_at": at, **_columns(wrapped)}
    work.run(insert(signing_keys).values(**values))
    return key_id


def public(connection: Connection) -> dict[str, PublicKey]:
    """The public halves of all keys there ever were, by id."""
    rows = connection.execute(select(signing_keys.c.id, signing_keys.c.suite, signing_keys.c.public_key))
    return {row.id: PublicKey(row.id, suites.named(row.suite), bytes(row.public_key)) for row in rows}


def rewrap(connection: Connection, ring: KeyRing) -> int:
    """Bring all keys under the current master key; how many were under another. Raises SealError."""
    c = signing_keys.c
    old = connection.execute(select(signing_keys).where(c.master_key_id != ring.current_id)).all()
    for row in old:
        wrapped = ring.wrap(ring.unwrap(Wrapped(row.master_key_id, bytes(row.wrapped))))
        same = (c.id == row.id) & (c.wrapped == row.wrapped)
        connection.execute(update(signing_keys).where(same).values(**_columns(wrapped)))
    return len(old)


def _made(work: Work, suite: Suite, ring: KeyRing) -> Any:
    """The first key of a suite; of two who need it at once, the second finds the first one's."""
    work.run(_ONE_AT_A_TIME)
    if _newest(work.connection, suite) is None:
        add(work, suite, ring)
    return _newest(work.connection, suite)


def _newest(connection: Connection, suite: Suite) -> Any:
    c = signing_keys.c
    newest = select(signing_keys).where(c.suite == suite.name).order_by(c.created_at.desc(), c.id.desc())
    return connection.execute(newest.limit(1)).one_or_none()


def _columns(wrapped: Wrapped) -> dict[str, object]:
    return {"master_key_id": wrapped.master_key_id, "wrapped": wrapped.blob}
