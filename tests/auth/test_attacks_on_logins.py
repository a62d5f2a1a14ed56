"""Attacks on logins: each line says what is tried; it is refused, counted, visible to operators, and never a 500."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from app import clock
from app.settings import settings
from auth.logins import TRIES
from auth.providers import configured
from auth.providers.configured import RESIDENTS
from auth.providers.crashing import CrashingProvider
from auth.providers.interface import LoginRefused, Proof, Provider
from auth.providers.oidc import OidcProvider
from auth.providers.refusing import RefusingProvider
from tests.auth.conftest import Browser
from tests.auth.hostile_provider import HostileProvider
from tests.auth.providers.drivers import DRIVERS, Driver, follow

PERSON = {"name": "李建国", "document_type": "111", "document_number": "532399198806150316"}
Sql = Callable[..., list[Any]]


@dataclass
class Attack:
    """One attempt against the running product, by whoever tries it."""

    browser: Browser
    hostile: HostileProvider
    environment: dict[str, str]

    @property
    def outside(self) -> str:
        return self.browser.sandbox

    def start(self, provider: str, **wish: Any) -> dict[str, Any]:
        """A login at one of the providers, whatever its protocol."""
        if provider == "network-id":
            wish.setdefault("plaintext", True)
        elif provider not in ("refusing", "crashing"):
            wish.setdefault("redirect_uri", f"{self.outside}/phone/callback")
        response = self.browser.client.post("/v1/logins", json={"provider": provider, **wish})
        assert response.status_code == 201, response.text
        return dict(response.json or {})

    def driver(self, protocol: str) -> Driver:
        return DRIVERS[protocol](self.outside, self.environment)

    def prove(self, protocol: str, login: dict[str, Any], person: str = "zhang-wei", level: str = "") -> dict[str, Any]:
        return self.driver(protocol).prove(login, person, level)

    def complete(self, login: dict[str, Any], answer: dict[str, Any], **changes: Any) -> TestResponse:
        response: TestResponse = self.browser.complete(login, answer, **changes)
        return response

    def at_the_hostile(self, **token: Any) -> TestResponse:
        """Complete a login with an ID token that differs from a true one in this."""
        return self.by_hand(lambda: self.hostile.say(**token))

    def by_hand(self, speak: Callable[[], None], **wish: Any) -> TestResponse:
        login = self.start("hostile", **wish)
        asked = dict(parse_qsl(urlsplit(login["authorize_url"]).query))
        self.hostile.nonce = asked["nonce"]
        speak()
        return self.complete(login, {"code": "c", "state": asked["state"], "iss": self.hostile.issuer})


@pytest.fixture
def hostile() -> Iterator[HostileProvider]:
    provider = HostileProvider()
    yield provider
    provider.close()


@pytest.fixture
def attack(
    browser: Browser,
    hostile: HostileProvider,
    settings_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Attack:
    """The product with one more provider, who lies; and with one that refuses and one that crashes."""
    client = OidcProvider(
        hostile.issuer, "onephone", "shared-secret", [f"{browser.sandbox}/phone/callback"], {"high": 3}
    )
    demo = DRIVERS["demo"](browser.sandbox, settings_environment).provider()
    more: dict[str, Provider] = {
        "hostile": client,
        "demo": demo,
        "refusing": RefusingProvider(),
        "crashing": CrashingProvider(),
    }
    for name, provider in more.items():
        monkeypatch.setitem(configured.providers(RESIDENTS), name, provider)
    hostile.more = dict(PERSON)
    return Attack(browser, hostile, settings_environment)


def test_the_liar_is_believed_while_it_tells_the_truth(attack: Attack) -> None:
    """Else what follows would prove nothing."""
    assert attack.at_the_hostile().status_code == 200


def forged(attack: Attack) -> TestResponse:
    return attack.at_the_hostile(key=ECKey.generate_key("P-256", {"kid": "first"}))


def unsigned(attack: Attack) -> TestResponse:
    return attack.by_hand(lambda: attack.hostile.say_by_hand("none", lambda _: b""))


def by_the_public_key(attack: Attack) -> TestResponse:
    password = attack.hostile.key.as_pem(private=False)
    return attack.by_hand(
        lambda: attack.hostile.say_by_hand("HS256", lambda signed: hmac.digest(password, signed, "sha256"))
    )


def by_our_secret(attack: Attack) -> TestResponse:
    return attack.by_hand(
        lambda: attack.hostile.say_by_hand("HS256", lambda signed: hmac.digest(b"shared-secret", signed, "sha256"))
    )


def with_a_key_of_its_own(attack: Attack) -> TestResponse:
    own = ECKey.generate_key("P-256", {"kid": "own"})
    return attack.at_the_hostile(key=own, header={"jwk": own.as_dict(private=False)})


def of_another_login(attack: Attack) -> TestResponse:
    return attack.at_the_hostile(nonce="that of the login whose token it was")


def code_injected(attack: Attack) -> TestResponse:
    mine, theirs = attack.start("sandbox"), attack.start("sandbox")
    stolen = attack.prove("oidc", theirs)["code"]
    return attack.complete(mine, attack.prove("oidc", mine), code=stolen)


def code_replayed(attack: Attack) -> TestResponse:
    first, second = attack.start("sandbox"), attack.start("sandbox")
    answer = attack.prove("oidc", first)
    assert attack.complete(first, answer).status_code == 200
    state = parse_qs(urlsplit(second["authorize_url"]).query)["state"][0]
    return attack.complete(second, answer, state=state)


def login_replayed(attack: Attack) -> TestResponse:
    login = attack.start("sandbox")
    answer = attack.prove("oidc", login)
    assert attack.complete(login, answer).status_code == 200
    return attack.complete(login, answer)


def whole_answer_of_another(attack: Attack) -> TestResponse:
    mine, theirs = attack.start("sandbox"), attack.start("sandbox")
    return attack.complete(mine, attack.prove("oidc", theirs))


def mixed_up(attack: Attack) -> TestResponse:
    login = attack.start("sandbox")
    return attack.complete(login, attack.prove("oidc", login), iss=attack.hostile.issuer)


def mixed_up_silently(attack: Attack) -> TestResponse:
    login = attack.start("sandbox")
    return attack.complete(login, attack.prove("oidc", login), iss=None)


def lured(attack: Attack) -> TestResponse:
    """The attacker began and proved it; the victim's client is led to its end, with the secret of its own login."""
    attackers, victims = attack.start("sandbox"), attack.start("sandbox")
    return attack.complete(attackers, attack.prove("oidc", attackers), secret=victims["secret"])


