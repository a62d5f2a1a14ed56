"""Logins: a person comes in once, by the login they began, and nobody comes in by somebody else's."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import clock
from app.settings import settings
from auth import logins
from auth.providers import configured
from tests.auth.conftest import Browser

Sql = Callable[..., list[Any]]

purge: Any = logins.purge


def assert_refused(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (403, "login_refused"), response.text


def me(browser: Browser, tokens: dict[str, Any]) -> TestResponse:
    return browser.client.get("/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})


def test_a_resident_logs_in(browser: Browser) -> None:
    tokens = browser.log_in("ouyang-xue").json

    shown = me(browser, tokens).json
    assert (shown["name"], shown["identity_level"]) == ("欧阳雪", 3)
    assert shown["document_number"].count("*") == 11


def test_the_second_login_is_the_same_resident(browser: Browser) -> None:
    first, second = (me(browser, browser.log_in("wang-guilan").json).json["id"] for _ in range(2))

    assert first == second


def test_the_level_reached_counts_where_none_was_asked(browser: Browser) -> None:
    assert me(browser, browser.log_in("zhang-wei", level="2").json).json["identity_level"] == 2


def test_a_provider_that_returns_less_than_was_asked_opens_nothing(browser: Browser) -> None:
    login = browser.start(level=4, max_age=60).json
    assert "level%3A4" in login["authorize_url"]

    weak = browser.complete(login, browser.choose(login, "zhang-wei", level="2"))

    assert (weak.status_code, weak.json["code"]) == (403, "login_too_weak")
    assert (weak.json["required_level"], weak.json["max_age_seconds"]) == (4, 60)


def test_a_step_up_is_a_login_of_now_at_that_level(browser: Browser) -> None:
    login = browser.start(level=4, max_age=0).json
    assert "max_age=0" in login["authorize_url"] and "prompt=login" in login["authorize_url"]

    tokens = browser.complete(login, browser.choose(login, "zhang-wei")).json

    assert me(browser, tokens).json["identity_level"] == 4


def test_staff_log_in_at_the_desk(desk_browser: Browser) -> None:
    assert desk_browser.log_in("chen-clerk").status_code == 200


def test_a_resident_is_no_staff(desk_browser: Browser) -> None:
    assert_refused(desk_browser.log_in("li-jianguo"))


def test_staff_are_no_residents(browser: Browser) -> None:
    assert_refused(browser.log_in("chen-clerk"))


def test_staff_who_left_do_not_get_in(desk_browser: Browser, sql: Sql) -> None:
    sql("UPDATE staff SET active = false WHERE staff_number = 'S0002'")
    try:
        assert_refused(desk_browser.log_in("zhao-auditor"))
    finally:
        sql("UPDATE staff SET active = true WHERE staff_number = 'S0002'")


def test_a_login_works_once(browser: Browser) -> None:
    login = browser.start().json
    answer = browser.choose(login, "li-jianguo")
    assert browser.complete(login, answer).status_code == 200

    assert_refused(browser.complete(login, answer))
    assert_refused(browser.complete(login, browser.choose(login, "li-jianguo")))


@pytest.mark.parametrize("state", ["wrong", "状态", "x" * 200])
def test_a_wrong_state_is_refused_and_spends_the_login(browser: Browser, state: str) -> None:
    login = browser.start().json
    answer = browser.choose(login, "li-jianguo")

    assert_refused(browser.complete(login, answer, state=state))
    assert_refused(browser.complete(login, answer))


def test_an_answer_of_another_issuer_is_refused(browser: Browser) -> None:
    login = browser.start().json

    assert_refused(browser.complete(login, browser.choose(login, "li-jianguo"), iss="https://evil.example"))


def test_an_answer_without_issuer_is_refused_when_the_provider_always_names_itself(browser: Browser) -> None:
    login = browser.start().json

    assert_refused(browser.complete(login, browser.choose(login, "li-jianguo"), iss=None))


def test_a_login_expires(browser: Browser) -> None:
    login = browser.start().json
    answer = browser.choose(login, "li-jianguo")

    with clock.moved(settings().login_life + timedelta(seconds=1)):
        assert_refused(browser.complete(login, answer))


def test_a_code_of_another_login_is_refused(browser: Browser) -> None:
    """RFC 9700 §4.5: somebody slips the code of their own login into the login of somebody else."""
    mine, theirs = browser.start().json, browser.start().json
    injected = browser.choose(mine, "zhang-wei")["code"]
    answer = browser.choose(theirs, "li-jianguo")

    assert_refused(browser.complete(theirs, answer, code=injected))


def test_a_whole_answer_of_another_login_is_refused(browser: Browser) -> None:
    mine, theirs = browser.start().json, browser.start().json

    assert_refused(browser.complete(theirs, browser.choose(mine, "zhang-wei")))


def test_a_login_of_residents_does_not_open_the_desk(browser: Browser, desk_browser: Browser) -> None:
    login = browser.start().json

    assert_refused(desk_browser.complete(login, browser.choose(login, "li-jianguo")))


def test_an_unknown_login_is_refused(browser: Browser) -> None:
    nobodys = {"id": uuid.uuid4(), "secret": "s"}
    assert_refused(browser.complete(nobodys, {"code": "x", "state": "y", "iss": "z"}))


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "{registered}/", "{registered}?next=x", "{registered}#x", "{registered}/../x"],
)
def test_only_a_registered_address_is_redirected_to(browser: Browser, address: str) -> None:
    wish = address.format(registered=browser.sandbox + browser.callback)

    response = browser.start(redirect_uri=wish)

    assert response.status_code == 422
    assert list(response.json["errors"]) == ["/redirect_uri"]


def test_an_unknown_provider_is_named(browser: Browser) -> None:
    response = browser.start(provider="facebook")

    assert (response.status_code, list(response.json["errors"])) == (422, ["/provider"])


def assert_away(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (503, "provider_away"), response.text
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize("mode", ["down", "wrong"])
def test_a_provider_that_is_away_can_be_asked_again(
    browser: Browser, provider_mode: Callable[[str], None], mode: str
) -> None:
    login = browser.start().json
    answer = browser.choose(login, "li-jianguo")

    provider_mode(mode)
    assert_away(browser.complete(login, answer))

    provider_mode("ok")
    assert browser.complete(login, answer).status_code == 200, "the very same login goes on"


@pytest.mark.parametrize("mode", ["down", "wrong"])
def test_a_login_cannot_begin_while_the_provider_was_never_seen(
    browser: Browser, provider_mode: Callable[[str], None], mode: str
) -> None:
    configured.providers.cache_clear()
    provider_mode(mode)
    assert_away(browser.start())

    provider_mode("ok")
    assert browser.log_in("li-jianguo").status_code == 200


def test_two_first_logins_at_once_make_one_resident(product: Flask, browser: Browser, sql: Sql) -> None:
    sql("DELETE FROM identities")
    before = sql("SELECT count(*) FROM residents")[0]["count"]
    begun = [browser.start().json for _ in range(6)]
    answers = [browser.choose(login, "ouyang-xue") for login in begun]
    start = Barrier(len(begun))

    def finish(number: int) -> str:
        start.wait()
        mine = Browser(product.test_client(), browser.sandbox)
        return str(me(mine, mine.complete(begun[number], answers[number]).json).json["id"])

    with ThreadPoolExecutor(len(begun)) as pool:
        found = set(pool.map(finish, range(len(begun))))

    assert len(found) == 1
    # Another story may have known her before: then it is her account that is found.
    assert sql("SELECT count(*) FROM residents")[0]["count"] - before in (0, 1)


def test_old_logins_are_forgotten(browser: Browser, sql: Sql) -> None:
    login = browser.start().json

    with clock.moved(settings().login_life * 3):
        purge(timestamp=0)

    assert sql("SELECT * FROM logins WHERE id = %s", login["id"]) == []
