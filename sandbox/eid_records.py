"""What the e-ID provider remembers: clients, authorization codes, access tokens, and who is who for whom."""

import base64
import hmac
import time
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oidc.core import AuthorizationCodeMixin

from sandbox.memory import memory
from sandbox.persons import PERSONS, RESIDENT_ID_CARD, Person
from sandbox.settings import settings

SCHEMA = """
create table if not exists eid_code (
    code text primary key, client_id text not null, person text not null, redirect_uri text not null,
    scope text not null, nonce text, code_challenge text not null, level integer not null,
    auth_time integer not null, expires_at real not null, used integer not null default 0);
create table if not exists eid_token (
    token text primary key, code text not null, client_id text not null, person text not null,
    scope text not null, expires_at real not null, revoked integer not null default 0);
"""

SCOPES = ("openid", "profile", "identity")
LEVELS = {f"urn:sandbox:eid:level:{level}": level for level in (1, 2, 3, 4)}
# RFC 8176 names for how each level is reached here.
METHODS = {1: ["pwd"], 2: ["pwd", "otp"], 3: ["face", "otp"], 4: ["hwk", "pin"]}


class Client(ClientMixin):  # type: ignore[misc]
    """One relying party of SANDBOX_CLIENTS: confidential, code flow only, client_secret_basic only."""

    def __init__(self, client_id: str, known: dict[str, Any]) -> None:
        self.client_id = client_id
        self.secret: str = known["secret"]
        self.redirect_uris: list[str] = known["redirect_uris"]

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: RFC 9700 wants the address in every request, compared exactly."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes granted; None refuses the request, because without openid it is not a login."""
        asked = (scope or "").split()
        return " ".join(s for s in asked if s in SCOPES) if "openid" in asked else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str | None) -> bool:
        return hmac.compare_digest(self.secret.encode(), (client_secret or "").encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """An authorization code, as a row of eid_code."""

    code: str
    client_id: str
    person: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    level: int
    auth_time: int
    expires_at: float
    used: int
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> str:
        return f"urn:sandbox:eid:level:{self.level}"

    def get_amr(self) -> list[str]:
        return METHODS[self.level]


@dataclass
class Token(TokenMixin):  # type: ignore[misc]
    """An access token for the userinfo endpoint, as a row of eid_token."""

    token: str
    code: str
    client_id: str
    person: str
    scope: str
    expires_at: float
    revoked: int

    def get_scope(self) -> str:
        return self.scope

    def is_expired(self) -> bool:
        return self.expires_at < time.time()

    def is_revoked(self) -> bool:
        return bool(self.revoked)


def find_client(client_id: str) -> Client | None:
    known = settings().clients.get(client_id)
    return Client(client_id, known) if known else None


def keep_code(code: str, request: Any, level: int) -> None:
    """Remember what a code stands for. `request` is Authlib's OAuth2Request after the person said yes."""
    now, asked = time.time(), request.payload.data
    memory().execute(
        "insert into eid_code values (?,?,?,?,?,?,?,?,?,?,0)",
        *(code, request.client.client_id, request.user.key, request.payload.redirect_uri, request.scope),
        *(asked.get("nonce"), asked["code_challenge"], level, int(now), now + settings().code_life),
    )


def take_code(code: str, client_id: str) -> Code | None:
    """Use up a code: it works once, for its own client, while fresh, even if the rest of the request is bad.

    A second use also revokes the token that the first one gave (RFC 6749 §4.1.2).
    """
    with memory().change() as db:
        taken = db.execute(
            "update eid_code set used = 1 where code = ? and client_id = ? and used = 0 and expires_at > ? returning *",
            (code, client_id, time.time()),
        ).fetchone()
        if taken is None:
            db.execute("update eid_token set revoked = 1 where code = ? and client_id = ?", (code, client_id))
    return Code(**dict(taken)) if taken else None


def owner_of_code(code: str) -> Person | None:
    """Whom a code was given to. Only for the demo phone, which plays this very person."""
    row = memory().row("select person from eid_code where code = ?", code)
    return PERSONS.get(row["person"]) if row else None


def keep_token(token: dict[str, Any], request: Any) -> None:
    memory().execute(
        "insert into eid_token values (?,?,?,?,?,?,0)",
        *(token["access_token"], request.authorization_code.code, request.client.client_id),
        *(request.user.key, token["scope"], time.time() + token["expires_in"]),
    )


def find_token(token: str) -> Token | None:
    row = memory().row("select * from eid_token where token = ?", token)
    return Token(**row) if row else None


def claims_about(person: Person, client_id: str, scope: str) -> dict[str, Any]:
    """What a client learns about a person. `sub` is pairwise (OpenID Connect Core §8.1): two clients cannot
    compare notes, and it says nothing about the document number."""
    scopes = scope.split()
    pairwise = memory().pseudonym("eid.sub", client_id, person.key)
    claims: dict[str, Any] = {"sub": base64.urlsafe_b64encode(pairwise).rstrip(b"=").decode()}
    if "profile" in scopes:
        claims |= {"name": person.name, "phone_number": person.phone}
        claims |= {"birthdate": person.born.isoformat()} if person.born else {}
        claims |= {"staff_number": person.staff_number} if person.staff_number else {}
    if "identity" in scopes and person.document_number:
        claims |= {"document_type": RESIDENT_ID_CARD, "document_number": person.document_number}
    return claims
