"""Turns: gapless numbers in the order of the commits, whoever files, fails or dies at the same moment.

`TURNS_SECONDS=60` (make test-turns) keeps 64 threads filing for a minute.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app import clock
from app.people.callers import Resident
from app.submissions import submissions
from app.submissions.history import SYSTEM, Actor, Given, Item, applicant
from app.supervision.order_check import faults
from tests.handled import A_DAY
from tests.lines import OFFICE, QUOTA, Killed, Line, dying, resident, step

pytestmark = pytest.mark.usefixtures("own_world")

SECONDS = float(os.environ.get("TURNS_SECONDS", "3"))
THREADS = 64

Sql = Callable[..., list[Any]]
CLERK, SUPERVISOR = Actor("staff", "clerk", "陈静"), Actor("staff", "supervisor", "李监督")
ITEM, DAY = Item("/materials/photo", "照片不清楚"), A_DAY


class RolledBack(Exception):
    """Something was refused after the turn was given out."""


class Rush:
    """Threads that file into one queue; every seventh try is rolled back, every eleventh dies before its commit."""

    def __init__(self, engine: Engine, caller: Resident, service: str) -> None:
        self.engine, self.caller, self.service = engine, caller, service
        self.ended: Counter[str] = Counter()
        self.turns: list[int] = []
        self.lock = threading.Lock()
        self.until = time.monotonic() + SECONDS

    def run(self, thread: int) -> None:
        tries = thread
        while time.monotonic() < self.until:
            tries += 1
            end, turn = self.file(tries)
            with self.lock:
                self.ended[end] += 1
                if turn is not None:
                    self.turns.append(turn)

    def file(self, number: int) -> tuple[str, int | None]:
        try:
            with dying(self.engine, lambda: number % 11 == 0) as work:
                receipt = submissions.submit_at_once(work, self.caller, self.service, {}, "zh")
                if number % 7 == 0:
                    raise RolledBack
            return "filed", int(receipt["turn"])
        except (RolledBack, Killed) as error:
            return type(error).__name__, None
        except DBAPIError as error:
            # What a killed connection is told when its transaction ends; a deadlock would be another class.
            return ("Killed" if error.connection_invalidated else type(error.orig).__name__), None


def test_sixty_four_threads_file_into_one_queue_without_a_gap_and_in_commit_order(
    product: Flask, crowd: Engine, line: Line, sql: Sql
) -> None:
    """The order of the commits is read from PostgreSQL itself: pg_xact_commit_timestamp of the transaction that wrote
    each row, in microseconds. Beside it a reader looks on all the time: at no moment may it see a number whose
    predecessor it does not see."""
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before, rush = sql(deadlocks)[0]["deadlocks"], Rush(crowd, resident(line.phone), line.service)
    seen, missed, over = 0, [], threading.Event()

    def look_on() -> None:
        nonlocal seen
        with crowd.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            asked = text(
                "SELECT count(*) AS rows, coalesce(max(turn), 0) AS highest FROM submissions WHERE service_code=:s"
            )
            while not over.wait(0.02):
                row = connection.execute(asked, {"s": line.service}).one()
                seen += 1
                if row.rows != row.highest:
                    missed.append(row)

    with ThreadPoolExecutor(THREADS + 1) as pool:
        looking = pool.submit(look_on)
        for done in [pool.submit(rush.run, number) for number in range(THREADS)]:
            done.result()
        over.set()
        looking.result()

    print(dict(rush.ended), f"{seen} looks")
    assert set(rush.ended) == {"filed", "RolledBack", "Killed"}, "nobody met a deadlock or a timeout"
    rows = sql(
        """SELECT turn, pg_xact_commit_timestamp(xmin) AS committed FROM submissions WHERE service_code = %s
           ORDER BY turn""",
        line.service,
    )
    # A commit whose thread was killed before it was told is saved, and has its number; nothing else may be missing.
    assert [row["turn"] for row in rows] == list(range(1, len(rows) + 1))
    assert set(rush.turns) <= {row["turn"] for row in rows} and len(set(rush.turns)) == len(rush.turns)
    assert all(one["committed"] <= other["committed"] for one, other in pairwise(rows))
    assert sql("SELECT last_turn FROM queues WHERE service_code = %s", line.service)[0]["last_turn"] == len(rows)
    assert missed == [] and seen > 0
    assert sql(deadlocks)[0]["deadlocks"] == before


def columns(sql: Sql, line: Line, *names: str) -> list[tuple[Any, ...]]:
    rows = sql(f"SELECT {', '.join(names)} FROM submissions WHERE service_code = %s ORDER BY turn", line.service)
    return [tuple(row.values()) for row in rows]


def test_where_the_number_is_limited_acceptance_gives_a_second_number_in_its_own_order(
    make_line: Callable[..., Line], sql: Sql
) -> None:
    line = make_line(quota=QUOTA)
    first, second, third, fourth = (line.file() for _ in range(4))

    step(third, "accept", OFFICE)
    step(first, "deem_accepted", SYSTEM)
    step(second, "decline", OFFICE, Given(reason="不属于本机关职权"))
    step(fourth, "promise", applicant(line.phone.resident_id))
    step(first, "approve", OFFICE)

    assert columns(sql, line, "turn", "acceptance_turn") == [(1, 2), (2, None), (3, 1), (4, 3)]
    counters = sql("SELECT last_acceptance_turn FROM queues WHERE service_code = %s", line.service)
    assert counters == [{"last_acceptance_turn": 3}]


@pytest.mark.parametrize("quota", [None, QUOTA | {"order": "lottery"}, QUOTA | {"order": "points"}])
def test_elsewhere_the_order_of_receipt_is_the_only_one(
    make_line: Callable[..., Line], sql: Sql, quota: dict[str, Any] | None
) -> None:
    line = make_line(quota=quota)
    step(line.file(), "accept", OFFICE)

    assert columns(sql, line, "acceptance_turn") == [(None,)]


def test_acceptances_at_once_get_numbers_without_a_gap(
    product: Flask, crowd: Engine, make_line: Callable[..., Line], sql: Sql
) -> None:
    line = make_line(quota=QUOTA)
    receipts = [line.file() for _ in range(24)]

    def accept(number: int) -> str:
        try:
            with dying(crowd, lambda: number % 5 == 0) as work:
                submissions.take_step(work, receipts[number]["id"], "accept", OFFICE, clock.now())
            return "accepted"
        except (Killed, DBAPIError):
            return "killed"

    with ThreadPoolExecutor(24) as pool:
        ended = list(pool.map(accept, range(24)))

    given = [row[0] for row in columns(sql, line, "acceptance_turn") if row[0] is not None]
    assert sorted(given) == list(range(1, ended.count("accepted") + 1))
    assert ended.count("killed") == 5


def test_the_line_is_left_by_the_departments_first_step_or_by_an_end_and_both_are_numbered(
    line: Line, sql: Sql, client: Any
) -> None:
    first, second, third, fourth, fifth = (line.file() for _ in range(5))

    step(fifth, "ask_correction", SUPERVISOR, Given(reason="首次审查遗漏", items=(ITEM,), until=DAY))
    step(second, "accept", OFFICE)
    step(first, "withdraw", applicant(line.phone.resident_id))
    step(fourth, "accept", CLERK)
    step(third, "accept", OFFICE)

    assert columns(sql, line, "taken", "taken_as", "waiting") == [
        (3, "left", False),
        (2, "office_order", False),
        (5, "in_turn", False),
        (4, "unstated", False),
        (1, "supervisor_order", False),
    ]
    assert faults(line.ledger(client)) == []


def test_deemed_acceptance_leaves_a_submission_in_its_line_and_a_correction_brings_it_back(
    line: Line, sql: Sql
) -> None:
    first, second = line.file(), line.file()
    step(first, "deem_accepted", SYSTEM)
    assert columns(sql, line, "waiting", "taken") == [(True, None), (True, None)]

    step(second, "ask_correction", OFFICE, Given(items=(ITEM,), until=DAY))
    assert columns(sql, line, "waiting", "taken") == [(True, None), (False, 1)]
    step(second, "refile", applicant(line.phone.resident_id))

    assert columns(sql, line, "waiting", "taken") == [(True, None), (True, 1)]


def test_what_is_answered_on_the_spot_stands_in_no_line(phone: Any, sql: Sql) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    step(receipt, "accept", SYSTEM)

    assert sql("SELECT waiting, taken FROM submissions WHERE id = %s", receipt["id"]) == [
        {"waiting": False, "taken": None}
    ]


def test_a_decision_is_dated_and_a_reopening_takes_the_date_away(line: Line, sql: Sql) -> None:
    receipt = line.file()
    step(receipt, "decline", OFFICE, Given(reason="不属于本机关职权"))
    assert columns(sql, line, "decided_at")[0][0] is not None

    step(receipt, "reopen", SUPERVISOR, Given(reason="复议决定撤销", kind="review_decision", document="复〔2026〕1号"))

    assert columns(sql, line, "decided_at", "waiting", "taken") == [(None, True, 1)]
