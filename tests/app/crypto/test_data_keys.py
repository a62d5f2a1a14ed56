"""Data keys on the real table: made once, refused when destroyed, and rotated without losing one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, any_, delete, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import database
from app.crypto import data_keys, key_making
from app.crypto.failures import SealKeyMissing
from app.identifiers import new_id
from app.settings import settings

pytestmark = pytest.mark.usefixtures("product")

MANY = int(os.environ.get("ROTATED_KEYS", "4000"))
"""How many data keys are rotated; `make test-rotation` takes 100,000."""
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
        work.run(delete(data_keys.data_keys).where(one_of(list(sealed))))


def one_of(owner_ids: list[UUID]) -> ColumnElement[bool]:
    """As one array: a statement takes no more than 65,535 single values."""
    return data_keys.data_keys.c.owner_id == any_(literal(owner_ids, ARRAY(Uuid)))


def all_open(sealed: dict[UUID, Any]) -> bool:
    table = data_keys.data_keys
    with database.reading() as connection:
        rows = connection.execute(select(table).where(one_of(list(sealed)))).all()
    opened = [data_keys.opened(row).open(sealed[row.owner_id], PLACE, row.owner_id) for row in rows]
    return len(rows) == len(sealed) and opened == [str(row.owner_id) for row in rows]


def rotation(product: Flask) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "onephone", "rotate-keys"]
    root = Path(__file__).parents[3]
    return subprocess.Popen(command, cwd=root, env=dict(os.environ), stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(600)
def test_a_rotation_that_is_killed_loses_nothing_and_the_next_one_ends_it(
    product: Flask, many: dict[UUID, Any]
) -> None:
    key_making.add()
    before = data_keys.count_old()
    assert before >= MANY

    started = time.monotonic()
    with rotation(product) as first:
        assert first.stdout is not None
        for told in first.stdout:
            if int(told.split()[0]) >= before // 2:
                break
        first.send_signal(signal.SIGKILL)
    left = data_keys.count_old()
    killed = time.monotonic() - started
    assert 0 < left <= before - before // 2
    assert all_open(many), "old and new master keys side by side"

    with rotation(product) as second:
        assert second.stdout is not None
        rest = second.stdout.read().splitlines()
    assert second.returncode == 0
    seconds = time.monotonic() - started
    print(f"{before} data keys: killed after {killed:.1f} s with {left} left; all done after {seconds:.1f} s")
    assert rest[-2:] == [f"{left} rewrapped, 0 unusable", "done; still under an older master key: 0"]
    assert data_keys.count_old() == 0
    assert all_open(many)


def test_the_nightly_job_does_the_same(many: dict[UUID, Any]) -> None:
    key_making.add()

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
    for module in (data_keys, key_making):
        monkeypatch.setattr(module, "settings", lambda: found)
    data_keys.forget()
    yield path
    data_keys.forget()


def test_a_lost_key_file_is_not_replaced_by_a_new_one(no_file: Path) -> None:
    with pytest.raises(SealKeyMissing, match="give it back"):
        key_making.make()

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
