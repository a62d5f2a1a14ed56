"""Alarms and digests over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app import database
from app.submissions.submissions import take_step
from app.supervision import alarms, digests
from tests.clocks import CLERK, FileCase, china
from tests.product import Phone


def test_a_head_finds_an_alarm_and_says_what_is_done_about_it(
    file_case: FileCase, sql: Callable[..., list[Any]], make_newcomer: Callable[[str, str], Phone]
) -> None:
    case = file_case("2026-03-02 10:00")
    with database.work() as work:
        take_step(work, case, "accept", CLERK, china("2026-03-02 10:00"))
    row = sql("SELECT department_code, reference FROM submissions WHERE id = %s", case)[0]
    alarms.sweep(china("2026-03-10 00:00"))
    head, clerk = make_newcomer("head", row["department_code"]), make_newcomer("clerk", row["department_code"])
    auditor = make_newcomer("auditor", row["department_code"])

    def found(**query: Any) -> dict[str, Any]:
        pages, cursor = [], None
        while True:
            params = {"limit": 100, **query} | ({"cursor": cursor} if cursor else {})
            page = head.get("/v1/desk/alarms", query_string=params).json
            pages += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return next(one for one in pages if one["submission"] == str(case) and one["level"] == "yellow")

    alarm = found(level="yellow", clock="decision")
    assert (alarm["reference"], alarm["due_date"], alarm["told"]) == (row["reference"], "2026-03-09", "head")
    assert alarm["raised_at"] == "2026-03-10T00:00:00+08:00"

    path, words = f"/v1/desk/alarms/{alarm['id']}/acknowledge", {"words": "明日上午出具决定"}
    assert clerk.post(path, words).json["code"] == "alarm_above"
    assert head.post(path, {"words": "   "}).status_code == 422, "spaces say nothing"
    assert head.post(path, words).status_code == 204
    assert head.post(path, words).json["code"] == "alarm_acknowledged"
    assert found()["words"] == "明日上午出具决定"
    assert auditor.get("/v1/desk/alarms").json["code"] == "alarms_not_readable"
    assert auditor.post(path, words).json["code"] == "alarms_not_readable"


def test_a_head_reads_this_mornings_digest(make_newcomer: Callable[[str, str], Phone]) -> None:
    head = make_newcomer("head", "minzheng")
    assert head.get("/v1/desk/digests/latest").json["code"] == "digest_not_found"

    digests.sweep(china("2026-03-11 08:35"))

    read = dict(head.get("/v1/desk/digests/latest").json or {})
    assert (read["day"], read["next_calendar_missing"]) == ("2026-03-11", False)
    assert {"due_today", "overdue", "waiting_longest", "unacknowledged", "handovers_failing"} <= set(read)
