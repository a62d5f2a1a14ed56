"""Our client of OpenID Connect against a certified provider: npm's oidc-provider, over real HTTP.

The sandbox's e-ID shares an author with the client, and might share a mistake; this one does not.
"""

from __future__ import annotations

import json
import select
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import outside_calls
from auth.providers import configured
from auth.providers.configured import RESIDENTS
from auth.providers.interface import Handshake, LoginRefused, Proof, ProviderAway, Wish
from auth.providers.oidc import OidcProvider
from tests import node
from tests.auth.providers.drivers import fresh_handshake, stored

HERE = Path(__file__).parent / "certified"
CLIENT, SECRET, BACK = "onephone", "a secret of the client: 100% + more", "http://127.0.0.1:9/back"
LEVELS = {"urn:test:1": 1, "urn:test:3": 3, "urn:test:4": 4}
TIMEOUT = 60

# The provider must be fetched once, so a machine without a network leaves these out: -m "not contract".
pytestmark = pytest.mark.contract


@dataclass
class Certified:
    """The provider, running."""

    issuer: str

    def tell(self, **changes: Any) -> None:
        """How the next logins are: account, acr, ago (seconds); rotate=True makes a new key."""
        usual = {"account": "li-jianguo", "acr": "urn:test:3", "ago": 0}
        requests.post(f"{self.issuer}/control", json=usual | changes, timeout=TIMEOUT).raise_for_status()

    def client(self) -> OidcProvider:
        return OidcProvider(self.issuer, CLIENT, SECRET, [BACK], LEVELS)

    def visit(self, address: str) -> dict[str, str]:
        """Go through the provider's pages as a new browser would, and come back with what it sends."""
        with requests.Session() as browser:
            for _ in range(8):
                answer = browser.get(address, timeout=TIMEOUT, allow_redirects=False)
                assert answer.is_redirect, f"{answer.status_code} {answer.text[:300]}"
                address = urljoin(address, answer.headers["Location"])
                if address.startswith(BACK):
                    return dict(parse_qsl(urlsplit(address).query))
        raise AssertionError("it goes round and round")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    packages, folder = node.installed(HERE, "certified-eid"), tmp_path_factory.mktemp("certified")
    (folder / "node_modules").symlink_to(packages / "node_modules")
    shutil.copy(HERE / "provider.mjs", folder)
    words = [str(node.NODE), "provider.mjs", CLIENT, SECRET, BACK]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, cwd=folder, env=node.environment(), text=True, **pipes) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0], "it does not start"
        line = process.stdout.readline().split()
        assert line[:1] == ["ready"], line
        yield Certified(line[1])
        process.terminate()


@pytest.fixture
def certified(product: Flask, running: Certified) -> Certified:
    running.tell()
    return running


def log_in(certified: Certified, client: OidcProvider, wish: Wish | None = None) -> Proof:
    handshake = fresh_handshake()
    begun = client.begin(handshake, wish or Wish(redirect_uri=BACK))
    return client.identify(stored(handshake), certified.visit(begun["authorize_url"]))


def begun(certified: Certified, client: OidcProvider) -> tuple[Handshake, dict[str, str]]:
    handshake = fresh_handshake()
    address = client.begin(handshake, Wish(redirect_uri=BACK))["authorize_url"]
    return stored(handshake), certified.visit(address)


def changed(address: str, **changes: str | None) -> str:
    parts = urlsplit(address)
    query = {**dict(parse_qsl(parts.query)), **changes}
    return urlunsplit(parts._replace(query=urlencode({k: v for k, v in query.items() if v is not None})))


def test_the_whole_code_flow_proves_a_person(certified: Certified) -> None:
    """Code, PKCE, ID token, and name and number from UserInfo, where this provider keeps them."""
    proof = log_in(certified, certified.client())

    identity = proof.identity("certified")
    assert identity.person is not None
    assert (identity.person.name, identity.person.document_number) == ("李建国", "532399198806150316")
    assert (proof.subject, proof.level, proof.method) == ("pairwise-onephone-li-jianguo", 3, "oidc")


def test_a_step_up_asks_for_level_and_freshness_in_words_it_understands(certified: Certified) -> None:
    certified.tell(acr="urn:test:4")

    proof = log_in(certified, certified.client(), Wish(redirect_uri=BACK, level=4, max_age=0))

    assert proof.level == 4


def test_a_code_is_good_once(certified: Certified) -> None:
    client = certified.client()
    handshake, answer = begun(certified, client)
    assert client.identify(handshake, answer).level == 3

    with pytest.raises(LoginRefused):
        client.identify(handshake, answer)


def test_a_code_with_another_verifier_is_worth_nothing(certified: Certified) -> None:
    client = certified.client()
    handshake, answer = begun(certified, client)

    with pytest.raises(LoginRefused):
        client.identify(replace(handshake, verifier="w" * 43), answer)


