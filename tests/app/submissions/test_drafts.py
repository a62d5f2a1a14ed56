"""Drafts: whatever was typed is kept, and two phones never overwrite each other unseen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.submissions.drafts import merged
from tests.product import PERMIT, Phone

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)

# RFC 7396, appendix A: original, patch, result.
VECTORS: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("original", "patch", "result"), VECTORS)
def test_a_patch_merges_as_the_rfc_says(original: Any, patch: Any, result: Any) -> None:
    assert merged(original, patch) == result


@given(JSON, JSON)
def test_a_patch_sent_twice_is_the_same_as_once(original: Any, patch: Any) -> None:
    once = merged(original, patch)

    assert merged(once, patch) == once


def test_a_draft_keeps_what_is_incomplete_or_wrong_and_says_what_is_missing(phone: Phone) -> None:
    draft = phone.start("residence-permit", {"reason": "holiday", "nonsense": [1, {"a": None}]})

    shown = phone.get(f"/v1/submissions/{draft['id']}").json

    assert shown["answers"] == {"reason": "holiday", "nonsense": [1, {"a": None}]}
    assert {"/answers/reason", "/answers/nonsense", "/answers/hukou_address", "/materials/photo", "/signature"} <= set(
        shown["missing"]
    )


def test_an_edit_changes_what_it_names_and_nothing_else(phone: Phone) -> None:
    draft = phone.start("residence-permit", PERMIT)

    edited = phone.patch(f"/v1/submissions/{draft['id']}", {"delivery": "post", "hukou_address": None}, '"1"')

    assert edited.status_code == 200
    expected = {**PERMIT, "delivery": "post"}
    del expected["hukou_address"]
    assert edited.json["answers"] == expected
    assert edited.headers["ETag"] == '"2"'
    assert phone.get(f"/v1/submissions/{draft['id']}").headers["ETag"] == '"2"'


def test_two_phones_editing_one_draft_lose_nothing(phone: Phone) -> None:
    path = f"/v1/submissions/{phone.start('residence-permit', PERMIT)['id']}"
    seen = phone.get(path).headers["ETag"]

    first = phone.patch(path, {"address_detail": "一号"}, seen)
    late = phone.patch(path, {"hukou_address": "四川省西昌市"}, seen)

    assert first.status_code == 200
    assert (late.status_code, late.json["code"], late.json["revision"]) == (412, "stale", 2)
    again = phone.patch(path, {"hukou_address": "四川省西昌市"}, phone.get(path).headers["ETag"])
    assert again.json["answers"] == {**PERMIT, "address_detail": "一号", "hukou_address": "四川省西昌市"}


def test_of_many_edits_at_once_on_one_state_exactly_one_is_saved(product: Flask, phone: Phone) -> None:
    path = f"/v1/submissions/{phone.start('residence-permit')['id']}"
    start = Barrier(6)

    def edit(number: int) -> int:
        own = Phone(phone.resident_id, phone.tokens, product.test_client())
        start.wait()
        return own.patch(path, {f"field{number}": "x"}, '"1"').status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(edit, range(6)))

    assert sorted(statuses) == [200, 412, 412, 412, 412, 412]
    assert list(phone.get(path).json["answers"]) == [f"field{statuses.index(200)}"]


def test_of_two_phones_at_the_same_moment_the_slower_one_loses_nothing(product: Flask, phone: Phone) -> None:
    for number in range(20):
        path = f"/v1/submissions/{phone.start('residence-permit', PERMIT)['id']}"
        patches = [{"address_detail": f"幸福路{number}号"}, {"hukou_address": f"西昌市{number}号"}]
        start = Barrier(2)

        def edit(patch: dict[str, Any], path: str = path, start: Barrier = start) -> int:
            own = Phone(phone.resident_id, phone.tokens, product.test_client())
            start.wait()
            return own.patch(path, patch, '"1"').status_code

        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(edit, patches))

        assert sorted(statuses) == [200, 412]
        late = patches[statuses.index(412)]
        again = phone.patch(path, late, phone.get(path).headers["ETag"])
        assert again.json["answers"] == {**PERMIT, **patches[0], **patches[1]}


def test_a_draft_that_expires_soon_says_so_until_somebody_goes_on_with_it(phone: Phone) -> None:
    path = f"/v1/submissions/{phone.start('residence-permit')['id']}"

    def told() -> list[bool]:
        (listed,) = phone.get("/v1/submissions").json["items"]
        shown = phone.get(path).json
        assert listed["expires_at"] == shown["expires_at"]
        return [listed["expiring"], shown["expiring"]]

    assert told() == [False, False]
    with clock.moved(timedelta(days=84)):
        assert told() == [True, True]
        assert phone.patch(path, {"reason": "residence"}, '"1"').status_code == 200
        assert told() == [False, False]


def test_an_edit_says_on_which_state_it_was_made(phone: Phone) -> None:
    path = f"/v1/submissions/{phone.start('residence-permit')['id']}"

    without, broken, old = (phone.patch(path, {"a": "b"}, etag) for etag in (None, '"one"', '"0"'))

    assert (without.status_code, without.json["code"]) == (428, "precondition_required")
    assert (broken.status_code, broken.json["code"]) == (400, "bad_header")
    assert (old.status_code, old.json["code"]) == (412, "stale")
    assert phone.get(path).json["answers"] == {}


def test_after_filing_nothing_can_be_edited(phone: Phone) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    path = f"/v1/submissions/{receipt['id']}"

    response = phone.patch(path, {"a": "b"}, phone.get(path).headers["ETag"])

    assert (response.status_code, response.json["code"]) == (409, "already_submitted")
    assert response.json["reference"] == receipt["reference"]


def test_a_stranger_neither_reads_nor_edits_a_draft(phone: Phone, make_phone: Callable[..., Phone]) -> None:
    stranger, path = make_phone(), f"/v1/submissions/{phone.start('residence-permit', PERMIT)['id']}"

    answers = [stranger.get(path), stranger.patch(path, {"a": "b"}, '"1"'), stranger.get(f"{path}/progress")]

    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(404, "submission_not_found")}
    assert phone.get(path).json["answers"] == PERMIT


def test_so_many_drafts_are_open_that_one_must_be_finished_first(phone: Phone) -> None:
    drafts = [phone.start("housing-fund-balance")["id"] for _ in range(50)]

    refused = phone.post("/v1/submissions", {"service": "housing-fund-balance"})

    assert (refused.status_code, refused.json["code"]) == (409, "draft_limit_reached")
    assert phone.post(f"/v1/submissions/{drafts[0]}/submit").status_code == 200
    assert phone.post("/v1/submissions", {"service": "housing-fund-balance"}).status_code == 201


def test_a_draft_lives_ninety_days_from_its_last_edit(phone: Phone) -> None:
    draft = phone.start("residence-permit")
    life = datetime.fromisoformat(draft["expires_at"]) - clock.now()
    assert timedelta(days=89, hours=23) < life <= timedelta(days=90)

    with clock.moved(timedelta(minutes=10)):
        edited = phone.patch(f"/v1/submissions/{draft['id']}", {"reason": "residence"}, '"1"').json

    assert edited["expires_at"] > draft["expires_at"]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}, id="too deep"),
        pytest.param({"a": [0] * 2001}, id="too many"),
        pytest.param({"a" * 101: 1}, id="too long a name"),
    ],
)
def test_answers_have_bounds(phone: Phone, answers: dict[str, Any]) -> None:
    path = f"/v1/submissions/{phone.start('residence-permit')['id']}"

    for response in (
        phone.post("/v1/submissions", {"service": "residence-permit", "answers": answers}),
        phone.patch(path, answers, '"1"'),
    ):
        assert (response.status_code, response.json["code"]) == (422, "content_invalid")
