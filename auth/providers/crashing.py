"""A connector with a fault, to see that a fault in one harms nobody else's login. Only in a demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auth.providers import options
from auth.providers.interface import Handshake, Proof, Wish


@dataclass
class CrashingProvider:
    """Begins every login and breaks down over what comes back."""

    protocol: str = "crashing"

    def __post_init__(self) -> None:
        options.require_demo(self.protocol)

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """Nothing is needed to go on."""
        return {}

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Breaks down with what the client brought in its text, as careless code does."""
        raise RuntimeError(f"cannot understand {answer}")
