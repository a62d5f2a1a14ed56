"""Alarms: near, yellow, red; once each; and up, until somebody answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from app import clock, database
from app.people.callers import Clerk
from app.submissions import drafts
from app.submissions.drafts import submissions
from app.submissions.history import SYSTEM, Given
from app.submissions.steps import ACCEPTANCE
from app.submissions.submissions import take_step
from app.submissions.turns import assignments
from app.supervision import alarms
from app.supervision.alarms import AlarmAbove, AlarmAcknowledged, AlarmNotFound, AlarmsNotReadable
from tests.clocks import CLERK, LIMITS, FileCase, china
from tests.product import Phone, wait_until_somebody_waits

Sql = Callable[..., list[Any]]
Newcomer = Callable[[str, str], Phone]


def raised(sql: Sql, case: UUID, column: str = "level") -> list[Any]:
    rows = sql(f"SELECT {column} AS one FROM alarms WHERE submission_id = %s ORDER BY raised_at, level", case)
    return [row["one"] for row in rows]


def accepted(file_case: FileCase, when: str = "2026-03-02 10:00", **changes: Any) -> UUID:
    """Accepted at once; promised within five working days, so by Monday the 9th."""
    case = file_case(when, **changes)
    with database.work() as work:
        take_step(work, case, "accept", CLERK, china(when))
    return case


def test_near_yellow_and_red_come_on_their_days(file_case: FileCase, sql: Sql) -> None:
    case = accepted(file_case)
    told = {}
    for moment in ("05 23:59", "06 00:00", "06 12:00", "09 23:59", "10 00:00", "11 23:59", "12 00:00", "20 00:00"):
        alarms.sweep(china(f"2026-03-{moment}"))
        told[moment] = raised(sql, case)

    assert told == {
        "05 23:59": [],
        "06 00:00": ["near"],  # Friday: one working day before Monday the 9th.
        "06 12:00": ["near"],
        "09 23:59": ["near"],
        "10 00:00": ["near", "yellow"],
        "11 23:59": ["near", "yellow"],
        "12 00:00": ["near", "yellow", "red"],
        "20 00:00": ["near", "yellow", "red"],
    }


def test_half_a_day_is_overdue_from_noon_on(file_case: FileCase, sql: Sql) -> None:
    case = accepted(file_case, limits=LIMITS | {"promised": {"value": 0.5, "unit": "working_day"}})
    for moment in ("02 12:00", "03 11:59", "03 12:00"):
        alarms.sweep(china(f"2026-03-{moment}"))

    assert raised(sql, case, "raised_at") == [china("2026-03-02 12:00"), china("2026-03-03 12:00")]


def test_many_workers_at_once_raise_each_once(file_case: FileCase, sql: Sql) -> None:
    cases = [accepted(file_case) for _ in range(6)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(alarms.sweep, [china("2026-03-12 09:00")] * 4))

    assert [raised(sql, case) for case in cases] == [["red", "yellow"]] * 6


def test_a_sweep_and_a_deemed_acceptance_in_the_same_minute_do_not_wait_for_each_other(
    file_case: FileCase, sql: Sql
) -> None:
    """Both raise the same card, the one with the row's lock and the other about to share it."""
    case, midnight = file_case("2026-03-02 10:00"), china("2026-03-10 00:00")
    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            row = work.run(drafts.with_key().where(submissions.c.id == case).with_for_update(of=submissions)).one()
            sweeping = pool.submit(alarms.sweep, midnight)
            wait_until_somebody_waits(sql, sweeping)
            take_step(work, case, "deem_accepted", SYSTEM, midnight)
            alarms.raise_one(work, row, ACCEPTANCE, row.acceptance_due, alarms.YELLOW, midnight)
        sweeping.result(30)

    assert raised(sql, case) == ["yellow"]


def test_who_decides_closes_them_and_a_moved_day_too(file_case: FileCase, sql: Sql) -> None:
    decided, extended = accepted(file_case), accepted(file_case)
    alarms.sweep(china("2026-03-06 09:00"))
    with database.work() as work:
        take_step(work, decided, "approve", CLERK, china("2026-03-06 10:00"))
        head = CLERK.__class__("staff", "head", "王芳")
        take_step(work, extended, "extend", head, china("2026-03-06 10:00"), Given(reason="案情复杂", days=10))
    alarms.sweep(china("2026-03-06 10:01"))

    assert raised(sql, decided, "closed_at") == raised(sql, extended, "closed_at") == [china("2026-03-06 10:01")]
    alarms.sweep(china("2026-03-20 09:00"))
    assert raised(sql, extended, "due_date") == [date(2026, 3, 9), date(2026, 3, 23)]


def test_a_pause_of_no_day_lets_the_same_alarm_stand_again(file_case: FileCase, sql: Sql) -> None:
    case = accepted(file_case)
    alarms.sweep(china("2026-03-06 09:00"))
    for step, moment, given in (
        ("suspend", "10:00", Given(kind="hearing", reason="听证", days=5)),
        ("resume", "11:00", Given()),
    ):
        with database.work() as work:
            take_step(work, case, step, CLERK, china(f"2026-03-06 {moment}"), given)
        alarms.sweep(china(f"2026-03-06 {moment}"))

    rows = sql("SELECT level, closed_at FROM alarms WHERE submission_id = %s AND clock = 'decision'", case)
    assert rows == [{"level": "near", "closed_at": None}]


