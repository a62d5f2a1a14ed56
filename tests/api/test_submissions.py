"""The door of submissions: from draft to receipt, and every way in which that is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.product import Phone, RunJobs


def test_a_complete_draft_is_filed_with_reference_turn_and_due_dates(
    phone: Phone, make_submission: Callable[..., dict[str, Any]]
) -> None:
    draft = make_submission()

    receipt = phone.post(f"/v1/submissions/{draft['id']}/submit")

    assert receipt.status_code == 200, receipt.text
    assert receipt.json["state"] == "received"
    assert receipt.json["turn"] >= 1
    assert receipt.json["due"]["acceptance"] <= receipt.json["due"]["decision"]


def test_a_second_submit_says_so_and_gives_the_same_reference(
    phone: Phone, make_submission: Callable[..., dict[str, Any]]
) -> None:
    draft = make_submission()
    first = phone.post(f"/v1/submissions/{draft['id']}/submit").json

    second = phone.post(f"/v1/submissions/{draft['id']}/submit")

    assert second.status_code == 409
    assert second.json["code"] == "already_submitted"
    assert second.json["reference"] == first["reference"]


def test_the_same_key_gets_the_same_answer(phone: Phone, make_submission: Callable[..., dict[str, Any]]) -> None:
    draft = make_submission()
    first = phone.post(f"/v1/submissions/{draft['id']}/submit", key="one-tap")

    again = phone.post(f"/v1/submissions/{draft['id']}/submit", key="one-tap")

    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_job_hands_it_to_the_office_and_the_answer_comes_back(
    phone: Phone, make_submission: Callable[..., dict[str, Any]], run_jobs: RunJobs, outside: str
) -> None:
    draft = make_submission()
    phone.post(f"/v1/submissions/{draft['id']}/submit")

    run_jobs()

    assert phone.get(f"/v1/submissions/{draft['id']}/progress").json["events"][0]["step"] == "receive"


def test_every_page_of_my_submissions_shows_each_once_newest_first(phone: Phone) -> None:
    started = [phone.start("housing-fund-balance")["id"] for _ in range(5)]

    found, query = [], "limit=2"
    while True:
        page = phone.get(f"/v1/submissions?{query}").json
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page['next_cursor']}"

    assert found == started[::-1]


def test_nobody_sees_anothers_submissions(phone: Phone, make_phone: Callable[..., Phone]) -> None:
    draft, stranger = phone.start("residence-permit")["id"], make_phone()

    assert stranger.get("/v1/submissions").json == {"items": [], "next_cursor": None}
    for path in ("", "/progress", "/result"):
        response = stranger.get(f"/v1/submissions/{draft}{path}")
        assert (response.status_code, response.json["code"]) == (404, "submission_not_found")


def test_progress_tells_each_step_with_its_unit_and_its_time(phone: Phone) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json

    zh = phone.get(f"/v1/submissions/{receipt['id']}/progress").json
    en = phone.get(f"/v1/submissions/{receipt['id']}/progress", headers={"Accept-Language": "en"}).json

    assert (zh["reference"], zh["state"], zh["state_text"]) == (receipt["reference"], "received", "已收件")
    (event,) = zh["events"]
    assert (event["step"], event["actor"]["kind"]) == ("receive", "resident")
    assert event["unit"] == "示例州住房公积金管理中心示例县管理部"
    assert datetime.fromisoformat(event["at"]) == datetime.fromisoformat(receipt["received_at"])
    assert en["events"][0]["text"] == "Your application was received"


def test_progress_that_did_not_change_is_not_sent_again(phone: Phone) -> None:
    draft = phone.start("housing-fund-balance")
    path = f"/v1/submissions/{draft['id']}/progress"
    tag = {"If-None-Match": phone.get(path).headers["ETag"]}

    unchanged = phone.get(path, headers=tag)
    in_english = phone.get(path, headers={**tag, "Accept-Language": "en"})
    phone.post(f"/v1/submissions/{draft['id']}/submit")
    changed = phone.get(path, headers=tag)

    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert (in_english.status_code, changed.status_code) == (200, 200)
    assert unchanged.headers["Cache-Control"] == "no-store"


def test_instants_say_their_offset_and_legal_dates_are_plain(phone: Phone) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json

    assert datetime.fromisoformat(receipt["received_at"]).utcoffset() is not None
    assert len(receipt["due"]["acceptance"]) == len("2026-11-23")


@pytest.mark.parametrize("service", ["no-such-service", "RESIDENCE-PERMIT", "residence-permit "])
def test_only_a_published_service_can_be_started(phone: Phone, service: str) -> None:
    response = phone.post("/v1/submissions", {"service": service})

    assert (response.status_code, response.json["code"]) == (404, "service_not_found")
