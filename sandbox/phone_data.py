"""My data (我的数据): a copy of everything to take along, and closing the account, on the demo phone."""

from typing import Any
from urllib.parse import quote

import requests
from flask import Blueprint, redirect, render_template
from werkzeug.wrappers import Response

from sandbox.memory import memory
from sandbox.onephone_calls import Refused, call, read_json
from sandbox.phone import PAGE, refused
from sandbox.plain_http import send
from sandbox.sessions import ask, logged_in
from sandbox.settings import settings

PIECE = 64 * 1024  # bytes
TIMEOUT = (2, 60)  # seconds to connect, between two pieces

blueprint = Blueprint("phone_data", __name__, url_prefix="/phone/data")
blueprint.register_error_handler(Refused, refused)


def session_or_refuse() -> dict[str, Any]:
    session = logged_in(PAGE)
    if session is None:
        raise Refused(400, "请先登录 Please log in first")
    return session


@blueprint.get("")
def show() -> str:
    """My copies with their progress, and what closing the account would do."""
    view = ask(session_or_refuse(), gather)
    making = any(copy["state"] == "building" for copy in view["copies"])
    return render_template("phone_data.html", making=making, **view)


def gather(token: str) -> dict[str, Any]:
    return {
        "copies": call("GET", "/v1/copies", token).get("items", []),
        "preview": call("GET", "/v1/erasures/preview", token),
    }


@blueprint.post("/copies")
def ask_copy() -> Response:
    ask(session_or_refuse(), lambda token: call("POST", "/v1/copies", token))
    return redirect("/phone/data", 303)


@blueprint.get("/copies/<copy>")
def fetch_copy(copy: str) -> Response:
    """Pass the archive on, piece by piece: the token stays on this side."""
    answer = ask(session_or_refuse(), lambda token: opened(copy, token))
    passed = ("Content-Length", "Content-Disposition")
    headers = {name: answer.headers[name] for name in passed if name in answer.headers}
    return Response(answer.iter_content(PIECE), 200, headers, mimetype="application/zip")


def opened(copy: str, token: str) -> requests.Response:
    url = f"{settings().onephone_url}/v1/copies/{quote(copy, safe='')}/archive"
    try:
        answer = send("GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT, stream=True)
    except requests.RequestException as error:
        raise Refused(0, "一部手机办事通没有回应 OnePhone does not answer") from error
    if not answer.ok:
        content = read_json(answer)
        title = str(content.get("title") or answer.status_code)
        raise Refused(answer.status_code, title, str(content.get("detail") or ""))
    return answer


@blueprint.post("/erasure")
def erase() -> str:
    """Close the account: the receipt is all that is left, on this page only."""
    session = session_or_refuse()
    receipt = ask(session, lambda token: call("POST", "/v1/erasures", token))
    memory().execute("delete from page_login where id = ?", session["id"])
    return render_template("phone_erased.html", receipt=receipt)
