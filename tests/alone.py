"""A database of a story's own, for stories that count every row, or break what others stand on."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql

from app import database, seeds
from app.catalogue import calendars, services
from app.crypto import data_keys
from app.settings import settings
from tests.conftest import clone


def _use(reached: dict[str, Any], name: str) -> None:
    """Let this process work on another database from now on."""
    os.environ["DATABASE_URL"] = reached["postgres"].format(database=name)
    os.environ["DATABASE_OWNER_URL"] = reached["owner"].format(database=name)
    settings.cache_clear()
    database.close()
    data_keys.forget()
    services.forget()
    calendars.forget()


@pytest.fixture(scope="session")
def seeded(product: Flask, reached: dict[str, Any], process_name: str) -> str:
    """The name of a database with the demo's services and staff and nothing else, to make copies of."""
    name = f"{process_name}_seeded"
    clone(reached, name)
    _use(reached, name)
    seeds.plant()
    data_keys.of_the_house()
    _use(reached, process_name)
    return name


@pytest.fixture(scope="module")
def own_world(seeded: str, reached: dict[str, Any], process_name: str) -> Iterator[None]:
    """A database of this file's stories alone: a sweeper of the year 2041 finds nothing of anybody else's."""
    name = f"{process_name}_{uuid.uuid4().hex[:8]}"
    clone(reached, name, seeded)
    _use(reached, name)
    yield
    _use(reached, process_name)


@pytest.fixture
def alone(seeded: str, reached: dict[str, Any], process_name: str) -> Iterator[str]:
    """The name of a database that nobody else uses, and that this process is on while the story lasts."""
    name = f"{process_name}_{uuid.uuid4().hex[:8]}"
    clone(reached, name, seeded)
    _use(reached, name)
    yield name
    _use(reached, process_name)
    with psycopg.connect(reached["owner"].format(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
