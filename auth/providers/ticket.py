"""Provincial logins that are no OIDC: a ticket, and calls with an HMAC (domain-facts §2.2, example B).

The person comes back from the provincial page with a `ticketId`. It buys an access token once, which buys what the
province knows of them; both calls are signed, and only the second answer is believed. Natural persons and legal
persons (法人) log in by flows of their own, so each is a provider of its own here, by `flow`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from app.clock import CHINA
from app.people.identities import HANDLER, LEGAL_REPRESENTATIVE, ORGANISATION, PERSON
from auth.providers import options
from auth.providers.interface import Handshake, LoginRefused, Proof, ProviderAway, ProviderMisconfigured, Wish
from auth.providers.redirects import brought, check_state, registered
from auth.providers.signed_calls import SignedCalls

DOCUMENT_TYPES = {"1": "111", "3": "516", "4": "511", "5": "553"}
"""The province's `paperstype` to GA/T 2000.156: ID card, HK/Macau permit, Taiwan permit, foreign PR card."""

_ROLES = {"1": LEGAL_REPRESENTATIVE, "2": HANDLER}


@dataclass
class TicketProvider:
    """One province as configured. `levels` maps its `authlevel` to our scale; the two hosts may differ, because the
    page is on the internet and the calls may go over the government network."""

    login_url: str
    api_url: str
    app_id: str
    access_key: str
    secret_key: str = field(repr=False)
    redirect_uris: list[str]
    levels: dict[str, int]
    flow: str = PERSON
    document_types: dict[str, str] = field(default_factory=lambda: dict(DOCUMENT_TYPES))
    protocol: str = "ticket"
    _calls: SignedCalls = field(init=False, repr=False)

    def __post_init__(self) -> None:
        options.require_address(login_url=self.login_url, api_url=self.api_url)
        options.require_text(app_id=self.app_id, access_key=self.access_key, secret_key=self.secret_key)
        options.require_redirect_uris(self.redirect_uris)
        options.require_levels(self.levels)
        options.require_words(document_types=self.document_types)
        if self.flow not in (PERSON, ORGANISATION):
            raise ProviderMisconfigured(f"flow is to be {PERSON} or {ORGANISATION}")
        self._calls = SignedCalls(self.access_key, self.secret_key)

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """The province's own page, with `state` so that its answer belongs to this login and no other."""
        asked = {
            "appId": self.app_id,
            "userType": self.flow,
            "redirectUri": registered(wish, self.redirect_uris),
            "state": handshake.state,
        }
        enough = sorted((level, word) for word, level in self.levels.items() if wish.level and level >= wish.level)
        if enough:
            asked["authLevel"] = enough[0][1]
        if wish.max_age is not None:
            asked["reauth"] = "1"
        return {"authorize_url": f"{self.login_url}?{urlencode(asked)}"}

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Ticket to token, token to person: two signed calls."""
        check_state(handshake, answer)
        token = self._asked("access_token", {"ticketId": brought(answer, "ticket"), "appId": self.app_id})
        if not isinstance(token.get("accessToken"), str):
            raise ProviderAway
        return self._proof(self._asked("getUserInfo", {"token": token["accessToken"], "appId": self.app_id}))

    def _asked(self, name: str, content: dict[str, Any]) -> dict[str, Any]:
        """The `data` of a successful answer; one that says no refuses the login."""
        answer = self._calls.post(f"{self.api_url.rstrip('/')}/uc/sso/{name}", content)
        if answer.get("success") is False:
            raise LoginRefused("ticket_refused")
        data = answer.get("data")
        if answer.get("success") is not True or not isinstance(data, dict):
            raise ProviderAway
        return data

    def _proof(self, data: dict[str, Any]) -> Proof:
        person = data.get("personInfo")
        if not isinstance(person, dict) or not isinstance(person.get("userId"), str) or not person["userId"]:
            raise ProviderAway
        claims = self._person(person)
        if self.flow == ORGANISATION:
            claims |= _organisation(data.get("legalInfo"))
        level = self.levels.get(str(person.get("authLevel")), 0)
        return Proof(self._subject(person, claims), level, self.protocol, _instant(person.get("loginTime")), claims)

    def _subject(self, person: dict[str, Any], claims: dict[str, Any]) -> str:
        """Who acts for an organisation is another identity than the same person for themselves, or for another."""
        user = str(person["userId"])
        return f"{user} {claims['credit_code']}" if self.flow == ORGANISATION else user

    def _person(self, person: dict[str, Any]) -> dict[str, Any]:
        kind = str(person.get("paperstype", ""))
        found = {
            "name": person.get("userName"),
            "document_type": self.document_types.get(kind),
            "document_number": person.get("idNo"),
            "phone_number": person.get("phone"),
        }
        if not all(
            isinstance(found[name], str) and found[name] for name in ("name", "document_type", "document_number")
        ):
            raise LoginRefused("person_incomplete")
        return {name: value for name, value in found.items() if isinstance(value, str)}


def _organisation(legal: Any) -> dict[str, Any]:
    """What the province vouches for of a legal person; a login by the person's flow does not become one of it."""
    told = legal if isinstance(legal, dict) else {}
    found = {
        "organisation_name": told.get("corpName"),
        "credit_code": told.get("uniscId"),
        "organisation_role": _ROLES.get(str(told.get("role"))),
    }
    if not all(isinstance(value, str) and value for value in found.values()):
        raise LoginRefused("organisation_incomplete")
    return found


def _instant(written: Any) -> datetime:
    """When the person proved it: `2026-11-22 16:30:05`, in China's time. Raises LoginRefused."""
    try:
        return datetime.strptime(str(written), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        raise LoginRefused("auth_time_malformed") from None
