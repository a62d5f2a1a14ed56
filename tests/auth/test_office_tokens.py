"""Tokens of offices: proved by a signature or a secret, good for one office, and nobody learns why not."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask.testing import FlaskClient
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from werkzeug.test import TestResponse

from app import clock
from app.identifiers import new_reference
from app.settings import settings
from auth import office_tokens
from auth.office_tokens import ASSERTION_TYPE
from tests.approvals.office_system import message
from tests.product import Phone

purge: Any = office_tokens.purge

EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
SECRET = "a client secret: of the office+"


def public(key: Any, algorithm: Any, kid: str) -> dict[str, Any]:
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, client: FlaskClient) -> None:
    keys = [public(EC, ECAlgorithm, "ec"), public(ED, OKPAlgorithm, "ed"), public(RSA, RSAAlgorithm, "rsa")]
    monkeypatch.setitem(settings().offices["gongan"], "keys", keys)
    monkeypatch.setitem(settings().offices["gongan"], "client_secrets", [SECRET])


def assertion(key: Any = EC, algorithm: str = "ES256", kid: str | None = "ec", **changes: Any) -> str:
    here, now = settings().public_url, int(time.time())
    claims = {"iss": "gongan", "sub": "gongan", "aud": here, "exp": now + 60, "iat": now, "jti": str(uuid.uuid4())}
    said = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(said, key, algorithm, headers={"kid": kid} if kid else None)


def ask(client: FlaskClient, proof: str | None = None, code: str = "gongan", **changes: Any) -> TestResponse:
    form = {"grant_type": "client_credentials"}
    if proof is not None:
        form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": proof}
    headers = changes.pop("headers", {})
    return client.post(f"/v1/offices/{code}/token", data=form | changes, headers=headers)


def basic(secret: str, client_id: str = "gongan") -> dict[str, str]:
    pair = f"{client_id}:{secret}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def tell(client: FlaskClient, token: str, code: str = "gongan", scheme: str = "Bearer ") -> TestResponse:
    """A message about a submission that does not exist: who passes the door learns just that."""
    said = message(new_reference(clock.today()), "accepted")
    headers = {"Authorization": f"{scheme}{token}", "webhook-id": said["id"]}
    path, kind = f"/v1/offices/{code}/events", "application/cloudevents+json"
    return client.post(path, json=said, headers=headers, content_type=kind)


def assert_refused(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (401, "office_unproved"), response.text
    assert response.json["error"] == "invalid_client"


def assert_turned_away(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (401, "office_signature_invalid"), response.text


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC, "ES256", "ec"), (ED, "EdDSA", "ed"), (RSA, "PS256", "rsa")])
def test_who_signs_with_a_registered_key_gets_a_token_that_opens_the_door(
    client: FlaskClient, key: Any, algorithm: str, kid: str
) -> None:
    answer = ask(client, assertion(key, algorithm, kid))

    assert answer.status_code == 200, answer.text
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"
    assert (tell(client, answer.json["access_token"]).status_code) == 404


@pytest.mark.parametrize(("scheme", "status"), [("bearer ", 404), ("BEARER ", 404), ("", 401), ("Basic ", 401)])
def test_a_token_comes_as_a_bearers_however_that_is_written(client: FlaskClient, scheme: str, status: int) -> None:
    """RFC 9110 §11.1: the name of a scheme is the same in small letters, and there is one."""
    token = ask(client, assertion(EC, "ES256", "ec")).json["access_token"]

    assert tell(client, token, scheme=scheme).status_code == status


def test_the_token_endpoint_is_an_audience_too_and_a_key_needs_no_id(client: FlaskClient) -> None:
    here = f"{settings().public_url}/v1/offices/gongan/token"

    assert ask(client, assertion(aud=here)).status_code == 200
    assert ask(client, assertion(aud=[here, "https://elsewhere.example"], kid=None)).status_code == 200


def test_who_knows_the_client_secret_gets_one_too(client: FlaskClient) -> None:
    encoded = "a+client+secret%3A+of+the+office%2B"

    assert ask(client, headers=basic(encoded)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "minzheng"},
        {"sub": "minzheng"},
        {"iss": None},
        {"sub": None},
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"aud": 7},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": 10**30},
        {"exp": int(time.time()) + 86_400},
        {"nbf": int(time.time()) + 3_600},
        {"jti": None},
        {"jti": ""},
        {"jti": ["x"]},
    ],
    # Not their values: some of them are times.
    ids=lambda changes: str(next(iter(changes))),
)
def test_an_assertion_for_somebody_else_or_another_time_is_refused(client: FlaskClient, changes: Any) -> None:
    try:
        proof = assertion(**changes)
    except TypeError:
        claims = {"iss": "gongan", "sub": "gongan", "aud": settings().public_url, "exp": 1, "jti": "x"} | changes
        proof = jwt.api_jws.encode(json.dumps(claims).encode(), EC, "ES256", headers={"kid": "ec"})
    assert_refused(ask(client, proof))


def test_an_assertion_is_good_once_even_at_the_same_time(client: FlaskClient) -> None:
    proof, barrier = assertion(), Barrier(6)

    def one(_: int) -> int:
        barrier.wait()
        return ask(client.application.test_client(), proof).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == [200] + [401] * 5


def test_a_key_is_not_confused_with_a_secret(client: FlaskClient) -> None:
    """HS256 with the public key as the secret, no algorithm, another algorithm, and a key in the header."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    plain = jwt.encode({"iss": "gongan", "sub": "gongan"}, None, "none")  # type: ignore[arg-type]
    shared = jwt.encode({"iss": "gongan", "sub": "gongan"}, str(public(EC, ECAlgorithm, "ec")), "HS256", {"kid": "ec"})

    for proof in (plain, shared, assertion(stranger), assertion(RSA, "RS256", "rsa"), assertion(EC, "ES256", "ed")):
        assert_refused(ask(client, proof))


