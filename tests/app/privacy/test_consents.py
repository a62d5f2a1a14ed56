"""Consents: given one by one, taken back as easily, and never rewritten."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from app import clock, database
from app.people import residents
from app.people.residents import Person
from app.privacy import purposes
from auth import sessions
from sandbox.persons import check_character
from tests.app.privacy.conftest import VISITORS, Publish, purpose
from tests.product import Phone

Sql = Callable[..., list[Any]]
MakePhone = Callable[..., Phone]
Agree = Callable[..., Any]

VISITS = {"purposes": [purpose("visits", "illness", recipients=VISITORS)]}


def number_of(years: int, days: int = 0) -> str:
    """The document number of somebody who turned so many years old so many days ago."""
    today = clock.today() - timedelta(days=days)
    body = f"532399{today.year - years}{today:%m%d}002"
    return body + check_character(body)


@pytest.fixture
def person(product: Any) -> Callable[[str, str], Phone]:
    """person("李小雨", number): somebody with this document, logged in."""

    def make(name: str, number: str) -> Phone:
        with database.work() as work:
            resident_id = residents.enrol(work, Person(name, "111", number, None))
            tokens = sessions.open_for_resident(work, resident_id, 3, clock.now(), "test phone")
        return Phone(resident_id, tokens, product.test_client())

    return make


@pytest.fixture
def service(publish: Publish) -> str:
    """A service that visits people with their consent."""
    return publish(processing=VISITS).code


@pytest.fixture
def agree(service: str) -> Agree:
    """agree(phone, kind="sensitive", child=…): the answer to a consent to the visits."""

    def give(phone: Phone, kind: str = "sensitive", version: int = 1, key: str | None = None, **more: Any) -> Any:
        wish = {"notice": purposes.notice_code(service), "version": version, "purpose": "visits", "kind": kind}
        return phone.post("/v1/consents", wish | more, key=key)

    return give


def test_a_consent_names_the_notice_its_hash_the_time_and_the_device(phone: Phone, agree: Agree, service: str) -> None:
    """PIPL art. 14: 由个人在充分知情的前提下自愿、明确作出."""
    notice = phone.get(f"/v1/services/{service}/notice").json
    phone.headers["User-Agent"] = "OnePhone/3.1 (Android 14)"

    given = agree(phone)

    assert given.status_code == 201, given.text
    assert given.json["notice"] == {"code": notice["code"], "version": 1, "sha256": notice["sha256"]}
    assert (given.json["state"], given.json["kind"], given.json["method"]) == ("given", "sensitive", "screen")
    assert given.json["device"] == "OnePhone/3.1 (Android 14)"
    assert given.json["given_at"] and given.json["withdrawn_at"] is None
    assert phone.get("/v1/consents").json["items"] == [given.json]


def test_each_kind_is_an_act_of_its_own(phone: Phone, agree: Agree) -> None:
    """PIPL art. 23, 29: 单独同意. One consent never brings the other with it."""
    agree(phone, "sensitive")
    assert [one["kind"] for one in phone.get("/v1/consents").json["items"]] == ["sensitive"]

    agree(phone, "sharing")

    assert [one["kind"] for one in phone.get("/v1/consents").json["items"]] == ["sharing", "sensitive"]


def test_agreeing_twice_is_one_consent(phone: Phone, agree: Agree) -> None:
    assert agree(phone).json["id"] == agree(phone).json["id"]
    assert len(phone.get("/v1/consents").json["items"]) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"notice": "service-nothing"}, 404, "notice_not_found"),
        ({"version": 9}, 404, "notice_not_found"),
        ({"purpose": "advertising"}, 422, "invalid_content"),
        ({"purpose": "handling"}, 422, "invalid_content"),
        ({"kind": "processing"}, 422, "invalid_content"),
        ({"kind": "everything"}, 422, "content_invalid"),
        ({"version": 10**9}, 422, "content_invalid"),
    ],
    ids=str,
)
def test_only_what_a_notice_asks_for_can_be_agreed_to(
    phone: Phone, agree: Agree, change: dict[str, Any], status: int, code: str
) -> None:
    """The statutory duty asks for no consent, so none is taken for it (PIPL art. 13(3), 35)."""
    refused = agree(phone, **change)

    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert phone.get("/v1/consents").json["items"] == []


def test_taking_back_asks_for_nothing_more_than_giving_did_and_tells_what_follows(phone: Phone, agree: Agree) -> None:
    """PIPL art. 15: 个人有权撤回其同意。个人信息处理者应当提供便捷的撤回同意的方式."""
    given = agree(phone).json

    taken = phone.post(f"/v1/consents/{given['id']}/withdraw")

    assert taken.status_code == 200, taken.text
    assert (taken.json["state"], taken.json["given_at"]) == ("withdrawn", given["given_at"])
    assert taken.json["withdrawn_at"]
    assert "撤回" in taken.json["after_withdrawal"]["zh"]
    again = phone.post(f"/v1/consents/{given['id']}/withdraw").json
    assert again == taken.json, "taking back twice changes nothing"


def test_an_old_login_may_take_back_too(make_phone: MakePhone, agree: Agree) -> None:
    weak = make_phone(level=1, authenticated_at=clock.now() - timedelta(days=20))

    assert weak.post(f"/v1/consents/{agree(weak).json['id']}/withdraw").status_code == 200


def test_who_agrees_anew_has_a_new_consent_and_the_old_one_stays_withdrawn(phone: Phone, agree: Agree) -> None:
    first = agree(phone).json
    phone.post(f"/v1/consents/{first['id']}/withdraw")

    second = agree(phone).json

    states = {one["id"]: one["state"] for one in phone.get("/v1/consents").json["items"]}
    assert states == {first["id"]: "withdrawn", second["id"]: "given"}


def test_taking_back_leaves_none_standing_however_many_taps_gave_it(phone: Phone, agree: Agree, product: Any) -> None:
    def tap(_: int) -> Any:
        return agree(Phone(phone.resident_id, phone.tokens, product.test_client())).json

    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(tap, range(4)))

    phone.post(f"/v1/consents/{given[0]['id']}/withdraw")

    assert {one["state"] for one in phone.get("/v1/consents").json["items"]} == {"withdrawn"}


def test_nobody_takes_back_or_sees_anothers(phone: Phone, make_phone: MakePhone, agree: Agree) -> None:
    given, stranger = agree(phone).json, make_phone()

    refused = stranger.post(f"/v1/consents/{given['id']}/withdraw")

    assert (refused.status_code, refused.json["code"]) == (404, "consent_not_found")
    assert stranger.get("/v1/consents").json["items"] == []
    assert phone.get("/v1/consents").json["items"][0]["state"] == "given"


@pytest.mark.parametrize("table", ["consents", "consent_withdrawals", "acknowledgements"])
def test_the_database_itself_lets_nobody_rewrite_them(phone: Phone, agree: Agree, sql: Sql, table: str) -> None:
    given = agree(phone).json
    phone.post(f"/v1/consents/{given['id']}/withdraw")
    phone.post("/v1/acknowledgements", {"notices": [{"code": "general", "version": 1}]})

    with pytest.raises(psycopg.errors.RaiseException, match=f"rows of {table} are never changed"):
        sql(f"UPDATE {table} SET device = 'another'")


def test_every_page_shows_each_once(phone: Phone, agree: Agree) -> None:
    for _ in range(3):
        phone.post(f"/v1/consents/{agree(phone).json['id']}/withdraw")

    found, query = [], "limit=2"
    while query:
        page = phone.get(f"/v1/consents?{query}").json
        found += [one["id"] for one in page["items"]]
        query = f"limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""

    assert len(found) == len(set(found)) == 3
    assert found == sorted(found, reverse=True)


# ——— Children under 14 (PIPL art. 31). ———

CHILD = "李小雨"


def child_of(number: str, **change: Any) -> dict[str, Any]:
    return {"child": {"name": CHILD, "document_number": number, "relation": "parent"} | change}


def test_a_child_under_14_can_not_consent(person: Callable[..., Phone], agree: Agree) -> None:
    """PIPL art. 31: 处理不满十四周岁未成年人个人信息的，应当取得未成年人的父母或者其他监护人的同意."""
    child = person(CHILD, number_of(13, days=300))

    refused = agree(child)

    assert (refused.status_code, refused.json["code"]) == (403, "guardian_consent_required")


def test_from_the_14th_birthday_on_people_consent_themselves(person: Callable[..., Phone], agree: Agree) -> None:
    assert agree(person(CHILD, number_of(14))).status_code == 201


def test_a_guardian_consents_for_the_child_and_the_record_is_sealed(phone: Phone, agree: Agree, sql: Sql) -> None:
    number = number_of(8)

    given = agree(phone, **child_of(number))

    assert given.status_code == 201, given.text
    assert given.json["child"] == {
        "name": "李**",
        "document_number": number[:3] + "*" * 11 + number[-4:],
        "relation": "parent",
    }
    (row,) = sql("SELECT * FROM consents WHERE id = %s", given.json["id"])
    for secret in (CHILD, number, "李建国", "532399198806150316"):
        assert secret.encode() not in bytes(row["guardianship"]) and secret not in str(row)


def test_consents_for_oneself_and_for_a_child_are_two_things(phone: Phone, agree: Agree) -> None:
    own, childs = agree(phone).json, agree(phone, **child_of(number_of(8))).json

    phone.post(f"/v1/consents/{childs['id']}/withdraw")

    states = {one["id"]: one["state"] for one in phone.get("/v1/consents").json["items"]}
    assert states == {own["id"]: "given", childs["id"]: "withdrawn"}


@pytest.mark.parametrize(
    ("number", "pointer"),
    [
        ("532399201805040000", "/child/document_number"),
        (number_of(14), "/child/document_number"),
    ],
    ids=["a wrong check digit", "14 today"],
)
def test_only_a_child_can_be_spoken_for(phone: Phone, agree: Agree, number: str, pointer: str) -> None:
    refused = agree(phone, **child_of(number))

    assert (refused.status_code, list(refused.json["errors"])) == (422, [pointer])
    assert number not in refused.text


def test_what_a_guardian_says_must_be_bounded(phone: Phone, agree: Agree) -> None:
    for change in ({"name": "小" * 51}, {"relation": "neighbour"}, {"document_number": "1"}):
        assert agree(phone, **child_of(number_of(8), **change)).json["code"] == "content_invalid"
