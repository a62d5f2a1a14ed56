"""Tree heads: one for each day, whatever dies in between, and every change in history after it is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app import clock, database
from app.crypto import data_keys, key_making, signing_keys
from app.submissions.history import office
from app.supervision import merkle, proofs, tree_heads, tree_verification
from app.supervision.tree_heads import Leaf
from tests.app.supervision.histories import by_force, filed, handled, step
from tests.product import Phone

Sql = Callable[..., list[Any]]

CHECKOUT = Path(__file__).resolve().parents[3]
DAY = timedelta(days=1)


def faults() -> set[tuple[str, str | None, int | None]]:
    found = [fault for progress in tree_verification.trees() for fault in progress.faults]
    return {(fault.part, str(fault.submission_id) if fault.submission_id else None, fault.number) for fault in found}


def heads(sql: Sql) -> list[dict[str, Any]]:
    return sql("SELECT * FROM tree_heads ORDER BY day")


def test_the_day_after_every_submission_that_moved_is_in_the_tree_under_a_signed_head(
    alone: str, phone: Phone, sql: Sql
) -> None:
    quiet, moved = filed(phone), handled(phone)
    today = clock.today()
    assert tree_heads.sweep(clock.now()) == [], "the day is not over"

    with clock.moved(DAY):
        assert tree_heads.sweep(clock.now()) == [today]
        step(quiet, "accept", office("杨志强"))
        assert tree_heads.sweep(clock.now()) == [], "never two heads of one day"

    (head,) = heads(sql)
    ends = sql(
        "SELECT DISTINCT ON (submission_id) * FROM history WHERE at < now() + interval '1 hour'"
        " ORDER BY submission_id, number DESC"
    )
    suite = data_keys.suite()
    expected = [merkle.leaf(suite, row["row_hash"]) for row in ends]
    assert (head["tree_size"], head["previous_hash"]) == (2, bytes(32))
    assert head["root"] == merkle.root(suite, expected)
    with database.reading() as connection:
        key = signing_keys.public(connection)[head["key_id"]]
        assert key.verify(tree_heads.statement(head), head["signature"])
        assert not key.verify(tree_heads.statement(head | {"tree_size": 3}), head["signature"])
        found = proofs.inclusion(connection, moved, [today])
    assert found is not None and found.leaf.number == 4
    leaf = merkle.leaf(suite, found.leaf.row_hash)
    assert merkle.root_by_path(suite, leaf, found.index, found.tree_size, found.path) == head["root"]
    assert faults() == set()


def test_days_that_were_missed_are_made_up_for_and_quiet_ones_have_a_head_too(
    alone: str, phone: Phone, sql: Sql
) -> None:
    first, submission = clock.today(), filed(phone)
    with clock.moved(3 * DAY):
        step(submission, "accept", office("杨志强"))
    with clock.moved(5 * DAY):
        assert tree_heads.sweep(clock.now()) == [first + number * DAY for number in range(5)]

    rows = heads(sql)
    assert [row["tree_size"] for row in rows] == [1, 0, 0, 1, 0]
    assert [row["previous_hash"] for row in rows[1:]] == [row["head_hash"] for row in rows[:-1]]
    assert rows[1]["root"] == data_keys.suite().digest(b"")
    assert faults() == set()


def test_a_row_that_was_saved_after_its_days_tree_comes_into_the_next_one(alone: str, phone: Phone, sql: Sql) -> None:
    early, late = filed(phone), filed(phone)
    with clock.moved(DAY):
        tree_heads.sweep(clock.now())
    # Its clock stood before midnight, its commit after: the number and date are yesterday's.
    step(late, "accept", office("杨志强"))
    with clock.moved(2 * DAY):
        tree_heads.sweep(clock.now())

    with database.reading() as connection:
        found = proofs.inclusion(connection, late, [clock.today() + DAY])
        assert found is not None and found.leaf.number == 2
        assert proofs.inclusion(connection, early, [clock.today() + DAY]) is None
    assert [row["tree_size"] for row in heads(sql)] == [2, 1]
    with clock.moved(4 * DAY):
        tree_heads.sweep(clock.now())
    assert faults() == set()


def test_a_row_with_a_wrong_date_that_no_tree_reaches_is_named(alone: str, phone: Phone, sql: Sql) -> None:
    submission = filed(phone)
    with clock.moved(3 * DAY):
        tree_heads.sweep(clock.now())
    step(submission, "accept", office("杨志强"))
    with clock.moved(5 * DAY):
        tree_heads.sweep(clock.now())

    assert faults() == {("unpublished", str(submission), 2)}


def test_what_a_superuser_removes_or_rewrites_at_the_end_of_a_chain_is_named_by_the_days_tree(
    alone: str, phone: Phone, sql: Sql
) -> None:
    gone, rewritten, removed = handled(phone), filed(phone), filed(phone)
    with clock.moved(DAY):
        tree_heads.sweep(clock.now())
    by_force("DELETE FROM history WHERE submission_id = %s", gone)
    by_force("DELETE FROM submissions WHERE id = %s", gone)
    by_force("DELETE FROM history WHERE submission_id = %s AND number = 1", removed)
    by_force("UPDATE history SET row_hash = %s WHERE submission_id = %s", bytes(32), rewritten)

    assert faults() == {("leaf", str(gone), 4), ("leaf", str(rewritten), 1), ("leaf", str(removed), 1)}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE tree_heads SET tree_size = tree_size + 1", "signature"),
        ("UPDATE tree_heads SET root = set_byte(root, 0, get_byte(root, 0) # 1)", "root"),
        ("UPDATE tree_heads SET signature = set_byte(signature, 9, get_byte(signature, 9) # 1)", "signature"),
        ("UPDATE tree_heads SET head_hash = set_byte(head_hash, 0, get_byte(head_hash, 0) # 1)", "head"),
        ("UPDATE tree_heads SET previous_hash = decode(repeat('01', 32), 'hex')", "head"),
        ("DELETE FROM tree_leaves", "root"),
        ("UPDATE tree_leaves SET leaves = set_byte(leaves, 51, get_byte(leaves, 51) # 1)", "leaf"),
    ],
)
def test_a_head_or_a_leaf_that_somebody_changed_is_named(
    change: str, part: str, alone: str, phone: Phone, sql: Sql
) -> None:
    submission = filed(phone)
    with clock.moved(DAY):
        step(submission, "accept", office("杨志强"))
    with clock.moved(2 * DAY):
        tree_heads.sweep(clock.now())
    assert faults() == set()
    by_force(f"{change} WHERE day = %s", clock.today() + DAY)
    assert part in {part for part, _, _ in faults()}


def test_many_who_publish_at_once_make_one_head_a_day(alone: str, phone: Phone, sql: Sql) -> None:
    filed(phone)
    with clock.moved(3 * DAY), ThreadPoolExecutor(8) as pool:
        at = clock.now()
        made = [day for days in pool.map(lambda _: tree_heads.sweep(at), range(8)) for day in days]
    assert sorted(made) == [clock.today() + number * DAY for number in range(3)] == [row["day"] for row in heads(sql)]
    assert len(sql("SELECT 1 FROM signing_keys")) == 1


_KILLED = """
import sys
from datetime import timedelta
from app import clock
from app.crypto import signing_keys
from app.supervision import tree_heads
import os, signal
real = {"before": signing_keys.sign, "after": tree_heads._keep}
def die(*anything):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "signing":
    signing_keys.sign = die
