"""Idempotency keys: a tap that is sent twice on a weak network acts once and gets one answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from app import clock, idempotency
from tests.product import Phone

Sql = Callable[..., list[Any]]

START = {"service": "housing-fund-balance"}


def count_of(phone: Phone) -> int:
    return len(phone.get("/v1/submissions?limit=100").json["items"])


def test_without_a_key_nothing_is_done(phone: Phone) -> None:
    response = phone.send("POST", "/v1/submissions", json=START)

    assert (response.status_code, response.json["code"]) == (400, "idempotency_key_missing")
    assert count_of(phone) == 0


@pytest.mark.parametrize("key", ["a" * 256, "钥匙", "with space", "tab\there", "\x7f", " "])
def test_a_key_that_is_none_is_refused(phone: Phone, key: str) -> None:
    response = phone.post("/v1/submissions", START, key=key)

    assert response.status_code == 400
    assert response.json["code"] in ("bad_header", "idempotency_key_missing")
    assert count_of(phone) == 0


@pytest.mark.parametrize("key", ["a" * 255, "!~", "0"])
def test_any_visible_ascii_up_to_the_limit_is_a_key(phone: Phone, key: str) -> None:
    assert phone.post("/v1/submissions", START, key=key).status_code == 201


def test_the_same_key_and_body_get_the_first_answer_with_its_headers(phone: Phone) -> None:
    first = phone.post("/v1/submissions", START, key="tap")

    again = phone.post("/v1/submissions", START, key="tap")

    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.data, again.headers["ETag"]) == (201, first.data, first.headers["ETag"])
    assert again.mimetype == "application/json"
    assert count_of(phone) == 1


def test_the_same_key_for_something_else_is_refused(phone: Phone) -> None:
    draft = phone.post("/v1/submissions", START, key="tap").json["id"]

    others = [
        phone.post("/v1/submissions", {**START, "answers": {"a": "b"}}, key="tap"),
        phone.post(f"/v1/submissions/{draft}/submit", key="tap"),
        phone.post("/v1/submissions?again=1", START, key="tap"),
    ]

    assert {(other.status_code, other.json["code"]) for other in others} == {(422, "idempotency_key_reused")}
    assert count_of(phone) == 1
    assert phone.get(f"/v1/submissions/{draft}").json["state"] == "draft"


def test_two_people_may_use_the_same_key(make_phone: Callable[..., Phone]) -> None:
    mine, yours = make_phone(), make_phone()

    first, second = (someone.post("/v1/submissions", START, key="1") for someone in (mine, yours))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]
    assert yours.get(f"/v1/submissions/{first.json['id']}").status_code == 404


def test_a_request_that_was_refused_may_be_corrected_and_sent_with_the_same_key(phone: Phone) -> None:
    refused = [
        phone.post("/v1/submissions", {"service": "no-such-service"}, key="tap"),
        phone.post("/v1/submissions", {"service": 1}, key="tap"),
        phone.post("/v1/submissions", data=b"{", content_type="application/json", key="tap"),
    ]
    assert [response.status_code for response in refused] == [404, 422, 400]

    assert phone.post("/v1/submissions", START, key="tap").status_code == 201


def test_the_record_is_kept_with_the_work_or_not_at_all(phone: Phone, sql: Sql) -> None:
    phone.post("/v1/submissions", {"service": "no-such-service"}, key="refused")
    phone.post("/v1/submissions", START, key="done")

    rows = sql("SELECT key, status FROM idempotency_records WHERE scope = %s", f"resident:{phone.resident_id}")

    assert rows == [{"key": "done", "status": 201}]


def test_one_key_sent_ten_times_at_once_acts_once(product: Flask, make_phone: Callable[..., Phone]) -> None:
    for _ in range(10):
        phone, key, start = make_phone(), str(uuid.uuid4()), Barrier(10)

        def tap(_: int, phone: Phone = phone, key: str = key, start: Barrier = start) -> tuple[int, str]:
            own = Phone(phone.resident_id, phone.tokens, product.test_client())
            start.wait()
            response = own.post("/v1/submissions", START, key=key)
            return response.status_code, response.json["id" if response.status_code == 201 else "code"]

        with ThreadPoolExecutor(10) as pool:
            answers = set(pool.map(tap, range(10)))

        made = {answer for answer in answers if answer[0] == 201}
        assert len(made) == 1
        assert answers - made <= {(409, "request_in_progress")}
        assert count_of(phone) == 1


def test_records_are_forgotten_after_their_life_and_not_before(phone: Phone, sql: Sql) -> None:
    phone.post("/v1/submissions", START, key="tap")
    mine = "SELECT 1 FROM idempotency_records WHERE scope = %s"
    scope = f"resident:{phone.resident_id}"

    purge: Any = idempotency.purge
    with clock.moved(timedelta(hours=23)):
        purge(0)
    assert sql(mine, scope)

    with clock.moved(timedelta(hours=25)):
        purge(0)
    assert not sql(mine, scope)
