"""Working days: the dates of the official notices, and what holds on every calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.working_days import Calendar, Due, add_calendar_days, add_working_days

CALENDAR = Calendar.load()

DAYS = st.dates(date(2025, 1, 1), date(2026, 12, 31))
LENGTHS = st.integers(0, 60)


def known_until_2026() -> Calendar:
    """What was known in the autumn of 2026, whichever years have been published since."""
    return Calendar(
        days_off=frozenset(day for day in CALENDAR.days_off if day.year <= 2026),
        worked=frozenset(day for day in CALENDAR.worked if day.year <= 2026),
        published_years=frozenset({2025, 2026}),
    )


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (date(2026, 9, 28), 5, date(2026, 10, 10)),  # a Saturday that is worked
        (date(2026, 2, 10), 20, date(2026, 3, 16)),
        (date(2025, 9, 25), 5, date(2025, 10, 9)),
        (date(2025, 1, 20), 20, date(2025, 2, 21)),
        (date(2026, 4, 29), 10, date(2026, 5, 15)),
    ],
)
def test_limits_across_holidays(start: date, days: int, due: date) -> None:
    assert add_working_days(CALENDAR, start, days) == Due(due, provisional=False)


def test_the_make_up_days_of_the_notices() -> None:
    assert {day for day in CALENDAR.worked if day.year == 2026} == {
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    }
    assert {day for day in CALENDAR.worked if day.year == 2025} == {
        date(2025, 1, 26),
        date(2025, 2, 8),
        date(2025, 4, 27),
        date(2025, 9, 28),
        date(2025, 10, 11),
    }


def test_the_length_of_the_working_year() -> None:
    """365 days, less 104 of weekends, less the 13 of 全国年节及纪念日放假办法 (2024)."""
    for year in (2025, 2026):
        days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
        assert sum(map(CALENDAR.is_working_day, days)) == 248


def test_days_off_are_weekdays_and_worked_days_are_weekend_days() -> None:
    assert all(day.weekday() < 5 for day in CALENDAR.days_off)
    assert all(day.weekday() >= 5 for day in CALENDAR.worked)
    assert {day.year for day in CALENDAR.days_off | CALENDAR.worked} <= CALENDAR.published_years


def test_a_limit_into_an_unpublished_year_is_provisional() -> None:
    published = known_until_2026()
    assert add_working_days(published, date(2026, 12, 24), 5) == Due(date(2026, 12, 31), provisional=False)
    assert add_working_days(published, date(2026, 12, 25), 5) == Due(date(2027, 1, 1), provisional=True)
    assert add_working_days(published, date(2026, 11, 30), 30) == Due(date(2027, 1, 11), provisional=True)
    assert add_calendar_days(published, date(2026, 12, 20), 15) == Due(date(2027, 1, 4), provisional=True)


def test_publishing_the_year_settles_the_limit() -> None:
    """The days of 2027 are invented here: only its New Year's Day is set."""
    before = known_until_2026()
    known = Calendar(before.days_off | {date(2027, 1, 1)}, before.worked, before.published_years | {2027})
    assert add_working_days(known, date(2026, 12, 25), 5) == Due(date(2027, 1, 4), provisional=False)


def test_calendar_days_end_on_a_working_day() -> None:
    assert add_calendar_days(CALENDAR, date(2026, 3, 2), 15) == Due(date(2026, 3, 17), provisional=False)
    assert add_calendar_days(CALENDAR, date(2026, 9, 18), 15) == Due(date(2026, 10, 8), provisional=False)
    assert add_calendar_days(CALENDAR, date(2026, 9, 25), 15) == Due(date(2026, 10, 10), provisional=False)


def test_a_limit_of_no_days_ends_today_or_on_the_next_working_day() -> None:
    assert add_working_days(CALENDAR, date(2026, 9, 30), 0).date == date(2026, 9, 30)
    assert add_working_days(CALENDAR, date(2026, 10, 1), 0).date == date(2026, 10, 8)


@pytest.mark.parametrize("add", [add_working_days, add_calendar_days])
def test_no_limit_is_negative(add: Callable[[Calendar, date, int], Due]) -> None:
    with pytest.raises(ValueError, match="negative"):
        add(CALENDAR, date(2026, 3, 2), -1)


@given(start=DAYS, days=st.integers(1, 60))
def test_the_days_between_are_counted(start: date, days: int) -> None:
    due = add_working_days(CALENDAR, start, days).date
    between = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]
    assert CALENDAR.is_working_day(due)
    assert sum(map(CALENDAR.is_working_day, between)) == days


@given(start=DAYS, first=LENGTHS, second=LENGTHS)
def test_two_limits_in_a_row_are_one_long_limit(start: date, first: int, second: int) -> None:
    middle = add_working_days(CALENDAR, start, first).date
    # With no first days a free start moves to a working day, which is then the uncounted first day itself.
    if first or CALENDAR.is_working_day(start):
        assert add_working_days(CALENDAR, middle, second) == add_working_days(CALENDAR, start, first + second)


@given(start=DAYS, days=LENGTHS)
def test_no_limit_ends_before_its_days_are_over(start: date, days: int) -> None:
    calendar_due = add_calendar_days(CALENDAR, start, days).date
    assert start + timedelta(days=days) <= calendar_due <= add_working_days(CALENDAR, start, days).date


@given(start=DAYS, days=LENGTHS)
def test_provisional_means_an_unpublished_year(start: date, days: int) -> None:
    due = add_working_days(CALENDAR, start, days)
    assert due.provisional == (due.date.year not in CALENDAR.published_years)