def lured_without_a_state(attack: Attack) -> TestResponse:
    login = attack.start("sandbox")
    return attack.complete(login, attack.prove("oidc", login), state=None)


def at_the_desk(attack: Attack) -> TestResponse:
    login = attack.start("sandbox")
    proof = {"secret": login["secret"], **attack.prove("oidc", login)}
    return attack.browser.client.post(f"/v1/desk/logins/{login['id']}/complete", json=proof)


def too_late(attack: Attack) -> TestResponse:
    login = attack.start("sandbox")
    answer = attack.prove("oidc", login)
    with clock.moved(settings().login_life + timedelta(seconds=1)):
        return attack.complete(login, answer)


def ticket_reused(attack: Attack) -> TestResponse:
    first, second = attack.start("province"), attack.start("province")
    answer = attack.prove("ticket", first)
    assert attack.complete(first, answer).status_code == 200
    state = parse_qs(urlsplit(second["authorize_url"]).query)["state"][0]
    return attack.complete(second, answer, state=state)


def ticket_of_another_login(attack: Attack) -> TestResponse:
    mine, theirs = attack.start("province"), attack.start("province")
    return attack.complete(mine, attack.prove("ticket", theirs))


def ticket_for_another_flow(attack: Attack) -> TestResponse:
    person, organisation = attack.start("province"), attack.start("province-organisation")
    state = parse_qs(urlsplit(organisation["authorize_url"]).query)["state"][0]
    return attack.complete(organisation, attack.prove("ticket", person), state=state)


def biz_seq_reused(attack: Attack) -> TestResponse:
    first, second = (attack.start("network-id") for _ in range(2))
    answer = attack.prove("network_id", first)
    assert attack.complete(first, answer).status_code == 200
    return attack.complete(second, answer)


