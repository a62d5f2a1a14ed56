"""Auditors read who looked at what, by person, submission and time; nobody else does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import clock
from tests.product import Phone

Sql = Callable[..., list[Any]]
MakeClerk = Callable[[str], Phone]

LOOKS = "/v1/supervision/looks"


@pytest.fixture
def adviser(make_newcomer: Callable[[str, str], Phone]) -> Phone:
    return make_newcomer("adviser", "gongan")


@pytest.fixture
def auditor(make_clerk: MakeClerk) -> Phone:
    return make_clerk("S0002")


@pytest.fixture
def number(adviser: Phone, sql: Sql) -> str:
    return str(sql("SELECT staff_number FROM staff WHERE id = %s", adviser.resident_id)[0]["staff_number"])


def filed(phone: Phone) -> dict[str, Any]:
    wish = {"service": "housing-fund-balance", "submit": True}
    return dict(phone.post("/v1/submissions", wish).json or {})


def look(who: Phone, reference: str, reason: str = "办事人来电", **also: str) -> str:
    return str(who.post("/v1/desk/lookups", {"reference": reference, "reason": reason, **also}).json["id"])


def listed(who: Phone, **query: Any) -> list[dict[str, Any]]:
    response = who.get(LOOKS, query_string=query)
    assert response.status_code == 200, response.text
    return list(response.json["items"])


def test_a_look_is_read_with_who_why_and_what(adviser: Phone, auditor: Phone, phone: Phone, number: str) -> None:
    submission = filed(phone)
    look_id = look(adviser, submission["reference"], "来电13812345678询问", reason_kind="inquiry")

    [record] = listed(auditor, staff_number=number)

    assert (record["id"], record["kind"], record["outcome"]) == (look_id, "reference", "shown")
    assert record["staff"] == {
        "number": number,
        "name": "新来的",
        "role": "adviser",
        "department": "gongan",
        "unit": "示例县公安局",
    }
    assert (record["reason_kind"], record["reason"]) == ("inquiry", "来电*******5678询问"), "numbers in it are masked"
    assert record["shown"] == [{"submission": submission["id"], "reference": submission["reference"]}]
    assert (record["plain_fields"], record["unmasking"]) == ([], None)


def test_an_unmasking_is_read_with_its_fields_and_its_end(
    make_newcomer: Callable[[str, str], Phone], auditor: Phone, phone: Phone, make_submission: Any
) -> None:
    draft = make_submission()["id"]
    phone.post(f"/v1/submissions/{draft}/submit")
    wish = {"fields": ["/applicant/phone"], "reason_kind": "handling", "reason": "电话核对"}
    clerk = make_newcomer("clerk", "gongan")
    granted = clerk.post(f"/v1/desk/submissions/{draft}/unmaskings", wish).json
    assert clerk.get(f"/v1/desk/submissions/{draft}").status_code == 200

    reading, unmasking = listed(auditor, submission=draft)

    assert (unmasking["outcome"], reading["kind"], reading["plain_fields"]) == (
        "granted",
        "reading",
        ["/applicant/phone"],
    )
    assert unmasking["unmasking"] == {"id": granted["id"], "fields": ["/applicant/phone"], "until": granted["until"]}
    assert reading["unmasking"] == unmasking["unmasking"] and reading["reason"] == "电话核对"


def test_by_submission_only_looks_that_showed_it(adviser: Phone, auditor: Phone, phone: Phone) -> None:
    one, other = filed(phone), filed(phone)
    looks = [look(adviser, submission["reference"]) for submission in (one, other, one)]

    assert [record["id"] for record in listed(auditor, submission=one["id"])] == [looks[2], looks[0]]
    assert listed(auditor, submission=str(uuid.uuid4())) == []


def test_by_time_with_the_end_left_out(adviser: Phone, auditor: Phone, phone: Phone, number: str) -> None:
    submission = filed(phone)
    ids = [look(adviser, submission["reference"]) for _ in range(3)]
    at = {record["id"]: record["at"] for record in listed(auditor, staff_number=number)}

    def within(**bounds: str) -> list[str]:
        return [record["id"] for record in listed(auditor, staff_number=number, **bounds)]

    assert within(since=at[ids[1]]) == [ids[2], ids[1]]
    assert within(until=at[ids[1]]) == [ids[0]]
    assert within(since=at[ids[0]], until=at[ids[2]]) == [ids[1], ids[0]]
    tomorrow = (clock.now() + timedelta(days=1)).isoformat()
    assert within(since=tomorrow) == []
    assert within(until=datetime(1, 1, 1, tzinfo=clock.CHINA).isoformat()) == []


def test_pages_go_on_where_the_last_one_ended(adviser: Phone, auditor: Phone, phone: Phone, number: str) -> None:
    submission = filed(phone)
    ids = [look(adviser, submission["reference"]) for _ in range(5)]

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"staff_number": number, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = auditor.get(LOOKS, query_string=query).json
        assert len(page["items"]) <= 2
        seen += [record["id"] for record in page["items"]]
        cursor = page["next_cursor"]

    assert seen == ids[::-1]


def test_nobody_unknown_has_looked(auditor: Phone) -> None:
    assert listed(auditor, staff_number="nobody") == []


def test_a_supervisor_reads_them_too(make_newcomer: Callable[[str, str], Phone], adviser: Phone, phone: Phone) -> None:
    look_id = look(adviser, filed(phone)["reference"])

    assert listed(make_newcomer("supervisor", "minzheng"), limit=1)[0]["id"] == look_id


@pytest.mark.parametrize("role", ["clerk", "adviser", "administrator"])
def test_who_looks_does_not_read_the_records(make_newcomer: Callable[[str, str], Phone], role: str) -> None:
    response = make_newcomer(role, "gongan").get(LOOKS)

    assert (response.status_code, response.json["code"]) == (403, "looks_not_readable")


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"until": "2026-11-22T10:00:00"}, {"submission": "1"}])
def test_a_filter_that_is_none_is_refused(auditor: Phone, query: dict[str, str]) -> None:
    response = auditor.get(LOOKS, query_string=query)

    assert (response.status_code, list(response.json["errors"])) == (422, [f"/{next(iter(query))}"])


def test_a_resident_pages_through_the_looks_at_their_submission(adviser: Phone, phone: Phone) -> None:
    submission = filed(phone)
    ids = [look(adviser, submission["reference"]) for _ in range(3)]
    path = f"/v1/submissions/{submission['id']}/looks"

    first = phone.get(path, query_string={"limit": 2}).json
    second = phone.get(path, query_string={"limit": 2, "cursor": first["next_cursor"]}).json

    assert [line["id"] for line in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
