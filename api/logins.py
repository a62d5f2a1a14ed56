"""Logins of residents, and the tokens that keep them in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g

from api.doors import Door, Visit
from api.schemas.logins import (
    LoginAnswerSchema,
    LoginSchema,
    LoginStartSchema,
    RefreshSchema,
    TokenPairSchema,
)
from app.refusals import InvalidContent
from auth import guards, logins, sessions, throttles
from auth.logins import LoginTooWeak
from auth.providers.interface import LoginRefused, ProviderAway
from auth.sessions import RefreshTokenInvalid

door = Door("logins", guards.anyone, "/v1/logins", "Log in at an e-ID provider.")
token_door = Door("tokens", guards.anyone, "/v1/tokens", "Keep a session alive.")
session_door = Door("sessions", guards.residents, "/v1/sessions", "Sessions of the caller.")


@door.handles(
    "POST",
    "",
    status=201,
    body=LoginStartSchema,
    answer=LoginSchema,
    refuses=(InvalidContent, ProviderAway),
    throttle=throttles.LOGIN,
)
def start_login(language: str, device: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Begin a login: where to send the person, or what the app needs to go on."""
    return logins.start(logins.RESIDENTS, language=language, **wish)


@door.handles(
    "POST",
    "/<uuid:login_id>/complete",
    body=LoginAnswerSchema,
    answer=TokenPairSchema,
    refuses=(LoginRefused, LoginTooWeak, ProviderAway),
    throttle=throttles.LOGIN_ANSWER,
)
def complete_login(language: str, device: str, answer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Finish a login with what the provider sent back."""
    return logins.complete(logins.RESIDENTS, login_id, answer, device)


@token_door.handles(
    "POST",
    "/refresh",
    body=RefreshSchema,
    answer=TokenPairSchema,
    refuses=(RefreshTokenInvalid,),
    throttle=throttles.REFRESH,
)
def refresh_tokens(language: str, device: str, offer: dict[str, Any]) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; a spent one ends its session."""
    return sessions.rotate(offer["refresh_token"])


@session_door.saves("DELETE", "/current", status=204)
def log_out(visit: Visit) -> None:
    """Log out on this device."""
    sessions.revoke(visit.work, g.caller.session_id)
