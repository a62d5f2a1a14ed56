"""Data keys: one for each person and each submission, wrapped by a master key, and one for the house itself.

Who destroys an owner's row here has erased all that was sealed for them, in every copy of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Column, Connection, DateTime, LargeBinary, Table, Text, func, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import database, jobs
from app.crypto import blind_indexes, index_keys, master_keys, rotation, signing_keys, suites
from app.crypto.blind_indexes import Purpose
from app.crypto.envelopes import DataKey, Envelope
from app.crypto.failures import SealKeyMissing
from app.crypto.index_keys import IndexKeys
from app.crypto.keyring import KeyRing, Wrapped
from app.crypto.suites import Suite
from app.database import Work, metadata
from app.settings import settings

log = structlog.get_logger()

HOUSE = UUID(int=0)
"""The owner of what belongs to no single person, such as the reason that a clerk gave for a look."""

data_keys = Table(
    "data_keys",
    metadata,
    Column("owner_id", Uuid(as_uuid=True), primary_key=True),
    Column("key_id", Uuid(as_uuid=True), nullable=False, unique=True),
    Column("master_key_id", Text, nullable=False, index=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

KEY = (data_keys.c.key_id, data_keys.c.master_key_id, data_keys.c.wrapped)
"""What a statement reads beside the sealed values, by an outer join, so that `opened` can open them."""


@cache
def suite() -> Suite:
    """The suite that seals from now on; values of the other one are read all the same."""
    return suites.named(settings().crypto_suite)


@cache
def ring() -> KeyRing:
    """The master keys of this installation. Raises SealKeyMissing, KeyFileUnsafe, SuiteUnavailable."""
    return master_keys.ring(settings())


@cache
def _index_keys() -> IndexKeys:
    """Raises SealKeyMissing, KeyFileUnsafe, SealBroken, KeysAway."""
    if settings().master_keys[0] == "file":
        return index_keys.in_file(Path(settings().key_file))
    with database.reading() as connection:
        stored = index_keys.stored(connection)
    if not stored:
        raise SealKeyMissing("the database holds no index keys yet: onephone keys")
    return index_keys.unwrapped(stored, ring())


def new() -> tuple[Envelope, DataKey]:
    """A data key that is not stored yet, for a statement that stores it with what it seals."""
    return Envelope.create(suite(), ring())


def columns(envelope: Envelope, owner_id: UUID) -> dict[str, object]:
    """The row of an envelope."""
    return {
        "owner_id": owner_id,
        "key_id": envelope.key_id,
        "master_key_id": envelope.wrapped.master_key_id,
        "wrapped": envelope.wrapped.blob,
    }


def create(work: Work, owner_id: UUID) -> DataKey:
    """A new owner's key, stored with the work."""
    envelope, key = new()
    work.run(insert(data_keys).values(**columns(envelope, owner_id)))
    return key


def opened(row: Any) -> DataKey:
    """The key of a row that holds the columns of `KEY`.

    Raises SealKeyMissing when the owner's key was destroyed (their data is gone for good), SealBroken, KeysAway.
    """
    return envelope(row).open(suite(), ring())


def envelope(row: Any) -> Envelope:
    """The envelope of a row that holds the columns of `KEY`. Raises SealKeyMissing."""
    if row.key_id is None:
        raise SealKeyMissing(f"{_named(row)}: the owner of a sealed value has no data key any more")
    return Envelope(row.key_id, Wrapped(row.master_key_id, bytes(row.wrapped)))


def _named(row: Any) -> str:
    """Which row it is, by its id or its submission's, for an operator."""
    for name in ("id", "submission_id", "owner_id", "resident_id"):
        found = getattr(row, name, None)
        if found is not None:
            return f"{name} {found}"
    return "a row"