def biz_seq_of_another_login(attack: Attack) -> TestResponse:
    mine, theirs = (attack.start("network-id") for _ in range(2))
    return attack.complete(mine, attack.prove("network_id", theirs), biz_seq=mine["sdk"]["bizSeq"])


def success_claimed(attack: Attack) -> TestResponse:
    login = attack.start("network-id")
    return attack.complete(login, {"biz_seq": login["sdk"]["bizSeq"], "id_card_auth_data": "C0000000"})


def password_left_out(attack: Attack) -> TestResponse:
    login = attack.start("network-id", level=4)
    return attack.complete(login, attack.prove("network_id", login), cert_pwd_data=None)


def guessed_often(attack: Attack) -> TestResponse:
    login = attack.start("network-id")
    for number in range(TRIES):
        wrong = {"biz_seq": f"{number:032}", "id_card_auth_data": "x"}
        assert attack.complete(login, wrong).status_code == 403
    return attack.complete(login, attack.prove("network_id", login))


def always_refused(attack: Attack) -> TestResponse:
    login = attack.start("refusing")
    return attack.complete(login, {"code": "anything"})


def claim(**changes: Any) -> Callable[[Attack], TestResponse]:
    return lambda attack: attack.at_the_hostile(**changes)


def now(**delta: float) -> int:
    return int(time.time() + timedelta(**delta).total_seconds())


REFUSED: list[tuple[str, str, Callable[[Attack], TestResponse]]] = [
    ("a forged ID token: the signature is not by the published key", "id_token_invalid", forged),
    ("an expired ID token: its exp has passed", "id_token_invalid", lambda a: a.at_the_hostile(exp=now(minutes=-5))),
    ("a replayed ID token: it has the nonce of another login", "id_token_invalid", of_another_login),
    ("an ID token kept for long: its iat is old", "id_token_stale", lambda a: a.at_the_hostile(iat=now(hours=-1))),
    ("an ID token of tomorrow: its iat is ahead", "id_token_invalid", lambda a: a.at_the_hostile(iat=now(hours=1))),
    ("a none-alg ID token: only ES256 and RS256 are read", "id_token_invalid", unsigned),
    ("key confusion: HS256 with the public key as password", "id_token_invalid", by_the_public_key),
    ("key confusion: HS256 with the client secret", "id_token_invalid", by_our_secret),
    ("a token that brings its own key: only published keys count", "id_token_invalid", with_a_key_of_its_own),
    ("wrong audience: a token for another client", "id_token_invalid", claim(aud="another")),
    (
        "wrong party: several audiences, and azp is another",
        "authorized_party_wrong",
        claim(aud=["onephone", "x"], azp="x"),
    ),
    ("wrong issuer in the token", "id_token_invalid", claim(iss="https://elsewhere.example")),
    ("an authentication in the future", "auth_time_ahead", lambda a: a.at_the_hostile(auth_time=now(hours=1))),
    ("an authentication at no time at all", "auth_time_malformed", claim(auth_time="yesterday")),
    ("half a person: a name without a number", "person_incomplete", claim(document_number=None)),
    ("a person of the wrong types", "claims_malformed", claim(name=["李"])),
    ("code injection: a stolen code in my own login fails PKCE", "code_refused", code_injected),
    ("code replay: a code that was redeemed", "code_refused", code_replayed),
    ("login replay: a login that succeeded", "login_used", login_replayed),
    ("a whole answer to another login: its state differs", "state_wrong", whole_answer_of_another),
    ("mix-up: the answer names another issuer (RFC 9207)", "issuer_wrong", mixed_up),
    ("mix-up: the answer hides its issuer", "issuer_wrong", mixed_up_silently),
    ("login CSRF: the end of a login without the secret of its beginning", "login_of_another_client", lured),
    ("login CSRF: an answer without state", "state_wrong", lured_without_a_state),
    ("a resident's login at the desk's door", "login_of_another_audience", at_the_desk),
    ("a login after its ten minutes", "login_expired", too_late),
    ("ticket reuse: the province gives nothing for it twice", "ticket_refused", ticket_reused),
    ("a ticket of another login: its state differs", "state_wrong", ticket_of_another_login),
    ("a person's ticket in the flow of organisations", "ticket_refused", ticket_for_another_flow),
    ("bizSeq reuse: one of a login that succeeded", "biz_seq_of_another_login", biz_seq_reused),
    ("an SDK token of another transaction under my bizSeq", "network_id_refused", biz_seq_of_another_login),
    ("a client's mere word of success", "network_id_refused", success_claimed),
    ("the credential without the password that was asked", "cert_pwd_data_missing", password_left_out),
    ("guessing: the right answer after five wrong ones", "tries_spent", guessed_often),
    ("a connector that always refuses", "always", always_refused),
]