@pytest.mark.parametrize(
    "changes", [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}], ids=str
)
def test_it_would_refuse_us_without_pkce(certified: Certified, changes: dict[str, None]) -> None:
    """What we send is what makes it go: S256, and nothing less."""
    address = certified.client().begin(fresh_handshake(), Wish(redirect_uri=BACK))["authorize_url"]
    assert parse_qs(urlsplit(address).query)["code_challenge_method"] == ["S256"]

    assert certified.visit(changed(address, **changes))["error"] == "invalid_request"


def test_a_token_with_another_nonce_is_refused(certified: Certified) -> None:
    client = certified.client()
    handshake, answer = begun(certified, client)

    with pytest.raises(LoginRefused):
        client.identify(replace(handshake, nonce="another"), answer)


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", None, ""], ids=str)
def test_an_answer_of_another_issuer_is_refused(certified: Certified, issuer: str | None) -> None:
    client = certified.client()
    handshake, answer = begun(certified, client)

    with pytest.raises(LoginRefused):
        client.identify(handshake, {**answer, "iss": issuer})


def test_a_wrong_client_secret_lets_nobody_in(certified: Certified) -> None:
    client = replace(certified.client(), client_secret="wrong")
    handshake, answer = begun(certified, client)

    with pytest.raises(ProviderAway):
        client.identify(handshake, answer)


def test_a_rotated_key_is_fetched_once_for_all_who_come_at_the_same_time(
    certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = certified.client()
    log_in(certified, client)
    fetched: list[str] = []
    real = outside_calls.call

    def counted(method: str, url: str, **options: Any) -> requests.Response:
        fetched.append(url)
        return real(method, url, **options)

    certified.tell(rotate=True)
    monkeypatch.setattr(outside_calls, "call", counted)
    answers = [begun(certified, client) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        proofs = list(pool.map(lambda one: client.identify(*one), answers))

    assert {proof.level for proof in proofs} == {3}
    assert [url for url in fetched if url.endswith("/jwks")] == [f"{certified.issuer}/jwks"]


@dataclass
class Phones:
    """Phones that log in at the certified provider through the product's own door."""

    product: Flask
    certified: Certified

    def complete(self, **wish: Any) -> TestResponse:
        client: FlaskClient = self.product.test_client()
        login = client.post("/v1/logins", json={"provider": "certified", "redirect_uri": BACK, **wish}).json
        back = self.certified.visit(login["authorize_url"])
        answer = {name: back[name] for name in ("code", "state", "iss")} | {"secret": login["secret"]}
        return client.post(f"/v1/logins/{login['id']}/complete", json=answer)

    def me(self, tokens: dict[str, Any]) -> int:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return self.product.test_client().get("/v1/me", headers=headers).status_code


@pytest.fixture
def phones(product: Flask, certified: Certified, monkeypatch: pytest.MonkeyPatch) -> Phones:
    monkeypatch.setitem(configured.providers(RESIDENTS), "certified", certified.client())
    return Phones(product, certified)


@pytest.mark.parametrize(
    ("line", "wish", "how", "reason"),
    [
        ("a lower acr than was asked", {"level": 4}, {"acr": "urn:test:3"}, "level_too_low"),
        ("an acr of nobody's", {"level": 1}, {"acr": "urn:other"}, "level_too_low"),
        ("an old auth_time", {"max_age": 60}, {"ago": 600}, "auth_time_old"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_less_than_was_asked_is_refused(
    phones: Phones, log: list[str], line: str, wish: dict[str, int], how: dict[str, Any], reason: str
) -> None:
    phones.certified.tell(**how)

    response = phones.complete(**wish)

    assert (response.status_code, response.json["code"]) == (403, "login_too_weak"), response.text
    assert [json.loads(told)["reason"] for told in log if "login_refused" in told] == [reason]


@pytest.mark.timeout(300)
def test_fifty_sessions_live_on_while_the_provider_changes_its_keys(phones: Phones) -> None:
    with ThreadPoolExecutor(4) as pool:
        sessions = [dict(done.json or {}) for done in pool.map(lambda _: phones.complete(), range(50))]
        assert {phones.me(tokens) for tokens in sessions} == {200}

        phones.certified.tell(rotate=True)

        assert {phones.me(tokens) for tokens in sessions} == {200}
        fresh = list(pool.map(lambda tokens: refreshed(phones, tokens), sessions))
    assert {phones.me(tokens) for tokens in fresh} == {200}
    assert phones.complete().status_code == 200, "and whoever comes now is let in by the new key at once"


def refreshed(phones: Phones, tokens: dict[str, Any]) -> dict[str, Any]:
    offer = {"refresh_token": tokens["refresh_token"]}
    return dict(phones.product.test_client().post("/v1/tokens/refresh", json=offer).json or {})
