"""Data keys on the real table: made once, refused when destroyed, and rotated without losing one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select

from app import database
from app.crypto import data_keys
from app.crypto.failures import SealKeyMissing
from app.identifiers import new_id
from app.settings import settings

pytestmark = pytest.mark.usefixtures("product")

MANY = 4000
PLACE = "tests.value"


@pytest.fixture
def many(product: Flask) -> Iterator[dict[UUID, Any]]:
    """Some thousand owners in the real table, each with something sealed."""
    rows, sealed = [], {}
    for owner_id in [new_id() for _ in range(MANY)]:
        envelope, key = data_keys.new()
        rows.append(data_keys.columns(envelope, owner_id))
        sealed[owner_id] = key.seal(str(owner_id), PLACE, owner_id)
    with database.work() as work:
        work.connection.execute(insert(data_keys.data_keys), rows)
    yield sealed
    with database.work() as work:
        work.run(delete(data_keys.data_keys).where(data_keys.data_keys.c.owner_id.in_(list(sealed))))


def all_open(sealed: dict[UUID, Any]) -> bool:
    table = data_keys.data_keys
    with database.reading() as connection:
        rows = connection.execute(select(table).where(table.c.owner_id.in_(list(sealed)))).all()
    opened = [data_keys.opened(row).open(sealed[row.owner_id], PLACE, row.owner_id) for row in rows]
    return len(rows) == len(sealed) and opened == [str(row.owner_id) for row in rows]


def rotation(product: Flask) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "onephone", "rotate-keys"]
    root = Path(__file__).parents[3]
    return subprocess.Popen(command, cwd=root, env=dict(os.environ), stdout=subprocess.PIPE, text=True)


def test_a_rotation_that_is_killed_loses_nothing_and_the_next_one_ends_it(
    product: Flask, many: dict[UUID, Any]
) -> None:
    data_keys.add_master_key()
    before = data_keys.count_old()
    assert before >= MANY

    with rotation(product) as first:
        assert first.stdout is not None
        assert "500 rewrapped" in first.stdout.readline()
        first.send_signal(signal.SIGKILL)
    left = data_keys.count_old()
    assert 0 < left <= before - 500
    assert all_open(many), "old and new master keys side by side"

    with rotation(product) as second:
        assert second.stdout is not None
        told = second.stdout.read().splitlines()
    assert second.returncode == 0
    assert told[-2:] == [f"{left} rewrapped, 0 unusable", "done; still under an older master key: 0"]
    assert data_keys.count_old() == 0
    assert all_open(many)


def test_the_nightly_job_does_the_same(many: dict[UUID, Any]) -> None:
    data_keys.add_master_key()

    nightly: Any = data_keys.rotate
    nightly(0)

    assert data_keys.count_old() == 0
    assert all_open(many)


def test_the_house_has_one_key_however_many_ask_first(product: Flask) -> None:
    data_keys.forget()

    with ThreadPoolExecutor(8) as pool:
        keys = {key.key_id for key in pool.map(lambda _: data_keys.of_the_house(), range(8))}

    assert len(keys) == 1


def test_a_destroyed_key_is_missing_for_good(product: Flask, sql: Callable[..., list[Any]]) -> None:
    owner_id = new_id()
    with database.work() as work:
        data_keys.create(work, owner_id)

    sql("DELETE FROM data_keys WHERE owner_id = %s", owner_id)

    with database.reading() as connection, pytest.raises(SealKeyMissing):
        data_keys.of(connection, owner_id)


@pytest.fixture
def no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "keys.json"
    found = replace(settings(), key_file=str(path))
    data_keys.of_the_house()
    monkeypatch.setattr(data_keys, "settings", lambda: found)
    data_keys.forget()
    yield path
    data_keys.forget()


def test_a_lost_key_file_is_not_replaced_by_a_new_one(no_file: Path) -> None:
    with pytest.raises(SealKeyMissing, match="give it back"):
        data_keys.make_file()

    assert not no_file.exists()


def test_without_its_keys_no_program_starts(no_file: Path, product: Flask) -> None:
    for words in (["api"], ["worker"], ["rotate-keys"]):
        done = subprocess.run(
            [sys.executable, "-m", "onephone", *words],
            cwd=Path(__file__).parents[3],
            env=os.environ | {"KEY_FILE": str(no_file)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 1
        assert done.stderr.strip() == f"The keys cannot be used: there is no key file at {no_file}"
    assert not no_file.exists()
