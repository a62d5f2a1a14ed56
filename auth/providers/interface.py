"""What every e-ID provider gives, whatever protocol it speaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.people.identities import Identity
from app.people.residents import Person
from app.refusals import Refusal


class LoginRefused(Refusal):
    """The provider did not confirm this login: wrong or used code, wrong state, or proof that does not hold.

    `reason` is one word for operators, from the code alone: it is counted and logged, and no client is told it.
    """

    def __init__(self, reason: str = "unproved") -> None:
        super().__init__()
        self.reason = reason


class ProviderAway(Refusal):
    """The provider cannot be reached just now, or talks nonsense; nothing was lost, try again."""


class ProviderBusy(ProviderAway):
    """The provider says that it was asked too often; `retry_after` seconds, `limit` in a `window` of seconds."""


class ProviderMisconfigured(Exception):
    """An option of a provider's configuration is missing or wrong; the text tells an operator which, and no secret."""


@dataclass(frozen=True)
class Wish:
    """What a client asks of a login; `address` and `device` say where from, for limits."""

    redirect_uri: str | None = None
    level: int | None = None
    phone: str | None = None
    voice: bool = False
    language: str = "zh"
    address: str = ""
    device: str = ""


@dataclass(frozen=True)
class Handshake:
    """The secrets of one login under way, kept on our side. All three are random and used once."""

    state: str
    nonce: str
    verifier: str
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proof:
    """What a provider said. `subject` means something at this provider only; `level` is our scale 0–4.

    `claims` are what the provider vouches for, by its own names.
    """

    subject: str
    level: int
    method: str
    authenticated_at: datetime
    claims: dict[str, Any] = field(default_factory=dict, repr=False)
    phone: str | None = field(default=None, repr=False)

    def identity(self, provider: str) -> Identity:
        """The resident that it proves, under the configured name of the provider. Raises LoginRefused."""
        claims = self.claims
        try:
            person = Person(
                claims["name"], claims["document_type"], claims["document_number"], claims.get("phone_number")
            )
        except KeyError:
            raise LoginRefused from None
        return Identity(provider, self.subject, self.level, self.method, self.authenticated_at, person)


class Provider(Protocol):
    """One e-ID provider."""

    def authorize_url(self, handshake: Handshake, redirect_uri: str, level: int | None) -> str:
        """Where to send the person. Raises ProviderAway."""

    def identify(self, handshake: Handshake, redirect_uri: str, code: str, issuer: str | None) -> Proof:
        """Redeem what the person came back with. Raises LoginRefused, ProviderAway."""
