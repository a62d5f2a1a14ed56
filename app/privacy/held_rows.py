"""Held rows: what we hold about one person, read from the tables that `holdings.py` names, and opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, literal_column, select, text, tuple_

from app import database
from app.crypto import data_keys
from app.crypto.envelopes import DataKey
from app.crypto.sealed import Sealed
from app.privacy.holdings import Holding


def count(connection: Connection, holding: Holding, person: UUID) -> int:
    """How many rows of this table are about the person."""
    statement = text(f"SELECT count(*) FROM {holding.table} WHERE {holding.whose}")
    return int(connection.execute(statement, {"person": person}).scalar_one())


def rows(
    connection: Connection, holding: Holding, person: UUID, after: Sequence[Any] | None, limit: int
) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Up to `limit` of a person's rows in the order of their primary keys, opened: pairs of key and shown values.

    Raises SealError.
    """
    table = holding.of
    keys = [column.label(f"key_{place}") for place, column in enumerate(table.primary_key)]
    more: list[ColumnElement[Any]] = [literal_column(sql).label(name) for name, (sql, _) in holding.computed.items()]
    statement = select(table, *keys, *more).where(text(holding.whose)).params(person=person)
    if after is not None:
        statement = statement.where(tuple_(*table.primary_key) > tuple_(*after))
    found = connection.execute(statement.order_by(*table.primary_key).limit(limit)).mappings().all()
    opener = _Opener(connection, holding)
    return [(tuple(row[key.name] for key in keys), opener.shown(dict(row))) for row in found]


def all_rows(holding: Holding, person: UUID, batch: int = 200) -> Iterator[dict[str, Any]]:
    """Every row of a person's. No connection is held between the batches, and no more than one is in memory.

    Raises SealError.
    """
    after: tuple[Any, ...] | None = None
    while True:
        with database.reading() as connection:
            found = rows(connection, holding, person, after, batch)
        yield from (shown for _, shown in found)
        if len(found) < batch:
            return
        after = found[-1][0]


class _Opener:
    """Opens the sealed columns of one table's rows, each owner's key once."""

    def __init__(self, connection: Connection, holding: Holding) -> None:
        self._connection, self._holding = connection, holding
        self._keys: dict[UUID, DataKey] = {}
        self._sealed = {column.name for column in holding.of.columns if isinstance(column.type, Sealed)}

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        values = {name: row[name] for name in self._holding.shown}
        for name in self._sealed & values.keys():
            if values[name] is not None:
                place = f"{self._holding.table}.{name}"
                values[name] = self._key(row).open(values[name], place, self._holding.row.format_map(row))
        return values | {name: row[name] for name in self._holding.computed}

    def _key(self, row: Mapping[str, Any]) -> DataKey:
        if self._holding.key_of is None:
            return data_keys.of_the_house()
        owner = row[self._holding.key_of]
        if owner not in self._keys:
            self._keys[owner] = data_keys.of(self._connection, owner)
        return self._keys[owner]