@pytest.mark.parametrize("proof", ["x", "a.b.c", "..", "票据", "e30.e30.", "x" * 8000])
def test_what_is_no_assertion_is_refused(client: FlaskClient, proof: str) -> None:
    assert_refused(ask(client, proof))


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic %%%", "Basic " + base64.b64encode(b"\xff\xfe").decode(), "Basic Z29uZ2Fu", "Bearer x", "nonsense"],
)
def test_what_is_no_secret_is_refused(client: FlaskClient, header: str) -> None:
    assert_refused(ask(client, headers={"Authorization": header}))


def test_unknown_offices_and_wrong_secrets_get_the_same_words(client: FlaskClient) -> None:
    def words(response: TestResponse) -> dict[str, Any]:
        assert_refused(response)
        body: dict[str, Any] = response.json or {}
        return {name: value for name, value in body.items() if name != "instance"}

    wrong = words(ask(client, headers=basic("wrong")))
    assert wrong == words(ask(client, headers=basic("", client_id="gongan")))
    assert wrong == words(ask(client, headers=basic("wrong", "nobody"), code="nobody"))
    assert wrong == words(ask(client, headers=basic("", "nobody"), code="nobody"))
    assert wrong == words(
        ask(client, headers=basic("a+client+secret%3A+of+the+office%2B", "minzheng"), code="minzheng")
    )
    assert wrong == words(ask(client, assertion(), code="minzheng"))
    assert wrong == words(ask(client, assertion(), headers=basic(SECRET))), "one way at a time (RFC 6749 §2.3)"
    assert wrong == words(ask(client)), "none at all"


def test_other_grants_are_not_given(client: FlaskClient) -> None:
    answer = ask(client, assertion(), grant_type="password")

    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_grant_type")


def test_a_token_opens_its_own_office_alone_and_not_for_long(client: FlaskClient, phone: Phone) -> None:
    token = ask(client, assertion()).json["access_token"]

    assert_turned_away(tell(client, token, "minzheng"))
    assert_turned_away(tell(client, phone.tokens["access_token"]))
    assert_turned_away(tell(client, token + "x"))
    assert_turned_away(tell(client, ""))
    for path in ("/v1/me", "/v1/desk/staff"):
        assert client.get(path, headers={"Authorization": f"Bearer {token}"}).json["code"] == "token_invalid"


def test_a_token_of_an_office_that_is_configured_no_more_is_refused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ask(client, assertion()).json["access_token"]
    monkeypatch.delitem(settings().offices, "gongan")

    assert_turned_away(tell(client, token))


def test_an_expired_token_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    token = ask(client, assertion()).json["access_token"]
    later = time.time() + settings().access_token_life.total_seconds() + 1
    monkeypatch.setattr(time, "time", lambda: later)

    assert_turned_away(tell(client, token))


def test_an_event_under_a_token_names_itself_in_the_header_too(client: FlaskClient) -> None:
    token = ask(client, assertion()).json["access_token"]
    said = message(new_reference(clock.today()), "accepted")
    headers = {"Authorization": f"Bearer {token}"}

    answer = client.post(
        "/v1/offices/gongan/events", json=said, headers=headers, content_type="application/cloudevents+json"
    )

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["/id"])


def test_a_secret_that_is_about_to_end_still_opens_and_is_noticed(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    until = (clock.now() + timedelta(hours=1)).isoformat()
    pair = [{"secret": "the-new-one"}, {"secret": "the-old-one", "until": until}]
    monkeypatch.setitem(settings().offices["gongan"], "client_secrets", pair)

    assert ask(client, headers=basic("the-new-one")).status_code == 200
    assert not any("old_secret_used" in line for line in log)
    assert ask(client, headers=basic("the-old-one")).status_code == 200
    assert any("old_secret_used_by_gongan" in line for line in log)
    with clock.moved(timedelta(hours=2)):
        assert_refused(ask(client, headers=basic("the-old-one")))


def test_assertions_are_forgotten_once_they_have_expired(client: FlaskClient, sql: Callable[..., list[Any]]) -> None:
    ask(client, assertion())
    with clock.moved(timedelta(hours=1)):
        purge(timestamp=0)

    assert sql("SELECT count(*) AS n FROM office_assertions")[0]["n"] == 0
