"""What tests of logins share: a browser at the sandbox's e-ID provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from auth.providers import configured

TIMEOUT = 10


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
