"""A resident's phone (手机端演示): plays the app through OnePhone's real API, from the server side.

Everything shown was asked for at this very moment; only the WeChat messages come from the stand-in.
"""

from typing import Any
from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox import wechat, wechat_records
from sandbox.onephone_calls import Refused, call
from sandbox.persons import PERSONS, residents
from sandbox.phone_privacy import unread_general
from sandbox.sessions import Page, ask, begin, end, finish, logged_in
from sandbox.settings import settings
from sandbox.wechat_fields import PROGRESS

PAGE = Page("phone", "/v1/logins")
WAYS = (
    ("province", "省统一身份认证（个人）", "Provincial login, for myself"),
    ("province-organisation", "省统一身份认证（法人）", "Provincial login, for an organisation"),
    ("network-id", "国家网络身份认证", "National network identity"),
)
SHOWN = 10  # submissions whose progress is fetched for the page

blueprint = Blueprint("phone", __name__, url_prefix="/phone")


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> tuple[str, int]:
    """502 when OnePhone said no to this page: its own status belongs to another request."""
    return render_template("refused.html", error=error, back="/phone"), 400 if error.status == 400 else 502


@blueprint.get("")
def show() -> str:
    session = logged_in(PAGE)
    if session is None:
        return render_template("phone_login.html", ways=WAYS, people=residents())
    view = ask(session, gather)
    session = logged_in(PAGE) or session  # The token shown is the one in force after a refresh.
    messages = wechat_records.messages_of(session["person"]) if session["person"] else []
    return render_template(
        "phone.html",
        session=session,
        person=PERSONS.get(session["person"]),
        messages=messages,
        labels=PROGRESS,
        docs=f"{settings().onephone_url}/docs",
        **view,
    )


def gather(token: str) -> dict[str, Any]:
    """Who I am, my submissions with their progress, my inbox, and the general notice until it was read."""
    submissions = call("GET", "/v1/submissions", token).get("items", [])
    for submission in submissions[:SHOWN]:
        if submission.get("reference"):
            path = f"/v1/submissions/{quote(str(submission['id']), safe='')}/progress"
            submission["progress"] = call("GET", path, token)
    return {
        "me": call("GET", "/v1/me", token),
        "unread": unread_general(token),
        "submissions": submissions,
        "inbox": call("GET", "/v1/inbox", token).get("items", []),
    }


@blueprint.post("/login")
def login() -> Response:
    provider = request.form.get("provider", "sandbox")
    return begin(PAGE, provider, request.form.get("plaintext") == "1")


@blueprint.get("/callback")
def callback() -> Response:
    return finish(PAGE)


@blueprint.post("/logout")
def logout() -> Response:
    return end(PAGE)


@blueprint.post("/wechat")
def subscribe() -> Response:
    """A tap on 接收进度通知 in the mini-program: wx.login, one accept, and telling OnePhone of both."""
    session = logged_in(PAGE)
    if session is None or session["person"] is None:
        raise Refused(400, "请先登录 Please log in first")
    wechat.accept(session["person"], 1)
    ask(session, lambda token: bind(token, session["person"]))
    return redirect("/phone", 303)


def bind(token: str, person: str) -> dict[str, Any]:
    """Every try takes a new code: a code works once, even when the access token turns out to be too old."""
    return call("PUT", "/v1/me/wechat", token, {"code": wechat_records.make_code(person), "accepted": ["progress"]})


@blueprint.get("/results/<submission>")
def result(submission: str) -> Response | str:
    """The result: a document opens, data are shown."""
    session = logged_in(PAGE)
    if session is None:
        return redirect("/phone", 303)
    path = f"/v1/submissions/{quote(submission, safe='')}/result"
    found = ask(session, lambda token: call("GET", path, token))
    if found.get("kind") == "document":
        return redirect(found["url"], 303)
    return render_template("phone_result.html", data=found.get("data", {}))
