"""Limits of looks: a curious clerk cannot page through the village."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import clock
from app.crypto import data_keys
from app.settings import settings
from app.supervision import look_limits, lookups
from tests.product import Phone

Sql = Callable[..., list[Any]]


@pytest.fixture
def reference(phone: Phone) -> str:
    wish = {"service": "housing-fund-balance", "submit": True}
    return str(phone.post("/v1/submissions", wish).json["reference"])


def look(who: Phone, reference: str) -> TestResponse:
    return who.post("/v1/desk/lookups", {"reference": reference, "reason": "办事人来电"})


@pytest.fixture
def newcomer(make_newcomer: Callable[[str, str], Phone]) -> Phone:
    return make_newcomer("adviser", "gongan")


@pytest.fixture(autouse=True)
def few(product: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LOOKS_PER_HOUR", "3")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_the_fourth_look_of_three_is_told_when_to_come_back(newcomer: Phone, reference: str, sql: Sql) -> None:
    for _ in range(3):
        assert look(newcomer, reference).status_code == 201

    refused = [look(newcomer, reference) for _ in range(3)]

    assert {(response.status_code, response.json["code"]) for response in refused} == {(429, "look_limit_reached")}
    wait = refused[0].json["retry_after"]
    assert refused[0].headers["Retry-After"] == str(wait) and 0 < wait <= 2 * 3600
    assert refused[0].headers["RateLimit-Policy"] == '"look_limit_reached";q=3;w=3600'
    term = data_keys.index(lookups.REFERENCE, reference)
    outcomes = [row["outcome"] for row in sql("SELECT outcome FROM looks WHERE term_index = %s ORDER BY id", term)]
    assert outcomes == ["shown"] * 3 + ["limited"], "the first refusal is a record, a thousand more are not"


def test_one_persons_looks_do_not_bound_anothers(newcomer: Phone, make_newcomer: Any, reference: str) -> None:
    for _ in range(4):
        look(newcomer, reference)

    assert look(make_newcomer("adviser", "gongan"), reference).status_code == 201


def test_after_the_wait_the_next_look_is_answered(newcomer: Phone, reference: str) -> None:
    while (response := look(newcomer, reference)).status_code == 201:
        pass

    with clock.moved(timedelta(seconds=response.json["retry_after"])):
        assert look(newcomer, reference).status_code == 201


def test_a_slip_is_not_counted(newcomer: Phone, reference: str) -> None:
    slip = reference[:-1] + str((int(reference[-1]) + 1) % 10)
    for _ in range(5):
        assert look(newcomer, slip).status_code == 422

    assert look(newcomer, reference).status_code == 201


def test_looks_at_the_same_time_are_counted_one_after_the_other(newcomer: Phone, reference: str) -> None:
    def once(_: int) -> int:
        who = Phone(newcomer.resident_id, newcomer.tokens, newcomer.client.application.test_client())
        return look(who, reference).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(once, range(6)))

    assert sorted(statuses) == [201, 201, 201, 429, 429, 429]


@pytest.mark.parametrize(
    ("before", "looks", "gone", "wait"),
    [
        (0, 0, 0.5, 0.0),
        (0, 9, 0.5, 0.0),
        (10, 0, 0.05, 0.05),  # Nine may still weigh, so a tenth of the hour must be over.
        (10, 0, 0.1, 0.0),
        (10, 5, 0.5, 0.1),
        (0, 10, 0.5, 0.6),  # The rest of this hour, and a tenth of the next.
        (0, 10, 0.0, 1.1),
    ],
)
def test_the_hour_glides(before: int, looks: int, gone: float, wait: float) -> None:
    assert look_limits.wait_for(10, before, looks, gone) == pytest.approx(wait)


def test_old_counts_are_forgotten(make_newcomer: Callable[[str, str], Phone], reference: str, sql: Sql) -> None:
    newcomer = make_newcomer("adviser", "gongan")
    look(newcomer, reference)
    counts = "SELECT looks FROM look_counts WHERE staff_id = %s"
    purge: Any = look_limits.purge

    purge(0)
    assert [row["looks"] for row in sql(counts, newcomer.resident_id)] == [1]
    with clock.moved(timedelta(hours=5)):
        purge(0)
    assert sql(counts, newcomer.resident_id) == []
