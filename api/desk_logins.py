"""Logins of staff: single sign-on, or a password and a second factor, one step after the other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from api.doors import Door
from api.headers import DEVICE
from api.schemas.desk_logins import (
    DeskStepSchema,
    EnrolmentBegunSchema,
    EnrolmentSchema,
    NewFactorSchema,
    NewPasswordSchema,
    PasskeyOptionsSchema,
    SecondFactorSchema,
    StaffPasswordSchema,
    TicketSchema,
    shown,
)
from api.schemas.logins import LoginAnswerSchema, LoginSchema, LoginStartSchema
from app.refusals import InvalidContent
from auth import devices, guards, logins, staff_logins, throttles
from auth.devices import DeviceInvalid
from auth.logins import LoginTooWeak
from auth.providers.interface import LoginRefused, ProviderAway

door = Door("desk_logins", guards.anyone, "/v1/desk/logins", "Staff log in.")


@door.handles(
    "POST",
    "",
    status=201,
    body=LoginStartSchema,
    answer=LoginSchema,
    refuses=(InvalidContent, ProviderAway),
    throttle=throttles.STAFF_LOGIN,
)
def start_desk_login(language: str, device: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Begin a login by single sign-on: where to send the person."""
    if wish.pop("link"):
        raise InvalidContent(errors={"/link": ["Staff have one login each."]})
    return logins.start(logins.STAFF, language=language, **wish)


@door.handles(
    "POST",
    "/<uuid:login_id>/complete",
    body=LoginAnswerSchema,
    answer=DeskStepSchema,
    headers=(DEVICE,),
    refuses=(LoginRefused, LoginTooWeak, ProviderAway, DeviceInvalid),
    throttle=throttles.STAFF_LOGIN,
)
def complete_desk_login(language: str, device: str, answer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Finish single sign-on; who showed the provider one factor only is asked for the second."""
    return logins.complete(logins.STAFF, login_id, answer, devices.of(request))


@door.handles(
    "POST",
    "/password",
    body=StaffPasswordSchema,
    answer=DeskStepSchema,
    headers=(DEVICE,),
    refuses=(
        DeviceInvalid,
        LoginRefused,
    ),
    throttle=throttles.STAFF_PASSWORD,
)
def start_desk_login_by_password(language: str, device: str, offer: dict[str, Any]) -> dict[str, Any]:
    """Begin a login by staff number and password; a second factor always follows."""
    return staff_logins.begin_by_password(offer["staff_number"].strip(), offer["password"], devices.of(request))


@door.handles(
    "POST",
    "/<uuid:login_id>/challenge",
    body=TicketSchema,
    answer=PasskeyOptionsSchema,
    refuses=(LoginRefused,),
    throttle=throttles.STAFF_LOGIN,
)
def challenge_passkey(language: str, device: str, offer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """A challenge for a passkey; it is good for one answer."""
    return staff_logins.challenge(login_id, offer["ticket"])


@door.handles(
    "POST",
    "/<uuid:login_id>/second-factor",
    body=SecondFactorSchema,
    answer=DeskStepSchema,
    headers=(DEVICE,),
    refuses=(
        DeviceInvalid,
        LoginRefused,
    ),
    throttle=throttles.STAFF_SECOND_FACTOR,
)
def show_second_factor(language: str, device: str, offer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Show a code of the app, a passkey's answer, or a recovery code."""
    kind, what = shown(offer)
    return staff_logins.show_second_factor(login_id, offer["ticket"], kind, what, offer["wish"], devices.of(request))


@door.handles(
    "POST",
    "/<uuid:login_id>/new-password",
    body=NewPasswordSchema,
    answer=DeskStepSchema,
    headers=(DEVICE,),
    refuses=(DeviceInvalid, LoginRefused, InvalidContent),
    throttle=throttles.STAFF_SECOND_FACTOR,
)
def set_new_password(language: str, device: str, offer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Put a password of one's own in place of the first one, or of one that is too old."""
    return staff_logins.set_new_password(login_id, offer["ticket"], offer["password"], language, devices.of(request))


@door.handles(
    "POST",
    "/<uuid:login_id>/enrolment",
    body=EnrolmentSchema,
    answer=EnrolmentBegunSchema,
    refuses=(LoginRefused,),
    throttle=throttles.STAFF_LOGIN,
)
def begin_enrolment(language: str, device: str, wish: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Begin to enrol a second factor: the secret for an app, or what an authenticator needs."""
    return staff_logins.begin_enrolment(login_id, wish["ticket"], wish["kind"])


@door.handles(
    "POST",
    "/<uuid:login_id>/enrolment/confirm",
    body=NewFactorSchema,
    answer=DeskStepSchema,
    headers=(DEVICE,),
    refuses=(
        DeviceInvalid,
        LoginRefused,
    ),
    throttle=throttles.STAFF_SECOND_FACTOR,
)
def confirm_enrolment(language: str, device: str, offer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Show that the new factor works; with the first one come recovery codes."""
    kind, what = shown(offer)
    return staff_logins.confirm_enrolment(login_id, offer["ticket"], kind, what, devices.of(request))
