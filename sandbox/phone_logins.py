"""Ways to log in on the phone that send nobody to a page: WeChat, and a code by message or by a call."""

import secrets
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox import wechat_records
from sandbox.memory import memory
from sandbox.onephone_calls import Refused, call
from sandbox.persons import PERSONS, residents
from sandbox.sessions import Page, current, device, with_cookie

PAGE = Page("phone", "/v1/logins")
TRY_AGAIN = ("code_refused",)

blueprint = Blueprint("phone_logins", __name__, url_prefix="/phone/login")


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> tuple[str, int]:
    """502 when OnePhone said no to this page: its own status belongs to another request."""
    return render_template("refused.html", error=error, back="/phone"), 400 if error.status == 400 else 502


@blueprint.post("/wechat")
def by_wechat() -> Response:
    """Opening the mini-program: wx.login, and the phone button where it was tapped too."""
    person = request.form.get("person", "")
    if person not in PERSONS:
        raise Refused(400, "请选择一个人 Please choose a person")
    started = call("POST", PAGE.logins, body={"provider": "wechat"}, device=device(PAGE.name))
    answer = {"secret": started["secret"], "code": wechat_records.make_code(person)}
    if request.form.get("number") == "1":
        answer["phone_code"] = wechat_records.make_phone_code(person)
    tokens = call("POST", f"{PAGE.logins}/{started['id']}/complete", body=answer, device=device(PAGE.name))
    return entered(keep(started, person), tokens)


@blueprint.post("/code")
def by_code() -> Response:
    """Ask a code for a number, and a page to type it on."""
    number = request.form.get("phone", "").strip()
    wish = {"provider": "phone", "phone": number, "voice": request.form.get("voice") == "1"}
    started = call("POST", PAGE.logins, body=wish, device=device(PAGE.name))
    owner = next((person.key for person in residents() if person.phone == number), None)
    shown = render_template("phone_code.html", number=number, voice=wish["voice"], wrong=None, **told(started))
    return with_cookie(Response(shown, mimetype="text/html"), PAGE, keep(started, owner))


@blueprint.post("/code/check")
def check_code() -> Response | str:
    """The code as it was typed; a wrong one can be mended on the same page."""
    login = current(PAGE)
    if login is None or not login["secret"]:
        raise Refused(400, "登录已中断，请重新登录 The login was interrupted, please start again")
    answer = {"secret": login["secret"], "code": request.form.get("code", "").strip() or "-"}
    try:
        tokens = call("POST", f"{PAGE.logins}/{login['login']}/complete", body=answer, device=device(PAGE.name))
    except Refused as wrong:
        if wrong.code not in TRY_AGAIN:
            raise
        number = request.form.get("number", "")
        return render_template("phone_code.html", number=number, voice=False, wrong=wrong, sent_to="", resend_after=60)
    return entered(login["id"], tokens)


def told(started: dict[str, Any]) -> dict[str, Any]:
    return {"sent_to": started.get("sent_to", ""), "resend_after": started.get("resend_after", 60)}


def keep(started: dict[str, Any], person: str | None) -> str:
    """A login under way; the cookie by which the browser is known until it ends."""
    cookie = secrets.token_urlsafe(32)
    memory().execute(
        "insert into page_login (id, page, state, login, secret, person) values (?, ?, '', ?, ?, ?)",
        *(cookie, PAGE.name, started["id"], started["secret"], person),
    )
    return cookie


def entered(cookie: str, tokens: dict[str, Any]) -> Response:
    """Logged in, under a new cookie."""
    fresh = secrets.token_urlsafe(32)
    memory().execute(
        "update page_login set id = ?, secret = '', access_token = ?, refresh_token = ? where id = ?",
        *(fresh, tokens["access_token"], tokens.get("refresh_token"), cookie),
    )
    return with_cookie(redirect("/phone", 303), PAGE, fresh)
