"""The desk looks a submission up: masked, with a reason, and never without leaving a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.crypto import data_keys
from app.supervision.looks import REASON as REASON_PLACE
from tests.product import PERMIT, Phone

Sql = Callable[..., list[Any]]
MakeClerk = Callable[[str], Phone]

REASON = "办事人来电询问进度"


@pytest.fixture
def permit(phone: Phone, make_submission: Callable[..., dict[str, Any]]) -> str:
    """The reference of a residence permit filed with the police."""
    draft = make_submission()
    return str(phone.post(f"/v1/submissions/{draft['id']}/submit").json["reference"])


@pytest.fixture
def fund(phone: Phone) -> str:
    """The reference of something filed with another department."""
    wish = {"service": "housing-fund-balance", "submit": True}
    return str(phone.post("/v1/submissions", wish).json["reference"])


def look(who: Phone, reference: str, reason: str = REASON, **options: Any) -> TestResponse:
    return who.post("/v1/desk/lookups", {"reference": reference, "reason": reason}, **options)


def looks_at(sql: Sql, reference: str) -> list[Any]:
    return sql("SELECT * FROM looks WHERE reference = %s ORDER BY at", reference)


def test_a_clerk_sees_where_it_stands_and_nothing_that_gives_the_person_away(
    make_clerk: MakeClerk, permit: str
) -> None:
    response = look(make_clerk("S0001"), permit)

    assert response.status_code == 201
    shown = response.json["submission"]
    assert (shown["reference"], shown["state"], shown["turn"] >= 1) == (permit, "received", True)
    assert shown["applicant"] == {
        "name": "李**",
        "document_type": "111",
        "document_number": "532***********0316",
        "phone": "199****0002",
    }
    assert [event["step"] for event in shown["events"]] == ["receive"]
    for secret in ("李建国", "532399198806150316", "19900000002", *PERMIT.values()):
        if len(secret) > 8 and not secret.isascii():
            assert secret not in response.text, secret
    assert "19880615" not in response.text


def test_the_answers_are_shown_by_their_labels_with_masked_values(make_clerk: MakeClerk, permit: str) -> None:
    answers = look(make_clerk("S0001"), permit).json["submission"]["answers"]

    labelled = {answer["label"]: answer["value"] for answer in answers}
    assert labelled["现在住的详细地址"] == "太***"
    assert len(labelled) == len(PERMIT)


def test_spaces_and_hyphens_are_as_the_caller_says_them(make_clerk: MakeClerk, permit: str, sql: Sql) -> None:
    clerk = make_clerk("S0001")

    for spoken in (permit.replace("-", ""), permit.replace("-", " "), f" {permit} "):
        assert look(clerk, spoken).json["submission"]["reference"] == permit

    assert len(looks_at(sql, permit)) == 3, "recorded under one writing"


def test_every_look_is_recorded_with_its_reason(make_clerk: MakeClerk, permit: str, sql: Sql) -> None:
    clerk = make_clerk("S0001")

    answers = [look(clerk, permit, reason) for reason in ("核对材料", "再次来电")]

    rows = looks_at(sql, permit)
    assert [str(row["id"]) for row in rows] == [answer.json["id"] for answer in answers]
    house = data_keys.of_the_house()
    assert [house.open(row["reason"], REASON_PLACE, row["id"]) for row in rows] == ["核对材料", "再次来电"]
    assert {row["staff_id"] for row in rows} == {clerk.resident_id}
    assert all(row["submission_id"] for row in rows)


def test_a_look_that_finds_nothing_is_recorded_too(make_clerk: MakeClerk, sql: Sql) -> None:
    nobodys = "261122-0000-0000-0000-" + f"{98 - int('261122000000000000') * 100 % 97:02d}"

    response = look(make_clerk("S0001"), nobodys)

    assert (response.status_code, response.json["submission"]) == (201, None)
    assert [row["submission_id"] for row in looks_at(sql, nobodys)] == [None]


def test_another_departments_submission_looks_like_none_and_the_try_is_recorded(
    make_clerk: MakeClerk, fund: str, sql: Sql
) -> None:
    response = look(make_clerk("S0001"), fund)

    assert (response.status_code, response.json["submission"]) == (201, None)
    assert [row["submission_id"] for row in looks_at(sql, fund)] == [None]


def test_an_adviser_on_the_telephone_sees_every_department(make_clerk: MakeClerk, fund: str, permit: str) -> None:
    adviser = make_clerk("S0003")

    assert look(adviser, fund).json["submission"]["reference"] == fund
    assert look(adviser, permit).json["submission"]["reference"] == permit


def test_an_auditor_opens_no_submission(make_clerk: MakeClerk, permit: str) -> None:
    response = look(make_clerk("S0002"), permit)

    assert (response.status_code, response.json["code"]) == (403, "look_not_allowed")


def test_a_slip_on_the_telephone_is_noticed_in_both_languages(make_clerk: MakeClerk, permit: str, sql: Sql) -> None:
    clerk = make_clerk("S0001")
    slip = permit[:-1] + str((int(permit[-1]) + 1) % 10)

    zh, en = look(clerk, slip), look(clerk, slip, headers={"Accept-Language": "en"})

    assert (zh.status_code, list(zh.json["errors"])) == (422, ["/reference"])
    assert "校验位" in zh.json["errors"]["/reference"][0]
    assert "check digits" in en.json["errors"]["/reference"][0]
    assert looks_at(sql, slip) == []


@pytest.mark.parametrize("change", [{"reason": ""}, {"reason": "看"}, {"reason": None}, {"reason": "看" * 201}])
def test_without_a_reason_nothing_is_shown(make_clerk: MakeClerk, permit: str, change: dict[str, Any]) -> None:
    wish = {key: value for key, value in {"reference": permit, "reason": REASON, **change}.items() if value is not None}

    response = make_clerk("S0001").post("/v1/desk/lookups", wish)

    assert (response.status_code, list(response.json["errors"])) == (422, ["/reason"])


def test_a_draft_has_no_reference_to_look_up(make_clerk: MakeClerk, phone: Phone) -> None:
    draft = phone.start("residence-permit")

    assert draft["reference"] is None
    assert look(make_clerk("S0001"), draft["id"]).status_code == 422


def test_a_residents_token_opens_no_desk(phone: Phone, permit: str, sql: Sql) -> None:
    response = look(phone, permit)

    assert (response.status_code, response.json["code"]) == (401, "token_invalid")
    assert looks_at(sql, permit) == []
