"""The inbox: every notification a person ever got, whatever became of the push."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.product import Phone, RunJobs


@pytest.fixture
def filed(phone: Phone, make_submission: Callable[..., dict[str, Any]], run_jobs: RunJobs) -> list[dict[str, Any]]:
    """Three receipts, the oldest first, after their notifications were made."""
    drafts = [make_submission() for _ in range(3)]
    receipts = [cast(dict[str, Any], phone.post(f"/v1/submissions/{draft['id']}/submit").json) for draft in drafts]
    run_jobs()
    return receipts


def test_a_receipt_is_in_the_inbox_with_words_and_reference(phone: Phone, filed: list[dict[str, Any]]) -> None:
    items = phone.get("/v1/inbox").json["items"]

    received = {item["reference"]: item for item in items if item["submission"] in {one["id"] for one in filed}}
    assert set(received) == {one["reference"] for one in filed}
    for item in received.values():
        assert item["title"] and item["text"]
        assert "居住证" in item["title"] + item["text"]


def test_the_newest_is_first_and_pages_show_each_once(phone: Phone, filed: list[dict[str, Any]]) -> None:
    everything = [item["id"] for item in phone.get("/v1/inbox?limit=100").json["items"]]

    found, cursor = [], ""
    while cursor is not None:
        page = phone.get(f"/v1/inbox?limit=2{cursor and '&cursor=' + cursor}").json
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert found == everything == sorted(everything, reverse=True)
    assert len(found) >= 3


def test_the_words_follow_the_language(phone: Phone, filed: list[dict[str, Any]]) -> None:
    zh = phone.get("/v1/inbox").json["items"][0]
    en = phone.get("/v1/inbox", headers={"Accept-Language": "en"}).json["items"][0]

    assert zh["id"] == en["id"]
    assert zh["title"] != en["title"]
    assert "esidence permit" in en["title"] + en["text"]


def test_nobody_reads_anothers_inbox(make_phone: Callable[..., Phone], filed: list[dict[str, Any]]) -> None:
    assert make_phone().get("/v1/inbox").json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("cursor", ["AA", "nonsense", "cmVzaWRlbmNlLXBlcm1pdA"])
def test_a_cursor_of_another_list_is_refused(phone: Phone, cursor: str) -> None:
    for path in ("/v1/inbox", "/v1/submissions"):
        response = phone.get(f"{path}?cursor={cursor}")

        assert (response.status_code, response.json["code"]) == (400, "cursor_invalid")
