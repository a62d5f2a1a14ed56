"""The demo phone and the demo desk: the e-ID round trip, and what they show of OnePhone's answers."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.sandbox.conftest import MakeApp
from tests.sandbox.fake_onephone import FakeOnePhone
from tests.sandbox.test_eid import address

TOKENS = {"access_token": "token 1", "refresh_token": "refresh 1", "token_type": "Bearer", "expires_in": 900}
CARD = {
    "id": "s1",
    "reference": "530000-1",
    "service": {"code": "residence-permit", "name": "居住证办理"},
    "state": "approved",
}
PROGRESS = {
    "state": "approved",
    "state_text": "准予",
    "due": {"acceptance": "2026-11-27", "decision": "2026-12-18"},
    "turn": 7,
    "events": [{"at": "2026-11-20T08:00:00Z", "step": "received", "text": "已收件 <b>", "unit": "公安局"}],
}

NOTICE = {
    "code": "general",
    "version": 2,
    "sha256": "ab" * 32,
    "title": {"zh": "告知书", "en": "Notice"},
    "sections": [{"code": "a", "heading": {"zh": "甲", "en": "A"}, "text": [{"zh": "乙", "en": "B"}]}],
    "purposes": [
        {
            "code": "visits",
            "name": {"zh": "探访", "en": "Visits"},
            "required": False,
            "consents": ["sensitive", "sharing"],
            "method": {"zh": "电话", "en": "By phone"},
            "kinds": [{"label": {"zh": "独居", "en": "Alone"}, "purpose": {"zh": "看望", "en": "To visit"}}],
            "recipients": [{"code": "village", "name": {"zh": "村委会", "en": "Village"}}],
        }
    ],
}


@pytest.fixture
def client(make_app: MakeApp, onephone: FakeOnePhone) -> FlaskClient:
    """The pages in front of a OnePhone that knows one resident with one submission, and one clerk."""
    for logins, state in (("/v1/logins", "state-1"), ("/v1/desk/logins", "state-2")):
        desk = {"client_id": "onephone-desk"} if "desk" in logins else {}
        there = "http://sandbox.test" + address(state=state, **desk)
        onephone.answers["POST", logins] = 201, {"id": "login1", "secret": "own", "authorize_url": there}
        onephone.answers["POST", f"{logins}/login1/complete"] = 200, TOKENS
    me = {
        "name": "李**",
        "document_number": "5****************X",
        "phone": "199****0002",
        "identity_level": 3,
    }
    onephone.answers["GET", "/v1/me"] = 200, me
    onephone.answers["GET", "/v1/submissions"] = 200, {"items": [CARD, {"id": "s2", "state": "draft"}]}
    onephone.answers["GET", "/v1/submissions/s1/progress"] = 200, PROGRESS
    inbox = [
        {
            "title": "办理结果",
            "text": "已准予",
            "at": "now",
            "channels": [{"channel": "wechat", "state": "accepted"}],
        }
    ]
    onephone.answers["GET", "/v1/inbox"] = 200, {"items": inbox}
    onephone.answers["GET", "/v1/notices"] = 200, {"items": [NOTICE]}
    onephone.answers["GET", "/v1/notices/general"] = 200, NOTICE
    onephone.answers["GET", "/v1/acknowledgements"] = 200, {"items": []}
    onephone.answers["GET", "/v1/consents"] = 200, {"items": []}
    onephone.answers["PUT", "/v1/me/wechat"] = 200, {"bound": True}
    return make_app(onephone_url=onephone.url).test_client()


def log_in(client: FlaskClient, page: str = "phone", person: str = "li-jianguo") -> TestResponse:
    """Press the button, choose the person at the provider, come back."""
    there = urlsplit(client.post(f"/{page}/login").location)
    code = urlsplit(client.post(f"{there.path}?{there.query}", data={"person": person}).location).query
    return client.get(f"/{page}/callback?{code}")


def test_phone_logs_in_and_shows_everything(client: FlaskClient, onephone: FakeOnePhone) -> None:
    assert "用电子身份登录" in client.get("/phone").text
    response = log_in(client)
    assert (response.status_code, response.location) == (303, "/phone")
    started, completed = onephone.calls
    assert started.body == {"provider": "sandbox", "redirect_uri": "http://sandbox.test/phone/callback"}
    assert completed.body["secret"] == "own"
    assert completed.body["state"] == "state-1" and completed.body["iss"] == "http://sandbox.test/eid"
    assert started.headers["Idempotency-Key"] != completed.headers["Idempotency-Key"]
    page = client.get("/phone")
    assert page.status_code == 200 and {call.token for call in onephone.calls[2:]} == {"token 1"}
    for shown in (
        "李**，您好",
        "居住证办理",
        "530000-1",
        "准予",
        "2026-12-18",
        "已收件 &lt;b&gt;",
        "办理结果",
        "token 1",
    ):
        assert shown in page.text
    assert "/phone/results/s1" in page.text and "草稿 draft" in page.text


def test_cookie_is_closed_and_changes_at_login(client: FlaskClient) -> None:
    cookie = client.post("/phone/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/phone" in cookie
    assert cookie.split(";")[0] != log_in(client).headers["Set-Cookie"].split(";")[0]


@pytest.mark.parametrize("query", ["code=x&state=another", "code=x", "error=access_denied&state=state-1", ""])
def test_callback_that_does_not_belong_here(client: FlaskClient, onephone: FakeOnePhone, query: str) -> None:
    client.post("/phone/login")
    assert client.get(f"/phone/callback?{query}").status_code == 400
    assert [call.path for call in onephone.calls] == ["/v1/logins"]


def test_callback_without_cookie_or_twice(client: FlaskClient) -> None:
    assert client.get("/phone/callback?code=x&state=").status_code == 400
    log_in(client)
    assert client.get("/phone/callback?code=x&state=state-1").status_code == 400
    assert client.get("/phone/callback?code=x&state=").status_code == 400


def test_old_token_is_refreshed_once(client: FlaskClient, onephone: FakeOnePhone) -> None:
    onephone.answers["POST", "/v1/logins/login1/complete"] = 200, TOKENS | {"access_token": "old token"}
    onephone.answers["POST", "/v1/tokens/refresh"] = (
        200,
        {"access_token": "token 2", "refresh_token": "refresh 2"},
    )
    log_in(client)
    assert "token 2" in client.get("/phone").text
    refreshes = [call.body for call in onephone.calls if call.path == "/v1/tokens/refresh"]
    assert refreshes == [{"refresh_token": "refresh 1"}]


def test_dead_session_leads_back_to_login(client: FlaskClient, onephone: FakeOnePhone) -> None:
    onephone.answers["POST", "/v1/logins/login1/complete"] = 200, TOKENS | {"access_token": "old token"}
    onephone.answers["POST", "/v1/tokens/refresh"] = 401, {"title": "会话已失效"}
    log_in(client)
    response = client.get("/phone")
    assert response.status_code == 502 and "会话已失效" in response.text
    assert "用电子身份登录" in client.get("/phone").text


def test_allowing_a_wechat_message(client: FlaskClient, onephone: FakeOnePhone) -> None:
    log_in(client)
    assert client.post("/phone/wechat").status_code == 303
    told = onephone.calls[-1]
    assert (told.method, told.path) == ("PUT", "/v1/me/wechat") and told.body["accepted"] == ["progress"]
    query = {"appid": "wx-test", "secret": "wechat secret", "grant_type": "authorization_code"}
    session = client.get("/wechat/sns/jscode2session", query_string=query | {"js_code": told.body["code"]})
    assert "openid" in session.text
    assert "1 次订阅" in client.get("/").text


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (
            {"kind": "document", "filename": "r.pdf", "url": "http://store.test/r.pdf"},
            "http://store.test/r.pdf",
        ),
        ({"kind": "data", "data": {"balance": {"fen": 8643217}, "list": ["甲", None]}}, "8643217"),
    ],
)
def test_result(client: FlaskClient, onephone: FakeOnePhone, result: dict[str, Any], shown: str) -> None:
    onephone.answers["GET", "/v1/submissions/s1/result"] = 200, result
    assert client.get("/phone/results/s1").location == "/phone"
    log_in(client)
    response = client.get("/phone/results/s1")
    assert shown in (response.location or response.text)


def test_the_phone_says_what_is_asked_and_corrects_it(client: FlaskClient, onephone: FakeOnePhone) -> None:
    items = [{"pointer": "/answers/address_detail", "words": "门牌号写错了"}]
    asked = {"kind": "correct", "words": "请一次补正", "until": "2026-12-20", "items": items}
    onephone.answers["GET", "/v1/submissions/s1/progress"] = 200, PROGRESS | {"state": "correcting", "asked": asked}
    mine = CARD | {"answers": {"address_detail": "18号", "other": "x"}, "missing": {}}
    onephone.answers["GET", "/v1/submissions/s1"] = 200, mine
    onephone.answers["PATCH", "/v1/submissions/s1"] = 200, mine
    form = {"layout": [{"field": "address_detail", "label": "现在住的详细地址"}]}
    onephone.answers["GET", "/v1/services/residence-permit"] = 200, {"form": form}
    log_in(client)

    page = client.get("/phone").text
    assert "门牌号写错了" in page and "/phone/corrections/s1" in page
    page = client.get("/phone/corrections/s1").text
    assert "门牌号写错了" in page and 'value="18号"' in page and "other" not in page
    assert "现在住的详细地址" in page

    assert (
        client.post("/phone/corrections/s1", data={"answer:address_detail": "19号", "act": "save"}).status_code == 303
    )
    assert onephone.calls[-1].body == {"answers": {"address_detail": "19号"}}


def test_the_general_notice_is_shown_until_it_was_read(client: FlaskClient, onephone: FakeOnePhone) -> None:
    log_in(client)
    assert 'href="/phone/privacy/notices/general"' in client.get("/phone").text
    page = client.get("/phone/privacy/notices/general").text
    assert "我已阅读" in page and "乙" in page and ">B<" in page
    onephone.answers["POST", "/v1/acknowledgements"] = 201, {"items": []}

    assert client.post("/phone/privacy/read", data={"code": "general", "version": "2"}).status_code == 303

    assert onephone.calls[-1].body == {"notices": [{"code": "general", "version": 2}]}
    read = {"items": [{"notice": {"code": "general", "version": 2}}]}
    onephone.answers["GET", "/v1/acknowledgements"] = 200, read
    assert 'href="/phone/privacy/notices/general"' not in client.get("/phone").text
    assert "已阅读这一版" in client.get("/phone/privacy/notices/general").text


def test_each_consent_is_a_tap_of_its_own_and_so_is_taking_it_back(client: FlaskClient, onephone: FakeOnePhone) -> None:
    log_in(client)
    page = client.get("/phone/privacy/notices/general").text
    assert page.count('action="/phone/privacy/agree"') == 2 and "可以不同意，不影响办事" in page
    onephone.answers["POST", "/v1/consents"] = 201, {}
    wish = {"notice": "general", "version": "2", "purpose": "visits", "kind": "sensitive"}
    assert client.post("/phone/privacy/agree", data=wish).status_code == 303
    assert onephone.calls[-1].body == wish | {"version": 2}
    given = {
        "id": "c1",
        "notice": {"code": "general", "version": 2},
        "purpose": {"code": "visits", "name": {"zh": "探访", "en": "Visits"}},
        "kind": "sensitive",
        "state": "given",
        "child": None,
    }
    onephone.answers["GET", "/v1/consents"] = 200, {"items": [given]}
    page = client.get("/phone/privacy/notices/general").text
    assert (page.count('action="/phone/privacy/withdraw"'), page.count('action="/phone/privacy/agree"')) == (1, 1)
    onephone.answers["POST", "/v1/consents/c1/withdraw"] = 200, {}

    assert client.post("/phone/privacy/withdraw", data={"id": "c1"}).location == "/phone/privacy"

    assert (onephone.calls[-1].path, onephone.calls[-1].body) == ("/v1/consents/c1/withdraw", None)
    assert "撤回同意" in client.get("/phone/privacy").text


def test_privacy_pages_need_a_login(client: FlaskClient, onephone: FakeOnePhone) -> None:
    assert client.get("/phone/privacy").location == client.get("/phone/privacy/notices/general").location == "/phone"
    assert client.post("/phone/privacy/withdraw", data={"id": "c1"}).status_code == 400
    assert onephone.calls == []


def test_log_out(client: FlaskClient, onephone: FakeOnePhone) -> None:
    log_in(client)
    assert client.post("/phone/logout").status_code == 303
    assert (onephone.calls[-1].method, onephone.calls[-1].path) == ("DELETE", "/v1/sessions/current")
    assert "用电子身份登录" in client.get("/phone").text


def test_onephone_is_away(make_app: MakeApp) -> None:
    client = make_app().test_client()
    response = client.post("/phone/login")
    assert response.status_code == 502 and "没有回应" in response.text
    assert client.get("/").status_code == 200


def test_desk_looks_up_with_a_reason(client: FlaskClient, onephone: FakeOnePhone) -> None:
    assert "工作人员登录" in client.get("/clerk").text and "工作人员登录" in client.post("/clerk").text
    onephone.answers["POST", "/v1/desk/lookups"] = (
        201,
        {"id": "l1", "submission": {"applicant": {"name": "李**"}}},
    )
    assert "code=" not in client.get("/clerk").text
    log_in_at_desk(client)
    assert "陈静" in client.get("/clerk").text
    page = client.post("/clerk", data={"by": "reference", "term": " 530000-1 ", "reason": "本人来电咨询"})
    assert "李**" in page.text
    assert onephone.calls[-1].body == {"reference": "530000-1", "reason_kind": "other", "reason": "本人来电咨询"}
    assert onephone.calls[-1].token == "token 1"


def test_desk_finds_a_person_and_opens_one_of_the_list(client: FlaskClient, onephone: FakeOnePhone) -> None:
    applicant = {"name": "李**", "document_number": "5****************6", "phone": "199****0002"}
    item = {"id": "s-9", "reference": "530000-9", "service": {"name": "居住证办理"}, "applicant": applicant}
    found = {"outcome_text": "请从列表中选择一件打开", "submission": None, "items": [item]}
    onephone.answers["POST", "/v1/desk/lookups"] = 201, found
    log_in_at_desk(client)
    for by, term in (("phone", "199 0000 0002"), ("document_number", "532399198806150316"), ("name", "李建国")):
        page = client.post("/clerk", data={"by": by, "term": term, "reason_kind": "inquiry", "reason": "来电"})
        assert onephone.calls[-1].body == {by: term, "reason_kind": "inquiry", "reason": "来电"}
        assert "请从列表中选择一件打开" in page.text and "5****************6" in page.text
        assert term not in page.text, "what was typed is not given back"
    assert 'name="term" value="s-9"' in page.text
    client.post("/clerk", data={"by": "submission", "term": "s-9", "reason": "来电"})
    assert onephone.calls[-1].body == {"submission": "s-9", "reason_kind": "other", "reason": "来电"}


def test_desk_unmasks_what_was_ticked(client: FlaskClient, onephone: FakeOnePhone) -> None:
    case = {"id": "s-9", "applicant": {"phone": "19900000002"}, "plain_fields": ["/applicant/phone"]}
    onephone.answers["POST", "/v1/desk/submissions/s-9/unmaskings"] = 201, {"until": "2026-11-22T14:10:00+08:00"}
    onephone.answers["GET", "/v1/desk/submissions/s-9"] = 200, case
    log_in_at_desk(client)
    wish = {
        "submission": "s-9",
        "fields": ["/applicant/phone", "/filenames"],
        "reason_kind": "handling",
        "reason": "核对",
    }
    page = client.post("/clerk/unmask", data=wish)
    asked, read = onephone.calls[-2:]
    assert asked.body == {"fields": wish["fields"], "reason_kind": "handling", "reason": "核对"}
    assert (read.method, read.path) == ("GET", "/v1/desk/submissions/s-9")
    assert "19900000002" in page.text and "2026-11-22 14:10" in page.text
    case["applicant"], case["plain_fields"] = {"phone": "199****0002"}, []
    assert "199****0002" in client.post("/clerk/again", data={"submission": "s-9"}).text
    onephone.answers["POST", "/v1/desk/submissions/s-9/unmaskings"] = 403, {"title": "您的岗位不能查看完整信息"}
    assert "您的岗位不能查看完整信息" in client.post("/clerk/unmask", data=wish).text


def test_desk_wants_a_login_for_everything(client: FlaskClient, onephone: FakeOnePhone) -> None:
    for path in ("/clerk", "/clerk/unmask", "/clerk/again"):
        assert "工作人员登录" in client.post(path, data={"submission": "s-9", "term": "x", "reason": "看看"}).text
    assert onephone.calls == []


def test_desk_calls_the_next_of_a_queue(client: FlaskClient, onephone: FakeOnePhone) -> None:
    queue = {"service": {"code": "residence-permit", "name": "居住证办理"}, "waiting": 2, "due_soonest": "2026-11-27"}
    queue["oldest"] = {"turn": 7, "received_at": "2026-11-20T08:00:00+08:00"}
    listed = {"department": "gongan", "unhandled": 1, "limit": 3, "items": [queue]}
    onephone.answers["GET", "/v1/desk/queues"] = 200, listed
    taken = {
        "taken_at": "2026-11-20T09:00:00+08:00",
        "in_turn": True,
        "submission": {**CARD, "turn": 7, "applicant": {}},
    }
    onephone.answers["POST", "/v1/desk/queues/gongan/residence-permit/next"] = 200, taken
    log_in_at_desk(client)

    page = client.get("/clerk").text
    assert "等候 waiting 2" in page and "7号 2026-11-20 08:00" in page and "1 / 3" in page

    called = client.post("/clerk/next", data={"department": "gongan", "service": "residence-permit"}).text
    assert "已按顺序叫号：7号" in called and "530000-1" in called
    assert onephone.calls[-1].headers["Idempotency-Key"]


def test_phone_shows_its_place_and_what_to_expect(client: FlaskClient, onephone: FakeOnePhone) -> None:
    place = {"waiting": True, "before": 3, "acceptance_turn": 2, "text": "您的顺序号是7 <b>"}
    place["expected"] = {"earliest": "2026-12-01", "until": None}
    onephone.answers["GET", "/v1/submissions/s1/queue"] = 200, place
    log_in(client)

    page = client.get("/phone").text

    assert "前面还有 3 件" in page and "order of acceptance 2" in page
    assert "2026-12-01 ～ 比平时久 longer than usual" in page and "您的顺序号是7 &lt;b&gt;" in page


def test_desk_shows_a_refusal(client: FlaskClient, onephone: FakeOnePhone) -> None:
    log_in_at_desk(client)
    page = client.post("/clerk", data={"by": "reference", "term": "x", "reason": "y"})
    assert page.status_code == 200 and "没有找到" in page.text


def log_in_at_desk(client: FlaskClient) -> None:
    there = urlsplit(client.post("/clerk/login").location)
    query = there.query.replace("http%3A%2F%2Fapp.test", "http%3A%2F%2Fdesk.test")
    back = urlsplit(client.post(f"{there.path}?{query}", data={"person": "chen-clerk"}).location)
    assert client.get(f"/clerk/callback?{back.query}").location == "/clerk"


@pytest.mark.parametrize("path", ["/", "/phone", "/clerk", "/office/gongan", address()])
def test_pages_load_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200 and "width=device-width" in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "src=" not in response.text and 'rel="stylesheet" href="/static/style.css"' in response.text
    with client.get("/static/style.css") as sheet:
        assert sheet.status_code == 200 and b"http" not in sheet.data


def test_my_data_shows_copies_on_their_way_and_what_closing_would_do(
    client: FlaskClient, onephone: FakeOnePhone
) -> None:
    making = {"id": "c1", "state": "building", "done": 3, "total": 20, "created_at": "2026-11-22T09:00:00+08:00"}
    ready = making | {"id": "c2", "state": "ready", "size": 2048, "expires_at": "2026-11-25T09:00:00+08:00"}
    preview = {
        "possible": True,
        "erased_at_once": [{"title": "草稿", "count": 2, "why": "第四十七条"}],
        "kept_restricted": [
            {"service": "居住证", "reference": "530000-1", "retention": "10年", "until": "2036-12-31", "law": "第8号"}
        ],
        "waiting_for": [],
        "stops": ["退出登录"],
    }
    onephone.answers["GET", "/v1/copies"] = 200, {"items": [making, ready]}
    onephone.answers["GET", "/v1/erasures/preview"] = 200, preview
    onephone.answers["POST", "/v1/copies"] = 202, making
    onephone.answers["GET", "/v1/copies/c2/archive"] = 200, {"zip": "bytes"}
    assert client.get("/phone/data").status_code == 400, "not logged in yet"
    log_in(client)

    page = client.get("/phone/data").text
    for words in ("3 / 20", "/phone/data/copies/c2", "2 KB", "草稿：2", "至 until 2036-12-31", "确认注销"):
        assert words in page
    assert client.post("/phone/data/copies").location == "/phone/data"
    fetched = client.get("/phone/data/copies/c2")
    assert fetched.mimetype == "application/zip" and b"bytes" in fetched.data
    assert client.get("/phone/data/copies/none").status_code == 502

    preview |= {"possible": False, "waiting_for": [{"reference": "530000-2", "why": "还在办理"}]}
    page = client.get("/phone/data").text
    assert "530000-2" in page and "确认注销" not in page


def test_closing_the_account_ends_the_login_and_leaves_a_number(client: FlaskClient, onephone: FakeOnePhone) -> None:
    receipt = {"id": "e1", "drafts": 2, "kept": 1, "kept_until": "2036-12-31", "confirmed_at": "2026-11-22T09:00+08:00"}
    onephone.answers["POST", "/v1/erasures"] = 202, receipt
    log_in(client)

    page = client.post("/phone/data/erasure")

    assert page.status_code == 200 and "/v1/open/erasures/e1" in page.text
    assert "用电子身份登录" in client.get("/phone").text


STEP = {"id": "login1", "ticket": "ticket 1", "expires_at": "later"}


def test_staff_log_in_by_password_and_code(client: FlaskClient, onephone: FakeOnePhone) -> None:
    onephone.answers["POST", "/v1/desk/logins/password"] = 200, {"next": "second_factor", **STEP}
    onephone.answers["POST", "/v1/desk/logins/login1/second-factor"] = 200, {"next": "done", **TOKENS}

    asked = client.post("/clerk/password", data={"staff_number": " S0001 ", "password": "kettle waterfall"})
    assert "动态口令" in asked.text and "ticket 1" not in asked.text
    done = client.post("/clerk/login-step", data={"typed": "287082"})

    assert "登录成功" in done.text and "陈静" in client.get("/clerk").text
    told = [call.body for call in onephone.calls if call.path.startswith("/v1/desk/logins/")]
    assert told[0] == {"staff_number": "S0001", "password": "kettle waterfall"}
    assert told[1] == {"ticket": "ticket 1", "totp": "287082"}
    assert "请重新登录" in client.post("/clerk/login-step", data={"typed": "287082"}).text, "a step is taken once"


def test_a_first_login_sets_a_password_and_adds_an_app(client: FlaskClient, onephone: FakeOnePhone) -> None:
    login = "/v1/desk/logins/login1"
    onephone.answers["POST", "/v1/desk/logins/password"] = 200, {"next": "new_password", **STEP}
    onephone.answers["POST", f"{login}/new-password"] = 200, {"next": "enrol", **STEP}
    onephone.answers["POST", f"{login}/enrolment"] = 200, {"totp": {"secret": "GEZDGNBV", "address": "otpauth://x"}}
    done = {"next": "done", "recovery_codes": ["ABCD-EFGH"], **TOKENS}
    onephone.answers["POST", f"{login}/enrolment/confirm"] = 200, done

    assert "新密码" in client.post("/clerk/password", data={"staff_number": "S0001", "password": "first"}).text
    assert "GEZDGNBV" in client.post("/clerk/login-step", data={"typed": "a password of my own"}).text
    assert "ABCD-EFGH" in client.post("/clerk/login-step", data={"typed": "287082"}).text
    assert "ABCD-EFGH" not in client.get("/clerk").text, "shown once"


def test_single_sign_on_may_be_asked_for_a_second_factor(client: FlaskClient, onephone: FakeOnePhone) -> None:
    onephone.answers["POST", "/v1/desk/logins/login1/complete"] = 200, {"next": "second_factor", **STEP}
    there = urlsplit(client.post("/clerk/login").location)
    query = there.query.replace("http%3A%2F%2Fapp.test", "http%3A%2F%2Fdesk.test")
    back = urlsplit(client.post(f"{there.path}?{query}", data={"person": "chen-clerk"}).location)

    page = client.get(f"/clerk/callback?{back.query}")

    assert page.status_code == 200 and "动态口令" in page.text
    assert "统一认证" in client.get("/clerk").text, "not in yet"


def test_a_wrong_password_is_told_in_onephones_words(client: FlaskClient, onephone: FakeOnePhone) -> None:
    onephone.answers["POST", "/v1/desk/logins/password"] = (
        403,
        {"title": "认证没有通过，请重新登录", "code": "login_refused"},
    )

    page = client.post("/clerk/password", data={"staff_number": "S0001", "password": "x"})

    assert page.status_code == 502 and "认证没有通过" in page.text


def test_the_phone_offers_every_way_to_log_in(client: FlaskClient) -> None:
    page = client.get("/phone").text

    for words in ("省统一身份认证（个人）", "for an organisation", "国家网络身份认证", "National network identity"):
        assert words in page


def test_the_phone_logs_in_by_a_ticket(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    back = "http://sandbox.test/phone/callback"
    app = {"access_key": "k", "secret": "s", "redirect_uris": [back], "flow": "person"}
    client = make_app(onephone_url=onephone.url, ticket_apps={"app": app}).test_client()
    query = urlencode({"appId": "app", "userType": "person", "redirectUri": back, "state": "state-3"})
    there = f"http://sandbox.test/ticket-login/login?{query}"
    onephone.answers["POST", "/v1/logins"] = 201, {"id": "login1", "secret": "own", "authorize_url": there}
    onephone.answers["POST", "/v1/logins/login1/complete"] = 200, TOKENS

    assert client.post("/phone/login", data={"provider": "province"}).location == there
    returned = client.post(f"/ticket-login/login?{query}", data={"person": "li-jianguo"}).location
    assert client.get(returned.removeprefix("http://sandbox.test")).status_code == 303

    started, completed = onephone.calls
    assert started.body == {"provider": "province", "redirect_uri": back}
    assert completed.body["state"] == "state-3" and completed.body["ticket"] and completed.body["secret"] == "own"


@pytest.mark.parametrize("plaintext", [True, False])
def test_the_phone_logs_in_by_the_network_identity(make_app: MakeApp, onephone: FakeOnePhone, plaintext: bool) -> None:
    known = {
        "access_key": "k",
        "secret": "s",
        "app_ids": {"android": "0002"},
        "back": ["http://sandbox.test/phone/callback"],
    }
    app = make_app(onephone_url=onephone.url, network_id_apps={"org": known})
    client, seq = app.test_client(), "a" * 32
    app.extensions["sandbox.memory"].execute(
        "insert into network_id (biz_seq, org_id, mode, plaintext, expires_at) values (?, 'org', 'R02', 1, 9e9)", seq
    )
    sdk = {"orgID": "org", "appIDs": {"android": "0002"}, "bizSeq": seq, "type": 1}
    onephone.answers["POST", "/v1/logins"] = 201, {"id": "login1", "secret": "own", "sdk": sdk}
    onephone.answers["POST", "/v1/logins/login1/complete"] = 200, TOKENS

    form = {"provider": "network-id"} | ({"plaintext": "1"} if plaintext else {})
    there = client.post("/phone/login", data=form).location.removeprefix("http://sandbox.test")
    back = client.post(there, data={"person": "li-jianguo"}).location.removeprefix("http://sandbox.test")
    assert client.get(back).status_code == 303

    started, completed = onephone.calls
    assert started.body == {"provider": "network-id", "plaintext": plaintext}
    assert set(completed.body) == {"secret", "biz_seq", "id_card_auth_data", "cert_pwd_data"}
