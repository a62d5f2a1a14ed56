"""Sessions: the tokens that keep somebody in, the devices that are logged in, and the history of sign-ins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.headers import DEVICE
from api.paging import PageQuery, after_id, page
from api.schemas.sessions import (
    ActingForSchema,
    ActingSchema,
    LoggedOutSchema,
    RefreshSchema,
    SessionListSchema,
    SignInPageSchema,
    TokenPairSchema,
)
from app.people import sign_ins
from app.people.identity import StepUpRequired
from app.people.organisations import OrganisationNotFound
from auth import acting, devices, guards, rotations, sessions, throttles
from auth.devices import DeviceInvalid
from auth.rotations import RefreshTokenInvalid
from auth.sessions import SessionNotFound

token_door = Door("tokens", guards.anyone, "/v1/tokens", "Keep a session alive.")
door = Door("sessions", guards.residents, "/v1/sessions", "The devices I am logged in on.")
sign_in_door = Door("sign_ins", guards.residents, "/v1/sign-ins", "Who came in under my name, or tried.")
desk_door = Door("desk_sessions", guards.staff, "/v1/desk/sessions", "Sessions of the member of staff.")


@token_door.handles(
    "POST",
    "/refresh",
    body=RefreshSchema,
    answer=TokenPairSchema,
    headers=(DEVICE,),
    refuses=(RefreshTokenInvalid, DeviceInvalid),
    throttle=throttles.REFRESH,
)
def refresh_tokens(language: str, device: str, offer: dict[str, Any]) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; a copied one ends its session. The same device may ask again within 30
    seconds when the answer was lost, and gets the same refresh token."""
    return rotations.rotate(offer["refresh_token"], devices.of(request))


@door.reads("", answer=SessionListSchema)
def list_sessions(visit: Visit) -> dict[str, Any]:
    """The devices that are logged in, the one used last first."""
    return {"items": sessions.listing(visit.connection, visit.caller)}


@door.saves("DELETE", "", answer=LoggedOutSchema)
def log_out_others(visit: Visit) -> dict[str, Any]:
    """Log out everywhere but here: one tap makes a stolen phone harmless."""
    return {"count": sessions.end_others(visit.work, visit.caller)}


@door.saves(
    "POST",
    "/acting-for",
    body=ActingForSchema,
    answer=ActingSchema,
    refuses=(StepUpRequired, OrganisationNotFound, SessionNotFound),
)
def choose_organisation(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Act for one of my organisations in this session, or for myself again; a new access token says so."""
    return acting.choose(visit.work, visit.caller, wish["organisation"])


@door.saves("DELETE", "/current", status=204)
def log_out(visit: Visit) -> None:
    """Log out on this device."""
    sessions.revoke(visit.work, visit.caller.session_id)


@door.saves("DELETE", "/<uuid:session_id>", status=204, refuses=(SessionNotFound,))
def log_out_device(visit: Visit, session_id: UUID) -> None:
    """Log out one of my devices: the login that is named, and every other one of the same `OnePhone-Device`."""
    sessions.end(visit.work, visit.caller, session_id)


@sign_in_door.reads("", query=PageQuery, answer=SignInPageSchema, refuses=(CursorInvalid,))
def list_sign_ins(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """My sign-ins of six months, those that were refused too, newest first."""
    before, limit = after_id(query["cursor"]), query["limit"]
    return page(sign_ins.listing(visit.connection, visit.caller, before, limit + 1), limit, "id")


@desk_door.saves("DELETE", "/current", status=204)
def log_out_of_desk(visit: Visit) -> None:
    """Log out at this desk."""
    sessions.revoke(visit.work, visit.caller.session_id)
