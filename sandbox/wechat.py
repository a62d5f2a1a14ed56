"""WeChat's server API (api.weixin.qq.com) and the phone's side of it.

Answers are HTTP 200 and judged by errcode; a success of jscode2session has none at all, and its Content-Type
is text/plain, as on the real thing. Every error carries a `rid` in errmsg.
"""

import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox import wechat_records as records
from sandbox.memory import memory
from sandbox.persons import PERSONS
from sandbox.settings import settings
from sandbox.switches import dawdle, misbehave, obeys, read_switch
from sandbox.wechat_fields import first_bad_field
from sandbox.wechat_push import SHAPES, push, push_later

PART = "wechat"
SEND_TAKES = 0.02  # seconds; long enough that two calls at once for one openid are seen as such

blueprint = Blueprint("wechat", __name__, url_prefix="/wechat")
_busy_openids: set[str] = set()
_busy_lock = threading.Lock()


def answer(body: dict[str, Any], mimetype: str = "application/json") -> Response:
    return Response(json.dumps(body, ensure_ascii=False), 200, mimetype=mimetype)


def error(errcode: int, errmsg: str) -> Response:
    rid = f"{int(time.time()):x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    return answer({"errcode": errcode, "errmsg": f"{errmsg}, rid: {rid}"})


def credentials_error(app_id: object, secret: object) -> Response | None:
    if not app_id:
        return error(41002, "appid missing")
    if not secret:
        return error(41004, "appsecret missing")
    if app_id != settings().wechat_app_id:
        return error(40013, "invalid appid")
    if not hmac.compare_digest(str(secret).encode(), settings().wechat_app_secret.encode()):
        return error(40125, "invalid appsecret")
    return None


def busy() -> Response | None:
    """errcode -1 in the extra mode `busy`, WeChat's word for: try again later."""
    return error(-1, "system error") if read_switch(memory(), PART)["mode"] == "busy" else None


def limited() -> Response | None:
    """The extra modes of logins: `limited` is 45011, `blocked` is 40226."""
    mode = read_switch(memory(), PART)["mode"]
    if mode == "limited":
        return error(45011, "api minute-quota reach limit, must slower, retry next minute")
    return error(40226, "code blocked") if mode == "blocked" else None


@blueprint.get("/sns/jscode2session")
@obeys(PART)
def code_to_session() -> Response:
    """WeChat code2Session: {"openid", "session_key"}; 40163 for a used code, 40029 for a wrong or old one."""
    asked = request.args
    if refusal := busy() or credentials_error(asked.get("appid"), asked.get("secret")) or limited():
        return refusal
    if asked.get("grant_type") != "authorization_code":
        return error(40002, "invalid grant_type")
    if not asked.get("js_code"):
        return error(41008, "missing code")
    person, used = records.take_code(asked["js_code"])
    if person is None:
        return error(40029, "invalid code")
    if used:
        return error(40163, "code been used")
    session = {"openid": records.openid_of(person), "session_key": secrets.token_urlsafe(16) + "=="}
    return answer(session, "text/plain")


@blueprint.post("/cgi-bin/stable_token")
@obeys(PART)
def stable_token() -> Response:
    """WeChat getStableAccessToken: {"access_token", "expires_in"}."""
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        return error(47001, "data format error")
    if refusal := busy() or credentials_error(body.get("appid"), body.get("secret")):
        return refusal
    if body.get("grant_type") != "client_credential":
        return error(40002, "invalid grant_type")
    made = records.stable_token(body.get("force_refresh") is True)
    if made == "too_soon":
        return error(45011, "api minute-quota reach limit, must slower, retry next minute")
    if isinstance(made, str):
        return error(45009, "reach max api daily quota limit")
    return answer({"access_token": made[0], "expires_in": made[1]})


@blueprint.post("/wxa/business/getuserphonenumber")
@obeys(PART)
def phone_number() -> Response:
    """WeChat getPhoneNumber: {"phone_info"}. A code that another openid's phone made is an invalid one."""
    if refusal := busy() or token_error(request.args.get("access_token", "")) or limited():
        return refusal
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict) or not isinstance(body.get("code"), str):
        return error(47001, "data format error")
    person, used = records.take_phone_code(body["code"])
    if person is None or ("openid" in body and body["openid"] != records.openid_of(person)):
        return error(40029, "invalid code")
    if used:
        return error(40163, "code been used")
    return answer({"errcode": 0, "errmsg": "ok", "phone_info": phone_info(person)})


def phone_info(person: str) -> dict[str, Any]:
    """The country code is documented as a string and shown as a number, so it comes as either."""
    number = PERSONS[person].phone
    return {
        "phoneNumber": number,
        "purePhoneNumber": number,
        "countryCode": "86" if int(number[-1]) % 2 else 86,
        "watermark": {"timestamp": int(time.time()), "appid": settings().wechat_app_id},
    }


@blueprint.post("/cgi-bin/message/subscribe/send")
def send() -> Response:
    """WeChat subscribeMessage.send: {"errcode": 0, "errmsg": "ok", "msgid"} or one of its errors."""
    if refusal := misbehave(PART) or busy() or token_error(request.args.get("access_token", "")):
        return refusal
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        return error(47001, "data format error")
    person = records.person_of(body.get("touser"))
    if person is None:
        return error(40003, "invalid openid")
    with one_at_a_time(body["touser"]) as alone:
        if not alone:
            return error(43108, "Cannot make concurrent calls to the same OpenID, please try again")
        dawdle(PART)
        time.sleep(SEND_TAKES)
        return send_to(person, body)


