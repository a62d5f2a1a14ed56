"""The e-ID provider (电子身份): real OpenID Connect by Authlib's server side, code flow with PKCE S256.

It keeps no session of its own: the page is shown at every login, so max_age and prompt=login always hold and
prompt=none always gets login_required.
"""

import time
from typing import Any, cast
from urllib.parse import unquote_plus

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core.grants import OpenIDCode
from flask import Blueprint, Flask, Response, current_app, jsonify, render_template, request
from joserfc.jwk import KeySet

from sandbox.eid_keys import load_keys
from sandbox.eid_records import (
    LEVELS,
    METHODS,
    SCOPES,
    Client,
    Code,
    Token,
    claims_about,
    find_client,
    find_token,
    keep_code,
    keep_token,
    take_code,
)
from sandbox.persons import PERSONS, Person, residents, staff
from sandbox.settings import settings
from sandbox.switches import obeys

PART = "eid"
ALGORITHM = "ES256"
ID_TOKEN_LIFE = 300  # seconds
ACCESS_TOKEN_LIFE = 600  # seconds

blueprint = Blueprint("eid", __name__, url_prefix="/eid")


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012  Authlib's own class attribute

    def save_authorization_code(self, code: str, request: Any) -> None:
        keep_code(code, request, chosen_level(request.user, request.payload.data))

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return take_code(code, client.client_id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing to do: taking a code has used it up, and its row must stay to notice a second use."""

    def authenticate_user(self, authorization_code: Code) -> Person:
        return PERSONS[authorization_code.person]


class StrictCodeChallenge(CodeChallenge):  # type: ignore[misc]
    """PKCE is a must for every client, by S256 only (RFC 9700 §2.1.1); Authlib alone would take none."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012  Authlib's own class attribute

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with code_challenge_method S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


class IdToken(OpenIDCode):  # type: ignore[misc]
    def resolve_client_private_key(self, client: Client) -> Any:
        return signing_keys().keys[0]

    def get_client_algorithm(self, client: Client) -> str:
        return ALGORITHM

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": ALGORITHM, "typ": "JWT", "kid": signing_keys().keys[0].kid}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": settings().issuer, "aud": client.client_id, "exp": int(time.time()) + ID_TOKEN_LIFE}

    def get_authorization_code_claims(self, authorization_code: Code) -> dict[str, Any]:
        """nonce, auth_time, acr and amr, and what the scopes of the code let the client know."""
        of_code: dict[str, Any] = super().get_authorization_code_claims(authorization_code)
        person, scope = PERSONS[authorization_code.person], authorization_code.scope
        return of_code | claims_about(person, authorization_code.client_id, scope)

    def generate_user_info(self, user: Person, scope: str) -> dict[str, Any]:
        """Nothing more: a pairwise `sub` needs the client, which Authlib does not pass here."""
        return {}

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        """Never: pressing a button twice is no attack, and the nonce is the client's to check."""
        return False


class Issuer(IssuerParameter):  # type: ignore[misc]
    def get_issuer(self) -> str:
        return settings().issuer


class TokenValidator(BearerTokenValidator):  # type: ignore[misc]
    def authenticate_token(self, token_string: str) -> Token | None:
        return find_token(token_string)


def client_by_secret(query_client: Any, asked: Any) -> Client | None:
    """client_secret_basic, both parts form-encoded (RFC 6749 §2.3.1); Authlib alone would take a bare `+`."""
    offered = request.authorization
    if offered is None or offered.type != "basic":
        return None
    client: Client | None = query_client(unquote_plus(offered.username or ""))
    return client if client and client.check_client_secret(unquote_plus(offered.password or "")) else None


bearer = ResourceProtector()
bearer.register_token_validator(TokenValidator())


def prepare(app: Flask, keys_file: str) -> None:
    """Give the application its provider and its keys."""
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"authorization_code": ACCESS_TOKEN_LIFE}
    server = AuthorizationServer(app, query_client=find_client, save_token=keep_token)
    server.register_grant(CodeGrant, [StrictCodeChallenge(required=True), IdToken()])
    server.register_extension(Issuer())
    server.register_client_auth_method("client_secret_basic", client_by_secret)
    app.extensions["sandbox.eid.server"] = server
    app.extensions["sandbox.eid.keys"] = load_keys(keys_file)


