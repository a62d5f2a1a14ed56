"""What every e-ID provider gives, whatever protocol it speaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.people.identities import HANDLER, LEGAL_REPRESENTATIVE, Identity, Organisation
from app.people.residents import Person
from app.refusals import Refusal

_PERSON = ("name", "document_type", "document_number")
_ORGANISATION = ("organisation_name", "credit_code", "organisation_role")
CLAIMS = (*_PERSON, "phone_number", *_ORGANISATION, "staff_number")
"""Everything that a provider can vouch for, by our names."""


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
    """The provider says that it was asked too often: `limit` times in a `window` of seconds; come back after
    `retry_after` seconds."""


class ProviderMisconfigured(Exception):
    """An option of a provider's configuration is missing or wrong; the text tells an operator which, and no secret."""


@dataclass(frozen=True)
class Wish:
    """What a client asks of a login.

    `redirect_uri` is one of the registered ones, or None where nobody is sent anywhere. `level` is the least that
    will do on our scale 0-4, `max_age` how many seconds ago the person may have proved it. `plaintext` says that the
    person agrees to name and number being given where the provider could do without (国家网络身份认证公共服务管理办法:
    单独同意). `phone` and `voice` are for one-time codes; `language` is `zh` or `en`. `address` is the client's on the
    network, `device` what it calls itself (header `OnePhone-Device`, empty when it says nothing): both for limits.
    """

    redirect_uri: str | None = None
    level: int | None = None
    max_age: int | None = None
    plaintext: bool = False
    phone: str | None = None
    voice: bool = False
    language: str = "zh"
    address: str = ""
    device: str = ""


@dataclass(frozen=True)
class Handshake:
    """The secrets of one login under way, kept on our side, sealed. The first three are random and used once.

    `kept` is what a connector puts there while it begins, in JSON, and finds there again when it identifies.
    """

    state: str
    nonce: str
    verifier: str
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proof:
    """What a provider said. `subject` means something at this provider only; `level` is our scale 0-4.

    `claims` are what the provider vouches for, by our names: name, document_type, document_number, phone_number;
    organisation_name, credit_code, organisation_role; staff_number. `phone` is a number whose possession was proved
    just now. `authenticated_at` knows its time zone.
    """

    subject: str
    level: int
    method: str
    authenticated_at: datetime
    claims: dict[str, Any] = field(default_factory=dict, repr=False)
    phone: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises LoginRefused for what is no text that can be kept."""
        told = (self.subject, self.phone or "", *(self.claims.get(name, "") for name in CLAIMS))
        if not all(_is_text(one) for one in told):
            raise LoginRefused("claims_malformed")

    def identity(self, provider: str) -> Identity:
        """The resident that it proves, under the configured name of the provider.

        Nobody is half a person: raises LoginRefused when a provider vouches for a name without a number.
        """
        return Identity(
            provider,
            self.subject,
            self.level,
            self.method,
            self.authenticated_at,
            person=self._person(),
            phone=self.phone,
            organisation=self._organisation(),
        )

    def _person(self) -> Person | None:
        told = [self.claims.get(name) for name in _PERSON]
        if not any(told):
            return None
        if not all(told):
            raise LoginRefused("person_incomplete")
        name, document_type, document_number = (str(one) for one in told)
        return Person(name, document_type, document_number, self.claims.get("phone_number"))

    def _organisation(self) -> Organisation | None:
        told = [self.claims.get(name) for name in _ORGANISATION]
        if not any(told):
            return None
        if not all(told) or told[2] not in (LEGAL_REPRESENTATIVE, HANDLER):
            raise LoginRefused("organisation_incomplete")
        name, credit_code, role = (str(one) for one in told)
        return Organisation(name, credit_code, role)


def _is_text(told: Any) -> bool:
    """Neither with NUL, which PostgreSQL stores in no text, nor with a half of a character, which nothing encodes."""
    return isinstance(told, str) and not any(one == "\0" or "\ud800" <= one <= "\udfff" for one in told)


class Provider(Protocol):
    """One e-ID provider as configured.

    A connector is built from the options of its configuration and raises ProviderMisconfigured for those it cannot
    work with. One that sends the person to a page of the provider's has the attribute `redirect_uris` too.
    """

    protocol: str

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """What the client needs to go on, such as `authorize_url`. Raises ProviderAway, InvalidContent."""

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Redeem what the client brought. Raises LoginRefused, ProviderAway, and nothing else.

        May be asked again with another answer to the same handshake, a few times: who keeps what works once has the
        provider refuse it the second time.
        """
