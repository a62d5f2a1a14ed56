"""OpenID Connect: nothing that a provider says is believed before it was checked (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey

from auth.providers import oidc
from auth.providers.interface import Handshake, LoginRefused, Proof, ProviderAway
from auth.providers.oidc import OidcProvider
from tests.auth.hostile_provider import HostileProvider

CALLBACK = "http://phone.example/callback"
HANDSHAKE = Handshake("state", "nonce", "v" * 43, {"redirect_uri": CALLBACK})
LEVELS = {"high": 3, "low": 1}


@pytest.fixture
def hostile() -> Iterator[HostileProvider]:
    provider = HostileProvider()
    yield provider
    provider.close()


@pytest.fixture
def identify(product: Flask, hostile: HostileProvider) -> Callable[[], Proof]:
    """Redeem a code at the hostile provider, with a client that remembers it from call to call."""
    client = OidcProvider(hostile.issuer, "onephone", "secret", [CALLBACK], LEVELS)
    answer = {"code": "code", "state": "state", "iss": hostile.issuer}
    return lambda: client.identify(HANDSHAKE, answer)


def test_a_sound_token_is_believed(identify: Callable[[], Proof]) -> None:
    identity = identify()

    assert (identity.subject, identity.level) == ("somebody", 3)
    assert identity.authenticated_at.timestamp() == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"nonce": "another"},
        {"exp": 1},
        {"exp": "never"},
        {"nbf": 10**11},
        {"iat": 10**11},
        {"iat": 10**9},
        {"aud": ["onephone", "another"]},
        {"aud": ["onephone", "another"], "azp": "another"},
        {"azp": "another"},
        {"auth_time": "yesterday"},
        {"auth_time": 10**30},
        *({name: None} for name in ("iss", "aud", "sub", "exp", "iat", "nonce", "auth_time")),
    ],
    ids=str,
)
def test_a_claim_that_does_not_hold_is_refused(
    hostile: HostileProvider, identify: Callable[[], Proof], changes: dict[str, Any]
) -> None:
    hostile.say(**changes)

    with pytest.raises(LoginRefused):
        identify()


@pytest.mark.parametrize("acr", ["low", "unheard-of", None, ["high"]], ids=str)
def test_the_level_is_the_one_reached(hostile: HostileProvider, identify: Callable[[], Proof], acr: str | None) -> None:
    hostile.say(acr=acr)

    assert identify().level == {"low": 1}.get(str(acr), 0)


def test_a_token_signed_by_nobody_is_refused(hostile: HostileProvider, identify: Callable[[], Proof]) -> None:
    hostile.say_by_hand("none", lambda _: b"")

    with pytest.raises(LoginRefused):
        identify()


@pytest.mark.parametrize("known", ["the public key", "our secret"])
def test_a_token_signed_with_a_password_is_refused(
    hostile: HostileProvider, identify: Callable[[], Proof], known: str
) -> None:
    password = hostile.key.as_pem(private=False) if known == "the public key" else b"secret"
    hostile.say_by_hand("HS256", lambda signed: hmac.digest(password, signed, "sha256"))

    with pytest.raises(LoginRefused):
        identify()


def test_a_token_of_a_forged_key_is_refused(hostile: HostileProvider, identify: Callable[[], Proof]) -> None:
    hostile.say(key=ECKey.generate_key("P-256", {"kid": "first"}))

    with pytest.raises(LoginRefused):
        identify()


@pytest.mark.parametrize("id_token", ["", "x", "a.b.c", None, 7, ["x"], {}], ids=str)
def test_garbage_instead_of_a_token_is_refused(
    hostile: HostileProvider, identify: Callable[[], Proof], id_token: Any
) -> None:
    hostile.hand_out(id_token)

    with pytest.raises(LoginRefused):
        identify()


def test_a_new_key_is_found_once_it_is_published(
    hostile: HostileProvider, identify: Callable[[], Proof], monkeypatch: pytest.MonkeyPatch
) -> None:
    identify()
    rotated = ECKey.generate_key("P-256", {"kid": "second"})
    hostile.say(key=rotated)

    with pytest.raises(LoginRefused):
        identify()

    hostile.publish(hostile.key, rotated)
    monkeypatch.setattr(oidc, "_KEYS_PAUSE_SECONDS", 0.0)
    assert identify().subject == "somebody"


@pytest.mark.parametrize(
    "strange",
    [
        {"kty": "EC", "crv": "SM2", "kid": "national", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519ph", "kid": "of next year", "x": "AA"},
        {"kty": "EC", "crv": "P-256", "kid": "off the curve", "x": "AA", "y": "AA"},
        {"kid": "of no kind"},
        7,
    ],
    ids=str,
)
def test_a_key_that_we_do_not_understand_beside_one_that_we_do_stops_nobody(
    hostile: HostileProvider, identify: Callable[[], Proof], strange: Any
) -> None:
    """RFC 7517 §5: a platform of the state may publish its SM2 key there, too."""
    hostile.answers["/jwks"]["keys"].insert(0, strange)

    assert identify().subject == "somebody"


def test_unknown_keys_do_not_make_us_ask_for_keys_all_the_time(
    hostile: HostileProvider, identify: Callable[[], Proof]
) -> None:
    hostile.say(key=ECKey.generate_key("P-256", {"kid": "nobody's"}))

    for _ in range(5):
        with pytest.raises(LoginRefused):
            identify()

    assert hostile.asked.count("/jwks") == 2, "at first, and once for the unknown key"


def test_an_error_of_the_token_endpoint_is_a_refusal(hostile: HostileProvider, identify: Callable[[], Proof]) -> None:
    hostile.answers["/token"] = (400, {"error": "invalid_grant"})

    with pytest.raises(LoginRefused):
        identify()


@pytest.mark.parametrize("path", ["/token", "/jwks", "/.well-known/openid-configuration"])
@pytest.mark.parametrize("answer", [(503, {}), [], "text", None, 7, {"keys": 7}, {"keys": [7]}], ids=str)
def test_a_provider_that_talks_nonsense_is_away_or_refuses(
    hostile: HostileProvider, identify: Callable[[], Proof], path: str, answer: Any
) -> None:
    hostile.answers[path] = answer

    with pytest.raises((ProviderAway, LoginRefused)):
        identify()


def test_an_issuer_may_end_with_a_slash(product: Flask, hostile: HostileProvider) -> None:
    """OpenID Connect Discovery §4.1: it is left out before the well-known path, and nowhere else."""
    document = hostile.answers.pop("/.well-known/openid-configuration")
    hostile.issuer += "/residents/"
    hostile.answers["/residents/.well-known/openid-configuration"] = document | {"issuer": hostile.issuer}
    hostile.say()
    client = OidcProvider(hostile.issuer, "onephone", "secret", [CALLBACK], LEVELS)

    assert client.identify(HANDSHAKE, {"code": "code", "state": "state", "iss": hostile.issuer}).level == 3


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "unsupported_grant_type"])
def test_a_fault_of_our_configuration_is_not_the_person_s(
    hostile: HostileProvider, identify: Callable[[], Proof], log: list[str], error: str
) -> None:
    """RFC 6749 §5.2: only `invalid_grant` is about the code. They may try again once an operator has mended it."""
    hostile.answers["/token"] = (401, {"error": error, "error_description": "what they\nsay"})

    with pytest.raises(ProviderAway):
        identify()

    assert any("oidc_misconfigured" in line and error in line for line in log) and "what they" not in "".join(log)


def test_a_code_that_is_no_good_is_refused(hostile: HostileProvider, identify: Callable[[], Proof]) -> None:
    hostile.answers["/token"] = (400, {"error": "invalid_grant"})

    with pytest.raises(LoginRefused):
        identify()


@pytest.mark.parametrize("missing", ["issuer", "token_endpoint", "jwks_uri"])
def test_a_provider_that_describes_itself_by_half_is_away(
    hostile: HostileProvider, identify: Callable[[], Proof], missing: str
) -> None:
    del hostile.answers["/.well-known/openid-configuration"][missing]

    with pytest.raises(ProviderAway):
        identify()


def test_a_provider_that_describes_another_is_away(hostile: HostileProvider, identify: Callable[[], Proof]) -> None:
    hostile.answers["/.well-known/openid-configuration"]["issuer"] = "https://elsewhere.example"

    with pytest.raises(ProviderAway):
        identify()
