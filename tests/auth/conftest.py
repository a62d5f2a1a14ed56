"""What tests of logins share: a browser at the sandbox's e-ID provider."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock, database
from app.people import residents
from app.people.callers import Resident
from app.people.residents import Person
from auth import sessions, tokens
from auth.devices import Device
from auth.providers import configured

TIMEOUT = 60


@dataclass
class Browser:
    """Logs people in as their browser would: start, page, choice, and back with a code."""

    client: FlaskClient
    sandbox: str
    path: str = "/v1/logins"
    callback: str = "/phone/callback"

    def start(self, **changes: Any) -> Any:
        wish = {"provider": "sandbox", "redirect_uri": self.sandbox + self.callback}
        return self.client.post(self.path, json=wish | changes)

    def choose(self, login: dict[str, Any], person: str, level: str = "") -> dict[str, str]:
        """Pick a person on the provider's page: code, state and iss, as they come back."""
        form = {"person": person} | ({"level": level} if level else {})
        page = requests.post(login["authorize_url"], data=form, timeout=TIMEOUT, allow_redirects=False)
        assert page.status_code == 302, page.text
        return dict(parse_qsl(urlsplit(page.headers["Location"]).query))

    def complete(self, login: dict[str, Any], answer: dict[str, str], **changes: str | None) -> Any:
        proof = {k: v for k, v in {"secret": login["secret"], **answer, **changes}.items() if v is not None}
        return self.client.post(f"{self.path}/{login['id']}/complete", json=proof)

    def log_in(self, person: str, level: str = "") -> Any:
        login = self.start().json
        return self.complete(login, self.choose(login, person, level))


@pytest.fixture
def browser(client: FlaskClient, outside: str) -> Browser:
    return Browser(client, outside)


@pytest.fixture
def desk_browser(client: FlaskClient, outside: str) -> Browser:
    return Browser(client, outside, "/v1/desk/logins", "/clerk/callback")


@pytest.fixture
def provider_mode(outside: str) -> Iterator[Callable[[str], None]]:
    """provider_mode("down"): how the e-ID behaves from now on, known to a product that has just started."""

    def be(mode: str) -> None:
        requests.put(f"{outside}/eid/control", json={"mode": mode}, timeout=TIMEOUT).raise_for_status()

    yield be
    be("ok")
    configured.providers.cache_clear()


@dataclass
class Login:
    """One device of a resident, with what its client keeps."""

    app: Flask
    resident_id: uuid.UUID
    tokens: dict[str, Any]
    device: str | None

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def device_sha256(self) -> str | None:
        return self.device and hashlib.sha256(self.device.encode()).hexdigest()

    def caller(self) -> Resident:
        """Whom its first access token speaks for."""
        return tokens.resident_of(self.tokens["access_token"])

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}", **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.send("GET", path, **options)

    def refresh(
        self,
        token: str | None = None,
        device: str | None = "its own",
        agent: str = "phone",
        client: FlaskClient | None = None,
    ) -> TestResponse:
        """A refresh with its own token on its own device, unless another is named."""
        named = self.device if device == "its own" else device
        headers = {"User-Agent": agent} | ({"OnePhone-Device": named} if named else {})
        offer = {"refresh_token": token or self.tokens["refresh_token"]}
        return (client or self.client).post("/v1/tokens/refresh", json=offer, headers=headers)

    def renew(self) -> dict[str, Any]:
        """A refresh whose answer the client keeps, as it should."""
        response = self.refresh()
        assert response.status_code == 200, response.text
        self.tokens = dict(response.json or {})
        return self.tokens

    def assert_refused(self, response: TestResponse) -> None:
        assert (response.status_code, response.json["code"]) == (401, "refresh_token_invalid"), response.text


@pytest.fixture
def log_in(product: Flask) -> Callable[..., Login]:
    """log_in(resident=…, device=Device(…), device_id=None, level=3, …): a device of a resident, or of somebody new."""

    def logged_in(
        resident: uuid.UUID | None = None,
        device: Device | None = None,
        device_id: str | None = "random",
        level: int = 3,
        **how: Any,
    ) -> Login:
        named = uuid.uuid4().hex if device_id == "random" else device_id
        digest = named and hashlib.sha256(named.encode()).hexdigest()
        person = Person("李建国", "111", "532399198806150316", "19900000002")
        with database.work() as work:
            resident_id = resident or residents.enrol(work, person)
            here = replace(device or Device("phone"), id_sha256=digest)
            pair = sessions.open_for_resident(work, resident_id, level, clock.now(), here, **how)
        return Login(product, resident_id, pair, named)

    return logged_in


def decoded(token: str) -> dict[str, Any]:
    """What a token says, its signature not looked at."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
