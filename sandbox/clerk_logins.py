"""The desk's other way in: staff number and password, then a code of the app; step by step, as OnePhone asks.

A step waits under its own random cookie; its ticket stays here. What OnePhone shows once (the secret of an app,
recovery codes) is shown once here too.
"""

import secrets
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from sandbox.memory import memory
from sandbox.onephone_calls import Refused, call
from sandbox.persons import staff
from sandbox.sessions import Page, device, with_cookie, with_device

SCHEMA = """create table if not exists page_step (
    id text primary key, login text not null, ticket text not null, next text not null, number text not null);"""

PAGE = Page("clerk", "/v1/desk/logins")
COOKIE = "clerk-step"

blueprint = Blueprint("clerk_logins", __name__, url_prefix="/clerk")


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> tuple[str, int]:
    return render_template("refused.html", error=error, back="/clerk"), 400 if error.status == 400 else 502


@blueprint.post("/password")
def by_password() -> Response:
    """Staff number and password → the next step."""
    number = request.form.get("staff_number", "").strip()
    offer = {"staff_number": number, "password": request.form.get("password", "")}
    return go_on(call("POST", f"{PAGE.logins}/password", body=offer, device=device(PAGE.name)), number)


@blueprint.post("/login-step")
def take_login_step() -> Response:
    """What the person typed at a step: a code, a recovery code, or a new password."""
    step = memory().row("select * from page_step where id = ?", request.cookies.get(COOKIE, ""))
    if step is None:
        raise Refused(400, "登录已中断，请重新登录 The login was interrupted, please start again")
    return go_on(call("POST", path_of(step), body=offered(step), device=device(PAGE.name)), step["number"])


def path_of(step: dict[str, Any]) -> str:
    acts = {"second_factor": "second-factor", "new_password": "new-password", "enrol": "enrolment/confirm"}
    return f"{PAGE.logins}/{step['login']}/{acts[step['next']]}"


def offered(step: dict[str, Any]) -> dict[str, str]:
    """The ticket, and the one thing that this step is about."""
    typed = request.form.get("typed", "").strip()
    kind = "password" if step["next"] == "new_password" else "totp"
    if step["next"] == "second_factor" and len(typed) > 6:
        kind = "recovery_code"
    return {"ticket": step["ticket"], kind: typed}


def go_on(answer: dict[str, Any], number: str) -> Response:
    """Show the next step, or at the end the desk."""
    memory().execute("delete from page_step where id = ?", request.cookies.get(COOKIE, ""))
    if answer["next"] == "done":
        return enter(answer, number)
    step = (secrets.token_urlsafe(32), answer["id"], answer["ticket"], answer["next"], number)
    memory().execute("insert into page_step (id, login, ticket, next, number) values (?,?,?,?,?)", *step)
    new = {}
    if answer["next"] == "enrol":
        wish = {"ticket": answer["ticket"], "kind": "totp"}
        new = call("POST", f"{PAGE.logins}/{answer['id']}/enrolment", body=wish)["totp"]
    page = Response(render_template("clerk_login_step.html", next=answer["next"], new=new), mimetype="text/html")
    page.set_cookie(COOKIE, step[0], path="/clerk", httponly=True, samesite="Lax")
    return with_device(page, PAGE)


def enter(answer: dict[str, Any], number: str) -> Response:
    """A page session of its own, under a new cookie."""
    person = next((one.key for one in staff() if one.staff_number == number), None)
    fresh = secrets.token_urlsafe(32)
    memory().execute(
        "insert into page_login (id, page, state, login, secret, person, access_token, refresh_token) "
        "values (?,?,'','','',?,?,?)",
        *(fresh, PAGE.name, person, answer["access_token"], answer["refresh_token"]),
    )
    page = render_template("clerk_login_step.html", next="done", codes=answer.get("recovery_codes") or [])
    response = with_cookie(Response(page, mimetype="text/html"), PAGE, fresh)
    response.delete_cookie(COOKIE, path="/clerk")
    return response
