"""What happens next, and what is asked by when: never a promise of a day that is over."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from app import clock, database
from app.people.callers import Resident
from app.submissions import progress
from app.submissions.history import SYSTEM, Actor, Given, Item
from app.submissions.submissions import take_step
from auth import sessions
from tests import handled
from tests.clocks import CLERK, FileCase, at, china
from tests.product import Phone

Sql = Callable[..., list[Any]]

LANGUAGES = ("zh", "en")
APPLICANT = Actor("resident", "applicant")
LIST = Given(items=(Item(handled.PHOTO, "请重新上传"),), until=date(2026, 3, 16))


def told(sql: Sql, case: UUID, when: str, language: str) -> dict[str, Any]:
    """What the applicant reads at that instant."""
    (owner,) = sql("SELECT applicant_id FROM submissions WHERE id = %s", case)
    with at(when), database.reading() as connection:
        caller = Resident(owner["applicant_id"], uuid.uuid4(), 4, clock.now())
        row = progress.revision_and_progress(connection, caller, case)
        return progress.in_words(connection, row, language)


def go(case: UUID, *steps: tuple[str, str], by: Actor = CLERK, given: Given | None = None) -> None:
    with database.work() as work:
        for name, when in steps:
            take_step(work, case, name, by, china(when), given or Given())


def days_in(said: dict[str, Any]) -> list[str]:
    asked = said["asked"] or {}
    return re.findall(r"\d{4}-\d\d-\d\d", f"{said['next']} {asked.get('words')} {asked.get('until')}")


RECEIVED: list[tuple[str, str]] = []
ACCEPTED = [("accept", "2026-03-02 10:00")]
IN_REVIEW = [*ACCEPTED, ("review", "2026-03-02 11:00")]
APPROVED = [*IN_REVIEW, ("approve", "2026-03-02 12:00")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("steps", "last"),
    [(RECEIVED, "2026-03-09"), (ACCEPTED, "2026-03-09"), (IN_REVIEW, "2026-03-09"), (APPROVED, "2026-03-16")],
)
def test_the_day_by_which_the_department_answers_is_told_until_it_is_over(
    file_case: FileCase, sql: Sql, steps: list[tuple[str, str]], last: str, language: str
) -> None:
    case = file_case("2026-03-02 09:00")
    go(case, *steps)

    assert days_in(told(sql, case, f"{last} 23:59", language)) == [last]
    assert days_in(told(sql, case, "2026-03-17 00:00", language)) == []


@pytest.mark.parametrize(("language", "noon"), [("zh", "中午12时"), ("en", "noon")])
def test_half_a_day_ends_at_noon_in_words_too(file_case: FileCase, sql: Sql, language: str, noon: str) -> None:
    limits = {"legal": None, "promised": {"value": 0.5, "unit": "working_day"}}
    case = file_case("2026-12-30 15:00", limits=limits)
    go(case, ("accept", "2026-12-30 16:00"))

    before = told(sql, case, "2026-12-31 11:59", language)
    assert days_in(before) == ["2026-12-31"] and noon in before["next"]
    assert days_in(told(sql, case, "2026-12-31 12:00", language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_is_asked_for_after_its_day_too_but_not_by_that_day(
    file_case: FileCase, sql: Sql, language: str
) -> None:
    case = file_case("2026-03-02 09:00")
    go(case, ("ask_correction", "2026-03-03 09:00"), given=LIST)

    in_time, late = (told(sql, case, f"2026-03-{day} 09:00", language)["asked"] for day in ("16", "17"))

    assert (in_time["kind"], in_time["until"]) == ("correct", "2026-03-16")
    assert (late["kind"], late["until"], late["items"]) == ("correct", None, in_time["items"])
    assert late["words"] != in_time["words"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_offer_whose_day_is_over_is_none_any_more(file_case: FileCase, sql: Sql, language: str) -> None:
    """The door that takes promises says so as well (nothing_promised)."""
    case = file_case("2026-03-02 09:00")
    go(case, ("offer_promise", "2026-03-02 10:00"), given=Given(items=LIST.items, until=date(2026, 3, 5)))

    assert told(sql, case, "2026-03-05 23:59", language)["asked"]["until"] == "2026-03-05"
    assert told(sql, case, "2026-03-06 00:00", language)["asked"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_opened_again_after_a_lapse_asks_for_the_paper_without_the_day_that_was_missed(
    file_case: FileCase, sql: Sql, language: str
) -> None:
    case = file_case("2026-03-02 09:00")
    go(case, ("offer_promise", "2026-03-02 10:00"), given=LIST)
    go(case, ("promise", "2026-03-02 11:00"), by=APPLICANT, given=LIST)
    assert told(sql, case, "2026-03-16 09:00", language)["asked"]["until"] == "2026-03-16"
    assert told(sql, case, "2026-03-17 09:00", language)["asked"]["until"] is None
    go(case, ("lapse", "2026-03-18 00:00"), by=SYSTEM)
    supervisor = Actor("staff", "supervisor", "监督")
    go(case, ("reopen", "2026-04-01 10:00"), by=supervisor, given=handled.given_for("reopen"))

    asked = told(sql, case, "2026-04-02 09:00", language)["asked"]

    assert (asked["kind"], asked["until"]) == ("bring", None)


def test_a_phone_that_holds_yesterdays_words_is_told_that_the_day_is_over(phone: Phone) -> None:
    """Nothing happened in between, so the revision alone would answer 304."""
    case = handled.file(phone, handled.service(handled.department()))
    path = f"/v1/submissions/{case}/progress"
    first = phone.get(path)
    held = {"If-None-Match": first.headers["ETag"]}
    assert phone.get(path, headers=held).status_code == 304

    with clock.moved(date.fromisoformat(first.json["due"]["acceptance"]) - clock.today() + timedelta(days=1)):
        with database.work() as work:
            phone.tokens = sessions.open_for_resident(work, phone.resident_id, 3, clock.now(), "test phone")
        later = phone.get(path, headers=held)

    assert later.status_code == 200 and later.json["next"] != first.json["next"]
