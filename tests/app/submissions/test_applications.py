"""What is filed: what the form shows and calls for, and nothing that it hid since it was typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from app import database
from app.documents import uploads
from tests.app.submissions.conftest import Publish
from tests.product import Phone, picture

Sql = Callable[..., list[Any]]

THEIR_NAME = "李建国"


def edit(phone: Phone, path: str, **answers: Any) -> Any:
    saved = phone.patch(path, answers, phone.get(path).headers["ETag"])
    assert saved.status_code == 200, saved.text
    return saved.json


def attach(phone: Phone, draft: str, material: str) -> str:
    """A clean upload, without running the jobs of anybody else."""
    upload = phone.upload(draft, material, picture())
    uploads.inspect(upload)
    return upload


def test_a_new_draft_starts_with_what_the_login_knows(phone: Phone, publish: Publish) -> None:
    assert phone.start(publish().code, {"who": "self"})["answers"] == {"name": THEIR_NAME, "who": "self"}


def test_a_hidden_answer_stays_in_the_draft_and_comes_back(phone: Phone, publish: Publish) -> None:
    path = f"/v1/submissions/{phone.start(publish().code, {'who': 'child', 'child_name': '小明'})['id']}"

    hidden = edit(phone, path, who="self")
    shown = edit(phone, path, who="child")

    assert hidden["answers"]["child_name"] == shown["answers"]["child_name"] == "小明"
    assert list(hidden["missing"]) == ["/materials/photo"]
    assert list(shown["missing"]) == ["/materials/photo", "/materials/birth-certificate"]


def test_filing_keeps_the_cleaned_answers_and_the_files_they_call_for(phone: Phone, publish: Publish) -> None:
    draft = phone.start(publish().code, {"who": "child", "child_name": "小明"})["id"]
    path = f"/v1/submissions/{draft}"
    attach(phone, draft, "photo")
    unused = attach(phone, draft, "birth-certificate")
    edit(phone, path, who="self", name="别人")

    receipt = phone.post(f"{path}/submit")

    assert receipt.status_code == 200, receipt.text
    filed = phone.get(path).json
    assert filed["answers"] == {"name": THEIR_NAME, "who": "self"}
    assert [one["material"] for one in filed["uploads"]] == ["photo"]
    assert phone.get(f"/v1/uploads/{unused}").status_code == 404


def test_a_file_out_of_its_situation_does_not_hold_up_the_filing(phone: Phone, publish: Publish) -> None:
    draft = phone.start(publish().code, {"who": "child"})["id"]
    attach(phone, draft, "photo")
    phone.upload(draft, "birth-certificate", picture())
    edit(phone, f"/v1/submissions/{draft}", who="self")

    assert phone.post(f"/v1/submissions/{draft}/submit").status_code == 200


def test_no_slot_is_given_out_of_the_situation(phone: Phone, publish: Publish) -> None:
    draft = phone.start(publish().code, {"who": "self"})["id"]

    refused = phone.slot(draft, "birth-certificate", picture())

    assert (refused.status_code, list(refused.json["errors"])) == (422, ["/material"])
    edit(phone, f"/v1/submissions/{draft}", who="child")
    assert phone.slot(draft, "birth-certificate", picture()).status_code == 201


def test_what_is_filed_at_once_is_cleaned_too(phone: Phone, publish: Publish) -> None:
    answers = {"who": "self", "child_name": "小明", "name": "别人"}

    receipt = phone.post("/v1/submissions", {"service": publish(materials=[]).code, "answers": answers, "submit": True})

    assert receipt.status_code == 201, receipt.text
    shown = phone.get(f"/v1/submissions/{receipt.json['id']}").json
    assert shown["answers"] == {"name": THEIR_NAME, "who": "self"}


def test_nobody_is_read_for_a_form_that_takes_nothing_from_the_login(phone: Phone, publish: Publish) -> None:
    prefilling = publish(materials=[]).code
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(database.engine(), "before_cursor_execute", note)
    try:
        for service, count in (("housing-fund-balance", 0), (prefilling, 1)):
            sent.clear()
            answers = {"who": "self"} if count else {}
            filed = phone.post("/v1/submissions", {"service": service, "answers": answers, "submit": True})
            assert filed.status_code == 201, filed.text
            assert sum("FROM residents" in statement for statement in sent) == count
    finally:
        event.remove(database.engine(), "before_cursor_execute", note)
