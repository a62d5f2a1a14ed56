"""Corrections: what is wrong about me is verified by staff, and what stood there is kept, sealed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app import database
from app.people.residents import Person
from auth import logins
from auth.devices import Device
from tests.planted import PLANTED, caller_of, dump, vouched, written
from tests.product import Phone, RunJobs, picture

Sql = Callable[..., list[Any]]
MakeClerk = Callable[[str], Phone]

NEW = "13812345678"


def ask(who: Phone, **wish: Any) -> dict[str, Any]:
    response = who.post("/v1/corrections", {"field": "phone", "new_value": NEW, **wish})
    assert response.status_code == 201, response.text
    return dict(response.json or {})


def decide(clerk: Phone, correction: dict[str, Any], granted: bool, reason: str = "已电话核实") -> Any:
    return clerk.post(f"/v1/desk/corrections/{correction['id']}/decision", {"granted": granted, "reason": reason})


def test_a_granted_phone_takes_effect_and_the_old_one_is_kept_sealed(ouyang: Phone, make_clerk: MakeClerk) -> None:
    correction = ask(ouyang, words="原号码已停用")
    adviser = make_clerk("S0003")

    waiting = adviser.get("/v1/desk/corrections").json["items"]
    masked = next(item for item in waiting if item["id"] == correction["id"])
    assert masked["new_value"] == "138****5678" and masked["applicant"]["name"] == "欧阳***"
    assert PLANTED["phone"] not in str(masked) and "停用" not in str(masked)
    assert decide(adviser, correction, True).json["state"] == "granted"

    shown = ouyang.get(f"/v1/corrections/{correction['id']}").json
    assert (shown["state"], shown["old_value"], shown["answer"]) == ("granted", PLANTED["phone"], "已电话核实")
    assert shown["remedies"] is None
    assert ouyang.get("/v1/me").json["phone"] == "138****5678"
    assert not [form for text in (NEW, PLANTED["phone"], "原号码已停用") for form in written(text) if form in dump()]


def test_a_refusal_gives_reasons_and_remedies_in_both_languages(ouyang: Phone, make_clerk: MakeClerk) -> None:
    correction = ask(ouyang)
    refused = decide(make_clerk("S0003"), correction, False, "号码不是本人的")

    assert refused.json["state"] == "refused"
    path = f"/v1/corrections/{correction['id']}"
    zh, en = (ouyang.get(path, headers={"Accept-Language": language}).json for language in ("zh", "en"))
    assert zh["answer"] == en["answer"] == "号码不是本人的"
    assert "人民法院" in zh["remedies"] and "people's court" in en["remedies"]
    assert zh["old_value"] is None and ouyang.get("/v1/me").json["phone"] == "199****4455"


@pytest.mark.parametrize("field", ["name", "document_number"])
def test_what_the_e_id_vouches_for_is_not_corrected_here(ouyang: Phone, field: str) -> None:
    response = ouyang.post("/v1/corrections", {"field": field, "new_value": "别的"}, headers={"Accept-Language": "en"})

    assert (response.status_code, response.json["code"]) == (409, "corrected_by_login")
    assert "log in here again" in response.json["detail"]


def test_a_login_that_brings_a_new_name_keeps_the_old_one(ouyang: Phone) -> None:
    renamed = Person("欧阳种玉", "111", PLANTED["document_number"], None)
    with database.work() as work:
        logins._enter_resident(work, vouched(renamed), Device("test phone"))

    assert ouyang.get("/v1/me").json["name"] == "欧阳种玉"
    assert ouyang.get("/v1/me").json["phone"] == "199****4455", "the provider said nothing of a phone"
    [noted] = ouyang.get("/v1/corrections").json["items"]
    assert (noted["field"], noted["state"], noted["old_value"]) == ("name", "by_login", PLANTED["name"])


def test_a_filed_answer_stays_as_it_was_signed_and_the_correction_stands_beside_it(
    ouyang: Phone, permit: dict[str, Any], make_clerk: MakeClerk
) -> None:
    wish = {"field": "answer", "submission": permit["id"], "answer_name": "address_detail", "new_value": "新路1号"}
    before = ouyang.get(f"/v1/submissions/{permit['id']}").json["answers"]
    correction = ask(ouyang, **wish)

    assert decide(make_clerk("S0003"), correction, True).status_code == 200

    assert ouyang.get(f"/v1/submissions/{permit['id']}").json["answers"] == before
    assert ouyang.get(f"/v1/corrections/{correction['id']}").json["old_value"] == PLANTED["address"]


@pytest.mark.parametrize(
    ("wish", "status", "pointer"),
    [
        ({"new_value": "没有号码"}, 422, "/new_value"),
        ({"field": "answer"}, 422, "/submission"),
        ({"evidence": [str(uuid.uuid4())]}, 422, "/evidence"),
        ({"field": "shoe_size"}, 422, "/field"),
        ({"field": "answer", "submission": str(uuid.uuid4()), "answer_name": "reason"}, 404, None),
    ],
)
def test_what_makes_no_sense_is_refused(phone: Phone, wish: dict[str, Any], status: int, pointer: str | None) -> None:
    response = phone.post("/v1/corrections", {"field": "phone", "new_value": NEW, **wish})
    assert response.status_code == status
    assert pointer is None or pointer in response.json["errors"]


def test_evidence_is_a_clean_file_of_ones_own(
    phone: Phone, make_phone: Callable[..., Phone], run_jobs: RunJobs, make_clerk: MakeClerk, sql: Sql
) -> None:
    draft = phone.start("residence-permit")
    upload = phone.upload(draft["id"], "photo", picture())
    run_jobs()
    stranger = make_phone().post("/v1/corrections", {"field": "phone", "new_value": NEW, "evidence": [upload]})
    assert stranger.status_code == 422

    correction = ask(phone, evidence=[upload], words="见照片")
    adviser = make_clerk("S0003")
    path = f"/v1/desk/corrections/{correction['id']}"
    assert adviser.get(path).json["evidence"] == 1
    full = adviser.post(f"{path}/reveal", {"reason": "核对更正申请"}).json

    assert (full["new_value"], full["words"], full["evidence"]) == (NEW, "见照片", [upload])
    assert full["applicant"]["document_number"] == "532399198806150316"
    shown = "SELECT 1 FROM looks l JOIN looks_shown s ON s.look_id = l.id WHERE l.asked_id = %s AND s.resident_id = %s"
    assert len(sql(shown, correction["id"], phone.resident_id)) == 1


def test_only_those_with_the_right_decide_and_only_once(phone: Phone, make_clerk: MakeClerk) -> None:
    correction = ask(phone)
    for number in ("S0001", "S0002"):
        staff = make_clerk(number)
        assert staff.get("/v1/desk/corrections").json["code"] == "correction_not_allowed"
        assert decide(staff, correction, True).json["code"] == "correction_not_allowed"
        revealed = staff.post(f"/v1/desk/corrections/{correction['id']}/reveal", {"reason": "看看"})
        assert revealed.json["code"] == "correction_not_allowed"
    adviser = make_clerk("S0003")

    assert decide(adviser, correction, False).status_code == 200
    again = decide(adviser, correction, True)

    assert (again.status_code, again.json["code"], again.json["state"]) == (409, "correction_decided", "refused")
    assert adviser.get(f"/v1/desk/corrections/{uuid.uuid4()}").json["code"] == "correction_not_found"


def test_somebody_elses_correction_is_none(phone: Phone, make_phone: Callable[..., Phone]) -> None:
    correction = ask(phone)
    assert make_phone().get(f"/v1/corrections/{correction['id']}").json["code"] == "correction_not_found"
    assert make_phone().get("/v1/corrections").json["items"] == []


def test_too_many_open_ones_wait_for_an_answer_first(phone: Phone) -> None:
    for _ in range(20):
        ask(phone)
    response = phone.post("/v1/corrections", {"field": "phone", "new_value": NEW})
    assert (response.status_code, response.json["code"]) == (409, "correction_limit_reached")


def test_closing_the_account_takes_the_corrections(ouyang: Phone, sql: Sql) -> None:
    ask(ouyang)
    assert caller_of(ouyang).id == ouyang.resident_id
    assert ouyang.post("/v1/erasures").status_code == 202
    assert sql("SELECT 1 FROM corrections WHERE resident_id = %s", ouyang.resident_id), "until the person goes"
