"""Resealing: values that the other suite sealed are sealed anew with the current one, wherever they lie.

Both suites are readable at any time, so nothing has to wait for this. It walks every sealed column by the tables'
metadata, in batches that are saved one by one, and keeps nothing between them: killed anywhere and started again, it
finds what is left. A value that cannot be opened stays as it is and is named in the progress.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select, tuple_, update

from app import database, jobs
from app.crypto import data_keys, sealed
from app.crypto.envelopes import DataKey, SealedBytes
from app.crypto.failures import SealBroken, SealError, SealKeyMissing, SealVersionUnknown
from app.database import Job, metadata

log = structlog.get_logger()

_LOST = (SealBroken, SealKeyMissing, SealVersionUnknown)


@dataclass(frozen=True)
class Progress:
    """How many rows a run has sealed anew so far, how many somebody changed meanwhile (they are sealed with the current
    suite by that), how many it could not, and the ones of the last batch by name, with the error's words."""

    resealed: int = 0
    changed_meanwhile: int = 0
    unusable: int = 0
    named: Mapping[str, str] = field(default_factory=dict)


def count() -> int:
    """How many rows hold a value of another suite than the current one."""
    with database.reading() as connection:
        return sum(
            int(connection.execute(select(func.count()).select_from(table).where(_old(table))).scalar_one())
            for table in _tables()
        )


def reseal(batch: int = 200) -> Iterator[Progress]:
    """Seal what the other suite sealed with the current one, and tell the progress after each batch.

    May be stopped or killed anywhere. Raises KeysAway: what was saved stays, the next run does the rest.
    """
    progress = Progress()
    with database.engine().connect() as connection:
        for table in _tables():
            for outcomes in _batches(connection, table, batch):
                progress = _advanced(progress, outcomes)
                for name, words in progress.named.items():
                    log.error("sealed_data_unusable", row=name, detail=words)
                yield progress


def defer() -> None:
    """Have a worker do it in the background."""
    with database.work() as work:
        work.defer(Job("reseal", {}, lock="reseal"))


@jobs.task("reseal", queueing_lock="reseal")
def run() -> None:
    """The same as a job. May run twice: what was resealed is not old any more."""
    for progress in reseal():
        log.info("resealed", so_far=progress.resealed, unusable=progress.unusable)


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if sealed.sealed_columns(table)]


def _old(table: Table) -> ColumnElement[bool]:
    """Rows with a value whose second byte, the suite, is another one's; NULL is nobody's."""
    number = data_keys.suite().number
    return or_(*(func.get_byte(column, 1) != number for column in sealed.sealed_columns(table)))


def _batches(connection: Connection, table: Table, size: int) -> Iterator[dict[str, bool | str]]:
    """Row by row what happened, one dictionary for each batch, saved: see `_reseal_row`."""
    places = list(table.primary_key.columns)
    values = sealed.sealed_columns(table)
    after: tuple[Any, ...] | None = None
    while True:
        wanted = select(*places, *values).where(_old(table)).order_by(*places).limit(size)
        if after is not None:
            wanted = wanted.where(tuple_(*places) > tuple_(*after))
        rows = connection.execute(wanted).all()
        if not rows:
            return
        keys = _keys(connection, {_key_id(value) for row in rows for value in row[len(places) :] if value is not None})
        outcomes = {
            f"{table.name} {sealed.row_name(table, row)}": _reseal(connection, table, row, keys) for row in rows
        }
        connection.commit()
        after = tuple(rows[-1][: len(places)])
        yield outcomes


def _reseal(connection: Connection, table: Table, row: Any, keys: Mapping[UUID, DataKey | SealError]) -> bool | str:
    """True when stored, False when somebody has written the row meanwhile, or why it could not be opened."""
    changed: dict[str, SealedBytes] = {}
    name = sealed.row_name(table, row)
    for column in sealed.sealed_columns(table):
        value = getattr(row, column.name)
        if value is None or value[1] == data_keys.suite().number:
            continue
        key = keys.get(_key_id(value))
        if not isinstance(key, DataKey):
            return str(key or f"{sealed.place(column)}: its owner has no data key any more")
        try:
            changed[column.name] = key.seal(key.open(value, sealed.place(column), name), sealed.place(column), name)
        except _LOST as error:
            return str(error)
    same = [column == getattr(row, column.name) for column in (*table.primary_key.columns, *_changed(table, changed))]
    return connection.execute(update(table).where(and_(*same)).values(**changed)).rowcount == 1


def _changed(table: Table, changed: Mapping[str, object]) -> list[Any]:
    return [table.c[name] for name in changed]


def _key_id(value: bytes) -> UUID:
    """The id of the data key that a value names in its header (see `envelopes.py`)."""
    return UUID(bytes=bytes(value[3:19]))


def _keys(connection: Connection, ids: set[UUID]) -> dict[UUID, DataKey | SealError]:
    """The data keys with these ids, or why one does not open; those that are gone are left out."""
    rows = connection.execute(select(*data_keys.KEY).where(data_keys.data_keys.c.key_id.in_(ids)))
    found: dict[UUID, DataKey | SealError] = {}
    for row in rows:
        try:
            found[row.key_id] = data_keys.opened(row)
        except _LOST as error:
            found[row.key_id] = error
    return found


def _advanced(before: Progress, outcomes: Mapping[str, bool | str]) -> Progress:
    named = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, str)}
    done = sum(outcome is True for outcome in outcomes.values())
    changed = len(outcomes) - len(named) - done
    return replace(
        before,
        resealed=before.resealed + done,
        changed_meanwhile=before.changed_meanwhile + changed,
        unusable=before.unusable + len(named),
        named=named,
    )
