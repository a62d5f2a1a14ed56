"""Recounts: a year is published or corrected, and every open submission gets the dates that follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from app import clock, database
from app.catalogue import calendars
from app.catalogue.calendars import Year
from app.submissions import recounts
from app.submissions.history import Actor, Given
from app.submissions.submissions import take_step
from tests.clocks import CLERK, FileCase, at, china

pytestmark = pytest.mark.usefixtures("own_world")

Sql = Callable[..., list[Any]]

ENDED = Given(reason="事项已依法取消", kind="service_ended")

# After everything that the stories file: nothing is done before what was done last.
LATER = china("2060-01-05 09:00")


def load(year: int, *days_off: date, worked: tuple[date, ...] = (), number: str = "1号") -> int:
    with database.work() as work:
        version = calendars.load(work, Year(year, days_off, worked, f"关于{year}年的通知", number), "staff:test")
    calendars.forget()
    return version


def recount() -> int:
    return recounts.sweep(LATER, batch=2)


def dates_of(sql: Sql, case: UUID) -> tuple[Any, ...]:
    columns = "acceptance_due, decision_due, due_provisional, revision"
    return tuple(sql(f"SELECT {columns} FROM submissions WHERE id = %s", case)[0].values())


def steps_of(sql: Sql, case: UUID) -> list[str]:
    return [row["step"] for row in sql("SELECT step FROM history WHERE submission_id = %s ORDER BY number", case)]


def test_publishing_a_year_moves_what_runs_into_it_and_says_whom_it_touched(file_case: FileCase, sql: Sql) -> None:
    load(2041, date(2041, 1, 1))
    recount()
    moves = [file_case("2041-12-26 10:00") for _ in range(3)]
    stays = file_case("2041-12-02 10:00")
    settles = file_case("2041-12-20 10:00")
    ended = file_case("2041-12-26 10:00")
    with database.work() as work:
        take_step(work, ended, "terminate", Actor("office", "office"), LATER, ENDED)
    before = dates_of(sql, moves[0])

    version = load(2042, date(2042, 1, 1), date(2042, 1, 2))
    assert recounts.sweep(clock.now()) == 0, "not before every process knows it"
    recount()

    assert before == (date(2042, 1, 2), date(2042, 1, 2), True, 1)
    for case in moves:
        assert dates_of(sql, case) == (date(2042, 1, 6), date(2042, 1, 6), False, 2)
        assert steps_of(sql, case) == ["receive", "recount"]
    assert (dates_of(sql, stays)[2:], steps_of(sql, stays)) == ((False, 1), ["receive"])
    assert (dates_of(sql, settles)[2:], steps_of(sql, settles)) == ((False, 2), ["receive"]), "only certain now"
    assert steps_of(sql, ended) == ["receive", "terminate"]

    with database.reading() as connection:
        first = recounts.touched(connection, 2042, version, None, 2)
        rest = recounts.touched(connection, 2042, version, first[-1]["submission"], 2)
        row = calendars.version(connection, 2042, version)
    assert [one["submission"] for one in first + rest] == sorted(moves)
    assert first[0]["moved"]["decision"] == {"before": "2042-01-02", "after": "2042-01-06"}
    assert (row.recounted, row.moved, row.recount_ended_at is not None) == (4, 3, True)
    assert recount() == 0


def test_a_correction_moves_dates_back_and_a_second_run_moves_nothing(file_case: FileCase, sql: Sql) -> None:
    load(2044, date(2044, 1, 1), date(2044, 5, 2), date(2044, 5, 3))
    load(2045, date(2045, 1, 2))
    recount()
    case = file_case("2044-04-27 10:00")
    with at("2044-04-28 10:00"), database.work() as work:
        take_step(work, case, "accept", CLERK, clock.now())
    accepted = dates_of(sql, case)

    load(2044, date(2044, 1, 1), date(2044, 5, 3), number="2号")
    recount()
    recount()

    assert accepted[:2] == (date(2044, 5, 6), date(2044, 5, 9))
    # The clock of acceptance ended with the acceptance: its date stays as the one by which it had to be.
    assert dates_of(sql, case)[:2] == (date(2044, 5, 6), date(2044, 5, 6))
    assert steps_of(sql, case) == ["receive", "accept", "recount"]
    moved = sql("SELECT terms FROM history WHERE submission_id = %s AND step = 'recount'", case)[0]["terms"]
    assert moved == {"calendar": "2044/2", "moved": {"decision": ["2044-05-09", "2044-05-06"]}}


def test_killed_in_the_middle_it_goes_on_where_it_was(
    file_case: FileCase, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(2047, date(2047, 1, 1))
    recount()
    cases = [file_case("2047-12-26 10:00") for _ in range(5)]
    version = load(2048, date(2048, 1, 1))
    real, seen = take_step, list[UUID]()

    def dies_at_the_fourth(work: Any, case: UUID, *rest: Any) -> int:
        if len(seen) == 3:
            raise ConnectionError("the worker was killed")
        seen.append(case)
        return real(work, case, *rest)

    monkeypatch.setattr(recounts, "take_step", dies_at_the_fourth)
    with pytest.raises(ConnectionError):
        recount()
    monkeypatch.setattr(recounts, "take_step", real)
    recount()

    assert all(steps_of(sql, case) == ["receive", "recount"] for case in cases)
    with database.reading() as connection:
        row = calendars.version(connection, 2048, version)
    assert (row.recounted, row.moved) == (5, 5)


def test_a_version_that_was_corrected_before_its_turn_leaves_the_work_to_the_later_one(
    file_case: FileCase, sql: Sql
) -> None:
    load(2050, date(2050, 1, 3))
    recount()
    case = file_case("2050-12-27 10:00")
    load(2051, date(2051, 1, 2))
    load(2051, date(2051, 1, 2), date(2051, 1, 3), number="2号")

    recount()

    terms = sql("SELECT terms FROM history WHERE submission_id = %s AND step = 'recount'", case)
    assert [row["terms"]["calendar"] for row in terms] == ["2051/2"]
