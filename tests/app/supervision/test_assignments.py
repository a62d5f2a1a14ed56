"""Assignments under a crowd: 32 clerks call the next at once, some of them die, and the order still holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app import database
from app.people.callers import Clerk
from app.settings import settings
from app.submissions.history import applicant
from app.submissions.submissions import StepNotAllowed
from app.supervision import assignments
from app.supervision.assignments import AlreadyTaken, QueueEmpty, TooManyUnhandled
from app.supervision.order_check import faults, reasons
from tests.lines import OFFICE, Killed, Line, clerk_of, dying, step
from tests.product import Phone

pytestmark = pytest.mark.usefixtures("own_world")

CLERKS, WAITING = 32, 56

Sql = Callable[..., list[Any]]
Hire = Callable[[str, str], Phone]


@pytest.fixture
def busy_clerks(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clerks who may have as many in hand as they like."""
    monkeypatch.setenv("UNHANDLED_PER_CLERK", "1000")
    settings.cache_clear()
    yield
    settings.cache_clear()


class Counter32:
    """One thread a clerk, each calling the next until nobody waits. Every ninth call dies before its commit."""

    def __init__(self, engine: Engine, line: Line, clerks: list[Clerk]) -> None:
        self.engine, self.line, self.clerks = engine, line, clerks
        self.start = threading.Barrier(len(clerks))
        self.given: list[tuple[UUID, UUID]] = []
        self.died, self.calls, self.lock = 0, 0, threading.Lock()

    def run(self, number: int) -> None:
        clerk = self.clerks[number]
        self.start.wait()
        while (found := self.call(clerk)) is not None:
            if found:
                self.given.append((found, clerk.id))

    def call(self, clerk: Clerk) -> Any:
        """The submission that was given; False for a death, None when nobody waits any more."""
        with self.lock:
            self.calls += 1
            dies = self.calls % 9 == 0
        try:
            with dying(self.engine, lambda: dies) as work:
                taken = assignments.give_next(work, clerk, self.line.department, self.line.service, "zh")
            return taken["submission"]["id"]
        except QueueEmpty:
            return None
        except (Killed, DBAPIError) as error:
            assert isinstance(error, Killed) or error.connection_invalidated, "no deadlock, no timeout"
            self.died += 1
            return False


def test_thirty_two_clerks_at_once_get_each_submission_once_and_together_in_order(
    crowd: Engine, line: Line, make_newcomer: Hire, busy_clerks: None, sql: Sql, client: Any
) -> None:
    filed = [line.file()["id"] for _ in range(WAITING)]
    counter = Counter32(crowd, line, [clerk_of(make_newcomer("clerk", "gongan")) for _ in range(CLERKS)])

    with ThreadPoolExecutor(CLERKS) as pool:
        for done in [pool.submit(counter.run, number) for number in range(CLERKS)]:
            done.result()

    assert counter.died > 0
    assert sorted(str(submission) for submission, _ in counter.given) == sorted(filed), "each one once, and none lost"
    rows = sql(
        """SELECT s.turn, s.taken, s.taken_as, a.staff_id, s.id, pg_xact_commit_timestamp(a.xmin) AS committed
           FROM submissions s JOIN assignments a ON a.submission_id = s.id WHERE s.service_code = %s ORDER BY turn""",
        line.service,
    )
    assert [row["taken"] for row in rows] == [row["turn"] for row in rows] == list(range(1, WAITING + 1))
    assert {row["taken_as"] for row in rows} == {"in_turn"}
    assert all(one["committed"] <= other["committed"] for one, other in pairwise(rows))
    assert {(row["id"], row["staff_id"]) for row in rows} == set(counter.given)
    steps = "SELECT 1 FROM history h JOIN submissions s ON s.id = h.submission_id WHERE s.service_code = %s"
    assert len(sql(f"{steps} AND h.step = 'take'", line.service)) == WAITING
    ledger = line.ledger(client)
    assert faults(ledger) == [] and reasons(ledger) == {"in_turn": WAITING}


