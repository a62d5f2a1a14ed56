"""Filing: refused for every good reason without harm, and done exactly once however many fingers tap."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import clock, database
from app.submissions.history import SYSTEM
from app.submissions.submissions import take_step
from auth import sessions
from tests.product import PERMIT, Phone, RunJobs, picture

MakePhone = Callable[..., Phone]
MakeSubmission = Callable[..., dict[str, Any]]
Sql = Callable[..., list[Any]]

FUND = "housing-fund-balance"
ROUNDS = 50


def submit(phone: Phone, draft: dict[str, Any], **options: Any) -> TestResponse:
    return phone.post(f"/v1/submissions/{draft['id']}/submit", **options)


def last_turn(sql: Sql, service: str) -> int:
    rows = sql("SELECT last_turn FROM queues WHERE service_code = %s", service)
    return int(rows[0]["last_turn"]) if rows else 0


def jobs_of(sql: Sql, submission: str) -> int:
    """How many hand-overs of this submission wait."""
    return len(sql("SELECT 1 FROM procrastinate_jobs WHERE lock = %s", f"handover:{submission}"))


def all_at_once(product: Flask, phones: list[Phone], act: Callable[[Phone, int], TestResponse]) -> list[TestResponse]:
    """Every phone acts in a thread and with a client of its own, all let go at the same moment."""
    start = Barrier(len(phones))

    def run(number: int) -> TestResponse:
        own = Phone(phones[number].resident_id, phones[number].tokens, product.test_client())
        start.wait()
        return act(own, number)

    with ThreadPoolExecutor(len(phones)) as pool:
        return list(pool.map(run, range(len(phones))))


@pytest.mark.parametrize("keys", ["the same key", "different keys"])
def test_two_submits_of_one_draft_at_once_file_it_once(
    product: Flask, make_phone: MakePhone, sql: Sql, keys: str
) -> None:
    phone, before = make_phone(), last_turn(sql, FUND)
    turns, references = [], set()

    for _ in range(ROUNDS):
        draft = phone.start(FUND)
        pair = [str(uuid.uuid4())] * 2 if keys == "the same key" else [str(uuid.uuid4()), str(uuid.uuid4())]
        answers = all_at_once(product, [phone] * 2, lambda own, n: submit(own, draft, key=pair[n]))  # noqa: B023

        filed = [answer for answer in answers if answer.status_code == 200]
        assert filed, [answer.text for answer in answers]
        assert len({answer.data for answer in filed}) == 1, "one receipt"
        for other in (answer for answer in answers if answer.status_code != 200):
            expected = "request_in_progress" if keys == "the same key" else "already_submitted"
            assert (other.status_code, other.json["code"]) == (409, expected)
        assert jobs_of(sql, draft["id"]) == 1
        turns.append(filed[0].json["turn"])
        references.add(filed[0].json["reference"])

    assert turns == list(range(before + 1, before + 1 + ROUNDS)), "no turn was used twice or lost"
    assert last_turn(sql, FUND) == before + ROUNDS
    assert len(references) == ROUNDS
    mine = sql("SELECT state, revision FROM submissions WHERE applicant_id = %s", phone.resident_id)
    assert mine == [{"state": "received", "revision": 2}] * ROUNDS
    history = "SELECT 1 FROM history h JOIN submissions s ON s.id = h.submission_id WHERE s.applicant_id = %s"
    assert len(sql(history, phone.resident_id)) == ROUNDS


def test_sixty_four_filings_at_once_into_one_queue_get_turns_without_a_gap(
    product: Flask, make_phone: MakePhone, sql: Sql
) -> None:
    phones, before = [make_phone() for _ in range(64)], last_turn(sql, FUND)

    answers = all_at_once(
        product, phones, lambda own, _: own.post("/v1/submissions", {"service": FUND, "submit": True})
    )

    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json["turn"] for answer in answers) == list(range(before + 1, before + 65))
    assert len({answer.json["reference"] for answer in answers}) == 64


def test_an_edit_and_a_submit_at_once_never_file_what_was_not_signed(
    product: Flask, phone: Phone, make_submission: MakeSubmission, sql: Sql
) -> None:
    for number in range(3):
        draft = make_submission()
        path = f"/v1/submissions/{draft['id']}"

        def act(own: Phone, n: int, path: str = path, number: int = number) -> TestResponse:
            return own.post(f"{path}/submit") if n else own.patch(path, {"address_detail": f"{number}号"}, '"1"')

        edited, filed = all_at_once(product, [phone] * 2, act)

        assert (edited.status_code, filed.status_code) in ((200, 422), (409, 200)), filed.text
        if filed.status_code == 422:
            assert filed.json["code"] == "signature_outdated"
        kept = phone.get(path).json
        assert kept["state"] == ("draft" if filed.status_code == 422 else "received")
        if kept["state"] == "received":
            assert kept["answers"] == PERMIT


# ——— Refusals: each of them leaves the draft and the queue exactly as they were. ———

Prepare = Callable[["Desk"], Phone]


class Desk:
    """What a refusal story works with: a phone and its draft that is ready to be filed."""

    def __init__(self, phone: Phone, draft: dict[str, Any], run_jobs: RunJobs, make_phone: MakePhone) -> None:
        self.phone, self.run_jobs, self.make_phone = phone, run_jobs, make_phone
        self.path = f"/v1/submissions/{draft['id']}"
        self.id = str(draft["id"])

    def edit(self, **answers: Any) -> None:
        etag = self.phone.get(self.path).headers["ETag"]
        assert self.phone.patch(self.path, answers, etag).status_code == 200

    def material(self, name: str) -> str:
        return next(str(u["id"]) for u in self.phone.get(self.path).json["uploads"] if u["material"] == name)

    def log_in_again(self, level: int = 3, ago: timedelta = timedelta(0)) -> Phone:
        """The same resident with another login."""
        with database.work() as work:
            at = clock.now() - ago
            tokens = sessions.open_for_resident(work, self.phone.resident_id, level, at, "test phone")
        return Phone(self.phone.resident_id, tokens, self.phone.client)


@pytest.fixture
def desk(phone: Phone, make_submission: MakeSubmission, run_jobs: RunJobs, make_phone: MakePhone) -> Desk:
    return Desk(phone, make_submission(), run_jobs, make_phone)


def unchanged(desk: Desk) -> Phone:
    return desk.phone


def edited_after_signing(desk: Desk) -> Phone:
    desk.edit(address_detail="太平镇幸福路19号")
    return desk.phone


def file_added_after_signing(desk: Desk) -> Phone:
    desk.phone.upload(desk.id, "residence-proof", picture())
    desk.run_jobs()
    return desk.phone


def photo_exchanged_after_signing(desk: Desk) -> Phone:
    desk.phone.send("DELETE", f"/v1/uploads/{desk.material('photo')}")
    desk.phone.upload(desk.id, "photo", picture(width=70))
    desk.run_jobs()
    return desk.phone


def photo_removed(desk: Desk) -> Phone:
    desk.phone.send("DELETE", f"/v1/uploads/{desk.material('photo')}")
    return desk.phone


def answer_removed(desk: Desk) -> Phone:
    desk.edit(hukou_address=None)
    return desk.phone


def answer_made_wrong(desk: Desk) -> Phone:
    desk.edit(residing_since="2025-02-30")
    return desk.phone


def file_not_checked_yet(desk: Desk) -> Phone:
    desk.phone.upload(desk.id, "residence-proof", picture())
    return desk.phone


def weak_login(desk: Desk) -> Phone:
    return desk.log_in_again(level=2)


def old_login(desk: Desk) -> Phone:
    return desk.log_in_again(ago=timedelta(minutes=721))


def stranger(desk: Desk) -> Phone:
    return desk.make_phone()


@pytest.mark.parametrize(
    ("prepare", "headers", "status", "code", "names"),
    [
        (edited_after_signing, {}, 422, "signature_outdated", set()),
        (file_added_after_signing, {}, 422, "signature_outdated", set()),
        (photo_exchanged_after_signing, {}, 422, "signature_outdated", set()),
        (photo_removed, {}, 422, "submission_incomplete", {"/materials/photo"}),
        (answer_removed, {}, 422, "submission_incomplete", {"/answers/hukou_address"}),
        (answer_made_wrong, {}, 422, "submission_incomplete", {"/answers/residing_since"}),
        (file_not_checked_yet, {}, 409, "uploads_unchecked", set()),
        (unchanged, {"If-Match": '"99"'}, 412, "stale", set()),
        (unchanged, {"If-Match": "soon"}, 400, "bad_header", {"If-Match"}),
        (weak_login, {}, 403, "step_up_required", set()),
        (old_login, {}, 403, "step_up_required", set()),
        (stranger, {}, 404, "submission_not_found", set()),
    ],
)
def test_a_refused_filing_changes_nothing(
    desk: Desk, sql: Sql, prepare: Prepare, headers: dict[str, str], status: int, code: str, names: set[str]
) -> None:
    who = prepare(desk)
    before, turn = desk.phone.get(desk.path), last_turn(sql, "residence-permit")

    response = who.post(f"{desk.path}/submit", headers=headers)

    assert (response.status_code, response.json["code"]) == (status, code), response.text
    assert set((response.json or {}).get("errors", {})) == names
    after = desk.phone.get(desk.path)
    assert (after.data, after.headers["ETag"]) == (before.data, before.headers["ETag"])
    assert after.json["state"] == "draft"
    assert last_turn(sql, "residence-permit") == turn
    assert jobs_of(sql, desk.id) == 0


def test_a_step_up_says_which_level_and_how_fresh(desk: Desk) -> None:
    for who in (weak_login(desk), old_login(desk)):
        refused = submit(who, {"id": desk.id}).json

        assert (refused["required_level"], refused["max_age_seconds"]) == (3, 43_200)

    assert submit(desk.log_in_again(level=4, ago=timedelta(minutes=719)), {"id": desk.id}).status_code == 200


def test_without_a_signature_it_is_not_filed(phone: Phone, run_jobs: RunJobs) -> None:
    draft = phone.start("residence-permit", PERMIT)
    phone.upload(draft["id"], "photo", picture())
    phone.upload(draft["id"], "signature", picture(width=80))
    run_jobs()

    response = submit(phone, draft)

    assert (response.status_code, response.json["code"]) == (422, "signature_required")
    assert phone.get(f"/v1/submissions/{draft['id']}").json["missing"] == {"/signature": ["请签名"]}


def test_what_is_missing_is_told_all_at_once_in_the_callers_language(phone: Phone) -> None:
    draft = phone.start("residence-permit", {"reason": "employment"})

    zh, en = (submit(phone, draft, headers={"Accept-Language": language}).json for language in ("zh", "en"))

    assert set(zh["errors"]) == set(en["errors"])
    assert {"/materials/photo", "/answers/employer_name", "/answers/address_region"} <= set(zh["errors"])
    assert zh["errors"]["/answers/employer_name"] == ["请填写工作单位名称"]
    assert en["errors"]["/answers/employer_name"] == ["Please fill in Employer"]


def test_after_signing_again_it_is_filed(desk: Desk) -> None:
    who = edited_after_signing(desk)
    signed = who.post(f"{desk.path}/signature", {"upload": desk.material("signature")})
    assert signed.status_code == 201

    receipt = submit(who, {"id": desk.id})

    assert receipt.status_code == 200
    assert receipt.json["content_sha256"] == signed.json["content_sha256"]


def test_the_right_revision_files(desk: Desk) -> None:
    etag = desk.phone.get(desk.path).headers["ETag"]

    assert desk.phone.post(f"{desk.path}/submit", headers={"If-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("level", "wish", "status", "code"),
    [
        (2, {"service": FUND}, 403, "step_up_required"),
        (3, {"service": FUND, "answers": {"surprise": 1}}, 422, "submission_incomplete"),
        (3, {"service": "residence-permit", "answers": PERMIT}, 422, "submission_incomplete"),
        (3, {"service": "no-such-service"}, 404, "service_not_found"),
    ],
)
def test_what_is_refused_at_once_keeps_nothing(
    make_phone: MakePhone, sql: Sql, level: int, wish: dict[str, Any], status: int, code: str
) -> None:
    phone, turn = make_phone(level), last_turn(sql, FUND)

    response = phone.post("/v1/submissions", {**wish, "submit": True})

    assert (response.status_code, response.json["code"]) == (status, code)
    assert sql("SELECT 1 FROM submissions WHERE applicant_id = %s", phone.resident_id) == []
    assert last_turn(sql, FUND) == turn


def test_filed_at_once_is_filed_like_any_other(phone: Phone, sql: Sql) -> None:
    receipt = phone.post("/v1/submissions", {"service": FUND, "submit": True})

    assert receipt.status_code == 201
    shown = phone.get(f"/v1/submissions/{receipt.json['id']}").json
    assert (shown["state"], shown["reference"]) == ("received", receipt.json["reference"])
    assert shown["expires_at"] is None, "a filed submission is never purged"
    assert receipt.json["due"]["decision"] == str(clock.today())
    assert jobs_of(sql, receipt.json["id"]) == 1


def test_acceptance_on_a_later_day_counts_the_decision_anew(desk: Desk) -> None:
    receipt = submit(desk.phone, {"id": desk.id}).json
    three_days_on = clock.now() + timedelta(days=3)

    with database.work() as work:
        take_step(work, uuid.UUID(desk.id), "accept", SYSTEM, three_days_on)

    due = desk.phone.get(f"{desk.path}/progress").json["due"]
    assert due["acceptance"] == receipt["due"]["acceptance"]
    assert date.fromisoformat(due["decision"]) > date.fromisoformat(receipt["due"]["decision"])


def test_a_signature_whose_image_was_taken_out_signs_nothing(
    phone: Phone, make_submission: Callable[..., dict[str, Any]]
) -> None:
    draft = make_submission()
    uploads = phone.get(f"/v1/submissions/{draft['id']}").json["uploads"]
    image = next(upload["id"] for upload in uploads if upload["material"] == "signature")
    phone.send("DELETE", f"/v1/uploads/{image}")

    refused = phone.post(f"/v1/submissions/{draft['id']}/submit")

    assert (refused.status_code, refused.json["code"]) == (422, "signature_required")
    assert "/signature" in phone.get(f"/v1/submissions/{draft['id']}").json["missing"]
