"""Expectations: what was measured, pauses and people who still wait included, and never anything better."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app import clock, database
from app.catalogue.working_days import Calendar
from app.clock import CHINA
from app.supervision import expectations
from app.supervision.expectations import SAMPLE, Measured, measured, working_days_between
from tests.lines import Line

CALENDAR = Calendar.load()
Sql = Callable[..., list[Any]]

COUNTS = st.dictionaries(st.integers(1, 60), st.integers(1, 30), max_size=12)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 9, 28), date(2026, 10, 10), 5),  # over the National Day holiday, to a Saturday that is worked
        (date(2026, 11, 20), date(2026, 11, 23), 1),  # Friday to Monday
        (date(2026, 11, 23), date(2026, 11, 23), 1),  # the day itself is told as one, never as none
        (date(2026, 11, 21), date(2026, 11, 22), 1),  # a weekend
        (date(2026, 11, 16), date(2026, 11, 27), 9),
    ],
)
def test_working_days_are_those_of_the_calendar_and_at_least_one(first: date, last: date, days: int) -> None:
    assert working_days_between(CALENDAR, first, last) == days


@pytest.mark.parametrize(
    ("decided", "waiting", "result"),
    [
        ({3: 10}, {}, Measured(3, 3, 10)),
        ({1: 5, 10: 5}, {}, Measured(1, 10, 10)),
        ({2: 9, 20: 1}, {}, Measured(2, 2, 10)),
        # Ten came out quickly and ten have waited for a month: half never had their answer within five days.
        ({2: 10}, {30: 11}, Measured(None, None, 10)),
        ({2: 10, 40: 2}, {30: 8}, Measured(2, 40, 12)),
        # Who came this morning has not shown anything yet, and changes nothing.
        ({3: 10}, {1: 100}, Measured(3, 3, 10)),
        ({}, {5: 3}, Measured(None, None, 0)),
        ({}, {}, Measured(None, None, 0)),
    ],
)
def test_those_who_still_wait_count_for_as_long_as_they_have_waited(
    decided: dict[int, int], waiting: dict[int, int], result: Measured
) -> None:
    assert measured(decided, waiting) == result


def quantile(decided: dict[int, int], part: float) -> int:
    """The plain one of what was decided: the smallest number of days within which so many were."""
    lengths = sorted(Counter(decided).elements())
    return lengths[math.ceil(part * len(lengths) - 1e-9) - 1]


@given(COUNTS.filter(bool), COUNTS)
def test_it_is_never_better_than_what_was_measured(decided: dict[int, int], waiting: dict[int, int]) -> None:
    found = measured(decided, waiting)

    assert found.p50 is None or found.p50 >= quantile(decided, 0.5)
    assert found.p90 is None or found.p90 >= quantile(decided, 0.9)
    assert (found.p50 or math.inf) <= (found.p90 or math.inf)
    assert measured(decided, {}) == Measured(quantile(decided, 0.5), quantile(decided, 0.9), sum(decided.values()))


@given(COUNTS.filter(bool), COUNTS, st.integers(61, 90), st.integers(1, 30))
def test_somebody_more_who_waits_very_long_never_makes_it_shorter(
    decided: dict[int, int], waiting: dict[int, int], days: int, many: int
) -> None:
    one, other = measured(decided, waiting), measured(decided, {**waiting, days: many})

    assert (other.p50 or math.inf) >= (one.p50 or math.inf)
    assert (other.p90 or math.inf) >= (one.p90 or math.inf)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=CHINA)


def decided(sql: Sql, line: Line, count: int, days_ago: int, took: int, state: str = "approved") -> None:
    """So many were decided `days_ago`, `took` calendar days after they came."""
    receipts = [line.file()["id"] for _ in range(count)]
    day = clock.today() - timedelta(days=days_ago)
    sql(
        """UPDATE submissions SET state = %s, waiting = false, decided_at = %s, received_at = %s
           WHERE id = ANY(%s::uuid[])""",
        *(state, noon(day), noon(day - timedelta(days=took)), receipts),
    )


def kept(sql: Sql, line: Line) -> list[dict[str, Any]]:
    expectations.sweep(clock.now())
    return sql("SELECT days, sample, p50, p90 FROM expectations WHERE service_code = %s", line.service)


def between(days_ago: int, took: int) -> int:
    end = clock.today() - timedelta(days=days_ago)
    return working_days_between(CALENDAR, end - timedelta(days=took), end)


def test_the_last_thirty_days_count_when_they_hold_enough_and_else_a_longer_time(line: Line, sql: Sql) -> None:
    decided(sql, line, SAMPLE - 1, 60, 9)
    assert kept(sql, line) == [], "too few, so nothing is said"

    decided(sql, line, 1, 40, 9)
    assert [(row["days"], row["sample"]) for row in kept(sql, line)] == [(90, SAMPLE)]

    decided(sql, line, SAMPLE, 10, 14)
    length = between(10, 14)
    assert kept(sql, line) == [{"days": 30, "sample": SAMPLE, "p50": length, "p90": length}]


def test_who_was_declined_is_left_out_and_who_still_waits_is_not(line: Line, sql: Sql) -> None:
    decided(sql, line, SAMPLE, 5, 7)
    decided(sql, line, SAMPLE, 5, 0, state="declined")
    assert [(row["sample"], row["p50"]) for row in kept(sql, line)] == [(SAMPLE, between(5, 7))]

    for _ in range(SAMPLE + 1):
        line.file()
    old = noon(clock.today() - timedelta(days=70))
    sql("UPDATE submissions SET received_at = %s WHERE service_code = %s AND waiting", old, line.service)

    assert kept(sql, line) == [{"days": 30, "sample": SAMPLE, "p50": None, "p90": None}]


def test_what_was_measured_once_is_forgotten_when_a_year_brought_nothing(line: Line, sql: Sql) -> None:
    decided(sql, line, SAMPLE, 5, 7)
    assert len(kept(sql, line)) == 1

    with clock.moved(timedelta(days=400)):
        assert kept(sql, line) == []


def test_the_hourly_job_measures_and_may_run_twice(product: Flask, line: Line, sql: Sql) -> None:
    decided(sql, line, SAMPLE, 5, 7)

    measure: Callable[..., None] = expectations.measure
    measure(timestamp=0)
    measure(timestamp=0)

    with database.reading() as connection:
        statement = expectations.expectations.select().where(expectations.expectations.c.service_code == line.service)
        assert len(connection.execute(statement).all()) == 1
