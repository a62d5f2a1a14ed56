"""Calendars: what staff may load, and how every process learns of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import database
from app.catalogue import calendars
from app.catalogue.calendars import CalendarNotFound, CalendarUnchanged, Year
from app.catalogue.working_days import FOLDER, Calendar
from app.refusals import InvalidContent

pytestmark = pytest.mark.usefixtures("own_world")

NEW_YEAR_2061 = Year(
    2061, (date(2061, 1, 3),), (date(2061, 1, 8),), "关于2061年部分节假日安排的通知", "国办发明电〔2060〕1号"
)


def load(year: Year) -> int:
    with database.work() as work:
        return calendars.load(work, year, "staff:test")


def test_the_years_of_the_program_are_published_once(product: Flask) -> None:
    with database.work() as work:
        assert calendars.publish_files(work) == 0
        rows = {row.year: row for row in calendars.counting(work.connection)}

    assert rows[2026].version == 1 and rows[2026].number == "国办发明电〔2025〕7号"
    assert rows[2026].loaded_by == calendars.FILES
    assert all(not calendars.read_file(path).faults() for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"worked": (date(2062, 1, 4),)}, "/worked/0"),  # A Wednesday is no make-up day.
        ({"days_off": (date(2062, 1, 7),)}, "/days_off/0"),  # A Saturday is free by itself.
        ({"days_off": (date(2062, 1, 2), date(2062, 1, 2))}, "/days_off/1"),
        ({"days_off": (date(2063, 1, 2),)}, "/days_off/0"),
        ({"days_off": (date(2061, 12, 23),)}, "/days_off/0"),  # Only the last week before it is the notice's to move.
        ({"days_off": ()}, "/days_off"),
    ],
)
def test_a_calendar_that_cannot_be_right_is_refused(changes: dict[str, Any], pointer: str) -> None:
    wrong = Year(
        **{"year": 2062, "days_off": (date(2062, 1, 2),), "worked": (), "title": "通知", "number": "1号", **changes}
    )

    with pytest.raises(InvalidContent) as refused:
        load(wrong)

    assert pointer in refused.value.errors
    with database.reading() as connection, pytest.raises(CalendarNotFound):
        calendars.versions(connection, 2062)


def test_a_notice_may_move_days_of_the_last_week_before_its_year() -> None:
    """国办发明电〔2018〕15号 had 29 December 2018 worked and the 31st off; 2018 was like 2063 in its last week."""
    year = Year(2064, (date(2063, 12, 31), date(2064, 1, 1)), (date(2063, 12, 29),), "通知", "1号")

    assert year.faults() == {}


def test_a_correction_is_a_new_version_and_the_old_one_stays() -> None:
    first = load(NEW_YEAR_2061)
    with pytest.raises(CalendarUnchanged):
        load(NEW_YEAR_2061)
    corrected = Year(
        2061, (date(2061, 1, 3), date(2061, 1, 4)), (date(2061, 1, 8),), "更正通知", "国办发明电〔2060〕2号"
    )
    second = load(corrected)

    with database.reading() as connection:
        kept = {row.version: row.days_off for row in calendars.versions(connection, 2061)}
        stored = calendars.stored(connection)
    assert (first, second) == (1, 2)
    assert kept == {1: [date(2061, 1, 3)], 2: [date(2061, 1, 3), date(2061, 1, 4)]}
    assert not stored.is_working_day(date(2061, 1, 4)) and stored.is_working_day(date(2061, 1, 8))


def test_two_administrators_at_once_make_two_versions() -> None:
    both = [Year(2065, (date(2065, 1, 1),), (), f"通知{number}", "1号") for number in (1, 2)]

    with ThreadPoolExecutor() as pool:
        assert sorted(pool.map(load, both)) == [1, 2]


def test_a_process_keeps_the_calendar_and_learns_of_a_new_one_beside_its_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calendars, "_FRESH_SECONDS", 0.0)
    monkeypatch.setattr(calendars, "_STALE_SECONDS", 3600.0)
    with database.reading() as connection:
        known = calendars.current(connection)
        load(Year(2066, (date(2066, 1, 1),), (), "通知", "1号"))

        nothing: Any = _NoConnection()
        deadline = time.monotonic() + 60
        while 2066 not in calendars.current(nothing).published_years and time.monotonic() < deadline:
            time.sleep(0.01)

        assert 2066 not in known.published_years
        assert 2066 in calendars.current(nothing).published_years


class _NoConnection:
    """Whoever asks this anything pays a round trip, and fails."""


def test_a_process_that_was_idle_reads_it_before_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    with database.reading() as connection:
        calendars.current(connection)
        load(Year(2067, (date(2067, 1, 3),), (), "通知", "1号"))
        monkeypatch.setattr(calendars, "_STALE_SECONDS", 0.0)

        assert 2067 in calendars.current(connection).published_years


def test_before_anything_was_published_the_years_of_the_program_count(sql: Callable[..., list[Any]]) -> None:
    with database.engine().begin() as connection:
        connection.exec_driver_sql("DELETE FROM calendar_years")
        found = calendars.stored(connection)
        connection.rollback()

    assert found == Calendar.load()


@pytest.mark.parametrize(
    "text", ["year: 2068", "year: 2068\nnotice: {title: t, number: n}\nholidays: [{days_off: [soon]}]", "]"]
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "2068.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidContent):
        calendars.read_file(path)
