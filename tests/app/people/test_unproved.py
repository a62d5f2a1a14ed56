"""People of whom no login has proved who they are: they read, ask and keep drafts, and everybody copes with knowing no
name; they file and sign nothing until they have proved it, and lose nothing by that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock, database
from app.people.identity import StepUpRequired
from app.privacy import consents, copies, erasures, held_rows, holdings, notices
from app.privacy.consents import Wish
from auth import sessions
from tests.app.people.conftest import caller, enter, link, somebody, vouched
from tests.product import PERMIT, Phone, RunJobs, picture

Sql = Callable[..., list[Any]]

build: Any = copies.build
finish_erasures: Any = erasures.sweep


@pytest.fixture
def visitor(product: Flask) -> Phone:
    """Somebody by a phone number alone."""
    resident_id = enter(vouched(None, 1, "phone", phone="19900005555"))
    with database.work() as work:
        tokens = sessions.open_for_resident(work, resident_id, 1, clock.now(), "phone")
    return Phone(resident_id, tokens, product.test_client())


def test_the_profile_says_what_is_known(visitor: Phone) -> None:
    shown = visitor.get("/v1/me").json

    assert (shown["name"], shown["document_type"], shown["document_number"]) == (None, None, None)
    assert (shown["phone"], shown["identity_level"]) == ("199****5555", 1)


def test_what_a_person_of_some_age_is_offered_is_not_guessed(visitor: Phone) -> None:
    answer = visitor.get("/v1/me/suggestions?region=532999")

    assert answer.status_code == 200 and answer.json["for_you"] == []


def test_a_draft_is_prefilled_with_nothing_that_is_unknown(visitor: Phone) -> None:
    draft = visitor.start("old-age-allowance", {})

    answers = visitor.get(f"/v1/submissions/{draft['id']}").json["answers"]
    assert "李建国" not in str(answers) and None not in answers.values()


def test_a_correction_of_the_phone_number_is_answered_by_staff_who_see_no_name(
    visitor: Phone, make_newcomer: Callable[[str, str], Phone]
) -> None:
    wish = {"field": "phone", "new_value": "19900006666", "words": "换号了", "evidence": []}
    asked = visitor.post("/v1/corrections", wish)
    assert asked.status_code == 201, asked.text
    adviser = make_newcomer("adviser", "gongan")

    masked = adviser.get(f"/v1/desk/corrections/{asked.json['id']}").json
    assert masked["applicant"] == {"name": None, "document_type": None, "document_number": None, "phone": "199****5555"}
    full = adviser.post(f"/v1/desk/corrections/{asked.json['id']}/reveal", {"reason": "核对更正申请"})
    assert full.json["applicant"]["phone"] == "19900005555" and full.json["applicant"]["name"] is None
    decided = adviser.post(
        f"/v1/desk/corrections/{asked.json['id']}/decision", {"granted": True, "reason": "已核实，予以更正"}
    )
    assert decided.status_code == 200, decided.text
    assert visitor.get("/v1/me").json["phone"] == "199****6666"


def test_the_desk_finds_them_by_phone_and_shows_no_draft(visitor: Phone, make_clerk: Callable[[str], Phone]) -> None:
    visitor.start("residence-permit", {})

    looked = make_clerk("S0001").post("/v1/desk/lookups", {"phone": "19900005555", "reason": "来电询问"})

    assert looked.status_code == 201 and looked.json["outcome"] == "nothing"


def test_a_consent_needs_somebody_whose_age_is_known(visitor: Phone) -> None:
    """Below 14 a guardian consents (PIPL art. 31), so nobody consents of whom that cannot be told."""
    with pytest.raises(StepUpRequired) as refused, database.work() as work:
        kind = next(iter(notices.asked(work.connection, notices.WECHAT_PUSH, 1, "progress-messages")))
        wish = Wish(notices.WECHAT_PUSH, 1, "progress-messages", kind)
        consents.give(work, caller(visitor.resident_id, 1), wish, "", "zh")

    assert refused.value.facts["required_level"] == 2


def test_they_get_their_copy_and_close_their_account_by_the_login_they_have(
    visitor: Phone, run_jobs: RunJobs, sql: Sql
) -> None:
    visitor.start("residence-permit", {"employer_name": "某公司"})
    copy = visitor.post("/v1/copies")
    assert copy.status_code == 202, copy.text
    run_jobs()
    assert visitor.get(f"/v1/copies/{copy.json['id']}").json["state"] == "ready"
    with clock.moved(timedelta(minutes=16)):
        assert visitor.post("/v1/erasures").json["code"] == "step_up_required"

    assert visitor.post("/v1/erasures").status_code == 202
    with clock.moved(timedelta(minutes=31)):
        finish_erasures(0)

    with database.reading() as connection:
        left = {one.table: held_rows.count(connection, one, visitor.resident_id) for one in holdings.HOLDINGS}
    assert not any(left.values())


# ——— Filing and signing. ———


def ready_draft(phone: Phone, run_jobs: RunJobs) -> dict[str, Any]:
    """A permit that lacks nothing but the signature and a person."""
    draft = phone.start("residence-permit", PERMIT)
    phone.upload(draft["id"], "photo", picture())
    draft["drawn"] = phone.upload(draft["id"], "signature", picture(width=80))
    run_jobs()
    return draft


def everything(sql: Sql, draft: dict[str, Any]) -> list[Any]:
    return [
        sql("SELECT * FROM submissions WHERE id = %s", draft["id"]),
        sql("SELECT * FROM uploads WHERE submission_id = %s ORDER BY id", draft["id"]),
        sql("SELECT * FROM signatures WHERE submission_id = %s", draft["id"]),
    ]


def test_without_a_person_nothing_is_signed_or_filed_and_the_draft_is_untouched(
    visitor: Phone, run_jobs: RunJobs, sql: Sql
) -> None:
    draft = ready_draft(visitor, run_jobs)
    before = everything(sql, draft)

    for answer in (
        visitor.post(f"/v1/submissions/{draft['id']}/signature", {"upload": draft["drawn"]}),
        visitor.post(f"/v1/submissions/{draft['id']}/submit"),
        visitor.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}),
    ):
        assert (answer.status_code, answer.json["code"]) == (403, "step_up_required"), answer.text
        assert answer.json["required_level"] >= 2 and "sandbox" in answer.json["providers"]
        assert answer.json["max_age_seconds"] > 0
    assert everything(sql, draft) == before


def test_with_the_person_proved_the_same_draft_is_signed_and_filed(
    visitor: Phone, run_jobs: RunJobs, product: Flask
) -> None:
    draft = ready_draft(visitor, run_jobs)
    resident_id, _ = link(visitor.resident_id, vouched(somebody()))
    with database.work() as work:
        visitor.tokens = sessions.open_for_resident(work, resident_id, 3, clock.now(), "phone")

    assert visitor.post(f"/v1/submissions/{draft['id']}/signature", {"upload": draft["drawn"]}).status_code == 201
    receipt = visitor.post(f"/v1/submissions/{draft['id']}/submit")

    assert receipt.status_code == 200, receipt.text
