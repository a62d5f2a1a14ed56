"""Access tokens: whatever is wrong with one, the answer is the same 401, and never a fault of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.settings import settings
from tests.product import Phone

RESIDENT_DOOR = ("GET", "/v1/me")
STAFF_DOOR = ("POST", "/v1/desk/lookups")


@dataclass
class Mint:
    """Makes tokens as the product does, so that one thing at a time can be made wrong."""

    client: FlaskClient
    phone: Phone
    key: jwt.PyJWK

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of the phone's own token with changes; None takes a claim out."""
        own = jwt.decode(self.phone.tokens["access_token"], options={"verify_signature": False})
        return {name: value for name, value in {**own, **changes}.items() if value is not None}

    def token(self, key: Any = None, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        signing = self.key.key if key is None else key
        return jwt.encode(self.claims(**changes), signing, "ES256", {"kid": self.key.key_id, **(headers or {})})

    def by_hand(self, header: dict[str, Any], sign: Callable[[bytes], bytes], **changes: Any) -> str:
        """A token that no library would make."""
        parts = [_base64(json.dumps(part).encode()) for part in (header, self.claims(**changes))]
        signature = sign(".".join(parts).encode())
        return ".".join([*parts, _base64(signature)])

    def knock(self, authorization: str, door: tuple[str, str] = RESIDENT_DOOR) -> TestResponse:
        method, path = door
        return self.client.open(path, method=method, headers={"Authorization": authorization})

    def opens(self, token: str) -> bool:
        return self.knock(f"Bearer {token}").status_code == 200


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.fixture
def mint(client: FlaskClient, phone: Phone) -> Mint:
    first = json.loads(Path(settings().token_keys_file).read_text())["keys"][0]
    return Mint(client, phone, jwt.PyJWK(first, algorithm="ES256"))


def public_pem(key: jwt.PyJWK) -> bytes:
    public: ec.EllipticCurvePublicKey = key.key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def assert_refused(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (401, "token_invalid"), response.text
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_mint_makes_tokens_that_open(mint: Mint) -> None:
    assert mint.opens(mint.token())


FORGERIES: dict[str, Callable[[Mint], str]] = {
    "another key": lambda mint: mint.token(ec.generate_private_key(ec.SECP256R1())),
    "a changed signature": lambda mint: mint.token()[:-12] + "AAAAAAAAAAAA",
    "changed claims": lambda mint: _with_claims(mint.token(), mint.claims(lvl=4)),
    "no algorithm": lambda mint: mint.by_hand({"alg": "none", "kid": mint.key.key_id}, lambda _: b""),
    "no algorithm, in capitals": lambda mint: mint.by_hand({"alg": "NONE", "kid": mint.key.key_id}, lambda _: b""),
    # RFC 8725 §2.1: whoever takes the algorithm from the token lets the public key be used as a password.
    "the public key as a password": lambda mint: mint.by_hand(
        {"alg": "HS256", "kid": mint.key.key_id},
        lambda signed: hmac.digest(public_pem(mint.key), signed, hashlib.sha256),
    ),
    "a key that the token brings along": lambda mint: _self_made(mint),
    "an unknown key id": lambda mint: mint.token(headers={"kid": "nobody's"}),
    "a list for a key id": lambda mint: mint.by_hand({"alg": "ES256", "kid": ["x"]}, lambda _: bytes(64)),
    "no key id": lambda mint: mint.by_hand({"alg": "ES256"}, lambda _: bytes(64)),
    "another issuer": lambda mint: mint.token(iss="https://elsewhere.example"),
    "an audience of its own": lambda mint: mint.token(aud="offices"),
    "staff": lambda mint: mint.token(aud="staff"),
    "an end in the past": lambda mint: mint.token(exp=int(time.time()) - 1),
    "a beginning in the future": lambda mint: mint.token(nbf=int(time.time()) + 60),
}


def _with_claims(token: str, claims: dict[str, Any]) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{_base64(json.dumps(claims).encode())}.{signature}"


def _self_made(mint: Mint) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return mint.token(key, headers={"jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))})


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_opens_nothing(mint: Mint, name: str) -> None:
    token = FORGERIES[name](mint)

    assert_refused(mint.knock(f"Bearer {token}"))


@pytest.mark.parametrize("claim", ["exp", "iat", "iss", "aud", "sub", "sid", "lvl", "auth_time"])
def test_a_token_that_lacks_a_claim_opens_nothing(mint: Mint, claim: str) -> None:
    assert_refused(mint.knock(f"Bearer {mint.token(**{claim: None})}"))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", "no-uuid"),
        ("sid", "no-uuid"),
        ("sid", 7),
        ("auth_time", "yesterday"),
        ("auth_time", 10**30),
        ("exp", "never"),
    ],
)
def test_a_token_with_a_claim_of_the_wrong_kind_opens_nothing(mint: Mint, claim: str, value: Any) -> None:
    assert_refused(mint.knock(f"Bearer {mint.token(**{claim: value})}"))


@pytest.mark.parametrize("claim", ["role", "dept"])
def test_a_staff_token_that_lacks_a_claim_opens_nothing(
    mint: Mint, make_clerk: Callable[[str], Phone], claim: str
) -> None:
    mint.phone = make_clerk("S0001")
    assert mint.knock(f"Bearer {mint.token()}", STAFF_DOOR).status_code not in (401, 500)

    assert_refused(mint.knock(f"Bearer {mint.token(**{claim: None})}", STAFF_DOOR))


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ...",
        "Basic YTpi",
        "Bearer \x80\xff.é.ü",
        "Bearer " + "e" * 5000,
    ],
    ids=lambda value: value[:12].encode("ascii", "backslashreplace").decode(),
)
def test_garbage_opens_nothing(mint: Mint, authorization: str) -> None:
    assert_refused(mint.knock(authorization))


