"""Logging in on the demo phone without a page of a provider: by a code, and by WeChat."""

from __future__ import annotations

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
