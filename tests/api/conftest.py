"""What the stories of the front desk share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
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


def _start_anew() -> None:
    settings.cache_clear()
    database.close()
