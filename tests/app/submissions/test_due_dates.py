"""Due dates: by when the department must have said what, as the law counts days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.services import ON_THE_SPOT, PROMISED, ServiceVersion
from app.catalogue.working_days import Calendar
from app.submissions.due_dates import DueDates, at_receipt, decision_due

_LOADED = Calendar.load()

# What was known in the autumn of 2026, whichever years have been published since.
CALENDAR = Calendar(
    days_off=frozenset(day for day in _LOADED.days_off if day.year <= 2026),
    worked=frozenset(day for day in _LOADED.worked if day.year <= 2026),
    published_years=frozenset({2025, 2026}),
)


def service(
    promised: tuple[int, str], legal: tuple[int, str] | None = None, case_type: int = PROMISED
) -> ServiceVersion:
    """A service with these limits, given as value and unit."""

    def limit(pair: tuple[int, str]) -> dict[str, Any]:
        return {"value": pair[0], "unit": f"{pair[1]}_day"}

    limits = {"promised": limit(promised), "legal": legal and limit(legal)}
    return ServiceVersion("test", 1, {"case_type": case_type, "limits": limits})


def noon(day: date) -> datetime:
    """Noon in China on that day."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("received", "acceptance"),
    [
        (date(2026, 11, 23), date(2026, 11, 30)),  # A Monday: the first day is not counted (民法典 第二百零一条).
        (date(2026, 11, 20), date(2026, 11, 27)),  # A Friday: working days only (行政许可法 第八十二条).
        (date(2026, 11, 22), date(2026, 11, 27)),  # A Sunday: filed on a day off, counted from the next day.
        (date(2026, 9, 28), date(2026, 10, 10)),  # Over National Day, to a Saturday that is worked (国办发 notice).
        (date(2026, 2, 12), date(2026, 2, 26)),  # Over Spring Festival: the 14th is a Saturday that is worked.
    ],
)
def test_within_five_working_days_the_department_says_what_is_missing_or_has_accepted(
    received: date, acceptance: date
) -> None:
    """行政许可法 第三十二条第一款第四项."""
    due = at_receipt(CALENDAR, service((20, "working")), noon(received))

    assert (due.acceptance, due.provisional) == (acceptance, False)


@pytest.mark.parametrize(
    ("promised", "legal", "accepted", "decision"),
    [
        ((5, "working"), (15, "calendar"), date(2026, 11, 23), date(2026, 11, 30)),
        # 优化营商环境条例 第三十六条: a promise never stretches the legal limit.
        ((20, "working"), (15, "calendar"), date(2026, 11, 23), date(2026, 12, 8)),
        ((20, "working"), (20, "working"), date(2026, 11, 23), date(2026, 12, 21)),  # 行政许可法 第四十二条
        ((20, "working"), None, date(2026, 11, 23), date(2026, 12, 21)),
        # Calendar days that end inside National Day end after it (民法典 第二百零三条).
        ((20, "working"), (15, "calendar"), date(2026, 9, 18), date(2026, 10, 8)),
        ((1, "working"), (15, "calendar"), date(2026, 9, 30), date(2026, 10, 8)),
        ((0, "working"), None, date(2026, 11, 22), date(2026, 11, 23)),
    ],
)
def test_the_decision_is_due_by_the_promise_but_never_after_the_legal_limit(
    promised: tuple[int, str], legal: tuple[int, str] | None, accepted: date, decision: date
) -> None:
    due = decision_due(CALENDAR, service(promised, legal), accepted)

    assert (due.date, due.provisional) == (decision, False)


def test_what_is_done_on_the_spot_is_due_the_same_day_even_on_a_sunday() -> None:
    sunday = date(2026, 11, 22)

    due = at_receipt(CALENDAR, service((0, "working"), case_type=ON_THE_SPOT), noon(sunday))

    assert due == DueDates(sunday, sunday, False)


def test_the_day_is_the_one_in_china() -> None:
    monday_evening_in_london = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)

    due = at_receipt(CALENDAR, service((5, "working")), monday_evening_in_london)

    assert due.acceptance == date(2026, 12, 1), "in China it was Tuesday, half past midnight"


def test_a_limit_into_a_year_without_published_holidays_is_provisional() -> None:
    due = at_receipt(CALENDAR, service((20, "working"), (60, "calendar")), noon(date(2026, 12, 21)))

    assert due.acceptance == date(2026, 12, 28)
    assert due.provisional, "the decision falls into 2027"
    assert not at_receipt(CALENDAR, service((5, "working")), noon(date(2026, 12, 21))).provisional


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)),
    st.integers(0, 30),
    st.none() | st.integers(1, 30),
)
def test_dates_never_lie_before_the_receipt_or_on_a_day_off(at: datetime, promised: int, legal: int | None) -> None:
    asked = service((promised, "working"), None if legal is None else (legal, "calendar"))

    due = at_receipt(CALENDAR, asked, at)

    received_on = (at + timedelta(hours=8)).date()
    assert due.acceptance > received_on
    assert due.decision >= received_on
    assert CALENDAR.is_working_day(due.acceptance)
    assert CALENDAR.is_working_day(due.decision)
    if legal is not None:
        # The longest break of these years is nine days off in a row.
        assert due.decision <= received_on + timedelta(days=legal + 9)
