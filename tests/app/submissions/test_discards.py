"""Dropping a draft: it is gone for good, it alone, and nothing that was filed can go this way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app import storage
from app.documents import uploads
from app.privacy import removals
from tests.product import PERMIT, Phone, picture

Sql = Callable[..., list[Any]]


def drop(phone: Phone, draft: str, **headers: str) -> Any:
    return phone.send(
        "DELETE", f"/v1/submissions/{draft}", headers={name.replace("_", "-"): headers[name] for name in headers}
    )


def test_a_dropped_draft_leaves_no_row_no_key_and_no_file(phone: Phone, sql: Sql) -> None:
    draft, other = (phone.start("residence-permit", PERMIT)["id"] for _ in range(2))
    upload = phone.upload(draft, "photo", picture())
    uploads.inspect(upload)
    stored = sql("SELECT key FROM uploads WHERE id = %s", upload)[0]["key"]
    assert storage.size_of(stored) is not None

    assert drop(phone, draft).status_code == 204
    removals.run()

    assert storage.size_of(stored) is None
    for statement in (
        "SELECT 1 FROM submissions WHERE id = %s",
        "SELECT 1 FROM uploads WHERE submission_id = %s",
        "SELECT 1 FROM data_keys WHERE owner_id = %s",
    ):
        assert sql(statement, draft) == []
    assert drop(phone, draft).status_code == 404
    assert [one["id"] for one in phone.get("/v1/submissions").json["items"]] == [other]


def test_what_was_filed_can_not_be_dropped(phone: Phone) -> None:
    filed = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json["id"]

    refused = drop(phone, filed)

    assert (refused.status_code, refused.json["code"]) == (409, "already_submitted")
    assert phone.get(f"/v1/submissions/{filed}").json["state"] == "received"


def test_a_draft_that_another_phone_went_on_with_is_not_dropped_unseen(phone: Phone) -> None:
    draft = phone.start("residence-permit", PERMIT)["id"]
    assert phone.patch(f"/v1/submissions/{draft}", {"delivery": "post"}, '"1"').status_code == 200

    refused = drop(phone, draft, If_Match='"1"')

    assert (refused.status_code, refused.json["code"]) == (412, "stale")
    assert drop(phone, draft, If_Match='"2"').status_code == 204


def test_a_stranger_drops_nothing(phone: Phone, make_phone: Callable[..., Phone]) -> None:
    draft = phone.start("residence-permit", PERMIT)["id"]

    assert drop(make_phone(), draft).status_code == 404
    assert phone.get(f"/v1/submissions/{draft}").json["answers"] == PERMIT
