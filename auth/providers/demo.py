"""A connector that asks nobody: for a first look at the product without any provider. Only in a demo.

The one who logs in is sent straight back, as the person named by `person`. It proves nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from app import clock
from app.settings import settings
from auth.providers import options
from auth.providers.interface import Handshake, LoginRefused, Proof, ProviderMisconfigured, Wish
from auth.providers.redirects import brought, check_state, registered


@dataclass
class DemoProvider:
    """`persons` maps a key to {"name", "document_type", "document_number", "level"} of a fictional person."""

    redirect_uris: list[str]
    persons: dict[str, dict[str, Any]] = field(repr=False)
    person: str
    protocol: str = "demo"

    def __post_init__(self) -> None:
        options.require_demo(self.protocol)
        options.require_redirect_uris(self.redirect_uris)
        if self.person not in self.persons:
            raise ProviderMisconfigured("person is to be one of persons")
        options.require_levels({key: about.get("level") for key, about in self.persons.items()})

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """Straight back, with a code that is good for this login alone."""
        back = registered(wish, self.redirect_uris)
        until = clock.now() + settings().login_life
        handshake.kept.update(until=until.timestamp())
        code = f"{self.person} {_code(handshake)}"
        return {"authorize_url": f"{back}?{urlencode({'code': code, 'state': handshake.state})}"}

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Another of `persons` may be named in front of the code. It is used up by the login that it is for."""
        check_state(handshake, answer)
        key, _, code = brought(answer, "code").partition(" ")
        if key not in self.persons or code != _code(handshake) or handshake.kept["until"] < clock.now().timestamp():
            raise LoginRefused("code_refused")
        about = self.persons[key]
        claims = {name: value for name, value in about.items() if name != "level"}
        return Proof(f"demo {key}", about["level"], self.protocol, clock.now(), claims)


def _code(handshake: Handshake) -> str:
    return hashlib.sha256(handshake.verifier.encode()).hexdigest()
