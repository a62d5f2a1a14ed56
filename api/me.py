"""The resident's own profile and channels."""

from __future__ import annotations

from typing import Any

from flask import g

from api import guides
from api.doors import Door, Visit
from api.schemas.finding import MySuggestionsSchema, RegionOnlyQuery
from api.schemas.logins import ProfileSchema, WechatBindingSchema, WechatBindSchema
from api.schemas.sessions import ElderModeSchema, ElderModeStateSchema
from app import database
from app.finding import search, suggestions
from app.people import residents
from app.people.identity import StepUpRequired
from app.privacy.guardians import GuardianConsentRequired
from app.privacy.notices import NoticeNotFound
from auth import guards, sessions
from notifications import subscriptions
from notifications.channels import wechat

door = Door("me", guards.residents, "/v1/me", "Myself.")


@door.reads("", answer=ProfileSchema)
def show_me(visit: Visit) -> dict[str, Any]:
    """Who I am, as my e-ID says, with numbers masked."""
    return {**residents.profile(visit.connection, visit.caller.id), "identity_level": visit.caller.level}


@door.saves("PUT", "/elder-mode", body=ElderModeSchema, answer=ElderModeStateSchema)
def set_elder_mode(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Switch elder mode: my logins last longer, on every device."""
    return sessions.set_elder_mode(visit.work, visit.caller, wish["enabled"])


@door.reads("/suggestions", query=RegionOnlyQuery, answer=MySuggestionsSchema)
def suggest_services_to_me(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """What is popular in a region, and what is there for people of my age. Nothing else about me is looked at."""
    around = search.around(visit.connection, query["region"])
    found = {
        "popular": suggestions.popular(visit.connection, around),
        "for_you": suggestions.for_resident(visit.connection, around, visit.caller.id),
    }
    return {name: [guides.listed(one, visit.language) for one in services] for name, services in found.items()}


@door.handles(
    "PUT",
    "/wechat",
    body=WechatBindSchema,
    answer=WechatBindingSchema,
    refuses=(wechat.WechatCodeRefused, wechat.WechatAway, NoticeNotFound, GuardianConsentRequired, StepUpRequired),
)
def bind_wechat(language: str, device: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Tie my WeChat to me, with the messages I just allowed: that is the consent to the notice `wechat-push`."""
    openid = wechat.openid_for(wish["code"])
    with database.work() as work:
        shown = wish["notice_version"]
        return subscriptions.bind(work, g.caller, openid, wish["accepted"], device, shown, language)
