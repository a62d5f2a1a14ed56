"""How the contract test drives each connector: a provider to ask, a person who proves who they are, and bad days.

A new connector is driven by one more class here; the contract test insists on it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from sqlalchemy import delete, select

from app import database
from app.people import code_limits
from app.people.one_time_codes import one_time_codes
from auth.providers.configured import RESIDENTS, providers
from auth.providers.interface import Handshake, Provider, Wish
from auth.providers.registry import PROTOCOLS
from notifications.channels import sms
from sandbox.persons import PERSONS

TIMEOUT = 60


def follow(url: str, form: Mapping[str, str]) -> dict[str, str]:
    """Choose on a provider's page, and what the browser is sent back with."""
    page = requests.post(url, data=form, timeout=TIMEOUT, allow_redirects=False)
    assert page.status_code == 302, page.text
    return dict(parse_qsl(urlsplit(page.headers["Location"]).query))


@dataclass
class Driver:
    """One connector against the sandbox at `outside`. `levels` are what a person can reach: their word, our level."""

    outside: str
    environment: Mapping[str, str]

    name: ClassVar[str]
    part: ClassVar[str | None] = None
    """Which stand-in is asked; None where nobody is."""
    levels: ClassVar[dict[str, int]]
    remembers: ClassVar[bool] = True
    """Whether the provider itself refuses a proof that was used; else the login alone does."""
    expire: ClassVar[str | None] = None
    """SQL that makes the sandbox's proofs old."""

    proves_person: ClassVar[bool] = True
    bound: ClassVar[bool] = True
    """Whether a proof is good for the login alone that it was made for; else only who began a login can end it."""
    method: ClassVar[str | None] = None
    """What the proof says of how it was made, where that is not the protocol."""

    def provider(self) -> Provider:
        """A fresh one, with the options of the configured one."""
        options = json.loads(self.environment["EID_PROVIDERS"])[self.name]
        return PROTOCOLS[options["protocol"]](**options)

    def wish(self, level: int | None = None) -> Wish:
        return Wish(redirect_uri=f"{self.outside}/phone/callback", level=level, plaintext=True)

    def wish_of(self, person: str, level: int | None = None) -> Wish:
        """The same, where the client says beforehand who it is."""
        return self.wish(level)

    def prove(self, begun: dict[str, Any], person: str, level: str = "") -> dict[str, Any]:
        """What the client brings after this person proved it to that level."""
        raise AssertionError("each driver says how")

    def make_old(self) -> None:
        if self.expire is not None:
            with sqlite3.connect(self.environment["SANDBOX_DB"], timeout=60) as memory:
                memory.execute(self.expire)
            memory.close()


class Oidc(Driver):
    name, part = "sandbox", "eid"
    levels: ClassVar = {"1": 1, "2": 2, "3": 3, "4": 4}
    expire = "update eid_code set expires_at = 0"

    def prove(self, begun: dict[str, Any], person: str, level: str = "") -> dict[str, Any]:
        return dict(follow(begun["authorize_url"], {"person": person, "level": level}))


class Ticket(Driver):
    name, part = "province", "ticket-login"
    levels: ClassVar = {"1": 1, "2": 2, "3": 3}
    expire = "update ticket set expires_at = 0"

    def prove(self, begun: dict[str, Any], person: str, level: str = "") -> dict[str, Any]:
        back = follow(begun["authorize_url"], {"person": person, "level": level})
        return {"ticket": back["ticketId"], "state": back["state"]}


