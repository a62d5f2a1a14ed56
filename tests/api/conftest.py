"""What the stories of the front desk share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import structlog
from flask import Flask

from app import database
from app.settings import settings


@pytest.fixture
def database_away(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """`with database_away():` – the same application while nothing listens where its database should be."""

    @contextmanager
    def away() -> Iterator[None]:
        with monkeypatch.context() as changed:
            changed.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
            _start_anew()
            yield
        _start_anew()

    return away


@pytest.fixture
def log(product: Flask) -> Iterator[list[str]]:
    """The lines that are logged meanwhile, as they are written."""
    lines: list[str] = []

    def keep(logger: Any, method: str, line: Any) -> Any:
        lines.append(str(line))
        return line

    # In place, because loggers that were used before hold this very list.
    processors = structlog.get_config()["processors"]
    processors.append(keep)
    yield lines
    processors.remove(keep)


def _start_anew() -> None:
    settings.cache_clear()
    database.close()
