"""Digests: what a head knows at half past eight."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from app import database
from app.catalogue import calendars
from app.people.callers import Clerk
from app.submissions.submissions import take_step
from app.supervision import alarms, digests
from app.supervision.digests import DigestNotFound
from tests import handled
from tests.clocks import CLERK, FileCase, china
from tests.product import Phone

Sql = Callable[..., list[Any]]

pytestmark = pytest.mark.usefixtures("own_world")


def test_a_head_reads_their_department_and_a_supervisor_all(
    file_case: FileCase, sql: Sql, make_newcomer: Callable[[str, str], Phone]
) -> None:
    overdue, due_today, waits = (file_case(f"2026-03-{day} 10:00") for day in ("02", "03", "04"))
    department = sql("SELECT department_code FROM submissions WHERE id = %s", overdue)[0]["department_code"]
    with database.work() as work:
        for case, day in ((overdue, "02"), (due_today, "03")):
            take_step(work, case, "accept", CLERK, china(f"2026-03-{day} 10:00"))
    sql(
        "INSERT INTO handovers (submission_id, event_id, state, attempts, last_attempt_at)"
        " VALUES (%s, %s, 'waiting', 3, now())",
        waits,
        uuid4(),
    )
    staff = {
        "head": make_newcomer("head", department).resident_id,
        "other": make_newcomer("head", "gongan" if department != "gongan" else "minzheng").resident_id,
        "supervisor": make_newcomer("supervisor", "gongan").resident_id,
    }
    alarms.sweep(china("2026-03-10 08:00"))

    assert digests.sweep(china("2026-03-10 08:29")) == 0
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(digests.sweep, [china("2026-03-10 08:30")] * 3))
    rows = sql("SELECT staff_id FROM digests WHERE day = '2026-03-10'")
    assert sum(made) == len(rows) and set(staff.values()) <= {row["staff_id"] for row in rows}
    assert digests.sweep(china("2026-03-10 17:00")) == 0

    def read(role: str, name: str) -> dict[str, Any]:
        with database.reading() as connection:
            return digests.latest(connection, Clerk(staff[name], uuid4(), role, department))

    head, other, supervisor = read("head", "head"), read("head", "other"), read("supervisor", "supervisor")
    assert head["day"] == date(2026, 3, 10) and not head["next_calendar_missing"]
    counts = {name: part["count"] for name, part in head.items() if isinstance(part, dict)}
    assert counts == {
        "due_today": 1,
        "overdue": 1,
        "waiting_longest": 3,
        "unacknowledged": 3,
        "handovers_failing": 1,
    }
    assert [one["submission"] for one in head["waiting_longest"]["oldest"]] == [overdue, due_today, waits]
    assert [one["submission"] for one in head["overdue"]["oldest"]] == [overdue]
    assert supervisor["waiting_longest"]["count"] == 3
    assert other["waiting_longest"] == {"count": 0, "oldest": []}


def test_there_is_none_on_a_day_off_and_none_for_clerks(sql: Sql) -> None:
    assert digests.sweep(china("2026-10-01 09:00")) == 0, "National Day"
    with database.reading() as connection, pytest.raises(DigestNotFound):
        digests.latest(connection, Clerk(uuid4(), uuid4(), "clerk", "gongan"))


def test_a_make_up_saturday_has_one(make_newcomer: Callable[[str, str], Phone], sql: Sql) -> None:
    make_newcomer("head", "gongan")

    assert digests.sweep(china("2026-10-10 09:00")) >= 1


def test_who_forgot_next_years_calendar_is_told_from_december_on(
    make_newcomer: Callable[[str, str], Phone], sql: Sql
) -> None:
    who = make_newcomer("supervisor", "gongan").resident_id
    said = {}
    sql("DELETE FROM calendar_years WHERE year > 2026")
    for day in ("2026-11-30", "2026-12-01"):
        digests.sweep(china(f"{day} 09:00"))
        with database.reading() as connection:
            said[day] = digests.latest(connection, Clerk(who, uuid4(), "supervisor", "gongan"))["next_calendar_missing"]

    assert said == {"2026-11-30": False, "2026-12-01": True}


def test_half_a_day_is_overdue_from_noon_in_a_digest_that_came_late(file_case: FileCase) -> None:
    """The worker stood still in the morning, so the digest is of the afternoon: what it calls overdue has its card."""
    limits = {"legal": None, "promised": {"value": 0.5, "unit": "working_day"}}
    department = handled.department()
    case = file_case("2026-12-30 15:00", limits=limits, department=department)
    with database.work() as work:
        take_step(work, case, "accept", CLERK, china("2026-12-30 16:00"))
    said = {}

    for time in ("11:59", "12:00"):
        at = china(f"2026-12-31 {time}")
        with database.reading() as connection:
            content = digests.content_of(connection, department, calendars.stored(connection), at)
        said[time] = content["due_today"]["count"], content["overdue"]["count"]

    assert said == {"11:59": (1, 0), "12:00": (0, 1)}
