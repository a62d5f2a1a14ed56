"""Attacks on tokens, one line each: what somebody tries, and what stops it. Never more than a 401, never a 500.

Every forgery here is right in all but the one thing that it tries, so that nothing else can be what refuses it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask.testing import FlaskClient

from app.settings import settings
from auth import token_keys
from tests.auth.conftest import Login, decoded
from tests.product import Phone

LogIn = Callable[..., Login]

RESIDENTS, STAFF = ("GET", "/v1/me"), ("POST", "/v1/desk/lookups")


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class Forger:
    """Somebody with our public key, a token of their own, and time."""

    def __init__(self, client: FlaskClient, own: str) -> None:
        self.client, self.own, self.claims = client, own, decoded(own)
        self.header = {"alg": "ES256", "kid": token_keys.current().signing.key_id, "typ": "JWT"}
        self.key = token_keys.current().signing.key

    def signed(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token that our own key signed, with changes; None takes a claim out."""
        told = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        return self.put_together({**self.header, **(header or {})}, told, self.sign)

    def sign(self, text: bytes) -> bytes:
        return jwt.get_algorithm_by_name("ES256").sign(text, self.key)

    def put_together(self, header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
        parts = [base64url(json.dumps(part).encode()) for part in (header, claims)]
        return ".".join([*parts, base64url(sign(".".join(parts).encode()))])

    def mac(self, secret: bytes) -> Callable[[bytes], bytes]:
        return lambda text: hmac.digest(secret, text, hashlib.sha256)


def public_pem(forger: Forger) -> bytes:
    shown = jwt.algorithms.ECAlgorithm.to_jwk(forger.key.public_key(), as_dict=True)
    return json.dumps(shown).encode()


def stranger() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def by_stranger(forger: Forger, header: dict[str, Any]) -> str:
    key = stranger()
    shown = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    put = {name: shown if value == "their key" else value for name, value in header.items()}
    sign = jwt.get_algorithm_by_name("ES256").sign
    return forger.put_together({**forger.header, **put}, forger.claims, lambda text: sign(text, key))


def by_rsa(forger: Forger) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sign = jwt.get_algorithm_by_name("RS256").sign
    return forger.put_together({**forger.header, "alg": "RS256"}, forger.claims, lambda text: sign(text, key))


HEADER, PAYLOAD, SIGNATURE = range(3)


def part(token: str, which: int, change: Callable[[str], str]) -> str:
    parts = token.split(".")
    parts[which] = change(parts[which])
    return ".".join(parts)


ATTACKS: dict[str, Callable[[Forger], str]] = {
    # Forged: the signature is checked with a key of ours over exactly these bytes.
    "forged: signed by a key of their own": lambda f: by_stranger(f, {}),
    "forged: another person in the payload": lambda f: part(
        f.own, PAYLOAD, lambda _: base64url(json.dumps({**f.claims, "sub": str(uuid.uuid4())}).encode())
    ),
    "forged: a higher level in the payload": lambda f: part(
        f.own, PAYLOAD, lambda _: base64url(json.dumps({**f.claims, "lvl": 4}).encode())
    ),
    "forged: a signature of zeros (CVE-2022-21449)": lambda f: part(f.own, SIGNATURE, lambda _: base64url(bytes(64))),
    "forged: no signature": lambda f: part(f.own, SIGNATURE, lambda _: ""),
    "forged: a signature of another token": lambda f: part(
        f.own, SIGNATURE, lambda _: f.signed(jti=str(uuid.uuid4())).split(".")[SIGNATURE]
    ),
    "forged: signed by RSA": by_rsa,
    # Time: exp, nbf and iat are checked, all of them by our clock.
    "expired: a second ago": lambda f: f.signed(exp=int(time.time()) - 1),
    "expired: at the beginning of time": lambda f: f.signed(exp=0),
    "not yet valid: nbf in a minute": lambda f: f.signed(nbf=int(time.time()) + 60),
    "not yet valid: issued tomorrow": lambda f: f.signed(iat=int(time.time()) + 86_400, exp=int(time.time()) + 90_000),
    # Algorithm: only ES256, whatever the token says (RFC 8725 §3.1).
    "none: no algorithm": lambda f: f.put_together({**f.header, "alg": "none"}, f.claims, lambda _: b""),
    "none: in other letters": lambda f: f.put_together({**f.header, "alg": "nOnE"}, f.claims, lambda _: b""),
    "none: with our signature": lambda f: f.put_together({**f.header, "alg": "none"}, f.claims, f.sign),
    "no alg at all": lambda f: f.put_together({"kid": f.header["kid"], "typ": "JWT"}, f.claims, f.sign),
    "key confusion: HS256 with our public key as the secret": lambda f: f.put_together(
        {**f.header, "alg": "HS256"}, f.claims, f.mac(public_pem(f))
    ),
    "key confusion: HS256 with an empty secret": lambda f: f.put_together(
        {**f.header, "alg": "HS256"}, f.claims, f.mac(b"")
    ),
    # Keys: only those of our file; a token that brings one, or says where one lies, is refused unread.
    "jwk: the key comes along": lambda f: by_stranger(f, {"jwk": "their key"}),
    "jwk: beside a right signature": lambda f: f.signed({"jwk": {"kty": "oct", "k": "eA"}}),
    "jku: the key lies at their address": lambda f: by_stranger(f, {"jku": "https://evil.example/jwks.json"}),
    "jku: at our own open address": lambda f: by_stranger(f, {"jku": f"{settings().public_url}/.well-known/jwks.json"}),
    "x5u: a certificate lies at their address": lambda f: by_stranger(f, {"x5u": "https://evil.example/c.pem"}),
    "x5c: a certificate comes along": lambda f: by_stranger(f, {"x5c": ["MIIB"]}),
    "crit: something that must be understood": lambda f: f.signed({"crit": ["exp"], "exp": 1}),
    "b64: a payload that is no base64": lambda f: f.signed({"b64": False, "crit": ["b64"]}),
    "kid: an unknown one": lambda f: f.signed({"kid": "20990101-00000000"}),
    "kid: a way to a file that is known": lambda f: f.put_together(
        {**f.header, "alg": "HS256", "kid": "../../../../../../dev/null"}, f.claims, f.mac(b"")
    ),
    "kid: SQL": lambda f: f.signed({"kid": "x' UNION SELECT 'secret' --"}),
    "kid: a command": lambda f: f.signed({"kid": "| sleep 5"}),
    "kid: a list": lambda f: f.signed({"kid": [f.header["kid"]]}),
    "kid: an object": lambda f: f.signed({"kid": {"kid": f.header["kid"]}}),
    "kid: null": lambda f: f.signed({"kid": None}),
    "kid: with a NUL behind it": lambda f: f.signed({"kid": f"{f.header['kid']}\x00"}),
    # Issuer and audience: ours, and this door's.
    "wrong issuer": lambda f: f.signed(iss="https://elsewhere.example"),
    "wrong issuer: ours with a slash": lambda f: f.signed(iss=settings().public_url + "/"),
    "wrong issuer: none": lambda f: f.signed(iss=None),
    "wrong issuer: a list": lambda f: f.signed(iss=[settings().public_url]),
    "wrong audience: staff": lambda f: f.signed(aud="staff"),
    "wrong audience: offices": lambda f: f.signed(aud="offices"),
    "wrong audience: none": lambda f: f.signed(aud=None),
    "wrong audience: an empty list": lambda f: f.signed(aud=[]),
    # Claims of the wrong kind.
    "sub: a number": lambda f: f.signed(sub=7),
    "sub: a list": lambda f: f.signed(sub=[f.claims["sub"]]),
    "sub: SQL": lambda f: f.signed(sub="' OR 1=1 --"),
    "sid: an object": lambda f: f.signed(sid={"sid": f.claims["sid"]}),
    "sid: none": lambda f: f.signed(sid=None),
    "lvl: a text": lambda f: f.signed(lvl="4"),
    "lvl: true": lambda f: f.signed(lvl=True),
    "lvl: infinity": lambda f: f.signed(lvl=float("inf")),
    "gen: a text": lambda f: f.signed(gen="0"),
    "sxp: the end of all time": lambda f: f.signed(sxp=10**30),
    "org: no id": lambda f: f.signed(org="me"),
    "auth_time: a text": lambda f: f.signed(auth_time="now"),
    "auth_time: no number": lambda f: f.signed(auth_time=float("nan")),
    "exp: a text": lambda f: f.signed(exp="never"),
    "exp: none": lambda f: f.signed(exp=None),
    "claims that are a list": lambda f: f.put_together(f.header, [f.claims], f.sign),
    "claims that are no JSON": lambda f: f.put_together(f.header, f.claims, f.sign).replace(".", ".e30x", 1),
    "a header that is a list": lambda f: f.put_together([f.header], f.claims, f.sign),
    # Shape.
    "truncated: half": lambda f: f.own[: len(f.own) // 2],
    "truncated: without its last character": lambda f: f.own[:-1],
    "truncated: header only": lambda f: f.own.split(".")[HEADER],
    "truncated: two parts": lambda f: f.own.rpartition(".")[0],
    "four parts": lambda f: f.own + ".e30",
    "five parts, as an encrypted one has": lambda f: f"{f.own}.e30.e30",
    "huge: a right one with a megabyte of claims": lambda f: f.signed(x="x" * 1_000_000),
    "huge: nothing but dots": lambda f: "." * 50_000,
    "nested: a token in a token": lambda f: f.signed({"cty": "JWT"}),
    "no ASCII": lambda f: f.own[:-4] + "é±ÿ¼",
}


@pytest.fixture(scope="module")
def forged_for() -> dict[str, Any]:
    return {}


@pytest.fixture
def forger(log_in: LogIn, client: FlaskClient, forged_for: dict[str, Any]) -> Forger:
    """One resident is enough for all of them: nothing of theirs is changed."""
    if "own" not in forged_for:
        forged_for["own"] = log_in().tokens["access_token"]
    return Forger(client, forged_for["own"])


def knock(client: FlaskClient, token: str, door: tuple[str, str] = RESIDENTS) -> tuple[int, str]:
    method, path = door
    response = client.open(path, method=method, headers={"Authorization": f"Bearer {token}"})
    return response.status_code, (response.json or {}).get("code", "")


def test_the_forgers_own_token_and_their_way_to_make_one_are_right(forger: Forger) -> None:
    assert knock(forger.client, forger.own)[0] == 200
    assert knock(forger.client, forger.signed(jti=str(uuid.uuid4())))[0] == 200


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_opens_nothing(forger: Forger, attack: str) -> None:
    """Forged, expired, none-alg, key confusion, wrong audience or issuer: 401 in the same words, and counted."""
    token = ATTACKS[attack](forger)

    assert knock(forger.client, token) == (401, "token_invalid")


# ——— Tokens in places where they do not belong. ———


def test_a_token_in_the_address_is_not_looked_at(forger: Forger) -> None:
    """RFC 6750 §2.3: addresses land in logs, histories and the Referer header."""
    for name in ("access_token", "token", "authorization", "Authorization"):
        response = forger.client.get(f"/v1/me?{name}={forger.own}")
        assert (response.status_code, response.json["code"]) == (401, "token_missing")


def test_a_token_in_a_cookie_or_a_body_is_not_looked_at(forger: Forger) -> None:
    forger.client.set_cookie("access_token", forger.own)
    try:
        assert forger.client.get("/v1/me").json["code"] == "token_missing"
        body = {"access_token": forger.own, "service": "residence-permit"}
        assert forger.client.post("/v1/submissions", json=body).json["code"] == "token_missing"
        assert forger.client.post("/v1/submissions", data=body).json["code"] == "token_missing"
    finally:
        forger.client.delete_cookie("access_token")


def test_staff_do_not_pass_the_residents_door_nor_residents_the_desks(
    forger: Forger, make_clerk: Callable[[str], Phone]
) -> None:
    """Wrong audience: a true token of the one kind is refused at the other's door by its `aud`."""
    clerk = make_clerk("S0001").tokens["access_token"]

    assert knock(forger.client, clerk, RESIDENTS) == (401, "token_invalid")
    assert knock(forger.client, forger.own, STAFF) == (401, "token_invalid")


def test_one_token_for_both_audiences_is_still_no_clerk(forger: Forger) -> None:
    """Even if our own key had signed it: a door reads the claims that its own kind of token has."""
    both = forger.signed(aud=["residents", "staff"])

    assert knock(forger.client, both, STAFF) == (401, "token_invalid")


def test_a_replayed_refresh_token_ends_what_it_was_copied_from(log_in: LogIn) -> None:
    """Replayed: a refresh token that was used before is known by our MAC on it, and ends the session for both."""
    mine = log_in()
    copied = mine.tokens["refresh_token"]
    mine.renew()
    mine.renew()

    mine.assert_refused(mine.refresh(copied))
    mine.assert_refused(mine.refresh())


def test_a_refresh_token_is_no_access_token(log_in: LogIn, client: FlaskClient) -> None:
    assert knock(client, log_in().tokens["refresh_token"]) == (401, "token_invalid")


def test_a_token_that_was_valid_when_first_seen_is_refused_after_its_end(
    forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired: what is remembered of a verified token never outlives its `exp`."""
    end = int(time.time()) + 60
    short = forger.signed(exp=end, jti=str(uuid.uuid4()))
    assert knock(forger.client, short)[0] == 200

    monkeypatch.setattr(time, "time", lambda: float(end))

    assert knock(forger.client, short) == (401, "token_invalid")


def test_the_answer_does_not_say_what_was_wrong(forger: Forger) -> None:
    bodies = set()
    for attack in ("expired: a second ago", "forged: no signature", "wrong issuer", "kid: an unknown one"):
        headers = {"Authorization": f"Bearer {ATTACKS[attack](forger)}"}
        body = dict(forger.client.get("/v1/me", headers=headers).json or {})
        assert body.pop("instance")
        bodies.add(json.dumps(body))

    assert len(bodies) == 1
