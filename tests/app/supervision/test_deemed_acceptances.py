"""Deemed acceptances: nobody answered in time, so the law did."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock, database
from app.identifiers import new_id
from app.people.callers import Resident
from app.submissions import drafts, submissions
from app.submissions.acceptances import AcceptedByLaw
from app.submissions.history import Actor, Given, Item
from app.submissions.submissions import take_step
from app.supervision import deemed_acceptances
from tests import handled
from tests.clocks import CLERK, FileCase, at, china, enrol, publish_service
from tests.lines import QUOTA
from tests.product import RunJobs

Sql = Callable[..., list[Any]]


def state_of(sql: Sql, case: UUID) -> str:
    return str(sql("SELECT state FROM submissions WHERE id = %s", case)[0]["state"])


def test_it_happens_in_the_first_minute_after_the_last_day(file_case: FileCase, sql: Sql, run_jobs: RunJobs) -> None:
    case = file_case("2026-03-02 23:59")
    deemed_acceptances.sweep(china("2026-03-09 23:59"))
    before = state_of(sql, case)
    deemed_acceptances.sweep(china("2026-03-10 00:00"))
    deemed_acceptances.sweep(china("2026-03-10 00:01"))

    row = sql("SELECT * FROM submissions WHERE id = %s", case)[0]
    history = sql("SELECT step, at, actor_kind, visible FROM history WHERE submission_id = %s ORDER BY number", case)
    assert (before, row["state"]) == ("received", "accepted")
    assert [one["step"] for one in history] == ["receive", "deem_accepted"]
    assert history[1]["at"] == china("2026-03-10 00:00") and history[1]["visible"]
    assert row["decision_due"] == date(2026, 3, 9), "from the day of receipt, five promised days"
    # The office may answer now, and that is told as well.
    run_jobs()
    told = sql("SELECT number FROM notifications WHERE submission_id = %s ORDER BY number", case)
    assert [one["number"] for one in told][:2] == [1, 2]
    query = "SELECT level, due_date FROM alarms WHERE submission_id = %s AND clock = 'acceptance'"
    cards = sql(query, case)
    assert cards == [{"level": "yellow", "due_date": date(2026, 3, 9)}]


def test_who_was_answered_is_left_alone(file_case: FileCase, sql: Sql) -> None:
    accepted, correcting = file_case("2026-03-02 10:00"), file_case("2026-03-02 10:00")
    with database.work() as work:
        take_step(work, accepted, "accept", CLERK, china("2026-03-09 17:00"))
        asked = Given(items=(Item("/answers/street", "请补"),), until=date(2026, 3, 20))
        take_step(work, correcting, "ask_correction", CLERK, china("2026-03-09 17:00"), asked)

    deemed_acceptances.sweep(china("2026-03-10 00:00"))

    assert (state_of(sql, accepted), state_of(sql, correcting)) == ("accepted", "correcting")


@pytest.mark.parametrize("name", ["accept", "decline", "ask_correction", "offer_promise", "promise"])
def test_who_answers_after_the_last_day_is_too_late_though_nobody_swept_yet(
    file_case: FileCase, sql: Sql, name: str
) -> None:
    """Between midnight and the first sweep, or while workers stand still: a late acceptance would start the limit
    anew, and a late list or refusal would take away what the law gave already."""
    case = file_case("2026-03-02 10:00")
    by = Actor("resident", "applicant") if name == "promise" else CLERK
    in_time, late = china("2026-03-09 23:59"), china("2026-03-10 00:00")
    given = handled.given_for(name)
    given = given if given.until is None else replace(given, until=date(2026, 3, 16))

    with database.work() as work, pytest.raises(AcceptedByLaw):
        take_step(work, case, name, by, late, given)
    deemed_acceptances.sweep(late)

    assert sql("SELECT state, decision_due FROM submissions WHERE id = %s", case) == [
        {"state": "accepted", "decision_due": date(2026, 3, 9)}
    ]
    other = file_case("2026-03-02 10:00")
    with database.work() as work:
        take_step(work, other, name, by, in_time, given)


def test_by_a_date_that_a_notice_may_still_move_nobody_is_too_late(file_case: FileCase, sql: Sql) -> None:
    sql("DELETE FROM calendar_years WHERE year > 2026")
    case = file_case("2026-12-31 23:59:59")

    with database.work() as work:
        take_step(work, case, "accept", CLERK, china("2027-01-20 10:00"))

    assert state_of(sql, case) == "accepted"


def test_many_workers_at_once_accept_each_once(file_case: FileCase, sql: Sql) -> None:
    cases = [file_case("2026-04-01 10:00") for _ in range(12)]

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(deemed_acceptances.sweep, [china("2026-04-10 00:00")] * 4))

    assert sum(done) >= len(cases)
    counts = sql(
        "SELECT count(*) FROM history WHERE step = 'deem_accepted' AND submission_id = ANY(%s) GROUP BY submission_id",
        cases,
    )
    assert [row["count"] for row in counts] == [1] * len(cases)


def test_killed_between_two_rows_what_was_done_is_saved_and_nothing_is_half_done(
    file_case: FileCase, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is saved by itself: nobody holds one queue or series of notices and waits for another (decision 0019)."""
    cases = [file_case("2026-05-11 10:00") for _ in range(3)]
    real, taken = take_step, list[UUID]()

    def dies_at_the_second(work: Any, case: UUID, *rest: Any) -> int:
        taken.append(case)
        if len(taken) == 2:
            raise ConnectionError("the worker was killed")
        return real(work, case, *rest)

    monkeypatch.setattr(deemed_acceptances, "take_step", dies_at_the_second)
    with pytest.raises(ConnectionError):
        deemed_acceptances.sweep(china("2026-05-19 00:00"))
    assert sorted(state_of(sql, case) for case in cases) == ["accepted", "received", "received"]
    assert state_of(sql, taken[0]) == "accepted"
    monkeypatch.setattr(deemed_acceptances, "take_step", real)
    deemed_acceptances.sweep(china("2026-05-19 00:01"))

    assert [state_of(sql, case) for case in cases] == ["accepted"] * 3


