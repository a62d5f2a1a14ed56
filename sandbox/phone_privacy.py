"""The phone's pages about personal information (我的—个人信息): notices to read, consents to give and take back.

Everything goes through OnePhone's real API: what was read is acknowledged there, and each consent is one tap.
"""

from typing import Any
from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox.onephone_calls import Refused, call
from sandbox.sessions import Page, ask, logged_in

PAGE = Page("phone", "/v1/logins")
GENERAL = "general"

KIND_WORDS = {
    "processing": ("同意处理", "Agree to the processing"),
    "sensitive": ("单独同意处理敏感个人信息", "Agree to sensitive information being used"),
    "sharing": ("单独同意提供给", "Agree to its being given to"),
}

blueprint = Blueprint("phone_privacy", __name__, url_prefix="/phone/privacy")


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> tuple[str, int]:
    return render_template("refused.html", error=error, back="/phone/privacy"), 400 if error.status == 400 else 502


@blueprint.get("")
def show() -> Response | str:
    """Every notice, what was read of it, and every consent."""
    session = logged_in(PAGE)
    if session is None:
        return redirect("/phone", 303)
    view = ask(session, gather)
    return render_template("phone_privacy.html", kinds=KIND_WORDS, **view)


def gather(token: str) -> dict[str, Any]:
    return {
        "notices": call("GET", "/v1/notices?limit=100", token).get("items", []),
        "read": read_versions(token),
        "consents": call("GET", "/v1/consents?limit=100", token).get("items", []),
    }


def read_versions(token: str) -> set[tuple[str, int]]:
    """Which versions of which notices this person was shown."""
    items = call("GET", "/v1/acknowledgements?limit=100", token).get("items", [])
    return {(item["notice"]["code"], item["notice"]["version"]) for item in items}


def unread_general(token: str) -> dict[str, Any] | None:
    """The general notice while its newest version was not read yet."""
    notice = call("GET", f"/v1/notices/{GENERAL}", token)
    return None if (notice["code"], notice["version"]) in read_versions(token) else notice


@blueprint.get("/notices/<code>")
def notice(code: str) -> Response | str:
    """One notice, both languages side by side, with a tap for each consent it asks for."""
    session = logged_in(PAGE)
    if session is None:
        return redirect("/phone", 303)
    told = call("GET", f"/v1/notices/{quote(code, safe='')}")
    view = ask(session, gather)
    standing = {
        (given["notice"]["code"], given["purpose"]["code"], given["kind"]): given["id"]
        for given in view["consents"]
        if given["state"] == "given" and not given["child"]
    }
    is_read = (told["code"], told["version"]) in view["read"]
    return render_template("phone_notice.html", notice=told, is_read=is_read, standing=standing, kinds=KIND_WORDS)


@blueprint.post("/read")
def read() -> Response:
    """已阅读: tell OnePhone which version this person has just seen."""
    code, version = request.form["code"], request.form.get("version", 0, type=int)
    _act("/v1/acknowledgements", {"notices": [{"code": code, "version": version}]})
    return redirect(f"/phone/privacy/notices/{quote(code, safe='')}", 303)


@blueprint.post("/agree")
def agree() -> Response:
    """One consent, one tap."""
    wish = {name: request.form[name] for name in ("notice", "purpose", "kind")}
    _act("/v1/consents", {**wish, "version": request.form.get("version", 0, type=int)})
    return redirect(f"/phone/privacy/notices/{quote(wish['notice'], safe='')}", 303)


@blueprint.post("/withdraw")
def withdraw() -> Response:
    """Taking it back is one tap too."""
    _act(f"/v1/consents/{quote(request.form['id'], safe='')}/withdraw", None)
    return redirect("/phone/privacy", 303)


def _act(path: str, body: dict[str, Any] | None) -> None:
    session = logged_in(PAGE)
    if session is None:
        raise Refused(400, "请先登录 Please log in first")
    ask(session, lambda token: call("POST", path, token, body))
