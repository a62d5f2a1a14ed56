"""The e-ID provider refuses what RFC 6749, 7636, 9207 and 9700 tell it to refuse."""

import base64
import hashlib
import json
import os
import stat
import time
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from sandbox.settings import Settings
from tests.sandbox.conftest import MakeApp

VERIFIER = "v" * 43
ASKED = {
    "response_type": "code",
    "client_id": "onephone",
    "redirect_uri": "http://app.test/back",
    "scope": "openid profile identity",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode(),
    "code_challenge_method": "S256",
}


def address(**changes: str | None) -> str:
    asked = {k: v for k, v in {**ASKED, **changes}.items() if v is not None}
    return "/eid/authorize?" + urlencode(asked)


def log_in(client: FlaskClient, person: str = "li-jianguo", level: str = "", **changes: str | None) -> dict[str, str]:
    """The parameters of the redirect back."""
    form = {"person": person} | ({"level": level} if level else {})
    response = client.post(address(**changes), data=form)
    assert response.status_code == 302, response.text
    back = urlsplit(response.location)
    assert f"{back.scheme}://{back.netloc}{back.path}" == {**ASKED, **changes}["redirect_uri"]
    return dict(parse_qsl(back.query))


def exchange(client: FlaskClient, code: str, secret: str = "resident secret", **changes: str | None) -> TestResponse:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": ASKED["redirect_uri"]}
    sent = {k: v for k, v in {**form, "code_verifier": VERIFIER, "login": "onephone", **changes}.items() if v}
    return client.post("/eid/token", data=sent, auth=(sent.pop("login"), secret))


def claims_of(client: FlaskClient, response: TestResponse, algorithm: str = "ES256") -> dict[str, Any]:
    assert response.status_code == 200, response.text
    keys = KeySet.import_key_set(client.get("/eid/jwks").get_json())
    assert response.json is not None
    token = jwt.decode(response.json["id_token"], keys, algorithms=[algorithm])
    assert token.header["kid"] == keys.keys[0].kid
    return dict(token.claims)


def test_discovery(client: FlaskClient) -> None:
    found = client.get("/eid/.well-known/openid-configuration").get_json()
    assert found["issuer"] == "http://sandbox.test/eid"
    assert found["token_endpoint"] == "http://sandbox.test/eid/token"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["response_types_supported"] == ["code"]
    assert found["token_endpoint_auth_methods_supported"] == ["client_secret_basic"]
    assert found["authorization_response_iss_parameter_supported"] is True


def test_jwks_are_public_and_the_file_is_private(client: FlaskClient, chosen: Settings) -> None:
    keys = client.get("/eid/jwks").get_json()["keys"]
    assert [key["alg"] for key in keys] == ["ES256"] and "d" not in keys[0]
    assert stat.S_IMODE(os.stat(chosen.keys_file).st_mode) == 0o600


def test_login_gives_an_id_token(client: FlaskClient) -> None:
    back = log_in(client)
    assert back["state"] == "state-1" and back["iss"] == "http://sandbox.test/eid"
    response = exchange(client, back["code"])
    assert response.json is not None and response.json["token_type"] == "Bearer"
    assert "refresh_token" not in response.json
    claims = claims_of(client, response)
    now = time.time()
    assert claims["iss"] == "http://sandbox.test/eid" and claims["aud"] == "onephone"
    assert claims["nonce"] == "nonce-1" and claims["acr"] == "urn:sandbox:eid:level:3"
    assert claims["amr"] == ["face", "otp"]
    assert abs(claims["auth_time"] - now) < 5 and abs(claims["iat"] - now) < 5 and claims["exp"] > now + 60
    assert claims["name"] == "李建国" and claims["birthdate"] == "1988-06-15"
    assert claims["phone_number"] == "19900000002" and claims["document_type"] == "111"
    assert claims["document_number"].startswith("53239919880615")


def test_page_shows_everybody(client: FlaskClient) -> None:
    response = client.get(address())
    assert response.status_code == 200
    for key in ("wang-guilan", "li-jianguo", "ouyang-xue", "zhang-wei", "chen-clerk", "zhao-auditor", "deny"):
        assert f'value="{key}"' in response.text


