"""The place in the queue: honest numbers, and a range of dates that is never better than what was measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock, database
from app.catalogue.working_days import Calendar, add_working_days
from app.people.residents import Person
from app.submissions.history import SYSTEM, Given, Item, applicant
from app.supervision import ledger
from app.supervision.expectations import SAMPLE, sweep
from app.supervision.places import Basis, expected
from tests.app.supervision.test_expectations import between, decided
from tests.handled import A_DAY
from tests.lines import OFFICE, QUOTA, Line, step
from tests.product import Phone

CALENDAR = Calendar.load()
MONDAY = date(2026, 6, 1)
Sql = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("waited", "before", "basis", "earliest", "until", "longer"),
    [
        # (calendar days since Monday 2026-06-01, before me, (p50, p90, decided in a working day))
        (0, 0, Basis(3, 5, 10), date(2026, 6, 4), date(2026, 6, 8), False),
        (0, 0, Basis(1, 1, 10), date(2026, 6, 2), date(2026, 6, 2), False),
        (3, 0, Basis(3, 5, 10), date(2026, 6, 5), date(2026, 6, 8), False),  # not today, though half were
        (0, 99, Basis(3, 5, 10), date(2026, 6, 15), date(2026, 6, 17), True),  # ten working days of others come first
        (14, 0, Basis(3, 5, 10), date(2026, 6, 16), None, True),  # longer than nine of ten: no date is promised
        (0, 0, Basis(3, None, 10), date(2026, 6, 4), None, True),
        (0, 0, Basis(None, None, 10), None, None, True),
        (0, 5_000, Basis(3, 5, 0.67), None, None, True),  # years of others come first: no date says anything
        (0, 50, Basis(3, 5, 0), None, None, True),  # fifty before me, and nobody was decided for a month
        (0, 0, Basis(3, 5, 0), date(2026, 6, 4), date(2026, 6, 8), False),  # nobody before me: the measure is left
    ],
)
def test_the_range_rests_on_what_was_measured_and_on_the_line(
    waited: int, before: int, basis: Basis, earliest: date | None, until: date | None, longer: bool
) -> None:
    found = expected(CALENDAR, MONDAY, MONDAY + timedelta(days=waited), before, basis)

    assert (found.earliest and found.earliest.date, found.until and found.until.date) == (earliest, until)
    assert found.longer is longer


def test_a_range_into_a_year_without_its_holidays_is_provisional() -> None:
    found = expected(CALENDAR, date(2026, 12, 30), date(2026, 12, 30), 0, Basis(3, 5, 10))

    assert found.until is not None and found.until.provisional


@given(
    st.integers(0, 40), st.integers(0, 500), st.integers(1, 30), st.integers(0, 30), st.floats(0, 50, allow_nan=False)
)
def test_it_is_never_before_tomorrow_and_never_better_than_measured(
    waited: int, before: int, p50: int, more: int, rate: float
) -> None:
    today = MONDAY + timedelta(days=waited)

    found = expected(CALENDAR, MONDAY, today, before, Basis(p50, p50 + more, rate))

    if found.earliest is None:
        assert found.longer and found.until is None and (rate == 0 or (before + 1) / rate > 400)
        return
    assert found.earliest.date > today
    assert found.earliest.date >= add_working_days(CALENDAR, MONDAY, p50).date
    assert found.longer or found.until is not None
    if found.until is not None:
        assert found.until.date >= max(found.earliest.date, add_working_days(CALENDAR, MONDAY, p50 + more).date)


def place(line: Line, receipt: dict[str, Any], language: str = "zh-CN") -> dict[str, Any]:
    answer = line.place(receipt, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def test_a_resident_sees_how_many_still_wait_before_them(line: Line) -> None:
    receipts = [line.file() for _ in range(4)]
    assert [place(line, receipt)["before"] for receipt in receipts] == [0, 1, 2, 3]

    step(receipts[1], "accept", OFFICE)
    step(receipts[2], "withdraw", applicant(line.phone.resident_id))

    last = place(line, receipts[3])
    assert (last["turn"], last["before"], last["waiting"], last["taken"]) == (4, 1, True, None)
    assert (last["ordered_by"], last["before_in_acceptance"], last["expected"]) == ("receipt", None, None)
    assert last["decision_due"] == receipts[3]["due"]["decision"]
    assert last["text"].startswith("您的顺序号是4，前面还有1件等候办理。这个事项最近办结的太少")
    assert place(line, receipts[3], "en")["text"].startswith("Your number is 4; 1 still wait before you. Too few")
    in_hand = place(line, receipts[1])
    assert (in_hand["before"], in_hand["taken"]) == (None, 1) and "正在办理" in in_hand["text"]
    over = place(line, receipts[2])
    assert (over["expected"], over["decision_due"], over["text"]) == (None, None, "已经有结果，不再排队。")


def test_the_range_names_the_sample_it_rests_on(line: Line, sql: Sql) -> None:
    decided(sql, line, SAMPLE, 5, 7)
    mine = line.file()
    sweep(clock.now())

    found = place(line, mine)

    length = between(5, 7)
    assert found["basis"]["sample"] == SAMPLE and found["basis"]["days"] == 30
    assert (found["basis"]["p50"], found["basis"]["p90"]) == (length, length)
    assert found["expected"]["earliest"] == add_working_days(CALENDAR, clock.today(), length).date.isoformat()
    assert f"最近30天办结{SAMPLE}件" in found["text"] and found["expected"]["longer_than_usual"] is False
    assert f"of {SAMPLE} within the last 30 days" in place(line, mine, "en")["text"]


def test_after_a_rush_it_says_longer_than_usual(line: Line, sql: Sql) -> None:
    """Twenty decided in a month, and forty wait: at that pace the last of them has two months before them."""
    # A fortnight each: with a weekend in two days they took one working day, as long as the forty have waited already.
    decided(sql, line, SAMPLE, 5, 14)
    receipts = [line.file() for _ in range(40)]
    sweep(clock.now())

    first, last = place(line, receipts[0]), place(line, receipts[-1])

    assert last["expected"]["longer_than_usual"] is True and "会比平时久" in last["text"]
    assert date.fromisoformat(last["expected"]["earliest"]) > clock.today() + timedelta(days=40)
    assert first["expected"]["earliest"] < last["expected"]["earliest"]


def test_who_waits_longer_than_nine_of_ten_is_told_so_and_no_date(line: Line, sql: Sql) -> None:
    decided(sql, line, SAMPLE, 5, 2)
    mine = line.file()
    sweep(clock.now())

    with clock.moved(timedelta(days=7)):
        found = place(line, mine)

    assert found["expected"]["until"] is None and found["expected"]["longer_than_usual"] is True
    assert "说不出可靠的日期" in found["text"] and found["decision_due"] in found["text"]


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_decision_that_is_late_is_not_expected_by_a_day_that_is_over(
    line: Line, sql: Sql, measured: bool, language: str
) -> None:
    if measured:
        decided(sql, line, SAMPLE, 5, 2)
    mine = line.file()
    step(mine, "accept", OFFICE)
    sweep(clock.now())

    with clock.moved(timedelta(days=90)):
        found = place(line, mine, language)

    assert found["decision_due"] not in found["text"]


@pytest.mark.parametrize(("name", "given", "words"), [
    ("ask_correction", Given(items=(Item("/materials/photo", "照片"),), until=A_DAY), "请先补正材料"),
    ("suspend", Given(kind="hearing", reason="听证", days=20), "特别程序"),
])  # fmt: skip
def test_no_date_is_told_while_papers_or_a_procedure_are_waited_for(
    line: Line, name: str, given: Given, words: str
) -> None:
    mine = line.file()
    if name == "suspend":
        step(mine, "accept", OFFICE)
    step(mine, name, OFFICE, given)

    found = place(line, mine)

    assert found["expected"] is None and words in found["text"]


def test_where_the_number_is_limited_both_orders_are_shown(make_line: Callable[..., Line]) -> None:
    line = make_line(quota=QUOTA)
    receipts = [line.file() for _ in range(3)]
    assert (place(line, receipts[2])["ordered_by"], place(line, receipts[2])["acceptance_turn"]) == ("acceptance", None)

    for one in (receipts[1], receipts[2], receipts[0]):
        step(one, "deem_accepted", SYSTEM)

    first = place(line, receipts[0])
    assert (first["turn"], first["acceptance_turn"], first["before"], first["before_in_acceptance"]) == (1, 3, 2, 2)
    step(receipts[1], "refuse", OFFICE, Given(reason="不符合条件"))
    assert place(line, receipts[0])["before_in_acceptance"] == 1


def test_where_lots_are_drawn_no_order_of_acceptance_is_claimed(make_line: Callable[..., Line]) -> None:
    line = make_line(quota=QUOTA | {"order": "lottery"})
    receipt = line.file()
    step(receipt, "deem_accepted", SYSTEM)

    assert (place(line, receipt)["ordered_by"], place(line, receipt)["before_in_acceptance"]) == ("receipt", None)
    with database.reading() as connection:
        (queue,) = ledger.listing(connection, (line.department, line.service[:-1]), 1, "zh")
    assert (queue["service"]["code"], queue["ordered_by"]) == (line.service, "receipt")


def test_it_is_the_owners_alone_and_unchanged_while_nothing_moves(line: Line, enrol: Callable[[Person], Phone]) -> None:
    mine = line.file()
    other = enrol(Person("旁人", "111", "532399196607080010", "13700001111"))
    assert other.get(f"/v1/submissions/{mine['id']}/queue").json["code"] == "submission_not_found"
    asked = line.place(mine)
    assert asked.headers["Cache-Control"] == "private, no-cache"
    same = line.place(mine, headers={"If-None-Match": asked.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    step(mine, "accept", OFFICE)
    assert line.place(mine, headers={"If-None-Match": asked.headers["ETag"]}).status_code == 200
    draft = line.phone.start(line.service)
    assert line.place(draft).status_code == 404


def test_a_query_answered_on_the_spot_has_no_queue(phone: Phone) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json

    found = phone.get(f"/v1/submissions/{receipt['id']}/queue").json

    assert (found["waiting"], found["expected"], found["text"]) == (False, None, "当场答复，无需排队。")
