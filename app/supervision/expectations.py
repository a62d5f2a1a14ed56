"""Expectations: how long a queue's people really wait, from receipt to decision, as the last days show it.

What is counted: working days after the receipt day up to the day of the decision, with every pause in it, because
whoever corrects papers or is heard waits through that, too, and no legal count makes it shorter for them. Those who
were declined are left out: their quick answer is not the one that others wait for. Those who still wait count for as
long as they have waited (the estimator of Kaplan and Meier, 1958), so that a backlog that is never decided cannot
make a queue look quick; that makes a figure longer than the measured one, never shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Column, DateTime, Float, ForeignKey, Integer, Table, Text, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs
from app.catalogue import calendars
from app.catalogue.working_days import Calendar
from app.clock import CHINA
from app.database import Work, metadata
from app.submissions.turns import queues

WINDOWS: Final = (30, 90, 365)
"""Days back that are looked at: the first that holds SAMPLE decisions counts, and none tells nothing."""

SAMPLE: Final = 20

_QUEUES_AT_ONCE = 200

expectations = Table(
    "expectations",
    metadata,
    Column("department_code", Text, ForeignKey("departments.code"), primary_key=True),
    Column("service_code", Text, ForeignKey("services.code"), primary_key=True),
    # The window in days and how many decisions it holds. Without a p90 fewer than 9 of 10 were ever decided.
    Column("days", Integer, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("p50", Integer),
    Column("p90", Integer),
    # Decisions in a working day of the last 30 days.
    Column("decided_a_day", Float, nullable=False),
    Column("measured_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class Measured:
    """Working days within which half, and nine of ten, had their decision; None where that many never had it."""

    p50: int | None
    p90: int | None
    sample: int


def measured(decided: Mapping[int, int], waiting: Mapping[int, int]) -> Measured:
    """From how many were decided after so many working days, and how many have waited so many and still do."""
    at_risk = sum(decided.values()) + sum(waiting.values())
    left, p50, p90 = 1.0, None, None
    for days in sorted({*decided, *waiting}):
        if decided.get(days):
            left *= 1 - decided[days] / at_risk
            # A little room, because a tenth is no number that a float can hold.
            p50 = days if p50 is None and left <= 0.5 + 1e-9 else p50
            p90 = days if p90 is None and left <= 0.1 + 1e-9 else p90
        at_risk -= decided.get(days, 0) + waiting.get(days, 0)
    return Measured(p50, p90, sum(decided.values()))


def working_days_between(calendar: Calendar, first: date, last: date) -> int:
    """Working days after `first` up to and with `last`; at least 1, the day itself."""
    days = (last - first).days
    return max(1, sum(calendar.is_working_day(first + timedelta(days=day)) for day in range(1, days + 1)))


@jobs.tasks.periodic(cron="23 * * * *")
@jobs.task("measure_expectations", queueing_lock="measure_expectations")
def measure(timestamp: int) -> None:
    """Measure every queue anew."""
    sweep(clock.now())


def sweep(at: datetime) -> int:
    """The same, as of an instant; how many queues have an expectation. Some queues at a time, each lot saved."""
    after, count = ("", ""), 0
    key = (queues.c.department_code, queues.c.service_code)
    while True:
        with database.work() as work:
            page = select(*key).where(tuple_(*key) > after).order_by(*key).limit(_QUEUES_AT_ONCE)
            found = [(row.department_code, row.service_code) for row in work.run(page)]
            if not found:
                return count
            count += _refresh(work, found, at)
            after = found[-1]


def _refresh(work: Work, found: list[tuple[str, str]], at: datetime) -> int:
    measured_here = [row for row in _of_queues(work, found, at)]
    lacking = {(row["department_code"], row["service_code"]) for row in measured_here}
    gone = [queue for queue in found if queue not in lacking]
    work.run(expectations.delete().where(tuple_(expectations.c.department_code, expectations.c.service_code).in_(gone)))
    if measured_here:
        statement = insert(expectations)
        changed = {
            name: statement.excluded[name] for name in ("days", "sample", "p50", "p90", "decided_a_day", "measured_at")
        }
        statement = statement.on_conflict_do_update(index_elements=["department_code", "service_code"], set_=changed)
        work.connection.execute(statement, measured_here)
    return len(measured_here)


# By days, because the same two days come up again and again, and only Python knows the calendar.
DECIDED = """
SELECT q.department_code, q.service_code, d.received, d.ended, d.many
FROM unnest(%(departments)s::text[], %(services)s::text[]) AS q (department_code, service_code)
CROSS JOIN LATERAL (
    SELECT (s.received_at AT TIME ZONE 'Asia/Shanghai')::date AS received,
           (s.decided_at AT TIME ZONE 'Asia/Shanghai')::date AS ended, count(*) AS many
    FROM submissions s
    WHERE s.department_code = q.department_code AND s.service_code = q.service_code
      AND s.decided_at >= %(since)s AND s.decided_at < %(until)s AND s.state <> 'declined'
    GROUP BY 1, 2) AS d
