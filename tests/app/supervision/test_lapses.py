"""Lapses: a reminder first, and then what the law or the service says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from app import database
from app.submissions import history
from app.submissions.history import Given, Item
from app.submissions.submissions import take_step
from app.supervision import alarms, lapses
from tests.clocks import CLERK, FileCase, china
from tests.product import RunJobs

Sql = Callable[..., list[Any]]

BY_LAW = {"overdue": "withdrawn", "basis": {"zh": "示例县办法第九条", "en": "Shili County Measures, art. 9"}}
LIST = (Item("/materials/photo", "请补照片"),)


def steps_of(sql: Sql, case: UUID) -> list[str]:
    return [row["step"] for row in sql("SELECT step FROM history WHERE submission_id = %s ORDER BY number", case)]


def promised(sql: Sql, case: UUID, until: date) -> None:
    """Accepted on 3 March on the promise to bring the lease."""
    applicant = sql("SELECT applicant_id FROM submissions WHERE id = %s", case)[0]["applicant_id"]
    with database.work() as work:
        take_step(work, case, "offer_promise", CLERK, china("2026-03-03 10:00"), Given(items=LIST, until=until))
        take_step(work, case, "promise", history.applicant(applicant), china("2026-03-03 11:00"))


def correcting(case: UUID, until: date) -> None:
    with database.work() as work:
        asked = Given(items=LIST, until=until)
        take_step(work, case, "ask_correction", CLERK, china("2026-03-03 10:00"), asked)


def test_a_promise_is_reminded_of_and_then_lapses(file_case: FileCase, sql: Sql, run_jobs: RunJobs) -> None:
    """安阳市政务服务条例 第二十四条第一款: 申请人逾期未补齐补正材料的，视为撤回申请."""
    case = file_case("2026-03-02 10:00")
    promised(sql, case, date(2026, 3, 12))

    for moment in ("03-09 23:59", "03-10 00:00", "03-10 00:01", "03-12 23:59", "03-13 00:00", "03-13 00:01"):
        lapses.sweep(china(f"2026-{moment}"))
    run_jobs()

    rows = sql("SELECT step, at, terms FROM history WHERE submission_id = %s ORDER BY number", case)[3:]
    assert [(row["step"], row["at"]) for row in rows] == [
        ("remind", china("2026-03-10 00:00")),
        ("lapse", china("2026-03-13 00:00")),
    ]
    assert rows[0]["terms"] == {"kind": "promise", "until": "2026-03-12"}
    ended = sql("SELECT state, promise_due, completed_at FROM submissions WHERE id = %s", case)[0]
    assert ended == {"state": "withdrawn", "promise_due": None, "completed_at": china("2026-03-13 00:00")}
    told = sql("SELECT number FROM notifications WHERE submission_id = %s ORDER BY number", case)
    assert len(told) == 5, "the resident hears of the reminder and of the end"


def test_a_promise_that_was_kept_never_lapses(file_case: FileCase, sql: Sql) -> None:
    case = file_case("2026-03-02 10:00")
    promised(sql, case, date(2026, 3, 12))
    lapses.sweep(china("2026-03-10 09:00"))
    with database.work() as work:
        take_step(work, case, "keep_promise", CLERK, china("2026-03-12 16:00"))

    lapses.sweep(china("2026-03-13 00:00"))

    assert steps_of(sql, case)[3:] == ["remind", "keep_promise"]


def test_nobody_loses_an_application_on_the_day_of_the_first_reminder(file_case: FileCase, sql: Sql) -> None:
    """The workers stood still for a week: the reminder comes late, and so does the end."""
    case = file_case("2026-03-02 10:00")
    promised(sql, case, date(2026, 3, 12))

    lapses.sweep(china("2026-03-19 09:00"))
    first = steps_of(sql, case)[3:]
    lapses.sweep(china("2026-03-20 00:00"))

    assert (first, steps_of(sql, case)[3:]) == (["remind"], ["remind", "lapse"])


def test_corrections_lapse_only_where_the_service_says_so(file_case: FileCase, sql: Sql) -> None:
    by_law, by_hand = file_case("2026-03-02 10:00", corrections=BY_LAW), file_case("2026-03-02 10:00")
    for case in (by_law, by_hand):
        correcting(case, date(2026, 3, 12))

    for moment in ("03-10 09:00", "03-13 00:00", "03-18 00:00"):
        lapses.sweep(china(f"2026-{moment}"))
        alarms.sweep(china(f"2026-{moment}"))

    assert steps_of(sql, by_law)[2:] == ["remind", "lapse_correction"]
    assert steps_of(sql, by_hand)[2:] == ["remind"]
    cards = sql("SELECT clock, level FROM alarms WHERE submission_id = %s ORDER BY raised_at", by_hand)
    assert [tuple(card.values()) for card in cards] == [("correction", "yellow"), ("correction", "red")]