def provider() -> Any:
    return current_app.extensions["sandbox.eid.server"]


def signing_keys() -> KeySet:
    return cast(KeySet, current_app.extensions["sandbox.eid.keys"])


@blueprint.get("/.well-known/openid-configuration")
@obeys(PART)
def discovery() -> Response:
    """OpenID Connect Discovery §3, RFC 8414, RFC 9207 §3."""
    issuer = settings().issuer
    return jsonify(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        jwks_uri=f"{issuer}/jwks",
        userinfo_endpoint=f"{issuer}/userinfo",
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=["authorization_code"],
        subject_types_supported=["pairwise"],
        id_token_signing_alg_values_supported=[ALGORITHM],
        token_endpoint_auth_methods_supported=["client_secret_basic"],
        code_challenge_methods_supported=["S256"],
        scopes_supported=list(SCOPES),
        acr_values_supported=list(LEVELS),
        claims_supported=[
            *("iss", "sub", "aud", "exp", "iat", "nonce", "acr", "amr", "auth_time", "at_hash", "name"),
            *("phone_number", "birthdate", "document_type", "document_number", "staff_number"),
        ],
        prompt_values_supported=["login"],
        request_parameter_supported=False,
        request_uri_parameter_supported=False,
        claims_parameter_supported=False,
        authorization_response_iss_parameter_supported=True,
    )


@blueprint.get("/jwks")
@obeys(PART)
def jwks() -> Response:
    return jsonify(signing_keys().as_dict(private=False))


@blueprint.route("/authorize", methods=["GET", "POST"])
@obeys(PART)
def authorize() -> Any:
    """GET shows the people to be; POST person=<key> (and level) goes back with a code, deny with an error."""
    try:
        grant = provider().get_consent_grant(end_user=None)
        check_max_age(grant)
    except OAuth2Error as error:
        return refuse(error)
    if request.method == "GET":
        return people_page(grant.client, 200)
    chosen = request.form.get("person", "")
    if chosen != "deny" and chosen not in PERSONS:
        return people_page(grant.client, 400)
    return provider().create_authorization_response(grant_user=PERSONS.get(chosen), grant=grant)


@blueprint.post("/token")
@obeys(PART)
def token() -> Any:
    return provider().create_token_response()


@blueprint.route("/userinfo", methods=["GET", "POST"])
@obeys(PART)
@bearer("openid")  # type: ignore[untyped-decorator]
def userinfo() -> Response:
    held = find_token(request.headers["Authorization"].split(None, 1)[1])
    assert held is not None, "the guard above has just found it"
    return jsonify(claims_about(PERSONS[held.person], held.client_id, held.scope))


def check_max_age(grant: Any) -> None:
    if not request.args.get("max_age", "0").isascii() or not request.args.get("max_age", "0").isdigit():
        raise InvalidRequestError(
            "max_age is not a number of seconds",
            redirect_uri=grant.redirect_uri,
            state=request.args.get("state"),
        )


def refuse(error: OAuth2Error) -> Any:
    """Back to the client only when its address is proven, else a page for the person (RFC 6749 §4.1.2.1)."""
    if not error.redirect_uri:
        return render_template("eid_error.html", error=error.error, detail=error.description), 400
    response = provider().handle_error_response(None, error)
    Issuer().add_issuer_parameter(provider(), response)
    return response


def people_page(client: Client, status: int) -> tuple[str, int]:
    groups = [("居民", "Residents", residents()), ("工作人员", "Staff", staff())]
    if client.client_id.endswith("-desk"):
        groups.reverse()
    wanted = asked_level(request.args.get("acr_values", ""))
    page = render_template("eid_authorize.html", client=client.client_id, groups=groups, wanted=wanted, levels=METHODS)
    return page, status


def chosen_level(person: Person, asked: Any) -> int:
    """What was picked on the page, else what the client asked for, else the person's usual level."""
    picked = asked.get("level", "")
    if picked in ("1", "2", "3", "4"):
        return int(picked)
    return asked_level(asked.get("acr_values", "")) or person.level


def asked_level(acr_values: str) -> int | None:
    """The first known value: they stand in order of preference (OpenID Connect Core §3.1.2.1)."""
    return next((LEVELS[value] for value in acr_values.split() if value in LEVELS), None)
