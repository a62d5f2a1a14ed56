"""Trees: rows that name their parent, brought into an order in which no row comes before its parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


class TreeBroken(ValueError):
    """A row is its own ancestor."""


def levels_first(rows: Sequence[Row], key: str, parent: str) -> list[Row]:
    """The rows with parents before their children. A parent that is not among them counts as being there already.

    Raises TreeBroken.
    """
    waiting: dict[Any, list[Row]] = {}
    among = {row[key] for row in rows}
    ready = []
    for row in rows:
        if row[parent] is None or row[parent] not in among:
            ready.append(row)
        else:
            waiting.setdefault(row[parent], []).append(row)
    ordered: list[Row] = []
    while ready:
        ordered += ready
        ready = [child for row in ready for child in waiting.pop(row[key], ())]
    if waiting:
        raise TreeBroken(f"{next(iter(waiting))} is its own ancestor")
    return ordered
