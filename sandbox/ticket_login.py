"""A provincial login that is no OIDC (domain-facts §2.2, example B): a page, a ticket, and calls signed by HMAC.

GET  /ticket-login/login                  → the page; back to redirectUri with ticketId and state
POST /ticket-login/uc/sso/access_token    {"ticketId", "appId"} → {"success", "data": {"accessToken"}}
POST /ticket-login/uc/sso/getUserInfo     {"token", "appId"} → {"success", "data": {"personInfo", "legalInfo"?}}

Natural persons and legal persons have applications of their own. A ticket and a token are good for one use, by the
application they were made for; a request that is not signed well gets 401.
"""

import secrets
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, render_template, request

from sandbox.memory import memory
from sandbox.organisations import ORGANISATIONS, Organisation
from sandbox.persons import PERSONS, Person, residents
from sandbox.settings import settings
from sandbox.signed_calls import Unsigned, signer
from sandbox.switches import obeys

PART = "ticket-login"
TICKET_LIFE = 120  # seconds
CHINA = timezone(timedelta(hours=8))
RESIDENT_ID_CARD = "1"  # `paperstype` of the province
WAYS = {"1": "密码 password", "2": "密码 + 短信 password + SMS", "3": "人脸 face"}

SCHEMA = """create table if not exists ticket (
    ticket text primary key, kind text not null, app_id text not null, person text not null, organisation text,
    level text not null, login_time text not null, expires_at real not null, used integer not null default 0);"""

blueprint = Blueprint("ticket_login", __name__, url_prefix="/ticket-login")


@blueprint.errorhandler(Unsigned)
def unsigned(error: Unsigned) -> tuple[Response, int]:
    return jsonify(success=False, errorCode="401", errorMsg=str(error)), 401


@blueprint.route("/login", methods=["GET", "POST"])
@obeys(PART)
def login() -> Any:
    """GET shows the people to be; POST person=<key> (organisation, level) goes back with a ticket."""
    app = settings().ticket_apps.get(request.args.get("appId", ""))
    back = request.args.get("redirectUri", "")
    if app is None or back not in app["redirect_uris"] or request.args.get("userType") != app["flow"]:
        detail = "appId, userType, redirectUri 必须与登记一致 must be as registered"
        return render_template("eid_error.html", error="invalid_request", detail=detail), 400
    if request.method == "GET":
        return page(app)
    person = request.form.get("person", "")
    if person == "deny":
        return redirect(f"{back}?{urlencode({'errorCode': 'cancelled', 'state': request.args.get('state', '')})}", 302)
    person, _, organisation = person.partition(" ")
    if person not in PERSONS or bool(organisation) != (app["flow"] == "organisation"):
        return page(app), 400
    if organisation and person not in getattr(ORGANISATIONS.get(organisation), "people", {}):
        return page(app), 400
    ticket = keep("ticket", request.args["appId"], person, organisation or None, chosen_level(PERSONS[person]))
    return redirect(f"{back}?{urlencode({'ticketId': ticket, 'state': request.args.get('state', '')})}", 302)


def page(app: dict[str, Any]) -> str:
    choices = [(person, None) for person in residents()]
    if app["flow"] == "organisation":
        choices = [(PERSONS[key], one) for one in ORGANISATIONS.values() for key in one.people]  # type: ignore[misc]
    wanted = request.args.get("authLevel")
    return render_template("ticket_login.html", choices=choices, flow=app["flow"], wanted=wanted, ways=WAYS)


def chosen_level(person: Person) -> str:
    """What was picked on the page, else what was asked for, else the person's usual one; 3 is the highest here."""
    for level in (request.form.get("level"), request.args.get("authLevel")):
        if level in WAYS:
            return level
    return str(min(person.level, 3))


@blueprint.post("/uc/sso/access_token")
@obeys(PART)
def access_token() -> Response:
    asked = signed()
    row = take("ticket", str(asked.get("ticketId", "")), asked["appId"])
    if row is None:
        return refused("ticket invalid, used or expired")
    token = keep("token", *(row[name] for name in ("app_id", "person", "organisation", "level", "login_time")))
    return jsonify(success=True, data={"accessToken": token, "expiresIn": TICKET_LIFE})


@blueprint.post("/uc/sso/getUserInfo")
@obeys(PART)
def user_info() -> Response:
    asked = signed()
    row = take("token", str(asked.get("token", "")), asked["appId"])
    if row is None:
        return refused("token invalid, used or expired")
    data: dict[str, Any] = {"personInfo": about(PERSONS[row["person"]], row)}
    if row["organisation"]:
        data["legalInfo"] = legal(ORGANISATIONS[row["organisation"]], row["person"])
    return jsonify(success=True, data=data)


def about(person: Person, row: dict[str, Any]) -> dict[str, Any]:
    """`userId` says nothing about the person, and is another one for each application."""
    return {
        "userId": memory().pseudonym("ticket.user", row["app_id"], person.key).hex()[:32],
        "userName": person.name,
        "paperstype": RESIDENT_ID_CARD,
        "idNo": person.document_number,
        "phone": person.phone,
        "authLevel": row["level"],
        "loginTime": row["login_time"],
    }


def legal(organisation: Organisation, person: str) -> dict[str, Any]:
    return {
        "corpName": organisation.name,
        "uniscId": organisation.credit_code,
        "role": organisation.people[person],
    }


def signed() -> dict[str, Any]:
    """The body of a request that its own application signed. Raises Unsigned."""
    asked = request.get_json(silent=True)
    app_id = asked.get("appId") if isinstance(asked, dict) else None
    app = settings().ticket_apps.get(app_id) if isinstance(app_id, str) else None
    if app is None:
        raise Unsigned("unknown application")
    signer(request, {app["access_key"]: app["secret"]})
    return dict(asked or {})


def refused(words: str) -> Response:
    return jsonify(success=False, errorCode="E1001", errorMsg=words)


def keep(
    kind: str, app_id: str, person: str, organisation: str | None, level: str, login_time: str | None = None
) -> str:
    """A new ticket or token, and what it stands for."""
    made = secrets.token_urlsafe(24)
    at = login_time or f"{datetime.now(UTC).astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
    row = (made, kind, app_id, person, organisation, level, at, time.time() + TICKET_LIFE)
    memory().execute("insert into ticket values (?,?,?,?,?,?,?,?,0)", *row)
    return made


def take(kind: str, ticket: str, app_id: str) -> dict[str, Any] | None:
    """Use one up: it works once, for its own application, while fresh."""
    with memory().change() as db:
        found = db.execute(
            "update ticket set used = 1 where ticket = ? and kind = ? and app_id = ? and used = 0 and expires_at > ?"
            " returning *",
            (ticket, kind, app_id, time.time()),
        ).fetchone()
    return dict(found) if found else None


def owner_of_ticket(ticket: str) -> Person | None:
    """Whom a ticket was given to. Only for the demo phone, which plays this very person."""
    row = memory().row("select person from ticket where ticket = ?", ticket)
    return PERSONS.get(row["person"]) if row else None