@pytest.mark.parametrize(("line", "reason", "attempt"), REFUSED, ids=[line for line, _, _ in REFUSED])
def test_refused_and_counted(
    attack: Attack, log: list[str], line: str, reason: str, attempt: Callable[[Attack], TestResponse]
) -> None:
    """Each line says what is tried and what gives it away: 403 `login_refused` in the same words, counted by reason."""
    response = attempt(attack)

    assert (response.status_code, response.json["code"]) == (403, "login_refused"), response.text
    assert "access_token" not in response.text and reason not in response.text, "the answer says nothing more"
    assert reasons(log)[-1] == reason


def reasons(log: list[str]) -> list[str]:
    told = [json.loads(line) for line in log]
    return [line["reason"] for line in told if line["event"] == "login_refused"]


TOO_WEAK: list[tuple[str, str, dict[str, int], dict[str, Any]]] = [
    ("low acr: the provider returns less than was asked", "level_too_low", {"level": 4}, {"acr": "high"}),
    ("no acr at all", "level_too_low", {"level": 1}, {"acr": None}),
    ("an acr that nobody knows", "level_too_low", {"level": 1}, {"acr": "highest"}),
    ("stale: proved before max_age allows", "auth_time_old", {"max_age": 60}, {"auth_time": 10**9}),
]


@pytest.mark.parametrize(("line", "reason", "wish", "token"), TOO_WEAK, ids=[line for line, *_ in TOO_WEAK])
def test_a_step_up_that_was_none(
    attack: Attack, log: list[str], line: str, reason: str, wish: dict[str, int], token: dict[str, Any]
) -> None:
    response = attack.by_hand(lambda: attack.hostile.say(**token), **wish)

    assert (response.status_code, response.json["code"]) == (403, "login_too_weak"), response.text
    assert reasons(log)[-1] == reason


COMPANY = {"credit_code": "91110000600037341L", "organisation_role": "legal_representative"}


@pytest.mark.parametrize(
    "claims",
    [
        {"name": "李\x00建国"},
        {"phone_number": "1990000\x000002"},
        {"organisation_name": "某\x00公司", **COMPANY},
        {"sub": "some\x00body"},
    ],
    ids=repr,
)
def test_a_provider_that_says_what_no_text_may_hold_gets_nobody_in(
    attack: Attack, log: list[str], claims: dict[str, str]
) -> None:
    response = attack.at_the_hostile(**claims)

    assert (response.status_code, response.json["code"]) == (403, "login_refused"), response.text
    assert reasons(log)[-1] == "claims_malformed"


@pytest.mark.parametrize("told", ["李\ud800", "\udfff", "\x00", 7, None])
def test_no_proof_is_made_of_what_is_no_text(told: Any) -> None:
    with pytest.raises(LoginRefused):
        Proof("somebody", 3, "oidc", clock.now(), {"organisation_name": told})
    with pytest.raises(LoginRefused):
        Proof(told, 3, "oidc", clock.now())


def test_a_step_up_by_a_pseudonym_is_none_and_says_so(attack: Attack, log: list[str]) -> None:
    """The service saw a strong proof, and told us nobody's name: a session of it is level 1, so the person would be
    asked to step up again and again."""
    login = attack.start("network-id", level=3, plaintext=False)

    response = attack.complete(login, attack.prove("network_id", login))

    assert (response.status_code, response.json["code"]) == (403, "login_too_weak"), response.text
    assert response.json["required_level"] == 3
    assert reasons(log)[-1] == "level_too_low"


