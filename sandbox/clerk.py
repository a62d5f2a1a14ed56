"""A clerk's desk (帮办台演示): looks a submission up through OnePhone's real API, with a reason, masked."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from sandbox.onephone_calls import Refused, call
from sandbox.persons import PERSONS
from sandbox.sessions import Page, ask, begin, end, finish, logged_in
from sandbox.settings import settings

PAGE = Page("clerk", "/v1/desk/logins")

blueprint = Blueprint("clerk", __name__, url_prefix="/clerk")


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> tuple[str, int]:
    return render_template("refused.html", error=error, back="/clerk"), 400 if error.status == 400 else 502


@blueprint.get("")
def show() -> str:
    session = logged_in(PAGE)
    if session is None:
        return render_template("clerk_login.html")
    return desk(session, None)


@blueprint.post("")
def look_up() -> str:
    """A reference and a reason → the masked submission, or why not."""
    session = logged_in(PAGE)
    if session is None:
        return render_template("clerk_login.html")
    body = {name: request.form.get(name, "").strip() for name in ("reference", "reason")}
    try:
        found = ask(session, lambda token: call("POST", "/v1/desk/lookups", token, body))
    except Refused as error:
        if error.status in (0, 401):
            raise
        return desk(session, None, error)
    return desk(session, found.get("submission", {}))


def desk(session: dict[str, str], found: dict[str, object] | None, error: Refused | None = None) -> str:
    return render_template(
        "clerk.html",
        session=logged_in(PAGE) or session,
        person=PERSONS.get(session["person"]),
        found=found,
        error=error,
        docs=f"{settings().onephone_url}/docs",
    )


@blueprint.post("/login")
def login() -> Response:
    return begin(PAGE)


@blueprint.get("/callback")
def callback() -> Response:
    return finish(PAGE)


@blueprint.post("/logout")
def logout() -> Response:
    return end(PAGE)
