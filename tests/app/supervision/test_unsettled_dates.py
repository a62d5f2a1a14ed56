"""Dates that a notice may still move: nothing final happens by them, and nobody is left waiting in silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from app import database
from app.catalogue import calendars
from app.catalogue.calendars import Year
from app.submissions import recounts
from app.supervision import alarms, deemed_acceptances
from tests.clocks import FileCase, china

pytestmark = pytest.mark.usefixtures("own_world")


def load(year: int, days_off: tuple[date, ...], worked: tuple[date, ...] = ()) -> None:
    with database.work() as work:
        calendars.load(work, Year(year, days_off, worked, f"关于{year}年的通知", "1号"), "staff:test")
    calendars.forget()
    recounts.sweep(china(f"{year - 1}-12-28 00:02"))


def test_nobody_is_deemed_accepted_by_a_date_that_may_still_move(
    file_case: FileCase, sql: Callable[..., list[Any]]
) -> None:
    """31 December came, and nobody had loaded the notice of the next year: as in 2018, it moves the very last days."""
    load(2046, (date(2046, 1, 1),))
    case = file_case("2046-12-20 10:00")

    def state() -> str:
        return str(sql("SELECT state FROM submissions WHERE id = %s", case)[0]["state"])

    assert sql("SELECT acceptance_due FROM submissions WHERE id = %s", case)[0]["acceptance_due"] == date(2046, 12, 27)
    deemed_acceptances.sweep(china("2046-12-28 00:00"))
    alarms.sweep(china("2046-12-28 00:00"))
    assert state() == "received"
    cards = sql("SELECT level, told, closed_at FROM alarms WHERE submission_id = %s", case)
    assert cards == [{"level": "yellow", "told": "head", "closed_at": None}], "a person knows"

    load(2047, (date(2046, 12, 31), date(2047, 1, 1)), worked=(date(2046, 12, 29),))
    deemed_acceptances.sweep(china("2046-12-28 00:05"))

    assert state() == "accepted"


def test_a_notice_that_moves_the_date_closes_its_alarm(file_case: FileCase, sql: Callable[..., list[Any]]) -> None:
    load(2052, (date(2052, 1, 1),))
    case = file_case("2052-12-24 10:00")
    alarms.sweep(china("2052-12-30 09:00"))
    before = sql("SELECT due_date, closed_at FROM alarms WHERE submission_id = %s AND clock = 'acceptance'", case)

    load(2053, (date(2052, 12, 31), date(2053, 1, 1)))
    alarms.sweep(china("2052-12-30 09:01"))
    alarms.sweep(china("2053-01-02 09:00"))

    query = "SELECT due_date, closed_at FROM alarms WHERE submission_id = %s AND clock = 'acceptance' ORDER BY due_date"
    after = sql(query, case)
    assert before == [{"due_date": date(2052, 12, 31), "closed_at": None}]
    assert after == [
        {"due_date": date(2052, 12, 31), "closed_at": china("2052-12-30 09:01")},
        {"due_date": date(2053, 1, 2), "closed_at": None},
    ]