@pytest.mark.parametrize("provider", ["sandbox", "province"])
@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "{own}/",
        "{own}?next=https://evil.example",
        "{own}#",
        "{own}@evil.example",
        "{own}%2f..",
    ],
)
def test_an_open_redirect_is_refused_before_anybody_is_sent_anywhere(
    attack: Attack, log: list[str], provider: str, address: str
) -> None:
    """Open redirect: only an address that is registered, character by character, is ever sent to a provider."""
    wish = {"provider": provider, "redirect_uri": address.format(own=f"{attack.outside}/phone/callback")}

    response = attack.browser.client.post("/v1/logins", json=wish)

    assert (response.status_code, list(response.json["errors"])) == (422, ["/redirect_uri"])
    assert reasons(log) == ["redirect_uri_unregistered"]


def test_a_provider_without_a_page_redirects_nobody(attack: Attack) -> None:
    wish = {"provider": "network-id", "redirect_uri": "https://evil.example/"}

    assert attack.browser.client.post("/v1/logins", json=wish).status_code == 422


def test_a_province_that_does_not_know_our_hmac_lets_nobody_in(
    attack: Attack, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong HMAC: the province answers 401, the person hears that it is not their fault, operators see the status."""
    login = attack.start("province")
    answer = attack.prove("ticket", login)
    wrong: Any = replace(configured.providers(RESIDENTS)["province"], secret_key="wrong")  # type: ignore[type-var]
    monkeypatch.setitem(configured.providers(RESIDENTS), "province", wrong)

    response = attack.complete(login, answer)

    assert (response.status_code, response.json["code"]) == (503, "provider_away")
    assert '"status": 401' in "".join(log)


def test_a_province_refuses_our_calls_while_our_clock_is_wrong(attack: Attack) -> None:
    """Stale times: the date that is signed is six minutes old."""
    login = attack.start("province")
    answer = attack.prove("ticket", login)

    with clock.moved(timedelta(minutes=-6)):
        assert attack.complete(login, answer).status_code == 503


def test_a_biz_seq_of_another_organisation_opens_no_page(attack: Attack) -> None:
    sdk = attack.start("network-id")["sdk"]
    asked = {"orgID": "99999999", "appID": "0003", "bizSeq": sdk["bizSeq"], "type": sdk["type"]}
    address = f"{attack.outside}/network-id/app?{urlencode(asked | {'back': f'{attack.outside}/phone/callback'})}"

    with pytest.raises(AssertionError, match="orgID"):
        follow(address, {"person": "zhang-wei"})


def test_a_connector_that_crashes_is_away_and_tells_nothing(attack: Attack, log: list[str]) -> None:
    login = attack.start("crashing")

    response = attack.complete(login, {"code": "planted-code"})

    assert (response.status_code, response.json["code"]) == (503, "provider_away")
    told = next(line for line in map(json.loads, log) if line["event"] == "connector_crashed")
    assert (told["provider"], told["error"]) == ("crashing", "RuntimeError")
    assert "planted-code" not in "".join(log)


def test_a_login_without_its_secret_is_not_even_tried(attack: Attack) -> None:
    login = attack.start("sandbox")
    answer = attack.prove("oidc", login)

    assert attack.complete(login, answer, secret=None).status_code == 422
    assert attack.complete(login, answer, secret="guess" * 10).status_code == 403
    assert attack.complete(login, answer).status_code == 200, "nobody else's guess costs its owner a try"


@pytest.mark.parametrize("provider", ["network-id", "demo"])
def test_of_answers_at_once_one_succeeds(product: Flask, attack: Attack, provider: str) -> None:
    """The demo would believe the same answer again and again: it is the login that is good for one success."""
    login = attack.start(provider)
    answer = attack.prove(provider.replace("-", "_"), login)
    start = Barrier(4)

    def finish(client: FlaskClient) -> int:
        start.wait()
        return int(Browser(client, attack.outside).complete(login, answer).status_code)

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(finish, [product.test_client() for _ in range(4)]))

    assert found == [200, 403, 403, 403]


def test_what_a_thief_of_the_database_finds_of_a_login(attack: Attack, sql: Sql) -> None:
    login = attack.start("sandbox")
    asked = parse_qs(urlsplit(login["authorize_url"]).query)

    row = sql("SELECT * FROM logins WHERE id = %s", login["id"])[0]

    kept = repr(row)
    for secret in (login["secret"], asked["state"][0], asked["nonce"][0]):
        assert secret not in kept and secret.encode().hex() not in kept