def of(connection: Connection, owner_id: UUID) -> DataKey:
    """The key of an owner. Raises SealKeyMissing when it was destroyed: their data is gone for good."""
    found = connection.execute(select(*KEY).where(data_keys.c.owner_id == owner_id)).one_or_none()
    if found is None:
        raise SealKeyMissing(f"owner {owner_id} has no data key")
    return opened(found)


@cache
def of_the_house() -> DataKey:
    """The house's own key, made by the first process that needs it."""
    with database.reading() as connection:
        found = connection.execute(select(*KEY).where(data_keys.c.owner_id == HOUSE)).one_or_none()
    if found is not None:
        return opened(found)
    with database.work() as work:
        made, _ = new()
        work.run(insert(data_keys).values(**columns(made, HOUSE)).on_conflict_do_nothing())
        return of(work.connection, HOUSE)


def index(purpose: Purpose, text: str) -> bytes:
    """The blind index to store. Raises NothingToIndex."""
    return blind_indexes.index(_index_keys(), purpose, text)


def candidates(purpose: Purpose, text: str) -> list[bytes]:
    """The blind indexes to search for. Raises NothingToIndex."""
    return blind_indexes.candidates(_index_keys(), purpose, text)


def fingerprint(purpose: str, content: bytes) -> bytes:
    """A MAC to store in place of a plain hash, where only we compare: equal contents are seen, and none is guessed."""
    return blind_indexes.fingerprint(_index_keys(), purpose, content)


def is_fingerprint(stored: bytes, purpose: str, content: bytes) -> bool:
    """Whether a stored fingerprint is this content's, under the index key that made it, an older one too."""
    return blind_indexes.is_fingerprint(_index_keys(), stored, purpose, content)


@dataclass(frozen=True)
class Envelopes:
    """The table as the rotation sees it (`rotation.EnvelopeStore`): one batch is one transaction."""

    connection: Connection

    def next_batch(self, current_id: str, after: UUID | None, limit: int) -> Sequence[Envelope]:
        old = select(*KEY).where(data_keys.c.master_key_id != current_id)
        if after is not None:
            old = old.where(data_keys.c.key_id > after)
        return [envelope(row) for row in self.connection.execute(old.order_by(data_keys.c.key_id).limit(limit))]

    def replace(self, old: Envelope, new: Envelope) -> bool:
        unchanged = (data_keys.c.key_id == old.key_id) & (data_keys.c.wrapped == old.wrapped.blob)
        values = {"master_key_id": new.wrapped.master_key_id, "wrapped": new.wrapped.blob}
        return self.connection.execute(update(data_keys).where(unchanged).values(**values)).rowcount == 1

    def save(self) -> None:
        self.connection.commit()


def rewrap(batch: int = 500) -> Iterator[rotation.Progress]:
    """Bring every data key under the current master key, and tell the progress after each batch.

    May be stopped or killed anywhere: the next run does what is left. Raises KeysAway.
    """
    with database.engine().connect() as connection:
        index_keys.rewrap(connection, ring())
        signing_keys.rewrap(connection, ring())
        connection.commit()
        for progress in rotation.rewrap(ring(), Envelopes(connection), batch):
            for key_id, error in progress.named.items():
                log.error("data_key_unusable", key_id=str(key_id), error=error)
            yield progress


@jobs.tasks.periodic(cron="37 3 * * *")
@jobs.task("rotate_keys", queueing_lock="rotate_keys")
def rotate(timestamp: int) -> None:
    """Every night: whatever an older master key still wraps comes under the current one."""
    for progress in rewrap():
        log.info("data_keys_rewrapped", so_far=progress.rewrapped, unusable=progress.unusable)


def count_old() -> int:
    """How many data keys are not under the current master key."""
    old = select(func.count()).where(data_keys.c.master_key_id != ring().current_id)
    with database.reading() as connection:
        return int(connection.execute(old).scalar_one())


def forget() -> None:
    """Empty this process's memory of keys. For tests that change databases or keys."""
    for cached in (suite, ring, _index_keys, of_the_house):
        cached.cache_clear()