def test_one_whose_key_is_gone_holds_up_nobody(file_case: FileCase, sql: Sql, log: list[str]) -> None:
    broken, sound = file_case("2026-06-01 10:00"), file_case("2026-06-01 10:00")
    sql("DELETE FROM data_keys WHERE owner_id = %s", broken)

    deemed_acceptances.sweep(china("2026-06-09 00:00"))

    assert (state_of(sql, broken), state_of(sql, sound)) == ("received", "accepted")
    assert any("not_swept" in line and str(broken) in line for line in log)
    sql("UPDATE submissions SET acceptance_due = NULL WHERE id = %s", broken)


def test_a_row_that_a_clerk_holds_is_left_for_the_next_minute(file_case: FileCase, sql: Sql) -> None:
    case = file_case("2026-07-01 10:00")
    with database.work() as work:
        take_step(work, case, "accept", CLERK, china("2026-07-08 23:59"))
        deemed_acceptances.sweep(china("2026-07-09 00:00"))

    assert [row["step"] for row in sql("SELECT step FROM history WHERE submission_id = %s ORDER BY number", case)] == [
        "receive",
        "accept",
    ]


@pytest.fixture
def limited(product: Flask, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Three filings of one limited service in the order of receipt. Who began a draft earlier came later."""
    service, ids = publish_service(quota=QUOTA), sorted((new_id() for _ in range(3)), reverse=True)
    monkeypatch.setattr(submissions, "new_id", iter(ids).__next__)
    person = enrol()
    with at("2026-08-03 10:00"):
        for _ in ids:
            with database.work() as work:
                submissions.submit_at_once(work, Resident(person, uuid4(), 4, clock.now()), service.code, {}, "zh")
    return ids


@pytest.fixture
def order(sql: Sql, limited: list[UUID]) -> Callable[[], list[Any]]:
    """Their places in the order of acceptance."""
    ask = "SELECT acceptance_turn FROM submissions WHERE id = ANY(%s) ORDER BY turn"
    return lambda: [row["acceptance_turn"] for row in sql(ask, limited)]


def test_the_order_of_deemed_acceptance_is_that_of_receipt(limited: list[UUID], order: Callable[[], list[Any]]) -> None:
    """行政许可法 第五十七条: 根据受理行政许可申请的先后顺序."""
    deemed_acceptances.sweep(china("2026-08-11 00:00"))

    assert order() == [1, 2, 3]


def test_nobody_is_accepted_before_one_of_the_same_queue_that_somebody_holds(
    limited: list[UUID], order: Callable[[], list[Any]]
) -> None:
    """Another sweeper, the alarms or a clerk's look: whoever came later waits for the next minute with them."""
    second = select(drafts.submissions.c.id).where(drafts.submissions.c.id == limited[1])
    with database.work() as work:
        work.run(second.with_for_update())
        deemed_acceptances.sweep(china("2026-08-11 00:00"))
        held = order()
    deemed_acceptances.sweep(china("2026-08-11 00:01"))

    assert (held, order()) == ([1, None, None], [1, 2, 3])
