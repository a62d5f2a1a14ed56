"""A member of staff at the login page: their password, their app, their security key."""

from __future__ import annotations

import base64
import secrets
import uuid
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock, database
from app.people import staff
from app.settings import settings
from auth import passwords, second_factors, staff_credentials
from tests.auth.authenticator import Authenticator

PASSWORD = "石榴 opens at nine"
LOGINS = "/v1/desk/logins"


@dataclass
class Person:
    """Somebody who works here, as they sit before the login page."""

    client: FlaskClient
    number: str
    id: uuid.UUID
    password: str = PASSWORD
    secret: bytes = b""
    recovery_codes: list[str] = field(default_factory=list)
    key: Authenticator = field(default_factory=lambda: Authenticator(settings().passkey_origins[0]))
    address: str = field(default_factory=lambda: str(IPv4Address(int(IPv4Address("10.0.0.0")) + secrets.randbits(24))))

    def code(self, steps: int = 0) -> str:
        """What the app shows now, or some steps of 30 seconds later."""
        return second_factors.code_at(self.secret, int(clock.now().timestamp()) // 30 + steps)

    def type_password(self, password: str | None = None) -> TestResponse:
        offer = {"staff_number": self.number, "password": self.password if password is None else password}
        return self.post("password", offer)

    def step(self, login: Any, what: str, **offer: Any) -> TestResponse:
        """One more step of a login: `second-factor`, `new-password`, `enrolment`, `enrolment/confirm`, `challenge`."""
        return self.post(f"{login['id']}/{what}", {"ticket": login["ticket"], **offer})

    def post(self, path: str, offer: dict[str, Any]) -> TestResponse:
        """From an address of their own, so that stories do not use up each other's tries."""
        return self.client.post(f"{LOGINS}/{path}", json=offer, environ_base={"REMOTE_ADDR": self.address})

    def log_in(self) -> TestResponse:
        """Password and the next code of the app, which nobody has used before."""
        return self.step(self.type_password().json, "second-factor", totp=self.code())

    def enrol_app(self, login: Any) -> TestResponse:
        begun = self.step(login, "enrolment", kind="totp").json
        self.secret = base64.b32decode(begun["totp"]["secret"])
        done = self.step(login, "enrolment/confirm", totp=self.code())
        self.recovery_codes = (done.json or {}).get("recovery_codes") or self.recovery_codes
        return done

    def enrol_key(self, login: Any) -> TestResponse:
        options = self.step(login, "enrolment", kind="passkey").json["passkey"]
        done = self.step(login, "enrolment/confirm", passkey=self.key.make(options))
        self.recovery_codes = (done.json or {}).get("recovery_codes") or self.recovery_codes
        return done

    def challenged(self, login: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.step(login, "challenge").json["passkey"]
        return found


@cache
def _hashed() -> str:
    """Made once: it takes a while, which is its purpose."""
    return passwords.hashed(PASSWORD)


def newcomer(client: FlaskClient, role: str = "clerk", department: str = "gongan") -> Person:
    """Somebody hired just now, with a password of their own and no second factor yet."""
    number = f"N{uuid.uuid4().hex[:12]}"
    with database.work() as work:
        staff_id = staff.hire(work, number, "新来的", role, department)
        staff_credentials.set_password(work, staff_id, _hashed())
    return Person(client, number, staff_id)


def enrolled(client: FlaskClient, role: str = "clerk", department: str = "gongan") -> Person:
    """The same with an app, whose codes of this minute were not used."""
    person = newcomer(client, role, department)
    person.secret = second_factors.new_secret()
    with database.work() as work:
        second_factors.enrol_totp(work, person.id, person.secret, 0)
        person.recovery_codes = second_factors.new_recovery_codes(work, person.id)
    return person
