"""Index keys: the secrets under the blind indexes, by version, and the keys derived from them per purpose.

They are kept apart from the master keys because they rotate differently: a new master key re-wraps data keys,
a new index key means that every index is computed anew. In an installation with a key file they lie there; with
KMS or HSM they lie in the database, wrapped like data keys.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Connection, DateTime, Integer, LargeBinary, Table, Text, func, insert, select, update

from app.crypto import key_file, suites
from app.crypto.failures import SealKeyMissing
from app.crypto.keyring import KeyRing, Wrapped
from app.crypto.suites import Suite, SuiteSecret
from app.database import metadata

SECRET_SIZE = 32

index_keys = Table(
    "index_keys",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("suite", Text, nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


class IndexKeys:
    """All index keys of an installation by version (1 to 255); the highest version is current."""

    def __init__(self, keys: Mapping[int, SuiteSecret]) -> None:
        if not keys or not all(1 <= version <= 255 for version in keys):
            raise ValueError("index keys have versions from 1 to 255, and there is at least one")
        self._keys = dict(keys)
        self._derived: dict[tuple[str, int], bytes] = {}

    @property
    def secrets(self) -> Mapping[int, SuiteSecret]:
        """The keys themselves, for a move to another keeper."""
        return dict(self._keys)

    @property
    def versions(self) -> Sequence[int]:
        """The current one first."""
        return sorted(self._keys, reverse=True)

    def suite(self, version: int) -> Suite:
        return self._key(version).suite

    def purpose_key(self, purpose: str, version: int) -> bytes:
        """The key of one purpose, so that an index of phones says nothing about an index of document numbers.

        HKDF (RFC 5869) with the purpose as its info; raises SealKeyMissing.
        """
        found = self._derived.get((purpose, version))
        if found is None:
            key = self._key(version)
            found = key.suite.derive(key.value, b"onephone blind index\0" + purpose.encode())
            self._derived[purpose, version] = found
        return found

    def _key(self, version: int) -> SuiteSecret:
        try:
            return self._keys[version]
        except KeyError:
            raise SealKeyMissing(f"there is no index key of version {version}") from None


def in_file(path: Path) -> IndexKeys:
    """The index keys of an installation without KMS or HSM; raises what reading the key file raises."""
    return IndexKeys(key_file.read(path).index_keys)


@dataclass(frozen=True)
class WrappedIndexKey:
    """An index key as an installation with KMS or HSM keeps it: wrapped like a data key."""

    version: int
    suite: Suite
    wrapped: Wrapped


def new_wrapped(version: int, suite: Suite, ring: KeyRing) -> WrappedIndexKey:
    """A new index key that exists unwrapped nowhere but in memory."""
    return WrappedIndexKey(version, suite, ring.wrap(secrets.token_bytes(SECRET_SIZE)))


def unwrapped(records: Iterable[WrappedIndexKey], ring: KeyRing) -> IndexKeys:
    """The index keys of an installation with KMS or HSM; raises what unwrapping raises."""
    return IndexKeys({record.version: SuiteSecret(record.suite, ring.unwrap(record.wrapped)) for record in records})


def stored(connection: Connection) -> list[WrappedIndexKey]:
    """The index keys in the database, the oldest first."""
    rows = connection.execute(select(index_keys).order_by(index_keys.c.version))
    return [
        WrappedIndexKey(row.version, suites.named(row.suite), Wrapped(row.master_key_id, bytes(row.wrapped)))
        for row in rows
    ]


def store(connection: Connection, record: WrappedIndexKey) -> None:
    """Keep a new index key; raises IntegrityError when somebody else has just kept one of this version."""
    values = {"version": record.version, "suite": record.suite.name, **_columns(record.wrapped)}
    connection.execute(insert(index_keys).values(**values))


def rewrap(connection: Connection, ring: KeyRing) -> int:
    """Bring the stored index keys under the current master key; how many were under another. Raises SealError."""
    old = [record for record in stored(connection) if record.wrapped.master_key_id != ring.current_id]
    for record in old:
        same = (index_keys.c.version == record.version) & (index_keys.c.wrapped == record.wrapped.blob)
        wrapped = ring.wrap(ring.unwrap(record.wrapped))
        connection.execute(update(index_keys).where(same).values(**_columns(wrapped)))
    return len(old)


def _columns(wrapped: Wrapped) -> dict[str, object]:
    return {"master_key_id": wrapped.master_key_id, "wrapped": wrapped.blob}
