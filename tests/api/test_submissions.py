"""The door of submissions: from draft to receipt, and every way in which that is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