def test_clerks_filings_withdrawals_and_an_office_at_once_leave_a_ledger_that_holds(
    crowd: Engine, line: Line, make_newcomer: Hire, busy_clerks: None, sql: Sql, client: Any
) -> None:
    """Whoever passes somebody by, because that one is just being changed, says so; nothing else is out of order."""
    filed = [line.file() for _ in range(30)]
    clerks = [clerk_of(make_newcomer("clerk", "gongan")) for _ in range(6)]

    def act(number: int) -> None:
        if number % 3 == 0:
            step(filed[number], "withdraw", applicant(line.phone.resident_id))
        elif number % 7 == 0:
            step(filed[number], "accept", OFFICE)

    def call(number: int) -> None:
        with dying(crowd, lambda: False) as work:
            assignments.give_next(work, clerks[number % 6], line.department, line.service, "zh")

    def quietly(do: Callable[[int], None], number: int) -> str:
        try:
            do(number)
            return "done"
        except (QueueEmpty, StepNotAllowed) as refusal:
            return refusal.code()

    with ThreadPoolExecutor(12) as pool:
        ended = [pool.submit(quietly, do, number) for number in range(30) for do in (act, call)]
        told = {done.result() for done in ended}

    assert "done" in told
    ledger = line.ledger(client)
    assert faults(ledger) == []
    assert {entry["state"] for entry in ledger} >= {"left", "in_hand"}


def test_one_clerk_asking_many_times_at_once_gets_no_more_than_the_limit(
    crowd: Engine, line: Line, make_newcomer: Hire
) -> None:
    for _ in range(8):
        line.file()
    clerk = clerk_of(make_newcomer("clerk", "gongan"))

    def call(_: int) -> bool:
        try:
            with dying(crowd, lambda: False) as work:
                assignments.give_next(work, clerk, line.department, line.service, "zh")
            return True
        except TooManyUnhandled as refusal:
            assert refusal.facts == {"held": 3, "limit": 3}
            return False

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(call, range(8)))

    assert given.count(True) == 3


def test_two_who_take_the_same_one_at_once_are_told_apart(crowd: Engine, line: Line, make_newcomer: Hire) -> None:
    line.file()
    wanted = UUID(line.file()["id"])
    clerks = [clerk_of(make_newcomer("clerk", "gongan")) for _ in range(2)]
    start = threading.Barrier(2)

    def take(number: int) -> str:
        start.wait()
        try:
            with dying(crowd, lambda: False) as work:
                assignments.take(work, clerks[number], wanted, "emergency", "危急", "zh")
            return "taken"
        except AlreadyTaken as refusal:
            assert refusal.facts == {"mine": False}
            return "told"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, range(2))) == ["taken", "told"]
    with database.reading() as connection:
        assert assignments.handler_of(connection, wanted) in {clerk.id for clerk in clerks}


def test_one_who_is_being_changed_at_that_very_moment_is_passed_over_and_the_ledger_says_so(
    crowd: Engine, line: Line, make_newcomer: Hire, client: Any
) -> None:
    first, second = line.file(), line.file()
    clerk = clerk_of(make_newcomer("clerk", "gongan"))
    with crowd.connect() as other, other.begin():
        lock = "SELECT 1 FROM submissions WHERE id = %(id)s FOR UPDATE"
        other.exec_driver_sql(lock, {"id": first["id"]})
        with database.work() as work:
            taken = assignments.give_next(work, clerk, line.department, line.service, "zh")

    assert str(taken["submission"]["id"]) == second["id"]
    assert (taken["in_turn"], taken["reason_kind"], taken["skipped"]) == (True, "busy", 1)
    ledger = line.ledger(client)
    assert [(entry["taken"], entry["taken_as"]) for entry in ledger] == [(None, None), (1, "busy")]
    assert faults(ledger) == []
