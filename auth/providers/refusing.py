"""A connector that refuses everybody, to see what clients make of it. Only in a demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auth.providers import options
from auth.providers.interface import Handshake, LoginRefused, Proof, Wish


@dataclass
class RefusingProvider:
    """Begins every login and ends none."""

    protocol: str = "refusing"

    def __post_init__(self) -> None:
        options.require_demo(self.protocol)

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """Nothing is needed to go on: no answer will do."""
        return {}

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Raises LoginRefused, always."""
        raise LoginRefused("always")
