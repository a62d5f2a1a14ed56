"""Resealing: old values come from one suite to the other, all of them, whatever interrupts it, and nobody notices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import database
from app.crypto import data_keys, resealing, sealed
from app.crypto.envelopes import DataKey
from app.crypto.suites import INTERNATIONAL, NATIONAL, Suite
from app.settings import settings
from tests.approvals.office_system import OfficeSystem, message
from tests.product import PERMIT, Phone, RunJobs

Sql = Callable[..., list[Any]]

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def other(product: Flask) -> Suite:
    return INTERNATIONAL if data_keys.suite() is NATIONAL else NATIONAL


@pytest.fixture
def use(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Suite], None]]:
    """use(NATIONAL): seal with it in this process, until the story ends."""

    def change(suite: Suite) -> None:
        changed = replace(settings(), crypto_suite=suite.name)
        monkeypatch.setattr(data_keys, "settings", lambda: changed)
        data_keys.forget()

    yield change
    monkeypatch.undo()
    data_keys.forget()


def suites_of(sql: Sql, *who: Phone) -> set[int]:
    """The suites that these people's names are sealed with."""
    found = sql("SELECT get_byte(name, 1) AS suite FROM residents WHERE id = ANY(%s)", [one.resident_id for one in who])
    return {row["suite"] for row in found}


def all_reseal() -> resealing.Progress:
    told = list(resealing.reseal(batch=50))
    return told[-1] if told else resealing.Progress()


def test_every_sealed_value_of_the_product_comes_to_the_other_suite_and_still_opens(
    phone: Phone,
    make_submission: Callable[..., dict[str, Any]],
    make_clerk: Callable[[str], Phone],
    client: Any,
    use: Callable[[Suite], None],
    other: Suite,
    sql: Sql,
) -> None:
    draft = make_submission()
    filed = phone.post(f"/v1/submissions/{draft['id']}/submit", key="resealed").json
    office = OfficeSystem(client)
    assert office.outcome(message(filed["reference"], "accepted", opinion="材料齐全")) == "applied"
    make_clerk("S0001").post("/v1/desk/lookups", {"reference": filed["reference"], "reason": "来电询问"})
    before = everything_of(phone, draft["id"])
    # Rows that other stories have harmed are none of this one.
    [mine] = sql("SELECT created_at FROM data_keys WHERE owner_id = %s", phone.resident_id)

    use(other)
    left = resealing.count()
    assert left >= 8
    done = all_reseal()

    assert (done.resealed, done.changed_meanwhile) == (left - done.unusable, 0)
    assert resealing.count() == done.unusable
    for table in database.metadata.sorted_tables:
        for column in sealed.sealed_columns(table):
            every_value_opens(column, mine["created_at"])
    assert everything_of(phone, draft["id"]) == before
    replayed = phone.post(f"/v1/submissions/{draft['id']}/submit", key="resealed")
    assert (replayed.headers["Idempotent-Replayed"], replayed.json) == ("true", filed)


def everything_of(phone: Phone, submission_id: str) -> list[Any]:
    paths = ("/v1/me", f"/v1/submissions/{submission_id}", f"/v1/submissions/{submission_id}/progress")
    return [phone.get(path).json for path in paths]


def every_value_opens(column: Any, since: datetime) -> None:
    """Raises unless each value opens under the name that resealing gives its row (`row_name` in sealed.py)."""
    table, keys = column.table, data_keys.data_keys
    with database.reading() as connection:
        rows = connection.execute(select(*table.primary_key.columns, column).where(column.is_not(None))).all()
        wanted = select(keys).where((keys.c.created_at >= since) | (keys.c.owner_id == data_keys.HOUSE))
        found = {row.key_id: row for row in connection.execute(wanted)}
    for row in rows:
        value = row[-1]
        envelope = found.get(resealing._key_id(value))
        if envelope is not None:
            assert value[1] == data_keys.suite().number, sealed.place(column)
            data_keys.opened(envelope).open(value, sealed.place(column), sealed.row_name(table, row))


@pytest.mark.timeout(300)
def test_resealing_that_is_killed_loses_nothing_and_the_next_one_ends_it(
    make_phone: Callable[..., Phone], phone: Phone, use: Callable[[Suite], None], other: Suite, sql: Sql
) -> None:
    drafts = [phone.start("residence-permit", PERMIT)["id"] for _ in range(40)]
    phones = [make_phone() for _ in range(250)]
    environment = os.environ | {"CRYPTO_SUITE": other.name}
    command = [sys.executable, "-m", "onephone", "reseal"]
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert "resealed" in first.stdout.readline()
        first.send_signal(signal.SIGKILL)
    use(other)
    assert resealing.count() > 0
    assert {who.get("/v1/me").status_code for who in phones[::20]} == {200}, "both suites side by side"

    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("done; still sealed by the other suite: ")
    assert suites_of(sql, *phones) == {other.number}
    assert {who.get("/v1/me").status_code for who in phones} == {200}
    assert phone.get(f"/v1/submissions/{drafts[-1]}").json["answers"] == PERMIT


def test_a_worker_does_it_too(
    phone: Phone, use: Callable[[Suite], None], other: Suite, run_jobs: RunJobs, sql: Sql, log: list[str]
) -> None:
    use(other)
    resealing.defer()
    run_jobs()
    assert suites_of(sql, phone) == {other.number}
    assert any('"resealed"' in line for line in log)


def test_what_does_not_open_stays_and_is_named(
    make_phone: Callable[..., Phone], use: Callable[[Suite], None], other: Suite, sql: Sql, log: list[str]
) -> None:
    sound, moved, erased = make_phone(), make_phone(), make_phone()
    sql("UPDATE residents SET phone = name WHERE id = %s", moved.resident_id)
    sql("DELETE FROM data_keys WHERE owner_id = %s", erased.resident_id)
    unusable = [moved.resident_id, erased.resident_id]
    were = sql("SELECT name, phone FROM residents WHERE id = ANY(%s) ORDER BY id", unusable)
    use(other)

    done = all_reseal()

    assert done.unusable >= 2
    assert sql("SELECT name, phone FROM residents WHERE id = ANY(%s) ORDER BY id", unusable) == were
    named = "".join(line for line in log if '"sealed_data_unusable"' in line)
    assert f"residents.phone of {moved.resident_id} was altered or moved" in named
    assert f"residents {erased.resident_id}" in named
    assert sound.get("/v1/me").status_code == 200
    sql("UPDATE residents SET phone = NULL, phone_index = NULL WHERE id = %s", moved.resident_id)


def test_a_writer_who_was_faster_wins(phone: Phone, use: Callable[[Suite], None], other: Suite, sql: Sql) -> None:
    all_reseal()
    draft = phone.start("residence-permit", PERMIT)
    use(other)

    opened = DataKey.open
    written: list[int] = []

    def writing(self: DataKey, value: bytes, place: str, row: Any) -> Any:
        if place == "submissions.answers" and str(row) == draft["id"] and not written:
            written.append(1)
            assert phone.patch(f"/v1/submissions/{draft['id']}", {"employer_name": "乙公司"}, '"1"').status_code == 200
        return opened(self, value, place, row)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DataKey, "open", writing)
        done = all_reseal()

    assert done.changed_meanwhile == 1
    assert phone.get(f"/v1/submissions/{draft['id']}").json["answers"]["employer_name"] == "乙公司"
