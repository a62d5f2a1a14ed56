"""WeChat: judged by errcode in an HTTP 200, one token for all, and one refresh when it is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock
from notifications.channels import wechat
from notifications.channels.wechat import WechatAway, WechatBusy, WechatCodeRefused
from tests.notifications.scripted_wechat import OK, ScriptedWechat

Sql = Callable[..., list[Any]]
FIELDS = {"thing1": {"value": "居住证"}}


def test_a_message_says_what_wechat_wants(scripted: ScriptedWechat) -> None:
    assert wechat.send("openid", FIELDS).state == "accepted"

    [message] = scripted.messages
    assert (message["touser"], message["data"]) == ("openid", FIELDS)
    assert set(message) >= {"template_id"}


def test_a_missing_errcode_is_success(scripted: ScriptedWechat) -> None:
    scripted.script = [{"msgid": 9}]

    sent = wechat.send("openid", FIELDS)

    assert (sent.state, sent.receipt) == ("accepted", {"msgid": 9})


def test_nobody_is_told_whom_an_answer_points_to(scripted: ScriptedWechat) -> None:
    scripted.script = [f"{scripted.url}/cgi-bin/message/subscribe/send?access_token=x", OK]

    with pytest.raises(WechatBusy):
        wechat.send("openid", FIELDS)

    assert len(scripted.messages) == 1


def test_one_token_serves_many_messages(scripted: ScriptedWechat) -> None:
    for _ in range(3):
        wechat.send("openid", FIELDS)

    assert scripted.tokens_used == ["token-1"] * 3
    assert scripted.tokens_given == 1


def test_a_token_is_renewed_before_it_ends(scripted: ScriptedWechat) -> None:
    wechat.send("openid", FIELDS)

    with clock.moved(timedelta(seconds=7200 - 60)):
        wechat.send("openid", FIELDS)

    assert scripted.tokens_used == ["token-1", "token-2"]


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_refused_token_is_fetched_anew_once(scripted: ScriptedWechat, errcode: int) -> None:
    scripted.script = [{"errcode": errcode}, OK]

    assert wechat.send("openid", FIELDS).state == "accepted"

    assert scripted.tokens_used == ["token-1", "token-2"]


def test_a_token_that_is_refused_again_is_not_fetched_for_ever(scripted: ScriptedWechat) -> None:
    scripted.script = [{"errcode": 42001}]

    with pytest.raises(WechatBusy):
        wechat.send("openid", FIELDS)

    assert (len(scripted.messages), scripted.tokens_given) == (2, 2)


@pytest.mark.parametrize(
    "answer",
    [{"errcode": 40125}, {"access_token": "x"}, {"access_token": "x", "expires_in": None}, {"access_token": 7}, b"x"],
    ids=str,
)
def test_without_a_token_nothing_is_sent(scripted: ScriptedWechat, answer: Any) -> None:
    scripted.token_answer = answer

    with pytest.raises(WechatBusy):
        wechat.send("openid", FIELDS)

    assert scripted.messages == []


def test_a_login_code_gives_the_openid_and_nothing_else(scripted: ScriptedWechat) -> None:
    scripted.logins = [{"openid": "o-1", "session_key": "secret"}]

    assert wechat.openid_for("code") == "o-1"


@pytest.mark.parametrize("errcode", [40029, 40163, 40226])
def test_a_code_that_is_refused_is_not_tried_again(scripted: ScriptedWechat, errcode: int) -> None:
    scripted.logins = [{"errcode": errcode, "errmsg": "no"}]

    with pytest.raises(WechatCodeRefused) as refusal:
        wechat.openid_for("code")

    assert refusal.value.facts == {"wechat_errcode": errcode}


@pytest.mark.parametrize("answer", [{"errcode": -1}, {"errcode": 45011}, 503, b"<html>", "hang up"], ids=str)
def test_a_busy_wechat_is_away(scripted: ScriptedWechat, answer: Any) -> None:
    scripted.logins = [answer, answer]

    with pytest.raises(WechatAway):
        wechat.openid_for("code")


@pytest.mark.parametrize("errcode", [40013, 40125, 40164, 40243])
def test_a_fault_of_our_configuration_is_not_the_person_s(
    scripted: ScriptedWechat, log: list[str], errcode: int
) -> None:
    scripted.logins = [{"errcode": errcode, "errmsg": "no"}]

    with pytest.raises(WechatAway):
        wechat.openid_for("code")

    assert any("wechat_misconfigured" in line and '"error"' in line for line in log)


@pytest.mark.parametrize("answer", [{}, {"openid": None}, {"openid": 7}, {"session_key": "x"}], ids=str)
def test_an_answer_without_openid_is_no_login(scripted: ScriptedWechat, answer: Any) -> None:
    scripted.logins = [answer]

    with pytest.raises(WechatCodeRefused):
        wechat.openid_for("code")
