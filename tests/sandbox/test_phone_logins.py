"""Logging in on the demo phone without a page of a provider: by a code, and by WeChat."""

from __future__ import annotations

import re

from tests.sandbox.conftest import MakeApp
from tests.sandbox.fake_onephone import FakeOnePhone


def test_a_code_is_asked_by_message_or_call_and_a_wrong_one_can_be_mended(
    make_app: MakeApp, onephone: FakeOnePhone
) -> None:
    client = make_app(onephone_url=onephone.url).test_client()
    started = {"id": "l1", "secret": "s", "protocol": "phone", "sent_to": "199****0001", "resend_after": 60}
    onephone.answers["POST", "/v1/logins"] = (201, started)

    asked = client.post("/phone/login/code", data={"phone": "19900000001", "voice": "1"})
    assert "199****0001" in asked.text and "打电话" in client.get("/phone").text
    assert onephone.calls[-1].body == {"provider": "phone", "phone": "19900000001", "voice": True}

    refusal = {"title": "验证码不对或已失效", "code": "code_refused", "detail": "请核对"}
    onephone.answers["POST", "/v1/logins/l1/complete"] = (403, refusal)
    wrong = client.post("/phone/login/code/check", data={"code": "000000", "number": "19900000001"})
    assert "验证码不对或已失效" in wrong.text and 'name="code"' in wrong.text

    onephone.answers["POST", "/v1/logins/l1/complete"] = (200, {"access_token": "a", "refresh_token": "r"})
    right = client.post("/phone/login/code/check", data={"code": "123456"})
    assert (right.status_code, right.headers["Location"]) == (303, "/phone")
    assert onephone.calls[-1].body == {"secret": "s", "code": "123456"}
    assert client.post("/phone/login/code/check", data={"code": "123456"}).status_code == 400, "it is over"


def test_wechat_logs_in_with_or_without_the_number(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    client = make_app(onephone_url=onephone.url).test_client()
    onephone.answers["POST", "/v1/logins"] = (201, {"id": "l1", "secret": "s", "protocol": "wechat"})
    onephone.answers["POST", "/v1/logins/l1/complete"] = (200, {"access_token": "a", "refresh_token": "r"})

    ways: tuple[tuple[dict[str, str], set[str]], ...] = (
        ({}, {"secret", "code"}),
        ({"number": "1"}, {"secret", "code", "phone_code"}),
    )
    for form, brought in ways:
        answer = client.post("/phone/login/wechat", data={"person": "li-jianguo", **form})
        assert (answer.status_code, set(onephone.calls[-1].body)) == (303, brought)
    assert client.post("/phone/login/wechat", data={"person": "nobody"}).status_code == 400


def test_one_id_of_the_browser_goes_along_with_every_login_and_refresh(
    make_app: MakeApp, onephone: FakeOnePhone
) -> None:
    """OnePhone binds refresh tokens to it, so it outlives the login that it came with; another browser has another."""
    app = make_app(onephone_url=onephone.url)
    onephone.answers["POST", "/v1/logins"] = (201, {"id": "l1", "secret": "s", "protocol": "wechat"})
    onephone.answers["POST", "/v1/logins/l1/complete"] = (200, {"access_token": "old token", "refresh_token": "r"})
    onephone.answers["POST", "/v1/tokens/refresh"] = (200, {"access_token": "a", "refresh_token": "r2"})

    ids = []
    for client in (app.test_client(), app.test_client()):
        onephone.calls.clear()
        for _ in range(2):
            client.post("/phone/login/wechat", data={"person": "li-jianguo"})
            client.get("/phone")
        logins = [call for call in onephone.calls if call.path.startswith(("/v1/logins", "/v1/tokens"))]
        assert {call.path for call in logins} == {"/v1/logins", "/v1/logins/l1/complete", "/v1/tokens/refresh"}
        ids.append({call.headers.get("Onephone-Device", "") for call in logins})

    assert [len(one) for one in ids] == [1, 1] and ids[0] != ids[1]
    assert all(re.fullmatch("[A-Za-z0-9_-]{22,128}", one) for one in ids[0] | ids[1])


def test_the_desk_names_its_browser_too(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    client = make_app(onephone_url=onephone.url).test_client()
    step = {"next": "second_factor", "id": "l1", "ticket": "t", "second_factors": ["totp"]}
    onephone.answers["POST", "/v1/desk/logins/password"] = (200, step)
    done = {"next": "done", "access_token": "a", "refresh_token": "r"}
    onephone.answers["POST", "/v1/desk/logins/l1/second-factor"] = (200, done)

    client.post("/clerk/password", data={"staff_number": "S0001", "password": "p"})
    client.post("/clerk/login-step", data={"typed": "123456"})

    named = [call.headers.get("Onephone-Device") for call in onephone.calls]
    assert len(named) == 2 and named[0] and named[0] == named[1]
