"""Chaining: rows from before there was a chain get their hashes, submission by submission.

For databases of an older release, once, as the owner of the tables: `onephone migrate` does it, or `onephone
chain-history` when the keys were not at hand then. It keeps nothing between its batches, so it may be killed and run
again. When no row is left the columns are made NOT NULL, and nothing writes a row without its hashes any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import structlog
from sqlalchemy import Connection, func, null, select, update

from app import database
from app.crypto import data_keys
from app.crypto.data_keys import KEY
from app.crypto.envelopes import DataKey
from app.crypto.failures import SealBroken, SealKeyMissing, SealVersionUnknown
from app.submissions import chain
from app.submissions.history import ITEMS, OPINION, history

log = structlog.get_logger()


def count() -> int:
    """How many submissions have rows without a hash."""
    unchained = select(func.count(history.c.submission_id.distinct())).where(history.c.row_hash == null())
    with database.reading() as connection:
        return int(connection.execute(unchained).scalar_one())


def chain_all(batch: int = 200) -> Generator[int, None, None]:
    """Chain what is not chained yet, and tell after each batch how many submissions are done. Raises KeysAway."""
    engine, done = database.owner_engine(), 0
    try:
        with engine.connect() as connection:
            while rows := _next(connection, batch):
                for _, of_one in groupby(rows, key=lambda row: row["submission_id"]):
                    _chain(connection, list(of_one))
                    done += 1
                connection.commit()
                yield done
            for name in chain.LINK:
                connection.exec_driver_sql(f"ALTER TABLE history ALTER COLUMN {name} SET NOT NULL")
            connection.commit()
    finally:
        engine.dispose()


def opened(key: DataKey, row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with its sealed columns in plain. Raises SealBroken, SealKeyMissing, SealVersionUnknown."""
    name = f"{row['submission_id']}/{row['number']}"
    found = dict(row)
    for column, place in (("opinion", OPINION), ("items", ITEMS)):
        if row[column] is not None:
            found[column] = key.open(row[column], place, name)
    return found


def _next(connection: Connection, batch: int) -> list[Mapping[str, Any]]:
    """All rows of the next submissions that lack a hash somewhere, with their keys."""
    c = history.c
    ids = select(c.submission_id).where(c.row_hash == null()).distinct().order_by(c.submission_id).limit(batch)
    keys = data_keys.data_keys
    beside = history.outerjoin(keys, keys.c.owner_id == c.submission_id)
    rows = select(history, *KEY).select_from(beside).where(c.submission_id.in_(ids))
    return [dict(row) for row in connection.execute(rows.order_by(c.submission_id, c.number)).mappings()]


def _chain(connection: Connection, rows: list[Mapping[str, Any]]) -> None:
    algorithm, previous, c = data_keys.suite().hash_name, chain.START, history.c
    for row in rows:
        if row["row_hash"] is None:
            link = chain.link_with(algorithm, row, _digest(algorithm, row), previous)
            this = (c.submission_id == row["submission_id"]) & (c.number == row["number"])
            connection.execute(update(history).where(this).values(**link))
            previous = bytes(link["row_hash"])
        else:
            previous = bytes(row["row_hash"])


def _digest(algorithm: str, row: Mapping[str, Any]) -> bytes:
    """The digest of what is personal in a row. Of what is erased or does not open, nobody can make it any more."""
    try:
        key = data_keys.opened(SimpleNamespace(**row))
        return chain.personal_digest(algorithm, chain.field_digests(algorithm, key, row["number"], opened(key, row)))
    except (SealBroken, SealKeyMissing, SealVersionUnknown) as error:
        if any(row[name] is not None for name in chain.PERSONAL):
            log.error("sealed_data_unusable", row=f"history {row['submission_id']}/{row['number']}", detail=str(error))
        return secrets.token_bytes(32)
