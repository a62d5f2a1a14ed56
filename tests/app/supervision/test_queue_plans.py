"""One queue among many submissions: next, the place and the ledger read a few rows through indexes, however long it is.

`QUEUE_ROWS=200000 pytest -s` on this file measures with so many submissions. All rows are undone at the end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from app import clock, database
from app.database import Work
from app.people.callers import Clerk
from app.supervision import assignments, expectations, ledger, out_of_turn, places
from tests.lines import Line, clerk_of, resident
from tests.product import Phone

pytestmark = pytest.mark.usefixtures("own_world")

ROWS = int(os.environ.get("QUEUE_ROWS", "5000"))
MANY = ROWS >= 100_000

# Nine of ten in the other queue. In each, the older half is decided; of the rest every third is in hand.
_SUBMISSIONS = """
INSERT INTO submissions (id, service_code, service_version, department_code, applicant_id, state, answers,
                         content_sha256, reference, received_at, turn, waiting, taken, taken_as, decided_at)
SELECT gen_random_uuid(), CASE WHEN i %% 10 = 0 THEN s.service_code ELSE %(other)s END, 1, s.department_code,
       s.applicant_id, CASE WHEN old THEN 'approved' ELSE 'received' END, s.answers, s.content_sha256,
       gen_random_uuid()::text, s.received_at - (%(rows)s - i) * interval '1 minute', 10 + i, NOT old AND i %% 30 > 0,
       CASE WHEN old THEN i END, CASE WHEN old THEN 'in_turn' END, CASE WHEN old THEN now() - interval '1 hour' END
FROM submissions s, generate_series(1, %(rows)s) AS i, LATERAL (SELECT i < %(rows)s / 2 AS old) AS half
WHERE s.id = %(submission)s
"""
_ASSIGNMENTS = """
INSERT INTO assignments (submission_id, staff_id, in_turn, reason_kind, taken_at, skipped)
SELECT id, (SELECT id FROM staff WHERE staff_number = 'S0001'), turn %% 50 > 0,
       CASE WHEN turn %% 50 = 0 THEN 'emergency' END, received_at, 3
FROM submissions WHERE department_code = 'gongan' AND state = 'received' AND NOT waiting AND turn > 10
  AND NOT EXISTS (SELECT FROM assignments a WHERE a.submission_id = submissions.id AND a.released_at IS NULL)
"""


class Queue:
    """One queue and one person at its end, in a unit of work that is never saved."""

    def __init__(self, work: Work, line: Line, other: Line, receipt: dict[str, Any], clerk: Clerk) -> None:
        self.work, self.line, self.receipt, self.clerk = work, line, receipt, clerk
        values = {"submission": receipt["id"], "other": other.service, "rows": ROWS}
        work.run_sql(_SUBMISSIONS, values)
        work.run_sql(_ASSIGNMENTS, values)
        # The person who asks filed last.
        work.run_sql("UPDATE submissions SET turn = %(rows)s + 11 WHERE id = %(submission)s", values)
        for table in ("submissions", "assignments"):
            work.run_sql(f"ANALYZE {table}", {})
        if not MANY:
            # Of so few rows walking through all may be the better plan; what is asked here is the index.
            work.run_sql("SET LOCAL enable_seqscan = off", {})

    @property
    def values(self) -> dict[str, Any]:
        return {"department": "gongan", "service": self.line.service, "acceptance_turn": None, "turn": ROWS + 11}

    def rows_read(self, act: Callable[[], Any]) -> int:
        """Rows of the large tables that `act` fetched, by walking or by an index; what it took is printed."""
        asked = """SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) AS read FROM pg_stat_xact_user_tables
                   WHERE relname IN ('submissions', 'assignments')"""
        before, started = int(self.work.row(asked, {}).read), time.perf_counter()
        act()
        print(f"{(time.perf_counter() - started) * 1000:7.1f} ms", end="  ")
        return int(self.work.row(asked, {}).read) - before

    def plan(self, statement: str, **values: Any) -> str:
        rows = self.work.run_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", {**self.values, **values})
        return "\n".join(row[0] for row in rows)


@pytest.fixture
def queue(make_line: Callable[..., Line], make_newcomer: Callable[[str, str], Phone]) -> Iterator[Queue]:
    line, other = make_line(), make_line()
    other.file()
    # The first of the line is a real one, sealed with a key of its own, because it will be opened.
    line.file()
    receipt, clerk = line.file(), clerk_of(make_newcomer("clerk", "gongan"))
    with database.engine().connect() as connection:
        yield Queue(Work(connection), line, other, receipt, clerk)
        connection.rollback()
    # What was undone still lies in the tables.
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("submissions", "assignments"):
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")


def test_next_and_the_ledger_read_a_few_rows_of_a_long_queue(queue: Queue) -> None:
    connection, service = queue.work.connection, queue.line.service
    acts: dict[str, Callable[[], Any]] = {
        "next": lambda: queue.work.row(assignments.OLDEST, queue.values),
        "the whole of next": lambda: assignments.give_next(queue.work, queue.clerk, "gongan", service, "zh"),
        "ledger, first page": lambda: ledger.entries(connection, "gongan", service, 0, 21, "zh"),
        "ledger, last page": lambda: ledger.entries(connection, "gongan", service, ROWS, 21, "zh"),
        "open queues": lambda: ledger.listing(connection, ("", ""), 21, "zh"),
        "unhandled": lambda: assignments.handler_of(connection, UUID(queue.receipt["id"])),
    }
    for name, act in acts.items():
        read = queue.rows_read(act)
        print(name, read)
        assert read < 200, f"{name} reads {read} rows"


def test_who_was_taken_out_of_turn_of_late_stands_in_an_index(queue: Queue) -> None:
    """Walking through all assignments is the better plan only while there are few of them."""
    auditor = Clerk(queue.clerk.id, queue.clerk.id, "auditor", "gongan")
    latest = {"since": clock.now(), "service": queue.line.service}
    queue.work.run_sql("SET LOCAL enable_seqscan = off", {})

    read = queue.rows_read(lambda: out_of_turn.counts(queue.work.connection, auditor, latest, "zh"))

    assert read < 200, f"out of turn reads {read} rows"


def test_the_place_at_the_end_of_a_long_line_is_counted_in_the_index_of_those_who_wait(queue: Queue) -> None:
    caller, own = resident(queue.line.phone), UUID(queue.receipt["id"])
    waiting = queue.work.row(
        "SELECT count(*) AS n FROM submissions WHERE service_code = %(service)s AND waiting", queue.values
    ).n

    read = queue.rows_read(lambda: places.read(queue.work.connection, caller, own, "zh"))

    print("place", read, "of", waiting)
    assert places.read(queue.work.connection, caller, own, "zh")["before"] == waiting - 1
    plan = queue.plan(places.AHEAD)
    print(plan)
    assert "Seq Scan" not in plan
    if MANY:
        assert "submissions_waiting_idx" in plan, "few rows cost the same through the index of all turns"


def test_the_plans_of_next_and_of_the_hourly_measure(queue: Queue) -> None:
    lists = {"departments": ["gongan"], "services": [queue.line.service], "since": clock.now(), "until": clock.now()}
    plans = {
        "submissions_waiting_idx": queue.plan(assignments.OLDEST),
        "submissions_decided_idx": queue.plan(expectations.DECIDED, **lists),
        "submissions_open_idx": queue.plan(expectations.OPEN, **lists | {"until": clock.now()}),
    }
    for index, plan in plans.items():
        print(plan)
        assert index in plan and "Seq Scan on submissions" not in plan
