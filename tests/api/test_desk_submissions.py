"""A clerk of the deciding department sees fields in plain, for minutes, and everybody can read that they did."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import clock
from app.settings import settings
from tests.approvals.office_system import OfficeSystem, message
from tests.product import PERMIT, Phone

Sql = Callable[..., list[Any]]
MakeClerk = Callable[[str], Phone]

NAME, NUMBER, MOBILE = "李建国", "532399198806150316", "19900000002"
PLAIN = (NAME, NUMBER, MOBILE, PERMIT["address_detail"], PERMIT["hukou_address"])


@pytest.fixture
def permit(phone: Phone, make_submission: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A residence permit filed with the police."""
    draft = make_submission()
    return dict(phone.post(f"/v1/submissions/{draft['id']}/submit").json or {})


@pytest.fixture
def clerk(make_newcomer: Callable[[str, str], Phone]) -> Phone:
    """A clerk of the police whose looks nobody else has counted."""
    return make_newcomer("clerk", "gongan")


def unmask(who: Phone, submission: str, fields: list[str], **options: Any) -> TestResponse:
    wish = {"fields": fields, "reason_kind": "verification", "reason": "与李先生电话核对，13812345678"}
    return who.post(f"/v1/desk/submissions/{submission}/unmaskings", wish, **options)


def read(who: Phone, submission: str) -> TestResponse:
    return who.get(f"/v1/desk/submissions/{submission}")


def look(who: Phone, reference: str) -> dict[str, Any]:
    return dict(who.post("/v1/desk/lookups", {"reference": reference, "reason": "办事人来电"}).json or {})


def own_looks(phone: Phone, submission: str, **options: Any) -> list[dict[str, Any]]:
    return list(phone.get(f"/v1/submissions/{submission}/looks", **options).json["items"])


def test_a_granted_field_is_plain_and_no_other(clerk: Phone, permit: dict[str, Any]) -> None:
    granted = unmask(clerk, permit["id"], ["/applicant/phone", "/answers/address_detail"])

    assert granted.status_code == 201
    assert granted.json["fields"] == ["/answers/address_detail", "/applicant/phone"]
    assert not [text for text in PLAIN if text in granted.text], "the grant itself shows nothing"
    sheet = read(clerk, permit["id"]).json
    answers = {answer["field"]: answer["value"] for answer in sheet["answers"]}
    assert (sheet["applicant"]["phone"], answers["/answers/address_detail"]) == (MOBILE, PERMIT["address_detail"])
    assert (sheet["applicant"]["name"], sheet["applicant"]["document_number"]) == ("李**", "532***********0316")
    assert answers["/answers/hukou_address"] == "四川省凉山彝族自治州****"
    assert sheet["plain_fields"] == ["/answers/address_detail", "/applicant/phone"]


def test_all_is_everything_with_file_names_and_opinions(clerk: Phone, permit: dict[str, Any], phone: Phone) -> None:
    opinion = f"已电话{MOBILE}联系{NAME}"
    assert OfficeSystem(phone.client).outcome(message(permit["reference"], "accepted", opinion=opinion)) == "applied"
    masked = look(clerk, permit["reference"])["submission"]
    assert masked["events"][-1]["opinion"] == "已电话*******0002联系李**"
    assert {file["filename"] for file in masked["attachments"]} == {"***.png"}

    unmask(clerk, permit["id"], ["all"])

    sheet = read(clerk, permit["id"]).json
    assert not [text for text in (*PLAIN, opinion, "文件.png") if text not in json.dumps(sheet, ensure_ascii=False)]
    answers = {answer["field"].removeprefix("/answers/"): answer["value"] for answer in sheet["answers"]}
    assert answers == PERMIT


