"""Logins of residents and of staff, and the tokens that keep them in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request

from api.doors import Door, Visit
from api.schemas.logins import (
    LoginAnswerSchema,
    LoginSchema,
    LoginStartSchema,
    RefreshSchema,
    TokenPairSchema,
)
from app.people.code_limits import CodesLimited
from app.refusals import InvalidContent
from auth import guards, logins, sessions
from auth.logins import LoginTooWeak
from auth.providers.interface import LoginRefused, ProviderAway, ProviderBusy
from auth.providers.phone import CodeRefused
from auth.providers.wechat import WechatBlocked
from auth.sessions import RefreshTokenInvalid

door = Door("logins", guards.anyone, "/v1/logins", "Log in at an e-ID provider.")
desk_door = Door("desk_logins", guards.anyone, "/v1/desk/logins", "Staff log in by single sign-on.")
token_door = Door("tokens", guards.anyone, "/v1/tokens", "Keep a session alive.")
desk_session_door = Door("desk_sessions", guards.staff, "/v1/desk/sessions", "Sessions of the member of staff.")
session_door = Door("sessions", guards.residents, "/v1/sessions", "Sessions of the caller.")


@door.handles(
    "POST",
    "",
    status=201,
    body=LoginStartSchema,
    answer=LoginSchema,
    refuses=(InvalidContent, ProviderAway, CodesLimited),
)
def start_login(language: str, device: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Begin a login: where to send the person, or what the app needs to go on."""
    return logins.start(logins.RESIDENTS, language=language, **_named(wish), **_from())


@door.handles(
    "POST",
    "/<uuid:login_id>/complete",
    body=LoginAnswerSchema,
    answer=TokenPairSchema,
    refuses=(LoginRefused, LoginTooWeak, ProviderAway, ProviderBusy, WechatBlocked, CodeRefused, CodesLimited),
)
def complete_login(language: str, device: str, answer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Finish a login with what the provider sent back."""
    return logins.complete(logins.RESIDENTS, login_id, answer, device)


@desk_door.handles(
    "POST", "", status=201, body=LoginStartSchema, answer=LoginSchema, refuses=(InvalidContent, ProviderAway)
)
def start_desk_login(language: str, device: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Begin a staff login: where to send the person."""
    return logins.start(logins.STAFF, language=language, **_named(wish))


@desk_door.handles(
    "POST",
    "/<uuid:login_id>/complete",
    body=LoginAnswerSchema,
    answer=TokenPairSchema,
    refuses=(LoginRefused, LoginTooWeak, ProviderAway),
)
def complete_desk_login(language: str, device: str, answer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Finish a staff login with what the provider sent back."""
    return logins.complete(logins.STAFF, login_id, answer, device)


@token_door.handles("POST", "/refresh", body=RefreshSchema, answer=TokenPairSchema, refuses=(RefreshTokenInvalid,))
def refresh_tokens(language: str, device: str, offer: dict[str, Any]) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; a spent one ends its session."""
    return sessions.rotate(offer["refresh_token"])


@session_door.saves("DELETE", "/current", status=204)
def log_out(visit: Visit) -> None:
    """Log out on this device."""
    sessions.revoke(visit.work, g.caller.session_id)


@desk_session_door.saves("DELETE", "/current", status=204)
def log_out_of_desk(visit: Visit) -> None:
    """Log out at this desk."""
    sessions.revoke(visit.work, visit.caller.session_id)


def _named(wish: dict[str, Any]) -> dict[str, Any]:
    """A wish as `logins.start` takes it."""
    return {("provider_name" if name == "provider" else name): value for name, value in wish.items()}


def _from() -> dict[str, str]:
    """Where a wish comes from, for limits. What a client is called by its User-Agent it shares with thousands."""
    return {"address": request.remote_addr or "", "device": request.headers.get("OnePhone-Device", "")[:200]}