def test_no_token_is_asked_for(client: FlaskClient) -> None:
    response = client.get("/v1/me")

    assert (response.status_code, response.json["code"]) == (401, "token_missing")


def test_a_resident_does_not_pass_the_door_of_staff(mint: Mint) -> None:
    assert_refused(mint.knock(f"Bearer {mint.token()}", STAFF_DOOR))


def test_staff_do_not_pass_the_door_of_residents(mint: Mint, make_clerk: Callable[[str], Phone]) -> None:
    assert_refused(mint.knock(f"Bearer {make_clerk('S0001').tokens['access_token']}"))


def test_a_token_that_was_seen_before_still_ends(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    end = int(time.time()) + 60
    token = mint.token(exp=end)
    assert mint.opens(token)

    monkeypatch.setattr(time, "time", lambda: float(end))

    assert_refused(mint.knock(f"Bearer {token}"))


def test_a_token_ends_within_about_a_second_after_logging_out(phone: Phone) -> None:
    assert phone.get("/v1/me").status_code == 200
    assert phone.send("DELETE", "/v1/sessions/current").status_code == 204

    time.sleep(1.1)

    assert_refused(phone.get("/v1/me"))


def test_logging_out_ends_this_session_only(phone: Phone, mint: Mint) -> None:
    phone.send("DELETE", "/v1/sessions/current")
    time.sleep(1.1)

    assert mint.opens(mint.token(sid=str(uuid.uuid4())))


def test_the_published_keys_verify_our_tokens_and_keep_the_secret(client: FlaskClient, phone: Phone) -> None:
    published = client.get("/.well-known/jwks.json").json["keys"]

    assert all("d" not in key for key in published)
    key = jwt.PyJWKSet.from_dict({"keys": published}).keys[0]
    claims = jwt.decode(phone.tokens["access_token"], key.key, ["ES256"], audience="residents")
    assert claims["sub"] == str(phone.resident_id)


def test_a_token_names_nobody(phone: Phone) -> None:
    claims = jwt.decode(phone.tokens["access_token"], options={"verify_signature": False})

    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "lvl", "auth_time", "gen", "sxp"}
