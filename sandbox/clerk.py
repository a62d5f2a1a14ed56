"""A clerk's desk (帮办台演示): finds submissions, masked, and unmasks fields of one, through OnePhone's real API.

What was typed travels in bodies only, from this page as from the API: an address would end in somebody's log.
"""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from sandbox import clerk_logins
from sandbox.onephone_calls import Refused, call
from sandbox.persons import PERSONS
from sandbox.sessions import Page, Unfinished, ask, begin, end, finish, logged_in
from sandbox.settings import settings

PAGE = Page("clerk", "/v1/desk/logins")

SEARCHES = {
    "reference": ("办件编号", "reference"),
    "phone": ("手机号", "phone"),
    "document_number": ("证件号码", "document number"),
    "name": ("姓名", "full name"),
}
REASON_KINDS = {
    "inquiry": ("办事人咨询", "the applicant asked"),
    "handling": ("办理业务", "handling it"),
    "verification": ("核对材料", "checking what was filed"),
    "complaint": ("处理投诉", "answering a complaint"),
    "supervision": ("监督检查", "supervision"),
    "other": ("其他", "other"),
}

blueprint = Blueprint("clerk", __name__, url_prefix="/clerk")


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> tuple[str, int]:
    return render_template("refused.html", error=error, back="/clerk"), 400 if error.status == 400 else 502


@blueprint.get("")
def show() -> str:
    session = logged_in(PAGE)
    if session is None:
        return render_template("clerk_login.html")
    return desk(session, queues=queues_of(session))


def queues_of(session: dict[str, Any]) -> dict[str, Any]:
    """The queues of the clerk's department; nothing for staff who do not handle submissions."""
    with suppress(Refused):
        found: dict[str, Any] = ask(session, lambda token: call("GET", "/v1/desk/queues", token))
        return found
    return {}


@blueprint.post("/next")
def call_next() -> str:
    """叫号: the submission of a queue that waits longest, opened."""
    department, service = quote(typed("department"), safe=""), quote(typed("service"), safe="")
    path = f"/v1/desk/queues/{department}/{service}/next"
    return page_after(lambda token: call("POST", path, token))


@blueprint.post("")
def look_up() -> str:
    """A kind of search, what to search for, and a reason → a masked submission or a list, or why not."""
    by = request.form.get("by", "reference")
    body = {by if by in {*SEARCHES, "submission"} else "reference": typed("term"), **reasons()}
    return page_after(lambda token: call("POST", "/v1/desk/lookups", token, body))


@blueprint.post("/unmask")
def unmask() -> str:
    """Some fields and a reason → the same submission with these fields in plain."""
    path = f"/v1/desk/submissions/{quote(typed('submission'), safe='')}"
    wish = {"fields": request.form.getlist("fields"), **reasons()}

    def work(token: str) -> dict[str, Any]:
        granted = call("POST", f"{path}/unmaskings", token, wish)
        return {"submission": call("GET", path, token), "granted": granted}

    return page_after(work)


@blueprint.post("/again")
def read_again() -> str:
    """The submission that was opened, as it may be seen by now."""
    path = f"/v1/desk/submissions/{quote(typed('submission'), safe='')}"
    return page_after(lambda token: {"submission": call("GET", path, token)})


@blueprint.post("/handle")
def handle() -> str:
    """A submission → what may be done with it now, as forms."""
    return handling_page(lambda token: {})


@blueprint.post("/step")
def step() -> str:
    """A step with what it needs, on the state that the page showed → what stands then."""
    return handling_page(
        lambda token: {"taken": call("POST", steps_path(), token, step_wish(), revision=typed("revision"))}
    )


def steps_path() -> str:
    return f"/v1/desk/submissions/{quote(typed('submission'), safe='')}/steps"


def step_wish() -> dict[str, Any]:
    """The body of a step: whatever was filled in. Each line of `items` is a pointer and words."""
    lines = [line.split(maxsplit=1) for line in typed("items").splitlines() if line.strip()]
    wish: dict[str, Any] = {
        name: typed(name) for name in ("step", "reason", "kind", "until", "document") if typed(name)
    }
    if lines:
        wish["items"] = [{"pointer": line[0], "words": line[1] if len(line) > 1 else ""} for line in lines]
    if typed("days").isdecimal():
        wish["days"] = int(typed("days"))
    return wish


def handling_page(act: Any) -> str:
    """Do something, and show the submission as it stands then; a refusal is told above it."""
    session = logged_in(PAGE)
    if session is None:
        return render_template("clerk_login.html")
    error: Refused | None = None
    done: dict[str, Any] = {}
    try:
        done = ask(session, act)
    except Refused as refusal:
        if refusal.status in (0, 401):
            raise
        error = refusal
    try:
        found = ask(session, lambda token: call("GET", steps_path(), token))
    except Refused as refusal:
        if refusal.status in (0, 401):
            raise
        return desk(session, error=error or refusal)
    return render_template("clerk_steps.html", handled=found, done=done, error=error, form=request.form)


def typed(name: str) -> str:
    return request.form.get(name, "").strip()


def reasons() -> dict[str, str]:
    return {"reason_kind": typed("reason_kind") or "other", "reason": typed("reason")}


def page_after(work: Any) -> str:
    """Do it with the clerk's token, and show what came of it."""
    session = logged_in(PAGE)
    if session is None:
        return render_template("clerk_login.html")
    try:
        found = ask(session, work)
    except Refused as error:
        if error.status in (0, 401):
            raise
        return desk(session, error=error)
    return desk(session, found)


def desk(
    session: dict[str, Any],
    found: dict[str, Any] | None = None,
    error: Refused | None = None,
    queues: dict[str, Any] | None = None,
) -> str:
    return render_template(
        "clerk.html",
        session=logged_in(PAGE) or session,
        person=PERSONS.get(session["person"]),
        found=found or {},
        queues=queues or {},
        error=error,
        searches=SEARCHES,
        reason_kinds=REASON_KINDS,
        form=request.form,
        docs=f"{settings().onephone_url}/docs",
    )


@blueprint.post("/login")
def login() -> Response:
    return begin(PAGE)


@blueprint.get("/callback")
def callback() -> Response:
    try:
        return finish(PAGE)
    except Unfinished as left:
        return clerk_logins.go_on(left.step, left.person or "")


@blueprint.post("/logout")
def logout() -> Response:
    return end(PAGE)
