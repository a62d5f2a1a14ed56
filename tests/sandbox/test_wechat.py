"""WeChat's stand-in is as strict as its pages say (facts §1.1, §1.2, §1.4)."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox import wechat_push
from sandbox.settings import Settings
from tests.sandbox.conftest import MakeApp
from tests.sandbox.fake_onephone import FakeOnePhone

SESSION = {"appid": "wx-test", "secret": "wechat secret", "grant_type": "authorization_code"}
TOKEN = {"appid": "wx-test", "secret": "wechat secret", "grant_type": "client_credential"}
GOOD = {
    "thing1": "居住证办理",
    "character_string2": "530000-2026-ABC",
    "phrase3": "已受理",
    "time4": "2026年11月21日 15:01",
    "thing5": "请留意后续通知",
}


def errcode(response: TestResponse) -> int:
    """The errcode of an answer; errors are HTTP 200 and carry a rid."""
    assert response.status_code == 200
    body = json.loads(response.data)
    code = int(body.get("errcode", 0))
    if code:
        assert ", rid: " in body["errmsg"] and "msgid" not in body and "access_token" not in body
    return code


def new_code(client: FlaskClient, person: str = "li-jianguo") -> str:
    return str(client.post("/wechat/phone/login", json={"person": person}).get_json()["code"])


def openid(client: FlaskClient, person: str = "li-jianguo") -> str:
    response = client.get("/wechat/sns/jscode2session", query_string={**SESSION, "js_code": new_code(client, person)})
    return str(json.loads(response.data)["openid"])


def new_token(client: FlaskClient, **changes: Any) -> str:
    return str(client.post("/wechat/cgi-bin/stable_token", json=TOKEN | changes).get_json()["access_token"])


def accept(client: FlaskClient, person: str = "li-jianguo", times: int = 1) -> int:
    body = {"person": person, "template_id": "progress-template", "times": times}
    return int(client.post("/wechat/phone/accept", json=body).get_json()["credits"])


def send(
    client: FlaskClient, token: str, to: str, fields: dict[str, Any] | None = None, **changes: Any
) -> TestResponse:
    values = {name: {"value": value} for name, value in (GOOD | (fields or {})).items() if value is not None}
    body = {"touser": to, "template_id": "progress-template", "data": values} | changes
    return client.post(f"/wechat/cgi-bin/message/subscribe/send?access_token={token}", json=body)


def messages(client: FlaskClient, person: str = "li-jianguo") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/wechat/phone/messages?person={person}").get_json()["items"]
    return found


# 1.1 login


def test_code_to_session(client: FlaskClient) -> None:
    response = client.get("/wechat/sns/jscode2session", query_string={**SESSION, "js_code": new_code(client)})
    body = json.loads(response.data)
    assert set(body) == {"openid", "session_key"} and len(body["openid"]) == 28
    assert response.mimetype == "text/plain"


def test_openid_is_stable_and_personal(client: FlaskClient) -> None:
    assert openid(client) == openid(client) != openid(client, "ouyang-xue")


def test_code_works_once(client: FlaskClient) -> None:
    query = {**SESSION, "js_code": new_code(client)}
    assert errcode(client.get("/wechat/sns/jscode2session", query_string=query)) == 0
    assert errcode(client.get("/wechat/sns/jscode2session", query_string=query)) == 40163
    assert errcode(client.get("/wechat/sns/jscode2session", query_string=query)) == 40163


def test_old_code(make_app: MakeApp) -> None:
    client = make_app(login_code_life=-1).test_client()
    query = {**SESSION, "js_code": new_code(client)}
    assert errcode(client.get("/wechat/sns/jscode2session", query_string=query)) == 40029


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"js_code": "nonsense"}, 40029),
        ({"js_code": ""}, 41008),
        ({"appid": "wx-other"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": "guess"}, 40125),
        ({"secret": ""}, 41004),
        ({"grant_type": "client_credential"}, 40002),
    ],
)
def test_code_to_session_refusals(client: FlaskClient, changes: dict[str, str], code: int) -> None:
    good = new_code(client)
    query = {**SESSION, "js_code": good, **changes}
    assert errcode(client.get("/wechat/sns/jscode2session", query_string=query)) == code
    query = {**SESSION, "js_code": good}
    assert errcode(client.get("/wechat/sns/jscode2session", query_string=query)) == 0  # A refusal burns nothing.


# 1.2 access token


def test_stable_token_is_the_same_inside_its_life(client: FlaskClient) -> None:
    response = client.post("/wechat/cgi-bin/stable_token", json=TOKEN)
    assert response.get_json()["expires_in"] == 7200 and len(response.get_json()["access_token"]) > 100
    assert new_token(client) == new_token(client) == response.get_json()["access_token"]


def test_near_its_end_a_new_token_comes_and_both_work(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    first = new_token(client)
    # As if 7000 seconds had passed.
    app.extensions["sandbox.memory"].execute("update wechat_token set expires_at = expires_at - 7000")
    second = new_token(client)
    assert first != second
    accept(client, times=2)
    assert [errcode(send(client, token, openid(client))) for token in (first, second)] == [0, 0]


def test_forced_refresh_ends_the_old_token_and_is_rationed(client: FlaskClient) -> None:
    first = new_token(client)
    second = new_token(client, force_refresh=True)
    assert first != second == new_token(client)
    accept(client)
    assert errcode(send(client, first, openid(client))) == 40001
    assert errcode(send(client, second, openid(client))) == 0
    assert errcode(client.post("/wechat/cgi-bin/stable_token", json=TOKEN | {"force_refresh": True})) == 45011


def test_twenty_forced_refreshes_a_day(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    for _ in range(20):
        new_token(client, force_refresh=True)
        app.extensions["sandbox.memory"].execute("update wechat_token set made_at = made_at - 31")
    assert errcode(client.post("/wechat/cgi-bin/stable_token", json=TOKEN | {"force_refresh": True})) == 45009
    assert errcode(client.post("/wechat/cgi-bin/stable_token", json=TOKEN)) == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (TOKEN | {"appid": "wx-other"}, 40013),
        (TOKEN | {"secret": "guess"}, 40125),
        (TOKEN | {"grant_type": "authorization_code"}, 40002),
        ({"grant_type": "client_credential"}, 41002),
        ([], 47001),
    ],
)
def test_stable_token_refusals(client: FlaskClient, body: Any, code: int) -> None:
    assert errcode(client.post("/wechat/cgi-bin/stable_token", json=body)) == code


# 1.4 subscribe messages


def test_send(client: FlaskClient) -> None:
    accept(client)
    response = send(client, new_token(client), openid(client), page="pages/progress?reference=1", lang="zh_CN")
    body = response.get_json()
    assert body["errcode"] == 0 and body["errmsg"] == "ok"
    assert isinstance(body["msgid"], int) and body["msgid"] > 2**53
    (message,) = messages(client)
    assert message["msgid"] == body["msgid"] and message["page"] == "pages/progress?reference=1"
    assert {name: field["value"] for name, field in message["data"].items()} == GOOD
    assert messages(client, "ouyang-xue") == []


def test_credits_add_up_and_run_out(client: FlaskClient) -> None:
    token, to = new_token(client), openid(client)
    assert errcode(send(client, token, to)) == 43101
    assert accept(client) == 1 and accept(client, times=2) == 3
    assert accept(client, "ouyang-xue") == 1
    assert [errcode(send(client, token, to)) for _ in range(4)] == [0, 0, 0, 43101]
    assert len(messages(client)) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thing1", "一" * 20),
        ("thing1", "a"),
        ("thing5", "混合 text，12345678901"),
        ("character_string2", "A" * 32),
        ("character_string2", "GA-2026_000001#(x)"),
        ("phrase3", "准"),
        ("phrase3", "已收件待审"),
        ("time4", "15:01"),
        ("time4", "00:00"),
        ("time4", "2024年2月29日 23:59"),
        ("time4", "2019年10月1日 15:01~2019年10月2日 16:00"),
        ("time4", "15:01 ~ 16:00"),
    ],
)
def test_values_that_fit(client: FlaskClient, field: str, value: str) -> None:
    accept(client)
    assert errcode(send(client, new_token(client), openid(client), {field: value})) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thing1", "一" * 21),
        ("thing1", "a" * 21),
        ("thing1", ""),
        ("thing1", "  "),
        ("thing1", None),
        ("thing1", 5),
        ("thing5", None),
        ("character_string2", "A" * 33),
        ("character_string2", "编号1"),
        ("character_string2", ""),
        ("character_string2", "a\nb"),
        ("phrase3", "已经收件待审"),
        ("phrase3", "已受理1"),
        ("phrase3", "ok"),
        ("phrase3", "准予。"),
        ("phrase3", ""),
        ("time4", "24:00"),
        ("time4", "15:60"),
        ("time4", "3:01"),
        ("time4", "2019年10月1日"),
        ("time4", "2019-10-01 15:01"),
        ("time4", "2019年10月1日15:01"),
        ("time4", "2023年2月29日 15:01"),
        ("time4", "2019年13月1日 15:01"),
        ("time4", "15:01~15:02~15:03"),
        ("time4", "15:01\n"),
        ("thing9", "不存在的字段"),
    ],
)
def test_values_that_do_not_fit_are_named_and_cost_nothing(client: FlaskClient, field: str, value: Any) -> None:
    accept(client)
    token, to = new_token(client), openid(client)
    response = send(client, token, to, {field: value})
    assert errcode(response) == 47003
    assert response.get_json()["errmsg"].startswith(f"argument invalid! data.{field}.value invalid")
    assert errcode(send(client, token, to)) == 0 and len(messages(client)) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"touser": "o" + "A" * 27}, 40003),
        ({"touser": ""}, 40003),
        ({"touser": None}, 40003),
        ({"template_id": "another"}, 40037),
        ({"template_id": ""}, 40037),
        ({"data": None}, 47003),
        ({"data": {"thing1": "not an object"}}, 47003),
        ({"miniprogram_state": "beta"}, 47003),
        ({"lang": "de"}, 47003),
    ],
)
def test_send_refusals(client: FlaskClient, changes: dict[str, Any], code: int) -> None:
    accept(client)
    assert errcode(send(client, new_token(client), openid(client), **changes)) == code
    assert messages(client) == []


def test_send_token_refusals(make_app: MakeApp) -> None:
    client = make_app(access_token_life=0).test_client()
    to = openid(client)
    assert errcode(send(client, "", to)) == 41001
    assert errcode(send(client, "nonsense", to)) == 40001
    assert errcode(send(client, new_token(client), to)) == 42001


def test_send_needs_json(client: FlaskClient) -> None:
    url = f"/wechat/cgi-bin/message/subscribe/send?access_token={new_token(client)}"
    assert errcode(client.post(url, data="{")) == 47001
    assert errcode(client.post(url, json=[])) == 47001


def test_two_calls_at_once_to_one_openid(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    token, people = new_token(client), ["li-jianguo", "li-jianguo", "li-jianguo", "ouyang-xue"]
    openids = {person: openid(client, person) for person in people}
    for person in openids:
        accept(client, person, 5)
    client.put("/wechat/control", json={"mode": "slow", "delay_s": 0.4})
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda person: errcode(send(app.test_client(), token, openids[person])), people))
    assert sorted(codes[:3]) == [0, 43108, 43108] and codes[3] == 0
    assert len(messages(client)) == 1
    client.put("/wechat/control", json={"mode": "ok"})
    assert errcode(send(client, token, openids["li-jianguo"])) == 0  # Busy only while it lasts.


def test_busy_is_minus_one(client: FlaskClient) -> None:
    token, to, code = new_token(client), openid(client), new_code(client)
    client.put("/wechat/control", json={"mode": "busy"})
    assert errcode(send(client, token, to)) == -1
    assert errcode(client.post("/wechat/cgi-bin/stable_token", json=TOKEN)) == -1
    assert errcode(client.get("/wechat/sns/jscode2session", query_string={**SESSION, "js_code": code})) == -1


@pytest.mark.parametrize(("mode", "status"), [("down", 503), ("wrong", 200)])
def test_down_and_wrong(client: FlaskClient, mode: str, status: int) -> None:
    accept(client)
    token, to = new_token(client), openid(client)
    client.put("/wechat/control", json={"mode": mode})
    response = send(client, token, to)
    assert response.status_code == status and response.get_json(silent=True, force=True) is None
    assert messages(client) == []


def test_phone_refusals(client: FlaskClient) -> None:
    assert client.post("/wechat/phone/login", json={"person": "nobody"}).status_code == 404
    assert client.get("/wechat/phone/messages?person=nobody").status_code == 404
    nobody: list[Any] = [[], None, {"person": ["li-jianguo"]}]
    for body in nobody:
        assert client.post("/wechat/phone/accept", json=body).status_code == 404
    for change in ({"template_id": "x"}, {"times": 0}, {"times": -1}, {"times": True}, {"times": "1"}):
        asked = {"person": "li-jianguo", "template_id": "progress-template", "times": 1} | change
        assert client.post("/wechat/phone/accept", json=asked).status_code == 400


def test_everything_outlives_the_process(make_app: MakeApp) -> None:
    first = make_app().test_client()
    token, to, code = new_token(first), openid(first), new_code(first)
    accept(first, times=2)
    send(first, token, to)
    again = make_app().test_client()
    assert new_token(again) == token and len(messages(again)) == 1
    assert openid(again) == to
    assert errcode(send(again, token, to)) == 0 and errcode(send(again, token, to)) == 43101
    assert errcode(again.get("/wechat/sns/jscode2session", query_string={**SESSION, "js_code": code})) == 0


def number_code(client: FlaskClient, person: str = "li-jianguo") -> str:
    return str(client.post("/wechat/phone/number", json={"person": person}).get_json()["code"])


def ask_number(client: FlaskClient, token: str, **body: Any) -> TestResponse:
    return client.post(f"/wechat/wxa/business/getuserphonenumber?access_token={token}", json=body)


def test_a_phone_code_gives_the_number_once_with_a_watermark(client: FlaskClient) -> None:
    code, token = number_code(client), new_token(client)

    info = json.loads(ask_number(client, token, code=code, openid=openid(client)).data)["phone_info"]

    assert (info["purePhoneNumber"], info["watermark"]["appid"]) == ("19900000002", "wx-test")
    assert errcode(ask_number(client, token, code=code)) == 40163


def test_the_country_code_comes_as_a_number_and_as_a_string(client: FlaskClient) -> None:
    token = new_token(client)
    told = [
        json.loads(ask_number(client, token, code=number_code(client, person)).data)["phone_info"]["countryCode"]
        for person in ("wang-guilan", "li-jianguo")
    ]

    assert told == ["86", 86]


def test_a_phone_code_of_another_openid_or_kind_is_invalid(client: FlaskClient) -> None:
    token = new_token(client)
    for code, who in ((number_code(client, "zhang-wei"), openid(client)), (new_code(client), openid(client))):
        assert errcode(ask_number(client, token, code=code, openid=who)) == 40029
    assert errcode(ask_number(client, token)) == 47001
    assert errcode(ask_number(client, "no token", code=number_code(client))) == 40001


@pytest.mark.parametrize(("mode", "code"), [("limited", 45011), ("blocked", 40226)])
def test_logins_can_be_limited_and_blocked(client: FlaskClient, mode: str, code: int) -> None:
    client.put("/wechat/control", json={"mode": mode})

    found = client.get("/wechat/sns/jscode2session", query_string={**SESSION, "js_code": new_code(client)})

    assert errcode(found) == code


def test_a_cancel_takes_every_credit(client: FlaskClient) -> None:
    accept(client, times=3)

    assert client.post("/wechat/phone/cancel", json={"person": "li-jianguo"}).get_json() == {"credits": 0}
    assert accept(client) == 1
    assert client.post("/wechat/phone/cancel", json={"person": "nobody"}).status_code == 404


def test_an_event_has_the_shapes_of_wechat_s_page() -> None:
    one, two = {"TemplateId": "t"}, [{"TemplateId": "t"}, {"TemplateId": "u"}]

    bare = json.loads(wechat_push.subscription("o", "subscribe_msg_popup_event", [one], "json"))
    many = json.loads(wechat_push.subscription("o", "subscribe_msg_popup_event", two, "json"))
    nested = wechat_push.subscription("o", "subscribe_msg_popup_event", two, "xml").decode()

    assert bare["List"] == one and many["List"] == two and isinstance(bare["CreateTime"], str)
    assert nested.count("<List>") == 2 and nested.count("<SubscribeMsgPopupEvent>") == 1


def test_a_push_is_tried_three_times_and_told_to_nobody_without_a_token(
    chosen: Settings, onephone: FakeOnePhone
) -> None:
    told = replace(chosen, onephone_url=onephone.url, wechat_push_token="token", wechat_push_key="A" * 43)

    assert not wechat_push.deliver(told, "o", b"{}", "json")
    assert [call.path for call in onephone.calls] == ["/v1/wechat/events"] * 3
    assert not wechat_push.deliver(replace(told, wechat_push_token=""), "o", b"{}", "json")
    assert len(onephone.calls) == 3
