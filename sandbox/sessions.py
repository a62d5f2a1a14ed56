"""Logins of the two demo pages, /phone and /clerk: the e-ID round trip through OnePhone's API.

The browser only holds random cookies; tokens stay in SQLite. The cookie of a session is bound to the `state` it
started with, so nobody can be walked into somebody else's login; the cookie of the device outlives logins, as the id
does that an app keeps, and OnePhone binds refresh tokens to it.
"""

import hmac
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import g, redirect, request
from werkzeug.wrappers import Response

from sandbox.eid_records import owner_of_code
from sandbox.memory import memory
from sandbox.network_id import owner_of_biz_seq
from sandbox.onephone_calls import Refused, call
from sandbox.persons import Person
from sandbox.settings import settings
from sandbox.ticket_login import owner_of_ticket

SCHEMA = """create table if not exists page_login (
    id text primary key, page text not null, state text not null, login text not null, secret text not null,
    person text, access_token text, refresh_token text);"""

NETWORK_ID = "network-id"
"""The provider that has no page to send anybody to, as sandbox/configuration.py names it."""

_DEVICE = re.compile("[A-Za-z0-9_-]{22,128}")
_A_YEAR = 365 * 86_400

_refreshing = threading.Lock()


class Unfinished(Exception):
    """OnePhone asks staff for one more step before it gives tokens."""

    def __init__(self, step: dict[str, Any], person: str | None) -> None:
        super().__init__("one more step")
        self.step, self.person = step, person


@dataclass(frozen=True)
class Page:
    name: str  # its path and its cookie
    logins: str  # where its logins start in the API


def begin(page: Page, provider: str = "sandbox", plaintext: bool = False) -> Response:
    """Start a login and send the browser to the provider: to its page, or to its app as the SDK would."""
    back = f"{settings().url}/{page.name}/callback"
    wish: dict[str, Any] = {"provider": provider}
    wish |= {"plaintext": plaintext} if provider == NETWORK_ID else {"redirect_uri": back}
    started = call("POST", page.logins, body=wish, device=device(page.name))
    there = started.get("authorize_url") or app_address(started["sdk"], back)
    state = parse_qs(urlsplit(there).query)["state"][0]
    row = (secrets.token_urlsafe(32), page.name, state, started["id"], started["secret"])
    memory().execute("insert into page_login (id, page, state, login, secret) values (?,?,?,?,?)", *row)
    return with_cookie(redirect(there, 303), page, row[0])


def app_address(sdk: dict[str, Any], back: str) -> str:
    """Where the network identity's app is, called as its SDK on an Android phone calls it."""
    asked = {"orgID": sdk["orgID"], "appID": sdk["appIDs"]["android"], "bizSeq": sdk["bizSeq"], "type": sdk["type"]}
    return f"{settings().url}/network-id/app?{urlencode(asked | {'back': back, 'state': secrets.token_urlsafe(32)})}"


def finish(page: Page) -> Response:
    """The browser is back from the provider: change what it brings into tokens, under a new cookie.

    Raises Unfinished.
    """
    session = current(page)
    state = request.args.get("state", "")
    expected = session["state"] if session else ""  # Empty once a login is over.
    if session is None or not expected or not hmac.compare_digest(expected.encode(), state.encode()):
        raise Refused(400, "登录已中断，请重新登录 The login was interrupted, please start again")
    answer, person = brought(request.args)
    if not answer:
        raise Refused(400, "没有登录 Not logged in", request.args.get("error", ""))
    proof = answer | {"secret": session["secret"]}
    tokens = call("POST", f"{page.logins}/{session['login']}/complete", body=proof, device=device(page.name))
    if "access_token" not in tokens:
        memory().execute("delete from page_login where id = ?", session["id"])
        raise Unfinished(tokens, person.staff_number if person else None)
    fresh = secrets.token_urlsafe(32)
    memory().execute(
        "update page_login set id = ?, state = '', secret = '', person = ?, access_token = ?, refresh_token = ?"
        " where id = ?",
        *(fresh, person.key if person else None, tokens["access_token"], tokens.get("refresh_token")),
        session["id"],
    )
    return with_cookie(redirect(f"/{page.name}", 303), page, fresh)