def test_after_its_minutes_the_field_is_masked_again(clerk: Phone, permit: dict[str, Any]) -> None:
    granted = unmask(clerk, permit["id"], ["/applicant/phone"]).json
    assert read(clerk, permit["id"]).json["applicant"]["phone"] == MOBILE

    with clock.moved(settings().unmasking_life + timedelta(seconds=1)):
        later = read(clerk, permit["id"]).json

    assert (later["applicant"]["phone"], later["plain_fields"]) == ("199****0002", [])
    assert granted["until"] > granted["at"]


def test_a_grant_is_one_persons_own(clerk: Phone, make_clerk: MakeClerk, permit: dict[str, Any]) -> None:
    colleague = make_clerk("S0001")
    unmask(clerk, permit["id"], ["all"])

    sheet = look(colleague, permit["reference"])["submission"]

    assert (sheet["applicant"]["name"], sheet["plain_fields"]) == ("李**", [])
    assert look(clerk, permit["reference"])["submission"]["applicant"]["name"] == NAME


@pytest.mark.parametrize("role", ["adviser", "supervisor", "auditor", "administrator"])
def test_other_roles_never_see_more_than_masks_and_the_try_is_recorded(
    make_newcomer: Callable[[str, str], Phone], permit: dict[str, Any], sql: Sql, role: str
) -> None:
    curious = make_newcomer(role, "gongan")

    for submission in (permit["id"], str(uuid.uuid4())):
        response = unmask(curious, submission, ["all"])
        assert (response.status_code, response.json["code"]) == (403, "unmasking_not_allowed")

    rows = sql("SELECT kind, outcome, asked_id FROM looks WHERE staff_id = %s ORDER BY id", curious.resident_id)
    assert {(row["kind"], row["outcome"]) for row in rows} == {("unmasking", "not_allowed")}
    assert str(rows[0]["asked_id"]) == permit["id"]
    assert sql("SELECT * FROM unmaskings WHERE staff_id = %s", curious.resident_id) == []


def test_a_grant_means_nothing_to_one_whose_role_lost_the_right(
    make_newcomer: Callable[[str, str], Phone], permit: dict[str, Any], sql: Sql
) -> None:
    adviser = make_newcomer("adviser", "gongan")
    grant = "INSERT INTO unmaskings VALUES (%s, now(), now() + interval '5 minutes', %s, %s, '{all}')"
    sql(grant, uuid.uuid4(), adviser.resident_id, permit["id"])

    assert look(adviser, permit["reference"])["submission"]["applicant"]["name"] == "李**"


def test_what_a_clerk_may_not_see_and_what_there_is_not_look_the_same(
    clerk: Phone, phone: Phone, permit: dict[str, Any]
) -> None:
    fund = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json["id"]
    draft = phone.start("residence-permit")["id"]

    answers = [unmask(clerk, submission, ["all"]) for submission in (fund, draft, str(uuid.uuid4()))]
    answers += [read(clerk, submission) for submission in (fund, draft, str(uuid.uuid4()))]

    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(404, "look_not_found")}


def test_reading_again_needs_a_look_of_the_last_hour(clerk: Phone, permit: dict[str, Any], sql: Sql) -> None:
    assert read(clerk, permit["id"]).status_code == 404
    look(clerk, permit["reference"])

    assert read(clerk, permit["id"]).json["applicant"]["name"] == "李**"
    with clock.moved(settings().look_life + timedelta(seconds=1)):
        assert read(clerk, permit["id"]).status_code == 404

    kinds = [row["kind"] for row in sql("SELECT kind FROM looks WHERE staff_id = %s ORDER BY id", clerk.resident_id)]
    assert kinds == ["reference", "reading"]


def test_a_field_that_is_not_there_is_named(clerk: Phone, permit: dict[str, Any], sql: Sql) -> None:
    response = unmask(clerk, permit["id"], ["/applicant/phone", "/answers/bank_card"])

    assert (response.status_code, list(response.json["errors"])) == (422, ["/fields/1"])
    assert sql("SELECT * FROM unmaskings WHERE staff_id = %s", clerk.resident_id) == []


