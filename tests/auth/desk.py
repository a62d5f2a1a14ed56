"""A member of staff at the login page: their password, their app, their security key."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
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

    @property
    def key(self) -> Authenticator:
        if not hasattr(self, "_key"):
            self._key = Authenticator(settings().passkey_origins[0])
        return self._key

    def code(self, steps: int = 0) -> str:
        """What the app shows now, or some steps of 30 seconds later."""
        return second_factors.code_at(self.secret, int(clock.now().timestamp()) // 30 + steps)

    def type_password(self, password: str | None = None) -> TestResponse:
        offer = {"staff_number": self.number, "password": self.password if password is None else password}
        return self.client.post(f"{LOGINS}/password", json=offer)

    def step(self, login: dict[str, Any], what: str, **offer: Any) -> TestResponse:
        """One more step of a login: `second-factor`, `new-password`, `enrolment`, `enrolment/confirm`, `challenge`."""
        return self.client.post(f"{LOGINS}/{login['id']}/{what}", json={"ticket": login["ticket"], **offer})

    def log_in(self) -> TestResponse:
        """Password and the next code of the app, which nobody has used before."""
        return self.step(self.type_password().json, "second-factor", totp=self.code())

    def enrol_app(self, login: dict[str, Any]) -> TestResponse:
        begun = self.step(login, "enrolment", kind="totp").json
        self.secret = base64.b32decode(begun["totp"]["secret"])
        done = self.step(login, "enrolment/confirm", totp=self.code())
        self.recovery_codes = done.json.get("recovery_codes", []) or self.recovery_codes
        return done

    def enrol_key(self, login: dict[str, Any]) -> TestResponse:
        options = self.step(login, "enrolment", kind="passkey").json["passkey"]
        done = self.step(login, "enrolment/confirm", passkey=self.key.make(options))
        self.recovery_codes = done.json.get("recovery_codes", []) or self.recovery_codes
        return done

    def challenged(self, login: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.step(login, "challenge").json["passkey"]
        return found

    def ask(self, tokens: dict[str, Any], path: str = "/v1/desk/sessions/current") -> TestResponse:
        return self.client.open(path, method="GET", headers={"Authorization": f"Bearer {tokens['access_token']}"})


def newcomer(client: FlaskClient, role: str = "clerk", department: str = "gongan") -> Person:
    """Somebody hired just now, with a password of their own and no second factor yet."""
    number = f"N{uuid.uuid4().hex[:12]}"
    hashed = passwords.hashed(PASSWORD)
    with database.work() as work:
        staff_id = staff.hire(work, number, "新来的", role, department)
        staff_credentials.set_password(work, staff_id, hashed)
    return Person(client, number, staff_id)


def enrolled(client: FlaskClient, role: str = "clerk", department: str = "gongan") -> Person:
    """The same with an app, whose codes of this minute were not used."""
    person = newcomer(client, role, department)
    person.secret = second_factors.new_secret()
    with database.work() as work:
        second_factors.enrol_totp(work, person.id, person.secret, 0)
        person.recovery_codes = second_factors.new_recovery_codes(work, person.id)
    return person
