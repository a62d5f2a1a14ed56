"""Subscriptions: accepts add up, a message takes one, and credits stay with the WeChat user who gave them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app import clock, database
from app.people.callers import Resident
from notifications import subscriptions
from tests.product import Phone, RunJobs, wait_until_somebody_waits


@pytest.fixture
def caller(phone: Phone) -> Resident:
    return Resident(phone.resident_id, phone.resident_id, 3, clock.now())


@pytest.fixture
def bind(caller: Resident) -> Callable[..., Any]:
    def run(openid: str, *accepted: str) -> Any:
        with database.work() as work:
            return subscriptions.bind(work, caller, openid, list(accepted))["credits"]["progress"]

    return run


def left(caller: Resident) -> int:
    with database.reading() as connection:
        return int(subscriptions.of(connection, caller.id).progress_credits)


def test_accepts_add_up(bind: Callable[..., Any]) -> None:
    assert bind("a", "progress") == 1
    assert bind("a", "progress", "progress") == 3
    assert bind("a") == 3


def test_credits_of_a_former_wechat_user_do_not_count(bind: Callable[..., Any]) -> None:
    bind("a", "progress", "progress")

    assert bind("b", "progress") == 1


def test_a_message_takes_one_and_never_more_than_there_are(caller: Resident, bind: Callable[..., Any]) -> None:
    bind("a", "progress", "progress")

    def spend(_: int) -> None:
        with database.work() as work:
            subscriptions.spend(work, caller.id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(spend, range(6)))

    assert left(caller) == 0


def test_a_refusal_takes_all(caller: Resident, bind: Callable[..., Any]) -> None:
    bind("a", "progress", "progress", "progress")

    with database.work() as work:
        subscriptions.clear(work, caller.id)

    assert left(caller) == 0
    assert bind("a", "progress") == 1


def test_who_never_bound_has_nothing(caller: Resident) -> None:
    with database.work() as work:
        assert subscriptions.of(work.connection, caller.id) is None
        subscriptions.spend(work, caller.id)
        subscriptions.clear(work, caller.id)
        assert subscriptions.of(work.connection, caller.id) is None


def test_allowing_messages_is_the_consent_to_them_and_is_recorded_as_one(
    phone: Phone, bind: Callable[..., Any]
) -> None:
    """PIPL art. 14, 23: to the messages, and to Tencent's getting them."""
    bind("a", "progress")
    bind("a", "progress")

    given = phone.get("/v1/consents").json["items"]
    assert sorted((one["notice"]["code"], one["kind"], one["method"]) for one in given) == [
        ("wechat-push", "processing", "wechat_tap"),
        ("wechat-push", "sharing", "wechat_tap"),
    ]


def test_taking_the_consent_back_forgets_the_wechat_user(
    phone: Phone, caller: Resident, bind: Callable[..., Any], run_jobs: RunJobs
) -> None:
    """PIPL art. 15, 47(1) item 3: 个人撤回同意 … 个人信息处理者应当主动删除个人信息."""
    bind("a", "progress")

    withdraw_one(phone)
    run_jobs()

    with database.reading() as connection:
        assert subscriptions.of(connection, caller.id) is None


def test_who_allows_messages_again_meanwhile_is_not_forgotten(
    phone: Phone, caller: Resident, bind: Callable[..., Any], run_jobs: RunJobs
) -> None:
    bind("a", "progress")
    withdraw_one(phone)
    bind("a", "progress")

    run_jobs()

    assert left(caller) == 2


def test_who_allows_messages_again_while_they_are_being_forgotten_is_not_forgotten_either(
    phone: Phone, caller: Resident, bind: Callable[..., Any], sql: Callable[..., list[Any]]
) -> None:
    bind("a", "progress")
    withdraw_one(phone)
    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            subscriptions.bind(work, caller, "a", ["progress"])
            forgetting = pool.submit(subscriptions.forget, str(caller.id))
            wait_until_somebody_waits(sql, forgetting)
        forgetting.result(30)

    assert left(caller) == 2


def withdraw_one(phone: Phone) -> None:
    consent = phone.get("/v1/consents").json["items"][0]
    assert phone.post(f"/v1/consents/{consent['id']}/withdraw").status_code == 200