def brought(query: Mapping[str, str]) -> tuple[dict[str, str], Person | None]:
    """What goes to OnePhone of what a provider sent the browser back with, and whom it is about."""
    if "code" in query:
        answer = {"code": query["code"], "state": query["state"], "iss": query.get("iss", "")}
        return answer, owner_of_code(query["code"])
    if "ticketId" in query:
        return {"ticket": query["ticketId"], "state": query["state"]}, owner_of_ticket(query["ticketId"])
    if "idCardAuthData" in query:
        names = {"biz_seq": "bizSeq", "id_card_auth_data": "idCardAuthData", "cert_pwd_data": "certPwdData"}
        answer = {name: query[theirs] for name, theirs in names.items() if theirs in query}
        return answer, owner_of_biz_seq(query["bizSeq"])
    return {}, None


def end(page: Page) -> Response:
    """Log out here and at OnePhone; here it always works."""
    session = logged_in(page)
    if session is not None:
        memory().execute("delete from page_login where id = ?", session["id"])
        # When OnePhone can not be told, the tokens are forgotten on this side and run out on the other.
        with suppress(Refused):
            call("DELETE", page.logins.replace("/logins", "/sessions/current"), session["access_token"])
    gone = redirect(f"/{page.name}", 303)
    gone.delete_cookie(page.name, path=f"/{page.name}")
    return gone


def current(page: Page) -> dict[str, Any] | None:
    cookie = request.cookies.get(page.name, "")
    return memory().row("select * from page_login where id = ? and page = ?", cookie, page.name)


def logged_in(page: Page) -> dict[str, Any] | None:
    session = current(page)
    return session if session and session["access_token"] else None


def with_cookie(response: Response, page: Page, value: str) -> Response:
    # Lax, not Strict: the way back from the provider is a navigation that must carry the cookie.
    response.set_cookie(page.name, value, path=f"/{page.name}", httponly=True, samesite="Lax")
    return with_device(response, page)


def device(page: str) -> str:
    """The id of this browser for a page, by its cookie; a random one for a browser that has none yet."""
    if "device" not in g:
        kept = request.cookies.get(f"{page}-device", "")
        g.device = kept if _DEVICE.fullmatch(kept) else secrets.token_urlsafe(24)
    return str(g.device)


def with_device(response: Response, page: Page) -> Response:
    """The same answer; the browser keeps its id for as long as browsers keep anything."""
    name, place = f"{page.name}-device", f"/{page.name}"
    response.set_cookie(name, device(page.name), max_age=_A_YEAR, path=place, httponly=True, samesite="Lax")
    return response


def ask(session: dict[str, Any], work: Callable[[str], Any]) -> Any:
    """Do some calls with the session's access token; once more with a fresh one when it has run out."""
    try:
        return work(session["access_token"])
    except Refused as refused:
        if refused.status != 401:
            raise
    return work(refresh(session))


def refresh(session: dict[str, Any]) -> str:
    """A new access token. A refresh token works once, so two pages loading together must not both use it."""
    with _refreshing:
        now = memory().row("select * from page_login where id = ?", session["id"])
        if now is None:
            raise Refused(401, "请重新登录 Please log in again")
        if now["access_token"] != session["access_token"]:
            return str(now["access_token"])
        try:
            offer = {"refresh_token": now["refresh_token"]}
            tokens = call("POST", "/v1/tokens/refresh", body=offer, device=device(now["page"]))
        except Refused as refused:
            if refused.status:
                memory().execute("delete from page_login where id = ?", session["id"])
            raise
        memory().execute(
            "update page_login set access_token = ?, refresh_token = ? where id = ?",
            *(tokens["access_token"], tokens["refresh_token"], session["id"]),
        )
        return str(tokens["access_token"])
