"""OpenID Connect: code flow with PKCE, as RFC 9700 (OAuth 2.0 Security BCP) asks.

Everything the provider says is checked here: signature by a published key, issuer, audience, time, nonce, and
the level actually reached, because providers may return less than was asked.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import requests
import structlog
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from app import outside_calls
from app.settings import settings
from auth.providers import options
from auth.providers.interface import CLAIMS, Handshake, LoginRefused, Proof, ProviderAway, Wish
from auth.providers.redirects import brought, check_state, registered

log = structlog.get_logger()

SCOPE = "openid profile identity"
ALGORITHMS = ["ES256", "RS256"]
# RFC 6749 §5.2: what is wrong with our client and not with the code of somebody who logs in.
_OUR_FAULT = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})
_NEEDED = frozenset({"authorization_endpoint", "token_endpoint", "jwks_uri"})
_METADATA_SECONDS = 600.0
_KEYS_PAUSE_SECONDS = 10.0
_LEEWAY_SECONDS = 60


@dataclass
class OidcProvider:
    """One OpenID provider as configured.

    `levels` maps its acr values to our scale 0-4. `claims` maps our names of what it vouches for to its own, where
    they differ, and `document_types` its words for kinds of documents to GA/T 2000.156.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: list[str]
    levels: dict[str, int]
    claims: dict[str, str] = field(default_factory=dict)
    document_types: dict[str, str] = field(default_factory=dict)
    protocol: str = "oidc"
    _metadata: tuple[float, dict[str, Any]] | None = None
    _keys: tuple[float, KeySet] | None = field(default=None, repr=False)
    _refetched_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        options.require_address(issuer=self.issuer)
        options.require_text(client_id=self.client_id, client_secret=self.client_secret)
        options.require_redirect_uris(self.redirect_uris)
        options.require_levels(self.levels)
        options.require_words(claims=self.claims, document_types=self.document_types)

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """The authorization request (OpenID Connect Core §3.1.2.1) with PKCE S256 (RFC 7636)."""
        redirect_uri = registered(wish, self.redirect_uris)
        handshake.kept["redirect_uri"] = redirect_uri
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self._configuration()["authorization_endpoint"],
                state=handshake.state,
                nonce=handshake.nonce,
                code_verifier=handshake.verifier,
                **self._asked(wish),
            )
        return {"authorize_url": str(url)}

    def _asked(self, wish: Wish) -> dict[str, str]:
        """Level and freshness as the provider understands them; whether it kept to them is checked on return."""
        # In the order of preference: what is enough and asks the least of the person comes first.
        enough = sorted((reached, acr) for acr, reached in self.levels.items() if wish.level and reached >= wish.level)
        asked = {"acr_values": " ".join(acr for _, acr in enough)} if enough else {}
        if self._configuration().get("claims_parameter_supported") is True:
            # OpenID Connect Core §5.5: else some leave out what we cannot do without.
            asked["claims"] = json.dumps({"id_token": {"acr": None, "auth_time": {"essential": True}}})
        if wish.max_age is not None:
            asked |= {"max_age": str(wish.max_age), "prompt": "login"}
        return asked

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Exchange the code and check the ID token (OpenID Connect Core §3.1.3.7)."""
        check_state(handshake, answer)
        self._check_issuer(answer.get("iss"))
        token = self._redeemed(handshake, brought(answer, "code"))
        claims = self._checked(str(token.get("id_token", "")), handshake.nonce)
        return self._proof(claims, self._vouched(claims) or self._vouched(self._looked_up(token, claims["sub"])))

    def _check_issuer(self, issuer: str | None) -> None:
        """RFC 9207 §2.4: an answer from another issuer is a mix-up attack, and so is one that hides its issuer
        although this provider always says it."""
        always_said = self._configuration().get("authorization_response_iss_parameter_supported") is True
        if issuer != self.issuer and (always_said or issuer is not None):
            raise LoginRefused("issuer_wrong")

    def _redeemed(self, handshake: Handshake, code: str) -> dict[str, Any]:
        try:
            with self._session(str(handshake.kept.get("redirect_uri", ""))) as session:
                answer = session.fetch_token(
                    self._configuration()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=handshake.verifier,
                    allow_redirects=False,
                )
        except OAuthError as refusal:
            if refusal.error in _OUR_FAULT:
                log.error("oidc_misconfigured", alarm=True, issuer=self.issuer, error=refusal.error)
                raise ProviderAway from None
            raise LoginRefused("code_refused") from None
        except (requests.RequestException, ValueError, RecursionError):
            raise ProviderAway from None
        if not isinstance(answer, dict):
            raise ProviderAway
        return answer

    def _looked_up(self, token: dict[str, Any], subject: Any) -> dict[str, Any]:
        """What the UserInfo endpoint says where the ID token names nobody (OpenID Connect Core §5.3, §5.4).

        It may say who somebody is, and never how or when they proved it: those are signed. Raises LoginRefused.
        """
        address = self._configuration().get("userinfo_endpoint")
        if address is None:
            return {}
        told = _fetch_json(str(address), {"Authorization": f"Bearer {token.get('access_token')}"})
        if told.get("sub") != subject:
            raise LoginRefused("userinfo_of_another")
        return told

    def _proof(self, claims: dict[str, Any], vouched: dict[str, Any]) -> Proof:
        try:
            authenticated_at = datetime.fromtimestamp(claims["auth_time"], UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            raise LoginRefused("auth_time_malformed") from None
        acr = claims.get("acr")
        level = self.levels.get(acr, 0) if isinstance(acr, str) else 0
        return Proof(str(claims["sub"]), level, self.protocol, authenticated_at, vouched)

    def _vouched(self, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims by our names, without those that the provider left out."""
        found = {name: claims.get(self.claims.get(name, name)) for name in CLAIMS}
        kind = found["document_type"]
        found["document_type"] = self.document_types.get(kind, kind) if isinstance(kind, str) else kind
        return {name: value for name, value in found.items() if value is not None}

    def _session(self, redirect_uri: str) -> OAuth2Session:
        session = OAuth2Session(
            self.client_id,
            self.client_secret,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=_client_secret_basic,
        )
        outside_calls.bound(session)
        return session

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
            raise LoginRefused("id_token_invalid") from None
        self._check_party_and_age(token.claims)
        return dict(token.claims)

    def _check_party_and_age(self, claims: dict[str, Any]) -> None:
        """OpenID Connect Core §3.1.3.7, steps 4, 5 and 10: for several audiences it says for whom it was made, and
        a token made long ago was kept by somebody."""
        party = claims.get("azp")
        if party != self.client_id and (
            party is not None or (isinstance(claims["aud"], list) and len(claims["aud"]) > 1)
        ):
            raise LoginRefused("authorized_party_wrong")
        if claims["iat"] < time.time() - settings().login_life.total_seconds() - _LEEWAY_SECONDS:
            raise LoginRefused("id_token_stale")

    def _decoded(self, id_token: str) -> jwt.Token:
        keys = self._key_set()
        try:
            return jwt.decode(id_token, keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            return jwt.decode(id_token, self._key_set(unknown_to=keys), algorithms=ALGORITHMS)

    def _configuration(self) -> dict[str, Any]:
        """The discovery document (OpenID Connect Discovery §4), re-read every ten minutes."""
        if self._metadata is None or time.monotonic() - self._metadata[0] > _METADATA_SECONDS:
            document = _fetch_json(f"{self.issuer.removesuffix('/')}/.well-known/openid-configuration")
            if document.get("issuer") != self.issuer or not _NEEDED.issubset(document):
                raise ProviderAway
            # RFC 8414 §2: who lists PKCE methods without S256 would take our challenge for a plain word.
            if "S256" not in document.get("code_challenge_methods_supported", ["S256"]):
                raise ProviderAway
            self._metadata = (time.monotonic(), document)
        return self._metadata[1]

    def _key_set(self, unknown_to: KeySet | None = None) -> KeySet:
        """The provider's keys. A key id that is `unknown_to` those we had makes us look again at once, and then not for
        ten seconds: a rotation logs nobody out, and made-up key ids do not make us ask all the time."""
        with self._lock:
            now = time.monotonic()
            if self._keys is None or now - self._keys[0] > _METADATA_SECONDS:
                self._keys = (now, _fetch_keys(self._configuration()["jwks_uri"]))
            elif unknown_to is self._keys[1] and now - self._refetched_at > _KEYS_PAUSE_SECONDS:
                self._refetched_at = now
                self._keys = (now, _fetch_keys(self._configuration()["jwks_uri"]))
            return self._keys[1]


def _client_secret_basic(client: Any, method: str, uri: str, headers: dict[str, str], body: str) -> tuple[Any, ...]:
    """RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. The library joins them as they are, so
    that the provider would read another secret where ours has a `+` or a `%`."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


def _fetch_json(url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    try:
        answer = outside_calls.call("GET", url, headers=headers)
        answer.raise_for_status()
        return outside_calls.read_object(answer)
    except (requests.RequestException, ValueError):
        raise ProviderAway from None


def _fetch_keys(url: str) -> KeySet:
    """The keys that we understand. Others may stand beside them, such as one of SM2 (RFC 7517 §5)."""
    published = _fetch_json(url).get("keys")
    keys = [key for entry in published if (key := _key(entry))] if isinstance(published, list) else []
    if not keys:
        raise ProviderAway
    return KeySet(keys)


def _key(entry: Any) -> Key | None:
    try:
        return JWKRegistry.import_key(entry)
    except (JoseError, KeyError, TypeError, ValueError, AttributeError):
        return None
