"""The open ledger: anyone can check the order, and nobody can find a person in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app.clock import CHINA
from app.supervision import order_check
from app.supervision.ledger import CROWD, received
from app.supervision.order_check import faults
from tests.lines import OFFICE, QUOTA, Line, step

Sql = Callable[..., list[Any]]
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=CHINA)


def at(*minutes: int) -> list[datetime]:
    return [MORNING + timedelta(minutes=minute) for minute in minutes]


def told(instants: list[datetime]) -> list[tuple[int | None, int | None]]:
    """Day of the month and hour, as far as they are told."""
    return [(one["received_on"] and one["received_on"].day, one["received_hour"]) for one in received(instants)]


def test_the_hour_is_told_where_five_came_within_it() -> None:
    assert told(at(1, 2, 3, 4, 5)) == [(23, 9)] * 5
    assert told(at(1, 2, 3, 4)) == [(None, None)] * 4, "four could be told apart by somebody who stood there"
    assert told(at(1, 2, 3, 4, 61)) == [(23, None)] * 5, "the day holds five, no hour does"
    assert {one["received_month"] for one in received(at(1, 2))} == {"2026-11"}


@given(st.lists(st.integers(0, 60 * 24 * 5), min_size=1, max_size=60).map(sorted))
def test_whatever_is_told_fits_at_least_five(minutes: list[int]) -> None:
    instants = at(*minutes)
    days = [moment.date() for moment in instants]
    hours = [(moment.date(), moment.hour) for moment in instants]

    for place, one in enumerate(received(instants)):
        assert one["received_on"] is None or days.count(days[place]) >= CROWD
        assert one["received_hour"] is None or hours.count(hours[place]) >= CROWD
        # They come in order here, so the neighbours hold all that is needed to know.
        assert (one["received_hour"] is not None) == (hours.count(hours[place]) >= CROWD)


def test_anyone_reads_the_ledger_page_by_page_and_nothing_in_it_names_anybody(
    line: Line, client: FlaskClient, sql: Sql
) -> None:
    receipts = [line.file() for _ in range(9)]
    step(receipts[0], "accept", OFFICE)
    step(receipts[0], "approve", OFFICE)

    lines = line.ledger(client)

    assert [entry["turn"] for entry in lines] == list(range(1, 10))
    assert set(lines[0]) == {
        *("turn", "received_month", "received_on", "received_hour", "acceptance_turn", "taken", "taken_as"),
        *("taken_as_text", "out_of_turn", "state", "state_text", "decided_on"),
    }
    assert (lines[0]["state"], lines[0]["taken"], lines[0]["taken_as"]) == ("decided", 1, "in_turn")
    assert lines[0]["decided_on"] is None, "one alone could be told by whoever knows when they were answered"
    told = json.dumps(lines)
    for receipt in receipts:
        assert receipt["reference"] not in told and receipt["id"] not in told
    assert "approved" not in told, "that there is an answer, not which"


def test_the_day_of_a_decision_is_told_where_five_were_decided_on_it(line: Line, client: FlaskClient, sql: Sql) -> None:
    receipts = [line.file() for _ in range(6)]
    for receipt in receipts:
        step(receipt, "accept", OFFICE)
        step(receipt, "approve", OFFICE)
    morning = "UPDATE submissions SET decided_at = %s WHERE id = %s"
    for receipt in receipts[:5]:
        sql(morning, MORNING.replace(hour=0), receipt["id"])
    sql(morning, MORNING.replace(hour=0) - timedelta(minutes=1), receipts[5]["id"])

    assert [entry["decided_on"] for entry in line.ledger(client)] == ["2026-11-23"] * 5 + [None]


def test_a_page_does_not_change_what_its_lines_tell(line: Line, client: FlaskClient) -> None:
    for _ in range(12):
        line.file()
    path = f"/v1/open/queues/gongan/{line.service}/ledger"
    whole = client.get(f"{path}?limit=100").json["items"]

    assert line.ledger(client) == whole
    one = client.get(f"{path}?limit=1").json
    assert one["items"] == whole[:1] and one["next_cursor"]


def test_it_is_cached_by_anyone_for_a_minute_and_unchanged_answers_are_empty(line: Line, client: FlaskClient) -> None:
    line.file()
    for path in ("/v1/open/queues?limit=5", f"/v1/open/queues/gongan/{line.service}/ledger"):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_every_queue_is_listed_with_its_last_numbers(make_line: Callable[..., Line], client: FlaskClient) -> None:
    line = make_line(quota=QUOTA)
    for _ in range(3):
        receipt = line.file()
    step(receipt, "accept", OFFICE)

    found, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/v1/open/queues?limit=3{cursor and '&cursor=' + cursor}").json
        found += page["items"]
        cursor = page["next_cursor"]

    mine = next(item for item in found if item["service"]["code"] == line.service)
    assert (mine["last_turn"], mine["last_acceptance_turn"], mine["last_taken"]) == (3, 1, 1)
    assert (mine["department"], mine["ordered_by"]) == ("gongan", "acceptance")
    keys = [(item["department"], item["service"]["code"]) for item in found]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("cursor", ["x", "MTA=", "YQ", "LTE"])
def test_a_strange_cursor_or_queue_is_refused(line: Line, client: FlaskClient, cursor: str) -> None:
    line.file()
    path = f"/v1/open/queues/gongan/{line.service}/ledger"

    assert client.get(f"{path}?cursor={cursor}").json["code"] == "cursor_invalid"
    assert client.get("/v1/open/queues/gongan/nothing/ledger").json["code"] == "ledger_not_found"


# ——— The check that anyone can run ———


def entry(turn: int, taken: int | None, how: str | None = "in_turn", acceptance: int | None = None) -> dict[str, Any]:
    state = "waiting" if taken is None else "in_hand"
    return {"turn": turn, "taken": taken, "taken_as": taken and how, "acceptance_turn": acceptance, "state": state}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([], []),
        ([entry(1, 1), entry(2, 2), entry(3, None)], []),
        ([entry(1, 2), entry(2, 1, "emergency")], []),
        ([entry(1, 2), entry(2, 1)], ["turn 2 was taken up as number 1 before turn 1"]),
        ([entry(1, None), entry(2, 1)], ["turn 2 was taken up as number 1 before turn 1"]),
        ([entry(1, 1, "left"), entry(2, 2)], []),
        ([entry(1, 2, "left"), entry(2, 1)], ["turn 2 was taken up as number 1 before turn 1"]),
        ([entry(1, 1), entry(3, 2)], ["turn 2 is missing, 3 stands in its place"]),
        ([entry(1, 1), entry(2, 3)], ["taken 2 is missing, 3 stands in its place"]),
        ([entry(1, 2, "emergency"), entry(2, 2, "emergency")], ["taken 1 is missing, 2 stands in its place"]),
        ([entry(1, 2, "acceptance_order", 2), entry(2, 1, "acceptance_order", 1)], []),
        (
            [entry(1, 1, "acceptance_order", 2), entry(2, 2, "acceptance_order", 1)],
            ["acceptance_turn 2 was taken up as number 1 before acceptance_turn 1"],
        ),
        # Answered on the spot: in no line.
        ([entry(1, None) | {"state": "decided"}, entry(2, 1)], []),
    ],
)
def test_the_check_finds_who_was_passed_by(entries: list[dict[str, Any]], found: list[str]) -> None:
    assert faults(entries) == found


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.data())
def test_two_exchanged_numbers_are_always_found(in_turn: list[bool], data: st.DataObject) -> None:
    """A queue served as the rules have it is clean; exchange the taking-up numbers of any two that were served in
    turn, and it is not."""
    waiting, entries = list(range(1, len(in_turn) + 1)), {}
    for number, fair in enumerate(in_turn, start=1):
        place = 0 if fair or len(waiting) == 1 else data.draw(st.integers(1, len(waiting) - 1))
        entries[waiting[place]] = entry(waiting[place], number, "emergency" if place else "in_turn")
        waiting.pop(place)
    served = [turn for turn, one in sorted(entries.items()) if one["taken_as"] == "in_turn"]
    assert faults([entries[turn] for turn in sorted(entries)]) == []

    if len(served) > 1:
        one, other = data.draw(st.permutations(served).map(lambda turns: turns[:2]))
        entries[one], entries[other] = (
            {**entries[one], "taken": entries[other]["taken"]},
            {**entries[other], "taken": entries[one]["taken"]},
        )
        assert faults([entries[turn] for turn in sorted(entries)]) != []


def test_the_check_runs_alone_on_what_was_fetched(line: Line, client: FlaskClient, tmp_path: Path, sql: Sql) -> None:
    """Python's standard library alone: it is copied to an empty folder and run in isolation."""
    receipts = [line.file() for _ in range(8)]
    for receipt in receipts[:4]:
        step(receipt, "accept", OFFICE)
    script = tmp_path / "order_check.py"
    script.write_text(Path(order_check.__file__).read_text(encoding="utf-8"), encoding="utf-8")

    def check() -> subprocess.CompletedProcess[str]:
        pages = [client.get(f"/v1/open/queues/gongan/{line.service}/ledger?limit=100").json]
        given = "\n".join(json.dumps(page) for page in pages)
        return subprocess.run([sys.executable, "-I", script], input=given, text=True, capture_output=True, check=False)

    good = check()
    assert (good.returncode, good.stdout) == (0, "8 numbers, taken up {'in_turn': 4}: in order\n"), good.stderr
    swap = "UPDATE submissions SET taken = 5 - taken WHERE service_code = %s AND taken IS NOT NULL"
    sql(swap, line.service)
    bad = check()
    assert bad.returncode == 1 and "turn 4 was taken up as number 1 before turn 1" in bad.stdout
