"""OpenID Connect: code flow with PKCE, as RFC 9700 (OAuth 2.0 Security BCP) asks.

Everything the provider says is checked here: signature by a published key, issuer, audience, time, nonce, and
the level actually reached, because providers may return less than was asked.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from app.settings import settings
from auth.providers.interface import Handshake, LoginRefused, Proof, ProviderAway

SCOPE = "openid profile identity"
ALGORITHMS = ["ES256", "RS256"]
_NEEDED = frozenset({"authorization_endpoint", "token_endpoint", "jwks_uri"})
_METADATA_SECONDS = 600.0
_KEYS_PAUSE_SECONDS = 10.0
_LEEWAY_SECONDS = 60


@dataclass
class OidcProvider:
    """One OpenID provider as configured. `levels` maps its acr values to our scale 0–4."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uris: list[str]
    levels: dict[str, int]
    protocol: str = "oidc"
    _metadata: tuple[float, dict[str, Any]] | None = None
    _keys: tuple[float, KeySet] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def authorize_url(self, handshake: Handshake, redirect_uri: str, level: int | None) -> str:
        """The authorization request (OpenID Connect Core §3.1.2.1) with PKCE S256 (RFC 7636)."""
        # In the order of preference: what is enough and asks the least of the person comes first.
        enough = sorted((reached, acr) for acr, reached in self.levels.items() if level and reached >= level)
        wanted = {"acr_values": " ".join(acr for _, acr in enough)} if enough else {}
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self._configuration()["authorization_endpoint"],
                state=handshake.state,
                nonce=handshake.nonce,
                code_verifier=handshake.verifier,
                **wanted,
            )
        return str(url)

    def identify(self, handshake: Handshake, redirect_uri: str, code: str, issuer: str | None) -> Proof:
        """Exchange the code and check the ID token (OpenID Connect Core §3.1.3.7)."""
        self._check_issuer(issuer)
        try:
            with self._session(redirect_uri) as session:
                answer = session.fetch_token(
                    self._configuration()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=handshake.verifier,
                    timeout=settings().outside_timeout.total_seconds(),
                )
        except OAuthError:
            raise LoginRefused from None
        except (requests.RequestException, ValueError):
            raise ProviderAway from None
        if not isinstance(answer, dict):
            raise ProviderAway
        return self._identity(self._checked(str(answer.get("id_token", "")), handshake.nonce))

    def _check_issuer(self, issuer: str | None) -> None:
        """RFC 9207 §2.4: an answer from another issuer is a mix-up attack, and so is one that hides its issuer
        although this provider always says it."""
        always_said = self._configuration().get("authorization_response_iss_parameter_supported") is True
        if issuer != self.issuer and (always_said or issuer is not None):
            raise LoginRefused

    def _identity(self, claims: dict[str, Any]) -> Proof:
        try:
            authenticated_at = datetime.fromtimestamp(claims["auth_time"], UTC)
        except (TypeError, ValueError, OverflowError):
            raise LoginRefused from None
        return Proof(
            subject=str(claims["sub"]),
            level=self.levels.get(str(claims.get("acr")), 0),
            method="oidc",
            authenticated_at=authenticated_at,
            claims=claims,
        )

    def _session(self, redirect_uri: str) -> OAuth2Session:
        return OAuth2Session(
            self.client_id,
            self.client_secret,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic",
        )

    def _checked(self, id_token: str, nonce: str) -> dict[str, Any]:
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            auth_time={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            token = self._decoded(id_token)
            rules.validate(token.claims)
        except (JoseError, ValueError):
            raise LoginRefused from None
        return dict(token.claims)

    def _decoded(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._key_set(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            return jwt.decode(id_token, self._key_set(refetch=True), algorithms=ALGORITHMS)

    def _configuration(self) -> dict[str, Any]:
        """The discovery document (OpenID Connect Discovery §4), re-read every ten minutes."""
        if self._metadata is None or time.monotonic() - self._metadata[0] > _METADATA_SECONDS:
            document = _fetch_json(f"{self.issuer}/.well-known/openid-configuration")
            if document.get("issuer") != self.issuer or not _NEEDED.issubset(document):
                raise ProviderAway
            self._metadata = (time.monotonic(), document)
        return self._metadata[1]

    def _key_set(self, refetch: bool = False) -> KeySet:
        """The provider's keys; an unknown key id makes us look again, but not more than every ten seconds."""
        with self._lock:
            pause = _KEYS_PAUSE_SECONDS if refetch else _METADATA_SECONDS
            if self._keys is None or time.monotonic() - self._keys[0] > pause:
                self._keys = (time.monotonic(), _fetch_keys(self._configuration()["jwks_uri"]))
            return self._keys[1]


def _fetch_json(url: str) -> dict[str, Any]:
    try:
        answer = requests.get(url, timeout=settings().outside_timeout.total_seconds())
        answer.raise_for_status()
        document = answer.json()
    except (requests.RequestException, ValueError):
        raise ProviderAway from None
    if not isinstance(document, dict):
        raise ProviderAway
    return document


def _fetch_keys(url: str) -> KeySet:
    try:
        return KeySet.import_key_set(_fetch_json(url))  # type: ignore[arg-type]
    except (JoseError, KeyError, TypeError, ValueError):
        raise ProviderAway from None