def test_staff_claims(client: FlaskClient) -> None:
    changes = {"client_id": "onephone-desk", "redirect_uri": "http://desk.test/back"}
    back = log_in(client, "chen-clerk", **changes)
    response = exchange(
        client, back["code"], "desk secret", login="onephone-desk", redirect_uri="http://desk.test/back"
    )
    claims = claims_of(client, response)
    assert claims["staff_number"] == "S0001" and claims["name"] == "陈静"
    assert "document_number" not in claims and "birthdate" not in claims


def test_scopes_limit_what_is_told(client: FlaskClient) -> None:
    claims = claims_of(client, exchange(client, log_in(client, scope="openid")["code"]))
    assert not {"name", "phone_number", "birthdate", "document_number", "document_type"} & set(claims)
    claims = claims_of(client, exchange(client, log_in(client, scope="openid profile")["code"]))
    assert claims["name"] == "李建国" and "document_number" not in claims


def test_sub_is_pairwise_and_stable(client: FlaskClient) -> None:
    first = claims_of(client, exchange(client, log_in(client)["code"]))
    again = claims_of(client, exchange(client, log_in(client)["code"]))
    other = claims_of(client, exchange(client, log_in(client, "ouyang-xue")["code"]))
    desk = {"client_id": "onephone-desk", "redirect_uri": "http://desk.test/back"}
    elsewhere = exchange(
        client,
        log_in(client, **desk)["code"],
        "desk secret",
        login="onephone-desk",
        redirect_uri=desk["redirect_uri"],
    )
    assert first["sub"] == again["sub"]
    assert len({first["sub"], other["sub"], claims_of(client, elsewhere)["sub"]}) == 3
    assert first["document_number"] not in first["sub"]


def test_userinfo_says_the_same(client: FlaskClient) -> None:
    response = exchange(client, log_in(client)["code"])
    assert response.json is not None
    headers = {"Authorization": f"Bearer {response.json['access_token']}"}
    info = client.get("/eid/userinfo", headers=headers)
    claims = claims_of(client, response)
    assert info.status_code == 200 and info.get_json() == {key: claims[key] for key in info.get_json()}
    assert info.get_json()["sub"] == claims["sub"] and info.get_json()["name"] == "李建国"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic x"}])
def test_userinfo_needs_a_token(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.get("/eid/userinfo", headers=headers).status_code == 401


def refused(response: TestResponse, error: str, status: int = 400) -> None:
    assert response.status_code == status, response.text
    assert response.json is not None and response.json["error"] == error
    assert "id_token" not in response.text


def test_wrong_verifier(client: FlaskClient) -> None:
    code = log_in(client)["code"]
    refused(exchange(client, code, code_verifier="w" * 43), "invalid_grant")
    refused(exchange(client, code), "invalid_grant")  # And the code is burnt.


def test_missing_verifier(client: FlaskClient) -> None:
    refused(exchange(client, log_in(client)["code"], code_verifier=None), "invalid_request")


def test_reused_code_fails_and_revokes_the_first_token(client: FlaskClient) -> None:
    code = log_in(client)["code"]
    first = exchange(client, code)
    assert first.json is not None
    headers = {"Authorization": f"Bearer {first.json['access_token']}"}
    assert client.get("/eid/userinfo", headers=headers).status_code == 200
    refused(exchange(client, code), "invalid_grant")
    assert client.get("/eid/userinfo", headers=headers).status_code == 401


def test_expired_code(make_app: MakeApp) -> None:
    client = make_app(code_life=-1).test_client()
    refused(exchange(client, log_in(client)["code"]), "invalid_grant")


def test_code_of_another_client(client: FlaskClient) -> None:
    code = log_in(client)["code"]
    refused(exchange(client, code, "desk secret", login="onephone-desk"), "invalid_grant")
    assert exchange(client, code).status_code == 200  # A stranger cannot burn it.


@pytest.mark.parametrize("redirect_uri", ["http://app.test/back/", None, "http://desk.test/back"])
def test_token_request_with_another_redirect_uri(client: FlaskClient, redirect_uri: str | None) -> None:
    refused(exchange(client, log_in(client)["code"], redirect_uri=redirect_uri), "invalid_grant")


@pytest.mark.parametrize("secret", ["wrong", "", "desk secret"])
def test_wrong_client_secret(client: FlaskClient, secret: str) -> None:
    code = log_in(client)["code"]
    refused(exchange(client, code, secret), "invalid_client", 401)
    assert exchange(client, code).status_code == 200


@pytest.mark.parametrize(("sent", "status"), [("50%25+or%2B", 200), ("50% or+", 401)])
def test_a_client_secret_comes_form_encoded(make_app: MakeApp, chosen: Settings, sent: str, status: int) -> None:
    """RFC 6749 §2.3.1: a `+` on the way is a space."""
    known = {**chosen.clients["onephone"], "secret": "50% or+"}
    client = make_app(clients={"onephone": known}).test_client()

    assert exchange(client, log_in(client)["code"], sent).status_code == status


def test_client_secret_only_by_basic(client: FlaskClient) -> None:
    form = {"grant_type": "authorization_code", "code": log_in(client)["code"], "code_verifier": VERIFIER}
    form |= {
        "redirect_uri": ASKED["redirect_uri"],
        "client_id": "onephone",
        "client_secret": "resident secret",
    }
    refused(client.post("/eid/token", data=form), "invalid_client", 401)


def test_other_grants_are_unknown(client: FlaskClient) -> None:
    for grant in ("client_credentials", "password", "refresh_token"):
        refused(exchange(client, "x", grant_type=grant), "unsupported_grant_type")


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://evil.test/back"},
        {"redirect_uri": "http://app.test/back?more=1"},
        {"redirect_uri": "http://app.test/back/"},
        {"redirect_uri": None},
        {"client_id": "stranger"},
        {"client_id": None},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unproven_address_never_gets_a_redirect(
    client: FlaskClient, method: str, changes: dict[str, str | None]
) -> None:
    response = client.open(address(**changes), method=method, data={"person": "li-jianguo"})
    assert response.status_code == 400 and "Location" not in response.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"max_age": "soon"}, "invalid_request"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refusals_go_back_with_state_and_iss(
    client: FlaskClient, method: str, changes: dict[str, str | None], error: str
) -> None:
    response = client.open(address(**changes), method=method, data={"person": "li-jianguo"})
    assert response.status_code == 302, response.text
    back = {key: values[0] for key, values in parse_qs(urlsplit(response.location).query).items()}
    assert back["error"] == error and back["state"] == "state-1" and "code" not in back
    assert back["iss"] == "http://sandbox.test/eid"


