"""A carrier of messages and calls (短信、语音), and what the phones of the sandbox got from it.

POST /sms/v1/messages, signed by HMAC-SHA256 over method, path, time, nonce and the body's hash → {"status":
"accepted", "receipt"}; a known message_id is accepted again and delivered once, unless the switch says `duplicate`.
Errors: 401 access_key_unknown, timestamp_stale, nonce_reused, signature_invalid; 422 number_invalid,
template_unknown, parameters_invalid; 429 daily_limit.
GET /sms/inbox?to=… shows what a number got, as a page, and as JSON to who accepts that.
"""

import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from sandbox.memory import memory
from sandbox.persons import residents
from sandbox.settings import settings
from sandbox.switches import dawdle, misbehave, read_switch

PART = "sms"
SIGN = "一部手机"
SMS_TEMPLATE, VOICE_TEMPLATE = "SMS_LOGIN_CODE", "TTS_LOGIN_CODE"
PER_DAY = 40  # to one number; a real carrier allows fewer, but a demo is tried often
TIME_MAY_DIFFER = 300  # seconds
MOBILE = re.compile(r"1[3-9][0-9]{9}")
CODE = re.compile(r"[0-9]{4,8}")
MINUTES = re.compile(r"[1-9][0-9]?")

SCHEMA = """
create table if not exists sms_message (
    place integer primary key, message_id text not null, to_number text not null, kind text not null,
    text text not null, receipt text not null, at text not null, sent_at real not null);
create index if not exists sms_by_number on sms_message (to_number, sent_at);
create table if not exists sms_nonce (nonce text primary key, at real not null);
"""

blueprint = Blueprint("sms", __name__, url_prefix="/sms")


def error(status: int, word: str) -> tuple[Response, int]:
    return jsonify(error=word), status


@blueprint.post("/v1/messages")
def take_message() -> Response | tuple[Response, int]:
    """Deliver one message; everything about it is checked first."""
    if misbehaviour := misbehave(PART):
        return misbehaviour
    if refusal := badly_signed():
        return error(401, refusal)
    dawdle(PART)
    body: Any = request.get_json(silent=True, force=True)
    if refusal := wrong_with(body):
        return error(422, refusal)
    receipt = deliver(body)
    return error(429, "daily_limit") if receipt is None else jsonify(status="accepted", receipt=receipt)


def badly_signed() -> str | None:
    """Why the signature does not hold, or None."""
    headers = request.headers
    if headers.get("X-Access-Key") != settings().sms_access_key or not settings().sms_secret_key:
        return "access_key_unknown"
    timestamp, nonce = headers.get("X-Timestamp", ""), headers.get("X-Nonce", "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > TIME_MAY_DIFFER:
        return "timestamp_stale"
    text = "\n".join(("POST", request.path, timestamp, nonce, hashlib.sha256(request.get_data()).hexdigest()))
    expected = base64.b64encode(hmac.digest(settings().sms_secret_key.encode(), text.encode(), "sha256"))
    if not hmac.compare_digest(expected, headers.get("X-Signature", "").encode(errors="replace")):
        return "signature_invalid"
    return None if 16 <= len(nonce) <= 64 and note_nonce(nonce) else "nonce_reused"


def note_nonce(nonce: str) -> bool:
    with memory().change() as db:
        db.execute("delete from sms_nonce where at < ?", (time.time() - 2 * TIME_MAY_DIFFER,))
        return db.execute("insert or ignore into sms_nonce values (?, ?)", (nonce, time.time())).rowcount == 1


def wrong_with(body: Any) -> str | None:
    if not isinstance(body, dict) or not isinstance(body.get("message_id"), str) or not body["message_id"]:
        return "parameters_invalid"
    templates = {"sms": SMS_TEMPLATE, "voice": VOICE_TEMPLATE}
    if body.get("template") != templates.get(str(body.get("kind"))) or body.get("sign") != SIGN:
        return "template_unknown"
    if not isinstance(body.get("to"), str) or not MOBILE.fullmatch(body["to"]):
        return "number_invalid"
    given = body.get("parameters")
    if not isinstance(given, dict) or set(given) != {"code", "minutes"}:
        return "parameters_invalid"
    shapes = ((CODE, given["code"]), (MINUTES, given["minutes"]))
    whole = all(isinstance(value, str) and shape.fullmatch(value) for shape, value in shapes)
    return None if whole else "parameters_invalid"


def deliver(body: dict[str, Any]) -> str | None:
    """Keep it for the phone, once for each message_id; its receipt, or None when the number had enough today."""
    with memory().change() as db:
        known = db.execute("select receipt from sms_message where message_id = ?", (body["message_id"],)).fetchone()
        if known is not None:
            return str(known["receipt"])
        since = time.time() - 86400
        of_today = "select count(*) as n from sms_message where to_number = ? and sent_at > ?"
        if db.execute(of_today, (body["to"], since)).fetchone()["n"] >= PER_DAY:
            return None
        receipt = f"R{time.time_ns()}"
        at = datetime.now(UTC).isoformat(timespec="seconds")
        row = (body["message_id"], body["to"], body["kind"], wording(body), receipt, at, time.time())
        for _ in range(2 if read_switch(memory(), PART)["mode"] == "duplicate" else 1):
            db.execute(
                "insert into sms_message (message_id, to_number, kind, text, receipt, at, sent_at)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        return receipt


def wording(body: dict[str, Any]) -> str:
    """What the phone shows, or what the voice says: digit by digit and twice."""
    code, minutes = body["parameters"]["code"], body["parameters"]["minutes"]
    if body["kind"] == "voice":
        slowly = "，".join(code)
        return (
            f"您好，您的登录验证码是：{slowly}。再说一遍：{slowly}。请不要告诉任何人。 Your code is {' '.join(code)}."
        )
    return (
        f"【{SIGN}】登录验证码{code}，{minutes}分钟内有效。工作人员不会向您索要验证码，请勿告诉他人。"
        f" Your login code is {code}, good for {minutes} minutes. Never tell it to anybody."
    )


def messages_to(number: str) -> list[dict[str, Any]]:
    """What a number got, newest first: {"kind", "text", "at"}."""
    sql = "select kind, text, at from sms_message where to_number = ? order by place desc limit 20"
    return memory().rows(sql, number)


@blueprint.get("/inbox")
def inbox() -> str | Response:
    """The messages and calls of one of the sandbox's phones."""
    number = request.args.get("to", "")
    found = messages_to(number)
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return jsonify(items=found)
    return render_template("sms.html", number=number, messages=found, people=residents())


def count_messages() -> int:
    row = memory().row("select count(*) as n from sms_message")
    return int(row["n"]) if row else 0