def send_to(person: str, body: dict[str, Any]) -> Response:
    if body.get("template_id") != settings().wechat_template:
        return error(40037, "invalid template_id")
    if bad := first_bad_field(body.get("data")) or first_bad_option(body):
        return error(47003, f"argument invalid! {bad} invalid")
    msgid = records.deliver(person, body["template_id"], body.get("page"), body["data"])
    if msgid is None:
        return error(43101, "user refuse to accept the msg")
    outcome = {"TemplateId": body["template_id"], "MsgID": str(msgid), "ErrorCode": "0", "ErrorStatus": "success"}
    push_later(body["touser"], "subscribe_msg_sent_event", [outcome], "xml")
    return answer({"errcode": 0, "errmsg": "ok", "msgid": msgid})


def token_error(token: str) -> Response | None:
    if not token:
        return error(41001, "access_token missing")
    state = records.token_state(token)
    if state == "expired":
        return error(42001, "access_token expired")
    return None if state == "valid" else error(40001, "invalid credential, access_token is invalid or not latest")


def first_bad_option(body: dict[str, Any]) -> str | None:
    if body.get("miniprogram_state", "formal") not in ("developer", "trial", "formal"):
        return "miniprogram_state"
    if body.get("lang", "zh_CN") not in ("zh_CN", "en_US", "zh_HK", "zh_TW"):
        return "lang"
    return None if isinstance(body.get("page", ""), str) else "page"


@contextmanager
def one_at_a_time(openid: str) -> Iterator[bool]:
    """False for the second of two calls at once to the same openid."""
    with _busy_lock:
        alone = openid not in _busy_openids
        _busy_openids.add(openid)
    try:
        yield alone
    finally:
        if alone:
            with _busy_lock:
                _busy_openids.discard(openid)


@blueprint.post("/phone/login")
def phone_login() -> tuple[Response, int]:
    """wx.login of a person's phone: {"person"} → {"code"}."""
    person = asked_person(request.get_json(silent=True))
    return (jsonify(code=records.make_code(person)), 200) if person else (jsonify(error="unknown_person"), 404)


@blueprint.post("/phone/number")
def phone_button() -> tuple[Response, int]:
    """A tap on the phone button (open-type="getPhoneNumber"): {"person"} → {"code"}."""
    person = asked_person(request.get_json(silent=True))
    return (jsonify(code=records.make_phone_code(person)), 200) if person else (jsonify(error="unknown_person"), 404)


@blueprint.get("/phone/template")
def phone_template() -> Response:
    """The template that the mini-program asks its user to allow: {"template_id"}."""
    return jsonify(template_id=settings().wechat_template)


@blueprint.post("/phone/accept")
def phone_accept() -> tuple[Response, int]:
    """wx.requestSubscribeMessage accepted: {"person", "template_id", "times"} → {"credits"}, which add up."""
    body: Any = request.get_json(silent=True)
    person = asked_person(body)
    if person is None:
        return jsonify(error="unknown_person"), 404
    times = body.get("times", 1)
    if body.get("template_id") != settings().wechat_template or type(times) is not int or not 0 < times <= 1000:
        return jsonify(error="bad_request"), 400
    if body.get("shape", "json") not in SHAPES:
        return jsonify(error="bad_request"), 400
    return jsonify(credits=accept(person, times, body.get("shape", "json"))), 200


def accept(person: str, times: int, shape: str = "json") -> int:
    """Taps on 允许: credits, and the event about each of the last three taps."""
    template = settings().wechat_template
    credits = records.add_credits(person, template, times)
    entry = {"TemplateId": template, "SubscribeStatusString": "accept", "PopupScene": "2"}
    for _ in range(min(times, 3)):
        push(records.openid_of(person), "subscribe_msg_popup_event", [entry], shape)
    return credits


@blueprint.post("/phone/cancel")
def phone_cancel() -> tuple[Response, int]:
    """Messages switched off in the mini-program's settings: {"person"} → {"credits": 0}, told by an event."""
    body: Any = request.get_json(silent=True)
    person = asked_person(body)
    if person is None:
        return jsonify(error="unknown_person"), 404
    records.clear_credits(person)
    entry = {"TemplateId": settings().wechat_template, "SubscribeStatusString": "reject"}
    shape = "xml" if body.get("shape") == "xml" else "json"
    push(records.openid_of(person), "subscribe_msg_change_event", [entry], shape)
    return jsonify(credits=0), 200


@blueprint.get("/phone/messages")
def phone_messages() -> tuple[Response, int]:
    """What the person's WeChat received, oldest first."""
    person = asked_person(request.args)
    return (jsonify(items=records.messages_of(person)), 200) if person else (jsonify(error="unknown_person"), 404)


def asked_person(asked: Any) -> str | None:
    key = asked.get("person") if hasattr(asked, "get") else None
    return key if isinstance(key, str) and key in PERSONS else None
