"""WeChat as a login: every error class of its pages, the phone's number, and a session_key that goes nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from flask import Flask

from app.settings import settings
from auth.providers import wechat
from auth.providers.interface import (
    Handshake,
    LoginRefused,
    Proof,
    ProviderAway,
    ProviderBusy,
    ProviderMisconfigured,
    Wish,
)
from auth.providers.wechat import WechatBlocked, WechatProvider
from tests.notifications.scripted_wechat import ScriptedWechat

Sql = Callable[..., list[Any]]
TIMEOUT = 60
HANDSHAKE = Handshake("state", "nonce", "verifier")
SESSION = {"openid": "o-1", "session_key": "HyVFkGl5F5OQWJZZaNzBBg=="}


@pytest.fixture
def scripted(product: Flask, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedWechat]:
    """A WeChat that answers what a story tells it to, and no access token kept from before or afterwards."""
    server = ScriptedWechat()
    monkeypatch.setattr(wechat, "settings", lambda: replace(settings(), wechat_api_url=server.url))
    monkeypatch.setattr(wechat, "_FIRST_PAUSE_SECONDS", 0.001)
    sql("DELETE FROM outside_tokens")
    yield server
    sql("DELETE FROM outside_tokens")
    server.close()


def identify(**answer: Any) -> Proof:
    return WechatProvider().identify(HANDSHAKE, {"code": "code", **answer})


def phone_info(**changes: Any) -> dict[str, Any]:
    watermark = {"timestamp": 1714036504, "appid": settings().wechat_app_id}
    told = {"phoneNumber": "13800138000", "purePhoneNumber": "13800138000", "countryCode": "86", "watermark": watermark}
    return {"errcode": 0, "errmsg": "ok", "phone_info": told | changes}


def test_nothing_is_needed_to_begin(product: Flask) -> None:
    assert WechatProvider().begin(HANDSHAKE, Wish()) == {}


def test_a_code_proves_a_wechat_user_and_no_person(scripted: ScriptedWechat) -> None:
    scripted.logins = [SESSION]

    proof = identify()

    assert (proof.subject, proof.level, proof.method, proof.phone) == ("o-1", 1, "wechat", None)
    assert proof.claims == {}


def test_the_session_key_is_nowhere_in_the_proof_or_the_log(scripted: ScriptedWechat, log: list[str]) -> None:
    scripted.logins = [SESSION]

    proof = identify()

    assert SESSION["session_key"] not in f"{vars(proof)}{log}"


def test_a_unionid_is_kept_when_wechat_gives_one(scripted: ScriptedWechat) -> None:
    scripted.logins = [SESSION | {"unionid": "u-1"}]

    assert identify().claims == {"unionid": "u-1"}


def test_no_configuration_makes_wechat_prove_a_person(product: Flask) -> None:
    for levels in ({"wechat": 2}, {}, {"wechat": 1, "phone": 4}):
        with pytest.raises(ProviderMisconfigured):
            WechatProvider(levels=levels)


@pytest.mark.parametrize("errcode", [40029, 40163])
def test_a_wrong_or_used_code_is_refused_and_not_offered_again(scripted: ScriptedWechat, errcode: int) -> None:
    scripted.logins = [{"errcode": errcode, "errmsg": "no, rid: 61b-7"}, SESSION]

    with pytest.raises(LoginRefused) as refusal:
        identify()

    assert type(refusal.value) is LoginRefused and len(scripted.logins) == 1


def test_a_blocked_user_is_told_other_ways_and_not_asked_again(scripted: ScriptedWechat) -> None:
    scripted.logins = [{"errcode": 40226, "errmsg": "code blocked"}, SESSION]

    with pytest.raises(WechatBlocked):
        identify()

    assert len(scripted.logins) == 1


def test_a_busy_wechat_is_asked_again(scripted: ScriptedWechat) -> None:
    scripted.logins = [{"errcode": -1}, {"errcode": -1}, SESSION]

    assert identify().subject == "o-1"


def test_a_wechat_that_stays_busy_is_away_after_three_tries(scripted: ScriptedWechat) -> None:
    scripted.logins = [{"errcode": -1}] * 4

    with pytest.raises(ProviderAway):
        identify()

    assert len(scripted.logins) == 1


def test_the_limit_of_a_minute_is_told_with_its_time(scripted: ScriptedWechat) -> None:
    scripted.logins = [{"errcode": 45011}, SESSION]

    with pytest.raises(ProviderBusy) as refusal:
        identify()

    assert refusal.value.facts == {"retry_after": 60, "limit": 100, "window": 60}
    assert len(scripted.logins) == 1


@pytest.mark.parametrize("errcode", [40013, 40125, 40164, 40243])
def test_a_fault_of_our_configuration_alarms_the_operator_and_tells_the_client_nothing(
    scripted: ScriptedWechat, log: list[str], errcode: int
) -> None:
    scripted.logins = [{"errcode": errcode, "errmsg": "invalid, rid: 61b-7"}, SESSION]

    with pytest.raises(ProviderAway) as refusal:
        identify()

    assert refusal.value.facts == {} and len(scripted.logins) == 1
    [line] = [json.loads(one) for one in log if "wechat_misconfigured" in one]
    assert (line["level"], line["errcode"], line["rid"], line["alarm"]) == ("error", errcode, "61b-7", True)


@pytest.mark.parametrize(
    "answer",
    [503, b"<html>", "hang up", [], {"openid": 7}, {"openid": ""}, {}, b"[" * 100_000],
    ids=lambda answer: str(answer)[:20],
)
def test_what_is_no_answer_is_a_wechat_that_is_away(scripted: ScriptedWechat, answer: Any) -> None:
    scripted.logins = [answer]

    with pytest.raises(ProviderAway):
        identify()


def test_nobody_is_asked_whom_an_answer_points_to(scripted: ScriptedWechat) -> None:
    """The query holds the AppSecret, and whoever answers is believed about who somebody is."""
    scripted.logins = [f"{scripted.url}/sns/jscode2session", SESSION]

    with pytest.raises(ProviderAway):
        identify()

    assert scripted.logins == [SESSION]


@pytest.mark.parametrize("errcode", [50002, "40029", None, [1], True])
def test_an_errcode_that_nobody_described_is_a_refusal(scripted: ScriptedWechat, errcode: Any) -> None:
    scripted.logins = [{"errcode": errcode, "openid": "o-1"}]

    with pytest.raises(LoginRefused):
        identify()


@pytest.mark.parametrize("answer", [{}, {"code": ""}, {"code": 7}, {"code": ["x"]}], ids=str)
def test_without_a_code_wechat_is_not_asked(scripted: ScriptedWechat, answer: dict[str, Any]) -> None:
    with pytest.raises(LoginRefused):
        WechatProvider().identify(HANDSHAKE, answer)


@pytest.mark.parametrize("country", ["86", 86])
def test_the_phone_number_comes_with_a_country_of_either_type(scripted: ScriptedWechat, country: Any) -> None:
    scripted.logins = [SESSION]
    scripted.script = [phone_info(countryCode=country)]

    assert identify(phone_code="tap").phone == "13800138000"


def test_a_number_of_another_country_keeps_it(scripted: ScriptedWechat) -> None:
    scripted.logins = [SESSION]
    scripted.script = [phone_info(countryCode=852, purePhoneNumber="61234567")]

    assert identify(phone_code="tap").phone == "+85261234567"


def test_the_openid_goes_along_so_that_a_foreign_code_is_noticed(scripted: ScriptedWechat) -> None:
    scripted.logins = [SESSION]
    scripted.script = [phone_info()]

    identify(phone_code="tap")

    assert scripted.messages == [{"code": "tap", "openid": "o-1"}]


def test_a_number_for_another_mini_program_is_refused(scripted: ScriptedWechat) -> None:
    for watermark in ({"appid": "wx-other"}, {}, None):
        scripted.logins = [SESSION]
        scripted.script = [phone_info(watermark=watermark)]
        with pytest.raises(LoginRefused):
            identify(phone_code="tap")


@pytest.mark.parametrize(
    "told", [{"countryCode": "x"}, {"purePhoneNumber": "1' OR"}, {"purePhoneNumber": None}], ids=str
)
def test_a_number_that_is_none_is_not_taken(scripted: ScriptedWechat, told: dict[str, Any]) -> None:
    scripted.logins = [SESSION]
    scripted.script = [phone_info(**told)]

    with pytest.raises(ProviderAway):
        identify(phone_code="tap")


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_refused_access_token_is_fetched_once_and_the_number_asked_once_more(
    scripted: ScriptedWechat, errcode: int
) -> None:
    scripted.logins = [SESSION]
    scripted.script = [{"errcode": errcode}, phone_info()]

    assert identify(phone_code="tap").phone == "13800138000"

    assert scripted.tokens_used == ["token-1", "token-2"]


def test_a_token_that_is_refused_again_is_not_fetched_for_ever(scripted: ScriptedWechat) -> None:
    scripted.logins = [SESSION]
    scripted.script = [{"errcode": 42001}]

    with pytest.raises(ProviderAway):
        identify(phone_code="tap")

    assert (len(scripted.messages), scripted.tokens_given) == (2, 2)


def test_without_an_access_token_the_number_is_not_asked(scripted: ScriptedWechat) -> None:
    for answer in ({"errcode": 40125}, {"errcode": -1}, {"access_token": "x", "expires_in": "7200"}, b"x"):
        scripted.logins = [SESSION]
        scripted.token_answer = answer
        with pytest.raises(ProviderAway):
            identify(phone_code="tap")

    assert scripted.messages == []


def test_the_sandbox_plays_the_whole_way(outside: str, product: Flask) -> None:
    def tap(what: str) -> str:
        answer = requests.post(f"{outside}/wechat/phone/{what}", json={"person": "ouyang-xue"}, timeout=TIMEOUT)
        return str(answer.json()["code"])

    first, second = (identify(code=tap("login"), phone_code=tap("number")) for _ in range(2))

    assert first.phone == second.phone == "19900000003"
    assert first.subject == second.subject


@pytest.mark.parametrize(
    ("mode", "refusal"), [("limited", ProviderBusy), ("blocked", WechatBlocked), ("down", ProviderAway)]
)
def test_the_sandbox_plays_bad_days(outside: str, product: Flask, mode: str, refusal: type[Exception]) -> None:
    code = requests.post(f"{outside}/wechat/phone/login", json={"person": "ouyang-xue"}, timeout=TIMEOUT).json()["code"]
    requests.put(f"{outside}/wechat/control", json={"mode": mode}, timeout=TIMEOUT).raise_for_status()
    try:
        with pytest.raises(refusal):
            identify(code=code)
    finally:
        requests.put(f"{outside}/wechat/control", json={"mode": "ok"}, timeout=TIMEOUT).raise_for_status()