class NetworkId(Driver):
    name, part = "network-id", "network-id"
    levels: ClassVar = {"3": 3, "4": 4}
    """The mode is asked at the beginning, so the person reaches just what was wished for."""
    expire = "update network_id set expires_at = 0"

    def wish(self, level: int | None = None) -> Wish:
        return Wish(level=level, plaintext=True)

    def prove(self, begun: dict[str, Any], person: str, level: str = "") -> dict[str, Any]:
        sdk = begun["sdk"]
        asked = {"orgID": sdk["orgID"], "appID": sdk["appIDs"]["ios"], "bizSeq": sdk["bizSeq"], "type": sdk["type"]}
        address = f"{self.outside}/network-id/app?{urlencode(asked | {'back': f'{self.outside}/phone/callback'})}"
        back = follow(address, {"person": person, "consent": "1"})
        names = {"biz_seq": "bizSeq", "id_card_auth_data": "idCardAuthData", "cert_pwd_data": "certPwdData"}
        return {name: back[theirs] for name, theirs in names.items() if theirs in back}


class Demo(Driver):
    name, remembers = "demo", False
    levels: ClassVar = {"": 3}

    PERSONS: ClassVar = {
        "li-jianguo": {
            "name": "李建国",
            "document_type": "111",
            "document_number": "532399198806150316",
            "level": 3,
        },
        "zhang-wei": {
            "name": "张伟",
            "document_type": "111",
            "document_number": "532399197909210177",
            "level": 3,
        },
    }

    def provider(self) -> Provider:
        return PROTOCOLS["demo"]([f"{self.outside}/phone/callback"], self.PERSONS, "li-jianguo")

    def prove(self, begun: dict[str, Any], person: str, level: str = "") -> dict[str, Any]:
        back = dict(parse_qsl(urlsplit(begun["authorize_url"]).query))
        return back | {"code": back["code"].replace("li-jianguo", person)}


class Wechat(Driver):
    name, part, proves_person = "wechat", "wechat", False
    levels: ClassVar = {"": 1}
    bound = False
    expire = "update wechat_code set expires_at = 0"

    def wish(self, level: int | None = None) -> Wish:
        return Wish(level=level)

    def prove(self, begun: dict[str, Any], person: str, level: str = "") -> dict[str, Any]:
        page = requests.post(f"{self.outside}/wechat/phone/login", json={"person": person}, timeout=TIMEOUT)
        return {"code": page.json()["code"]}


class Phone(Driver):
    name, proves_person, method = "phone", False, "sms_otp"
    levels: ClassVar = {"": 1}

    def wish(self, level: int | None = None) -> Wish:
        return self.wish_of("li-jianguo", level)

    def wish_of(self, person: str, level: int | None = None) -> Wish:
        # One number logs in again and again here, which nobody does.
        with database.work() as work:
            work.run(delete(code_limits.code_limits))
        return Wish(level=level, phone=PERSONS[person].phone)

    def prove(self, begun: dict[str, Any], person: str, level: str = "") -> dict[str, Any]:
        newest = select(one_time_codes.c.id).order_by(one_time_codes.c.id.desc()).limit(1)
        with database.reading() as connection:
            sms.send_code(str(connection.execute(newest).scalar_one()))
        inbox = requests.get(
            f"{self.outside}/sms/inbox",
            {"to": PERSONS[person].phone},
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
        )
        # As somebody types it who reads digit by digit; a clock in a log never looks like that.
        return {"code": "-".join(re.findall(r"验证码([0-9]{6})", inbox.json()["items"][0]["text"])[0])}


DRIVERS: dict[str, Callable[[str, Mapping[str, str]], Driver]] = {
    "oidc": Oidc,
    "ticket": Ticket,
    "network_id": NetworkId,
    "wechat": Wechat,
    "phone": Phone,
    "demo": Demo,
}

HARMLESS = ("refusing", "crashing")
"""Connectors that nobody ever gets in by; what they do is told in stories of their own."""


def fresh_handshake(number: int = 0) -> Handshake:
    return Handshake(f"state-{number}" + "s" * 40, f"nonce-{number}" + "n" * 40, f"verifier{number}" + "v" * 40)


def stored(handshake: Handshake) -> Handshake:
    """The same handshake after it lay in the database."""
    return Handshake(handshake.state, handshake.nonce, handshake.verifier, json.loads(json.dumps(handshake.kept)))


def configured_names() -> set[str]:
    return set(providers(RESIDENTS))