"""
OPEN = """
SELECT q.department_code, q.service_code, d.received, d.many
FROM unnest(%(departments)s::text[], %(services)s::text[]) AS q (department_code, service_code)
CROSS JOIN LATERAL (
    SELECT (s.received_at AT TIME ZONE 'Asia/Shanghai')::date AS received, count(*) AS many
    FROM submissions s
    WHERE s.department_code = q.department_code AND s.service_code = q.service_code AND s.received_at < %(until)s
      AND s.state IN ('received', 'correcting', 'accepted', 'in_review', 'suspended')
    GROUP BY 1) AS d
"""

_Queue = tuple[str, str]


def _of_queues(work: Work, found: list[_Queue], at: datetime) -> Iterable[dict[str, Any]]:
    """An expectation for each queue whose sample is large enough in one of the windows."""
    today, known = clock.day_of(at), calendars.current(work.connection)
    waits: dict[_Queue, Counter[int]] = {queue: Counter() for queue in found}
    for row in work.run_sql(OPEN, {**_lists(found), "until": at}):
        days = working_days_between(known, row.received, today)
        waits[row.department_code, row.service_code][days] += row.many
    lately = _decided(work, found, at, WINDOWS[0])
    passed = working_days_between(known, today - timedelta(days=WINDOWS[0]), today)
    remaining = list(found)
    for window in WINDOWS:
        decided = lately if window == WINDOWS[0] else _decided(work, remaining, at, window)
        for queue in list(remaining):
            result = measured(decided[queue], waits[queue])
            if result.sample >= SAMPLE:
                remaining.remove(queue)
                rate = sum(lately[queue].values()) / passed
                yield _row(queue, window, result, rate, at)


def _decided(work: Work, found: list[_Queue], at: datetime, window: int) -> dict[_Queue, Counter[int]]:
    start = datetime.combine(clock.day_of(at) - timedelta(days=window), time(), CHINA)
    lengths: dict[_Queue, Counter[int]] = {queue: Counter() for queue in found}
    for row in work.run_sql(DECIDED, {**_lists(found), "since": start, "until": at}):
        days = working_days_between(calendars.current(work.connection), row.received, row.ended)
        lengths[row.department_code, row.service_code][days] += row.many
    return lengths


def _lists(found: list[_Queue]) -> dict[str, list[str]]:
    return {"departments": [queue[0] for queue in found], "services": [queue[1] for queue in found]}


def _row(queue: _Queue, window: int, result: Measured, rate: float, at: datetime) -> dict[str, Any]:
    return {
        "department_code": queue[0],
        "service_code": queue[1],
        "days": window,
        "sample": result.sample,
        "p50": result.p50,
        "p90": result.p90,
        "decided_a_day": rate,
        "measured_at": at,
    }