@pytest.mark.parametrize("change", [{"reason": "看"}, {"reason_kind": "curiosity"}, {"fields": []}, {"reason": None}])
def test_without_a_reason_and_fields_nothing_is_granted(
    clerk: Phone, permit: dict[str, Any], change: dict[str, Any]
) -> None:
    wish = {"fields": ["all"], "reason_kind": "handling", "reason": "核对", **change}
    wish = {key: value for key, value in wish.items() if value is not None}

    response = clerk.post(f"/v1/desk/submissions/{permit['id']}/unmaskings", wish)

    assert (response.status_code, list(response.json["errors"])) == (422, [f"/{next(iter(change))}"])


def test_the_same_key_grants_once(clerk: Phone, permit: dict[str, Any], sql: Sql) -> None:
    first, second = (unmask(clerk, permit["id"], ["all"], key="a-tap") for _ in range(2))

    assert (first.json, second.headers["Idempotent-Replayed"]) == (second.json, "true")
    assert len(sql("SELECT * FROM unmaskings WHERE staff_id = %s", clerk.resident_id)) == 1


def test_the_resident_reads_who_saw_what_and_why(clerk: Phone, phone: Phone, permit: dict[str, Any]) -> None:
    look(clerk, permit["reference"])
    unmask(clerk, permit["id"], ["/applicant/phone", "/answers/address_detail"])
    read(clerk, permit["id"])

    zh = own_looks(phone, permit["id"])
    en = own_looks(phone, permit["id"], headers={"Accept-Language": "en"})

    assert [line["text"] for line in zh] == [
        "示例县公安局的窗口人员查看了您的完整信息：现在住的详细地址、手机号。事由：核对材料",
        "示例县公安局的窗口人员申请了限时查看您的完整信息：现在住的详细地址、手机号。事由：核对材料",
        "示例县公安局的窗口人员查看了您的办件，个人信息已遮盖。事由：其他",
    ]
    assert "saw your full data: Street address, phone. Reason: Checking what was filed" in en[0]["text"]
    assert [(line["kind"], line["outcome"]) for line in zh] == [
        ("reading", "shown"),
        ("unmasking", "granted"),
        ("reference", "shown"),
    ]
    assert set(zh[0]) == {
        *("id", "at", "kind", "outcome", "reason_kind", "plain_fields", "role", "department", "unit", "text"),
    }, "no name and no number of the clerk"


def test_nobody_else_reads_who_looked(make_phone: Callable[..., Phone], permit: dict[str, Any]) -> None:
    response = make_phone().get(f"/v1/submissions/{permit['id']}/looks")

    assert (response.status_code, response.json["code"]) == (404, "submission_not_found")


def test_the_log_holds_nothing_of_it(clerk: Phone, permit: dict[str, Any], log: list[str], sql: Sql) -> None:
    unmask(clerk, permit["id"], ["all"])
    read(clerk, permit["id"])

    logged = "\n".join(log)
    stored = str(sql("SELECT * FROM looks WHERE staff_id = %s", clerk.resident_id))
    kept = str(sql("SELECT * FROM idempotency_records WHERE scope = %s", f"staff:{clerk.resident_id}"))
    for text in (*PLAIN, "13812345678"):
        assert text not in logged and text not in stored and text not in kept


def test_of_somebody_who_was_erased_there_is_nothing_left_to_see(
    clerk: Phone, phone: Phone, permit: dict[str, Any], sql: Sql
) -> None:
    sql("DELETE FROM data_keys WHERE owner_id = ANY(%s)", [phone.resident_id, uuid.UUID(permit["id"])])

    sheet = look(clerk, permit["reference"])["submission"]

    assert set(sheet["applicant"].values()) == {None}
    assert (sheet["answers"], sheet["attachments"], sheet["events"]) == ([], [], [])
    assert (sheet["reference"], sheet["state"]) == (permit["reference"], "received")
