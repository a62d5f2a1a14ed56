"""Logins of residents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from api.doors import Door
from api.headers import DEVICE
from api.schemas.logins import (
    LoginAnswerSchema,
    LoginSchema,
    LoginStartSchema,
)
from api.schemas.sessions import TokenPairSchema
from app import database
from app.people import identities
from app.people.accounts import IdentityOfSomebodyElse, IdentityTaken
from app.people.callers import Resident
from app.people.code_limits import CodesLimited
from app.people.identity import StepUpRequired
from app.people.mergers import MergeNotPossible
from app.refusals import InvalidContent
from auth import addresses, devices, guards, logins, throttles
from auth.devices import HEADER, DeviceInvalid
from auth.logins import LoginTooWeak
from auth.providers.interface import LoginRefused, ProviderAway, ProviderBusy
from auth.providers.phone import CodeRefused
from auth.providers.wechat import WechatBlocked
from auth.tokens import TokenInvalid, TokenMissing

# What WeChat and one-time codes can be refused for, beside what any login can.
_OF_CODES = (ProviderBusy, WechatBlocked, CodeRefused, CodesLimited)
# What adding a login to an account can be refused for, beside what any login can.
_OF_LINKS = (TokenMissing, TokenInvalid, StepUpRequired, IdentityTaken, IdentityOfSomebodyElse, MergeNotPossible)

door = Door("logins", guards.anyone, "/v1/logins", "Log in at an e-ID provider.")


@door.handles(
    "POST",
    "",
    status=201,
    body=LoginStartSchema,
    answer=LoginSchema,
    refuses=(InvalidContent, ProviderAway, TokenMissing, TokenInvalid, StepUpRequired, CodesLimited),
    throttle=throttles.LOGIN,
)
def start_login(language: str, device: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Begin a login: where to send the person, or what the app needs to go on."""
    linking = _owner() if wish.pop("link") else None
    return logins.start(logins.RESIDENTS, linking=linking, language=language, **wish, **_from())


@door.handles(
    "POST",
    "/<uuid:login_id>/complete",
    body=LoginAnswerSchema,
    answer=TokenPairSchema,
    headers=(DEVICE,),
    refuses=(LoginRefused, LoginTooWeak, ProviderAway, DeviceInvalid, *_OF_CODES, *_OF_LINKS),
    throttle=throttles.LOGIN_ANSWER,
)
def complete_login(language: str, device: str, answer: dict[str, Any], login_id: UUID) -> dict[str, Any]:
    """Finish a login with what the provider sent back; one that was begun with `link` by the session that began it."""
    here = devices.of(request)
    return logins.complete(logins.RESIDENTS, login_id, answer, here, lambda: guards.logged_in(request))


def _owner() -> Resident:
    """Whoever is logged in and may add a login to their account. Raises TokenMissing, TokenInvalid, StepUpRequired."""
    caller = guards.logged_in(request)
    with database.reading() as connection:
        identities.require_owner(connection, caller)
    return caller


def _from() -> dict[str, str]:
    """Where a wish comes from, for limits. What a client is called by its User-Agent it shares with thousands."""
    return {"address": addresses.of(request), "device": request.headers.get(HEADER, "")[:200]}
