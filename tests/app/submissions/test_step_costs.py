"""What a step costs: how many statements go to PostgreSQL for one, so that none creeps in unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app import database
from tests.lines import OFFICE, Line, step


@pytest.fixture
def statements(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """with statements() as found: what is executed meanwhile, by SQLAlchemy or through the driver."""
    real = database.row_of

    @contextmanager
    def watch() -> Iterator[list[str]]:
        found = list[str]()

        def note(*arguments: Any) -> None:
            found.append(arguments[2])

        def noted(connection: Any, sql: str, values: Any) -> Any:
            found.append(sql)
            return real(connection, sql, values)

        event.listen(database.engine(), "before_cursor_execute", note)
        monkeypatch.setattr(database, "row_of", noted)
        try:
            yield found
        finally:
            event.remove(database.engine(), "before_cursor_execute", note)
            monkeypatch.setattr(database, "row_of", real)

    return watch


@pytest.mark.parametrize(("name", "most"), [("accept", 11), ("review", 5), ("approve", 8), ("complete", 8)])
def test_a_step_asks_no_more_often_than_it_must(
    line: Line, statements: Callable[[], Any], name: str, most: int
) -> None:
    receipt, before = line.file(), ["accept", "review", "approve", "complete"]
    for earlier in before[: before.index(name)]:
        step(receipt, earlier, OFFICE)

    with statements() as found:
        step(receipt, name, OFFICE)

    assert len(found) <= most, "\n".join(found)
