"""Results: what the applicant, and nobody else, gets in the end."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

import pytest
import requests

from app import database, storage
from app.documents import results
from tests.product import Phone, RunJobs

PDF = b"%PDF-1.7 a permit"


@pytest.fixture
def filed(phone: Phone) -> uuid.UUID:
    """A submission that was just filed."""
    return uuid.UUID(phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json["id"])


def keep(submission: uuid.UUID, content: bytes, filename: str = "居住证.pdf") -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    storage.put(results.key_of(submission, sha256), content, "application/pdf")
    with database.work() as work:
        results.keep_document(work, submission, filename, sha256, len(content))


def test_before_the_decision_there_is_none_and_that_is_said(phone: Phone, filed: uuid.UUID) -> None:
    response = phone.get(f"/v1/submissions/{filed}/result")

    assert (response.status_code, response.json["code"]) == (404, "result_not_ready")


def test_a_document_is_fetched_straight_from_the_store_under_its_name(phone: Phone, filed: uuid.UUID) -> None:
    keep(filed, PDF)

    shown = phone.get(f"/v1/submissions/{filed}/result").json
    fetched = requests.get(shown["url"], timeout=60)

    assert (shown["kind"], shown["filename"], shown["size"]) == ("document", "居住证.pdf", len(PDF))
    assert fetched.content == PDF
    assert hashlib.sha256(fetched.content).hexdigest() == shown["sha256"]
    assert fetched.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E5%B1%85")


def test_an_address_that_was_tampered_with_opens_nothing(phone: Phone, filed: uuid.UUID) -> None:
    keep(filed, PDF)
    url = phone.get(f"/v1/submissions/{filed}/result").json["url"]

    for wrong in (
        url.split("?")[0],
        url.replace("Signature=", "Signature=0"),
        url.replace(str(filed), str(uuid.uuid4())),
    ):
        assert requests.get(wrong, timeout=60).status_code == 403


def test_the_first_document_stands(phone: Phone, filed: uuid.UUID) -> None:
    keep(filed, PDF)
    keep(filed, PDF + b" forged later", "other.pdf")

    shown = phone.get(f"/v1/submissions/{filed}/result").json

    assert (shown["filename"], shown["sha256"]) == ("居住证.pdf", hashlib.sha256(PDF).hexdigest())


def test_a_strangers_result_is_not_found(make_phone: Callable[..., Phone], filed: uuid.UUID) -> None:
    keep(filed, PDF)

    response = make_phone().get(f"/v1/submissions/{filed}/result")

    assert (response.status_code, response.json["code"]) == (404, "submission_not_found")


def test_an_answer_on_the_spot_is_data(phone: Phone, filed: uuid.UUID, run_jobs: RunJobs, outside: str) -> None:
    run_jobs()

    shown = phone.get(f"/v1/submissions/{filed}/result").json
    assert shown is not None

    assert shown["kind"] == "data"
    assert shown["data"]["found"] is True
    assert isinstance(shown["data"]["balance_fen"], int)
    assert phone.get(f"/v1/submissions/{filed}").json["state"] == "completed"