elif sys.argv[1] == "keeping":
    tree_heads._keep = die
else:
    tree_heads._keep = lambda *all: (real["after"](*all), die())
with clock.moved(timedelta(days=2)):
    tree_heads.sweep(clock.now())
"""


@pytest.mark.parametrize("moment", ["signing", "keeping", "saving"])
def test_killed_between_any_two_steps_the_next_run_makes_what_is_missing(
    moment: str, alone: str, phone: Phone, sql: Sql
) -> None:
    filed(phone)
    done = subprocess.run([sys.executable, "-c", _KILLED, moment], cwd=CHECKOUT, env=os.environ | {"PYTHONPATH": "."})
    assert done.returncode == -signal.SIGKILL
    assert heads(sql) == [] and sql("SELECT 1 FROM tree_leaves") == []

    with clock.moved(2 * DAY):
        assert tree_heads.sweep(clock.now()) == [clock.today() - 2 * DAY, clock.today() - DAY]
    assert [row["tree_size"] for row in heads(sql)] == [1, 0]
    assert faults() == set()


def test_a_new_key_signs_from_now_on_and_heads_of_the_old_one_still_verify(alone: str, phone: Phone, sql: Sql) -> None:
    filed(phone)
    with clock.moved(DAY):
        tree_heads.sweep(clock.now())
    with clock.moved(2 * DAY):
        added = key_making.add_signing_key()
        tree_heads.sweep(clock.now())

    old, new = heads(sql)
    assert new["key_id"] == added != old["key_id"]
    assert faults() == set()


def test_a_rotation_of_the_master_key_wraps_the_signing_key_anew(alone: str, phone: Phone, sql: Sql) -> None:
    filed(phone)
    with clock.moved(DAY):
        tree_heads.sweep(clock.now())
    before = sql("SELECT * FROM signing_keys")
    key_making.add()
    list(data_keys.rewrap())

    after = sql("SELECT * FROM signing_keys")
    assert after[0]["master_key_id"] == data_keys.ring().current_id != before[0]["master_key_id"]
    with clock.moved(2 * DAY):
        tree_heads.sweep(clock.now())
    assert {row["key_id"] for row in heads(sql)} == {before[0]["id"]}
    assert faults() == set()


def test_a_leaf_is_packed_into_52_bytes_and_comes_out_the_same() -> None:
    leaves = [Leaf(UUID(int=number), number, bytes([number]) * 32) for number in range(1, 5)]
    packed = b"".join(leaf.packed() for leaf in leaves)
    assert len(packed) == 4 * Leaf.SIZE == 208
    assert tree_heads.unpacked(packed) == leaves
    with pytest.raises(ValueError):
        tree_heads.unpacked(packed[:-1])


def test_a_day_begins_at_midnight_in_china() -> None:
    assert tree_heads.midnight(date(2026, 11, 22)).isoformat() == "2026-11-22T00:00:00+08:00"
