"""Working days: the dates of the official notices, and what holds on every calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.working_days import (
    Calendar,
    Due,
    add_calendar_days,
    add_working_days,
    working_days_back,
    working_days_between,
)

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
    assert add_working_days(published, date(2026, 12, 17), 5) == Due(date(2026, 12, 24), provisional=False)
    assert add_working_days(published, date(2026, 12, 25), 5) == Due(date(2027, 1, 1), provisional=True)
    assert add_working_days(published, date(2026, 11, 30), 30) == Due(date(2027, 1, 11), provisional=True)
    assert add_calendar_days(published, date(2026, 12, 20), 15) == Due(date(2027, 1, 4), provisional=True)


def test_the_last_days_of_december_are_settled_by_the_notice_of_the_next_year() -> None:
    """As the notice of 2019 did (国办发明电〔2018〕15号): 29 December a make-up Saturday, Monday the 31st off."""
    as_in_2018 = Calendar(frozenset(), frozenset(), frozenset({2018}))
    assert add_working_days(as_in_2018, date(2018, 12, 24), 5) == Due(date(2018, 12, 31), provisional=True)

    known = Calendar(
        frozenset({date(2018, 12, 31), date(2019, 1, 1)}), frozenset({date(2018, 12, 29)}), frozenset({2018, 2019})
    )
    assert add_working_days(known, date(2018, 12, 24), 5) == Due(date(2018, 12, 29), provisional=False)
    assert add_working_days(known, date(2018, 12, 24), 6) == Due(date(2019, 1, 2), provisional=False)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (date(2026, 3, 2), 0.5, Due(date(2026, 3, 3), False, half=True)),
        (date(2026, 3, 2), 1.5, Due(date(2026, 3, 4), False, half=True)),
        (date(2026, 3, 6), 0.5, Due(date(2026, 3, 9), False, half=True)),  # From a Friday, over the weekend.
        (date(2026, 2, 13), 0.5, Due(date(2026, 2, 14), False, half=True)),  # To a Saturday that is worked.
        (date(2026, 9, 30), 2.5, Due(date(2026, 10, 10), False, half=True)),
        (date(2026, 3, 2), 2.0, Due(date(2026, 3, 4), False)),
    ],
)
def test_half_a_day_ends_at_noon(start: date, days: float, due: Due) -> None:
    assert add_working_days(CALENDAR, start, days) == due


def test_there_are_no_smaller_parts_than_half_a_day() -> None:
    with pytest.raises(ValueError, match="half"):
        add_working_days(CALENDAR, date(2026, 3, 2), 0.25)


@given(start=DAYS, days=st.integers(1, 10))
def test_looking_back_is_looking_forward(start: date, days: int) -> None:
    """The last day from which a limit has run out by a day."""
    back = working_days_back(CALENDAR, start, days)
    assert add_working_days(CALENDAR, back, days).date <= start
    assert add_working_days(CALENDAR, back + timedelta(days=1), days).date > start


@given(start=DAYS, days=st.integers(1, 60))
def test_the_days_of_a_limit_are_those_between_its_ends(start: date, days: int) -> None:
    assert working_days_between(CALENDAR, start, add_working_days(CALENDAR, start, days).date) == days


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
    assert due.provisional != CALENDAR.is_settled(due.date)
    if due.date.year not in CALENDAR.published_years:
        assert due.provisional
