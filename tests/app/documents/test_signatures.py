"""Signatures: evidence of who agreed to exactly what, when, and with which login (电子签名法 第十三条)."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app import clock
from app.submissions.contents import content_hash
from tests.product import PERMIT, Phone, RunJobs, picture

Sql = Callable[..., list[Any]]

IDS = st.uuids()
ANSWERS = st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.booleans(), max_size=4)
FILES = st.lists(st.tuples(st.sampled_from(["photo", "proof"]), st.text("0123456789abcdef", min_size=4)), max_size=4)


@pytest.fixture
def draft(phone: Phone, run_jobs: RunJobs) -> dict[str, Any]:
    """A residence permit with a photo and a drawn signature that is not used yet: `id`, `photo`, `drawn`."""
    started = phone.start("residence-permit", PERMIT)
    made = {
        "id": started["id"],
        "photo": phone.upload(started["id"], "photo", picture()),
        "drawn": phone.upload(started["id"], "signature", picture(width=80)),
    }
    run_jobs()
    return made


SALT = "00" * 16


def sign(phone: Phone, draft: dict[str, Any], upload: str | None = None) -> TestResponse:
    return phone.post(f"/v1/submissions/{draft['id']}/signature", {"upload": upload or draft["drawn"]})


def test_the_hash_is_the_canonical_json_of_all_that_is_said_and_attached(phone: Phone, draft: dict[str, Any]) -> None:
    signed = sign(phone, draft).json

    # Written down a second time, without our code: for texts like these RFC 8785 is sorted compact JSON.
    content = {
        "submission": draft["id"],
        "service": "residence-permit",
        "version": phone.get(f"/v1/submissions/{draft['id']}").json["service"]["version"],
        "applicant": str(phone.resident_id),
        "answers": PERMIT,
        "attachments": [["photo", hashlib.sha256(picture()).hexdigest()]],
        "salt": signed["content_salt"],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert signed["content_sha256"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert signed["image_sha256"] == hashlib.sha256(picture(width=80)).hexdigest()


def test_it_says_how_and_with_which_login_it_was_signed(
    make_phone: Callable[..., Phone], run_jobs: RunJobs, sql: Sql
) -> None:
    logged_in = clock.now().replace(microsecond=0) - timedelta(minutes=30)
    phone = make_phone(level=4, authenticated_at=logged_in)
    started = phone.start("residence-permit")
    drawn = phone.upload(started["id"], "signature", picture())
    run_jobs()

    signed = sign(phone, started, drawn).json

    assert (signed["method"], signed["identity_level"]) == ("drawn", 4)
    kept = sql("SELECT * FROM signatures WHERE submission_id = %s", started["id"])[0]
    assert (kept["signer_id"], kept["authenticated_at"]) == (phone.resident_id, logged_in)
    assert str(kept["upload_id"]) == drawn
    assert kept["device"]


def test_signing_again_replaces_the_earlier_signature(phone: Phone, draft: dict[str, Any], sql: Sql) -> None:
    first = sign(phone, draft).json
    phone.patch(f"/v1/submissions/{draft['id']}", {"address_detail": "二号"}, '"1"')

    second = sign(phone, draft).json

    assert first["content_sha256"] != second["content_sha256"]
    rows = sql("SELECT content_sha256 FROM signatures WHERE submission_id = %s", draft["id"])
    assert rows == [{"content_sha256": second["content_sha256"]}]
    assert phone.get(f"/v1/submissions/{draft['id']}").json["missing"] == {}


def test_only_a_clean_drawn_signature_of_this_draft_will_do(
    phone: Phone, draft: dict[str, Any], run_jobs: RunJobs
) -> None:
    elsewhere = phone.start("residence-permit")
    unusable = {
        "a photo": draft["photo"],
        "not checked yet": phone.upload(draft["id"], "signature", picture(width=81)),
        "only a slot": phone.slot(draft["id"], "signature", picture()).json["id"],
        "of another draft": phone.upload(elsewhere["id"], "signature", picture()),
        "of nobody": str(uuid.uuid4()),
    }

    answers = {name: sign(phone, draft, upload) for name, upload in unusable.items()}

    for name, answer in answers.items():
        assert (answer.status_code, answer.json["code"]) == (422, "signature_image_unusable"), name


def test_a_signature_that_was_removed_can_not_be_used(phone: Phone, draft: dict[str, Any]) -> None:
    assert phone.send("DELETE", f"/v1/uploads/{draft['drawn']}").status_code == 204

    assert sign(phone, draft).json["code"] == "signature_image_unusable"


def test_a_service_that_needs_no_signature_takes_none(phone: Phone, draft: dict[str, Any]) -> None:
    fund = phone.start("housing-fund-balance")

    response = sign(phone, fund, draft["drawn"])

    assert (response.status_code, response.json["code"]) == (409, "signature_not_needed")


def test_signing_needs_a_strong_and_fresh_login(make_phone: Callable[..., Phone]) -> None:
    for phone in (make_phone(level=2), make_phone(authenticated_at=clock.now() - timedelta(hours=13))):
        response = sign(phone, phone.start("residence-permit"), str(uuid.uuid4()))

        assert (response.status_code, response.json["code"]) == (403, "step_up_required")
        assert response.json["required_level"] == 3


def test_a_stranger_signs_nothing(make_phone: Callable[..., Phone], draft: dict[str, Any]) -> None:
    assert sign(make_phone(), draft).json["code"] == "submission_not_found"


@given(IDS, IDS, ANSWERS, FILES, st.randoms())
def test_the_order_of_answers_and_files_makes_no_difference(
    one: uuid.UUID, person: uuid.UUID, answers: dict[str, Any], files: list[tuple[str, str]], luck: Any
) -> None:
    shuffled, mixed = list(answers.items()), list(files)
    luck.shuffle(shuffled)
    luck.shuffle(mixed)

    first = content_hash(one, "service", 1, person, answers, files, SALT)

    assert content_hash(one, "service", 1, person, dict(shuffled), mixed, SALT) == first


@given(IDS, IDS, ANSWERS, FILES, st.text(max_size=4), st.text(max_size=6))
def test_any_other_answer_or_file_gives_another_hash(
    one: uuid.UUID, person: uuid.UUID, answers: dict[str, Any], files: list[tuple[str, str]], name: str, value: str
) -> None:
    first = content_hash(one, "service", 1, person, answers, files, SALT)

    changed = {**answers, name: value}
    if changed != answers:
        assert content_hash(one, "service", 1, person, changed, files, SALT) != first
    assert content_hash(one, "service", 1, person, answers, [*files, ("photo", value)], SALT) != first
    assert content_hash(one, "service", 2, person, answers, files, SALT) != first
