"""What the stories of the heart share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def nothing_left_to_do(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the jobs a story leaves behind: the next one would run them, and wait for an office that is away."""
    sql: Callable[..., list[Any]] | None = None
    if "product" in request.fixturenames:
        sql = request.getfixturevalue("sql")
    yield
    if sql is not None:
        sql("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