def test_a_special_procedure_that_lasts_longer_than_announced_is_told(file_case: FileCase, sql: Sql) -> None:
    case = accepted(file_case)
    with database.work() as work:
        given = Given(kind="expert_review", reason="专家评审", days=5)
        take_step(work, case, "suspend", CLERK, china("2026-03-04 10:00"), given)

    alarms.sweep(china("2026-03-11 09:00"))
    alarms.sweep(china("2026-03-12 00:00"))

    assert raised(sql, case, "clock || ' ' || level") == ["suspension near", "suspension yellow"]


def test_what_nobody_acknowledges_climbs_by_whole_working_days(file_case: FileCase, sql: Sql) -> None:
    case = accepted(file_case)
    told = {}
    for moment in ("06 09:00", "09 23:59", "10 00:00", "10 23:59", "11 00:00", "11 23:59", "12 00:00"):
        alarms.sweep(china(f"2026-03-{moment}"))
        rows = sql("SELECT level, told FROM alarms WHERE submission_id = %s ORDER BY level", case)
        told[moment] = [f"{row['level']} {row['told']}" for row in rows]

    assert told["06 09:00"] == told["09 23:59"] == ["near handler"]
    assert told["10 00:00"] == told["10 23:59"] == ["near head", "yellow head"]
    assert told["11 00:00"] == told["11 23:59"] == ["near head", "yellow head"]
    assert told["12 00:00"] == ["near supervisor", "red supervisor", "yellow supervisor"]


@pytest.fixture
def people(make_newcomer: Newcomer) -> dict[str, Clerk]:
    """One of each role at the department of the story's service, and a head of another."""
    made = {role: (role, "minzheng") for role in ("clerk", "head", "supervisor", "auditor")}
    made["stranger"] = ("head", "gongan")
    return {
        name: Clerk(make_newcomer(role, where).resident_id, uuid4(), role, where)
        for name, (role, where) in made.items()
    }


def test_who_handles_leads_and_supervises_reads_what_is_theirs(
    file_case: FileCase, sql: Sql, people: dict[str, Clerk], make_newcomer: Newcomer
) -> None:
    case = file_case("2026-03-02 10:00")
    department = sql("SELECT department_code FROM submissions WHERE id = %s", case)[0]["department_code"]
    people = {
        name: who if name == "stranger" else Clerk(who.id, who.session_id, who.role, department)
        for name, who in people.items()
    }
    handler = CLERK.__class__("staff", "clerk", "陈静", id=people["clerk"].id)
    colleague = Clerk(make_newcomer("clerk", department).resident_id, uuid4(), "clerk", department)
    with database.work() as work:
        take_step(work, case, "accept", handler, china("2026-03-02 10:00"))
        work.run(assignments.insert().values(submission_id=case, staff_id=people["clerk"].id))
    alarms.sweep(china("2026-03-10 09:00"))

    def sees(who: Clerk) -> bool:
        with database.reading() as connection:
            found = alarms.listing(connection, who, {"level": "yellow", "clock": "decision"}, None, 1000)
        return case in [one["submission_id"] for one in found]

    assert [sees(people[name]) for name in ("clerk", "head", "supervisor", "stranger")] == [True, True, True, False]
    assert not sees(colleague), "it is another clerk's"
    with database.work() as work:
        work.run(assignments.update().where(assignments.c.submission_id == case).values(released_at=clock.now()))
    assert sees(people["clerk"]) and sees(colleague), "given back, it is every clerk's"
    with database.work() as work:
        work.run(assignments.insert().values(submission_id=case, staff_id=colleague.id))
    assert not sees(people["clerk"]) and sees(colleague), "whoever it was handed to answers for it"
    with pytest.raises(AlarmsNotReadable):
        sees(people["auditor"])

    alarm = sql("SELECT id FROM alarms WHERE submission_id = %s AND level = 'yellow'", case)[0]["id"]
    for who, refusal in ((colleague, AlarmAbove), (people["stranger"], AlarmNotFound)):
        with pytest.raises(refusal), database.work() as work:
            alarms.acknowledge(work, who, alarm, "知道了", china("2026-03-10 10:00"))
    with database.work() as work:
        alarms.acknowledge(work, people["head"], alarm, "明日出具决定", china("2026-03-10 10:00"))
    with pytest.raises(AlarmAcknowledged), database.work() as work:
        alarms.acknowledge(work, people["supervisor"], alarm, "我也知道", china("2026-03-10 11:00"))
    alarms.sweep(china("2026-03-20 09:00"))

    row = sql("SELECT told, acknowledged_by, words FROM alarms WHERE id = %s", alarm)[0]
    assert (row["told"], row["acknowledged_by"]) == ("head", people["head"].id), "it climbs no further"
    assert "明日".encode() not in bytes(row["words"])
    with database.reading() as connection:
        shown = alarms.listing(connection, people["head"], {"level": "yellow"}, None, 1000)
    assert "明日出具决定" in [one["words"] for one in shown]