def test_person_says_no(client: FlaskClient) -> None:
    back = log_in(client, "deny")
    assert back["error"] == "access_denied" and back["iss"] == "http://sandbox.test/eid" and "code" not in back


def test_unknown_person_gets_the_page_again(client: FlaskClient) -> None:
    assert client.post(address(), data={"person": "nobody"}).status_code == 400
    assert client.post(address()).status_code == 400


@pytest.mark.parametrize(
    ("acr_values", "picked", "level"),
    [
        ("", "", 3),
        ("urn:sandbox:eid:level:4", "", 4),
        ("urn:other urn:sandbox:eid:level:2 urn:sandbox:eid:level:4", "", 2),
        ("urn:sandbox:eid:level:4", "1", 1),
        ("", "2", 2),
        ("", "9", 3),
    ],
)
def test_level(client: FlaskClient, acr_values: str, picked: str, level: int) -> None:
    back = log_in(client, level=picked, acr_values=acr_values)
    assert claims_of(client, exchange(client, back["code"]))["acr"] == f"urn:sandbox:eid:level:{level}"


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}, {"prompt": "login", "max_age": "60"}])
def test_fresh_login_is_always_asked_and_told(client: FlaskClient, changes: dict[str, str]) -> None:
    log_in(client)
    assert 'value="li-jianguo"' in client.get(address(**changes)).text
    claims = claims_of(client, exchange(client, log_in(client, **changes)["code"]))
    assert abs(claims["auth_time"] - time.time()) < 5


def test_switches(client: FlaskClient) -> None:
    client.put("/eid/control", json={"mode": "down"})
    for path in ("/eid/.well-known/openid-configuration", "/eid/jwks", address()):
        assert client.get(path).status_code == 503
    assert exchange(client, "x").status_code == 503
    client.put("/eid/control", json={"mode": "wrong"})
    response = client.get("/eid/jwks")
    assert response.status_code == 200
    with pytest.raises(ValueError):
        json.loads(response.data)


def test_codes_tokens_and_keys_outlive_the_process(make_app: MakeApp) -> None:
    code = log_in(make_app().test_client())["code"]
    keys = make_app().test_client().get("/eid/jwks").get_json()
    again = make_app().test_client()
    assert again.get("/eid/jwks").get_json() == keys
    assert exchange(again, code).status_code == 200
