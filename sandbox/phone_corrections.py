"""After filing (提交之后) on the demo phone: correct what the department listed, promise, withdraw."""

from typing import Any
from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox.onephone_calls import Refused, call
from sandbox.phone import PAGE, refused
from sandbox.phone_data import session_or_refuse
from sandbox.sessions import ask

ANSWERS = "/answers/"

blueprint = Blueprint("phone_corrections", __name__, url_prefix=f"/{PAGE.name}")
blueprint.register_error_handler(Refused, refused)


def path(submission: str, tail: str = "") -> str:
    return f"/v1/submissions/{quote(submission, safe='')}{tail}"


@blueprint.get("/corrections/<submission>")
def show(submission: str) -> str:
    """What must be corrected, with the words that stand there now."""
    view = ask(session_or_refuse(), lambda token: gather(token, submission))
    return render_template("phone_correction.html", **view)


def gather(token: str, submission: str) -> dict[str, Any]:
    mine = call("GET", path(submission), token)
    asked = call("GET", path(submission, "/progress"), token).get("asked") or {"items": [], "until": None}
    names = [item["pointer"].removeprefix(ANSWERS) for item in asked["items"] if item["pointer"].startswith(ANSWERS)]
    fields = {name: mine["answers"].get(name, "") for name in names}
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    guide = call("GET", f"/v1/services/{quote(mine['service']['code'], safe='')}", token) if texts else {}
    return {"submission": mine, "asked": asked, "fields": texts, "labels": labels_of(guide)}


def labels_of(guide: dict[str, Any]) -> dict[str, str]:
    """What the form calls each of its fields."""
    return {field["field"]: field["label"] for field in guide.get("form", {}).get("layout", []) if "field" in field}


@blueprint.post("/corrections/<submission>")
def correct(submission: str) -> Response:
    """Save what was typed, and file it again when that button was pressed."""
    prefix = "answer:"
    typed = {name.removeprefix(prefix): words for name, words in request.form.items() if name.startswith(prefix)}
    session = session_or_refuse()
    if typed:
        ask(session, lambda token: call("PATCH", path(submission), token, {"answers": typed}))
    if request.form.get("act") == "submit":
        ask(session, lambda token: call("POST", path(submission, "/submit"), token, {}))
        return redirect("/phone", 303)
    return redirect(f"/phone/corrections/{quote(submission, safe='')}", 303)


@blueprint.post("/submissions/<submission>/<any(promise, withdraw):act>")
def take(submission: str, act: str) -> Response:
    body: dict[str, Any] | None = {} if act == "withdraw" else None
    ask(session_or_refuse(), lambda token: call("POST", path(submission, f"/{act}"), token, body))
    return redirect("/phone", 303)
