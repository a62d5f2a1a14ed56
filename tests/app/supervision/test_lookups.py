"""Somebody calls without their reference: the desk finds them by number, phone or name, all of it stored blind."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app.crypto import blind_indexes, data_keys
from app.people import masks, residents
from app.people.residents import Person
from app.supervision import lookups
from tests.product import Phone

Sql = Callable[..., list[Any]]
MakeClerk = Callable[[str], Phone]

REASON = "办事人来电询问进度"


def search(who: Phone, wish: dict[str, Any]) -> dict[str, Any]:
    response = who.post("/v1/desk/lookups", {"reason": REASON, **wish})
    assert response.status_code == 201, response.text
    return dict(response.json or {})


def new_document_number() -> str:
    """An ID number that nobody else in this run has, with its check digit."""
    body = f"53239919{secrets.randbelow(80) + 10}{secrets.randbelow(12) + 1:02d}{secrets.randbelow(28) + 1:02d}"
    body += f"{secrets.randbelow(1000):03d}"
    return with_check(body)


def with_check(body: str) -> str:
    """GB 11643-1999: the eighteenth character by ISO 7064 mod 11-2."""
    return body + "10X98765432"[sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body)) % 11]


@pytest.fixture
def person() -> Person:
    return Person(f"欧阳{secrets.token_hex(4)}", "111", new_document_number(), f"139{secrets.randbelow(10**8):08d}")


@pytest.fixture
def caller(person: Person, enrol: Callable[[Person], Phone]) -> Phone:
    return enrol(person)


@pytest.fixture
def reference(caller: Phone) -> str:
    wish = {"service": "housing-fund-balance", "submit": True}
    return str(caller.post("/v1/submissions", wish).json["reference"])


def test_each_way_of_writing_finds_the_same_submissions(
    make_clerk: MakeClerk, person: Person, caller: Phone, reference: str
) -> None:
    adviser = make_clerk("S0003")
    caller.start("residence-permit", {"reason": "residence"})
    spoken: list[dict[str, Any]] = [
        {"document_number": person.document_number},
        {"document_number": f" {person.document_number[:6]} {person.document_number[6:].lower()} "},
        {"phone": person.phone},
        {"phone": f"+86 {person.phone[:3]}-{person.phone[3:]}" if person.phone else ""},
        {"name": person.name},
        {"name": f" {person.name[:2]} {person.name[2:].upper()}"},
    ]
    for wish in spoken:
        found = search(adviser, wish)

        assert (found["outcome"], found["submission"]) == ("listed", None), wish
        assert [item["reference"] for item in found["items"]] == [reference], "the draft is nobody's business"
        assert found["items"][0]["applicant"] == {
            "name": masks.name(person.name),
            "document_type": "111",
            "document_number": masks.document_number_in_list(person.document_number),
            "phone": masks.phone(person.phone or ""),
        }


def test_a_number_of_fifteen_digits_finds_the_one_of_eighteen(
    make_clerk: MakeClerk, enrol: Callable[[Person], Phone]
) -> None:
    phone = enrol(Person("王桂兰", "111", with_check("53239919430308022"), None))
    filed = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json

    found = search(make_clerk("S0003"), {"document_number": "532399430308022"})

    assert filed["reference"] in [item["reference"] for item in found["items"]]


def test_nothing_that_was_typed_is_stored_but_its_blind_index(
    make_clerk: MakeClerk, person: Person, reference: str, sql: Sql, log: list[str]
) -> None:
    clerk = make_clerk("S0003")
    wishes = {"document_number": person.document_number, "phone": person.phone, "name": person.name}

    found = {kind: search(clerk, {kind: term}) for kind, term in wishes.items()}

    for kind, term in wishes.items():
        row = sql("SELECT * FROM looks WHERE id = %s", found[kind]["id"])[0]
        assert (row["kind"], row["outcome"], row["staff_id"]) == (kind, "listed", clerk.resident_id)
        assert row["term_index"] in data_keys.candidates(residents.SEARCHES[kind][0], str(term))
        assert str(term) not in str(row) and str(term) not in "\n".join(log)


def test_the_record_says_whose_submissions_the_list_showed(
    make_clerk: MakeClerk, person: Person, caller: Phone, reference: str, sql: Sql
) -> None:
    found = search(make_clerk("S0003"), {"phone": person.phone})

    shown = sql("SELECT * FROM looks_shown WHERE look_id = %s", found["id"])
    assert [(str(row["submission_id"]), row["resident_id"]) for row in shown] == [
        (found["items"][0]["id"], caller.resident_id)
    ]


def test_opening_one_of_the_list_is_a_look_of_its_own(
    make_clerk: MakeClerk, person: Person, reference: str, sql: Sql
) -> None:
    adviser = make_clerk("S0003")
    listed = search(adviser, {"phone": person.phone})["items"][0]

    opened = search(adviser, {"submission": listed["id"]})

    assert (opened["outcome"], opened["submission"]["reference"]) == ("shown", reference)
    assert opened["submission"]["applicant"]["document_number"] == masks.document_number(person.document_number)
    row = sql("SELECT kind, outcome, asked_id FROM looks WHERE id = %s", opened["id"])[0]
    assert (row["kind"], row["outcome"], str(row["asked_id"])) == ("submission", "shown", listed["id"])


def test_another_departments_clerk_finds_nobody(make_clerk: MakeClerk, person: Person, reference: str) -> None:
    clerk = make_clerk("S0001")

    assert [search(clerk, {"phone": person.phone})[key] for key in ("outcome", "items")] == ["nothing", []]
    item = search(make_clerk("S0003"), {"phone": person.phone})["items"][0]
    assert search(clerk, {"submission": item["id"]})["submission"] is None
    assert search(clerk, {"submission": str(uuid.uuid4())})["submission"] is None


def test_a_long_list_comes_in_pages_and_each_page_is_a_look(
    make_clerk: MakeClerk, person: Person, caller: Phone, reference: str
) -> None:
    more = [
        caller.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json["reference"]
        for _ in range(2)
    ]
    adviser = make_clerk("S0003")

    first = search(adviser, {"phone": person.phone, "limit": 2})
    second = search(adviser, {"phone": person.phone, "limit": 2, "cursor": first["next_cursor"]})

    pages = [[item["reference"] for item in found["items"]] for found in (first, second)]
    assert pages == [[more[1], more[0]], [reference]]
    assert second["next_cursor"] is None and first["id"] != second["id"]


def test_many_people_of_one_name_are_not_listed(
    make_clerk: MakeClerk, enrol: Callable[[Person], Phone], sql: Sql
) -> None:
    name = f"司马{secrets.token_hex(4)}"
    for _ in range(lookups.MOST_PEOPLE + 1):
        who = enrol(Person(name, "111", new_document_number(), None))
        assert who.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).status_code == 201

    found = make_clerk("S0003").post(
        "/v1/desk/lookups", {"name": name, "reason": REASON}, headers={"Accept-Language": "en"}
    )

    assert (found.json["outcome"], found.json["items"]) == ("too_many", [])
    assert "document number" in found.json["outcome_text"]
    assert sql("SELECT outcome FROM looks WHERE id = %s", found.json["id"])[0]["outcome"] == "too_many"
    assert sql("SELECT * FROM looks_shown WHERE look_id = %s", found.json["id"]) == []


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({}, "/reference"),
        ({"phone": "13812345678", "name": "张伟"}, "/reference"),
        ({"phone": "--- "}, "/phone"),
        ({"name": " · "}, "/name"),
        ({"document_number": "532399198806150317"}, "/document_number"),
        ({"submission": "1"}, "/submission"),
        ({"phone": "13812345678", "limit": 51}, "/limit"),
    ],
)
def test_a_search_is_for_one_thing_that_can_exist(make_clerk: MakeClerk, wish: dict[str, Any], pointer: str) -> None:
    response = make_clerk("S0003").post("/v1/desk/lookups", {**wish, "reason": REASON})

    assert (response.status_code, list(response.json["errors"])) == (422, [pointer])


def test_a_role_that_may_not_look_finds_nobody_and_the_try_is_recorded(
    make_clerk: MakeClerk, person: Person, reference: str, sql: Sql
) -> None:
    response = make_clerk("S0002").post("/v1/desk/lookups", {"phone": person.phone, "reason": REASON})

    assert (response.status_code, response.json["code"]) == (403, "look_not_allowed")
    term = data_keys.index(blind_indexes.PHONE, str(person.phone))
    assert [row["outcome"] for row in sql("SELECT * FROM looks WHERE term_index = %s", term)] == ["not_allowed"]
