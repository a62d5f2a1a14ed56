"""How the heart says no.

Each refusal is a class of its own, defined next to the rule that makes it. It carries no status code
and no wording: `api/errors.py` alone knows how a refusal is told to a client.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar


class Refusal(Exception):
    """A request that was understood and is not granted.

    `errors` maps JSON Pointers (RFC 6901) into the request to messages; `facts` are machine-readable
    members for the answer. Neither may hold personal data.
    """

    is_recorded: ClassVar[bool] = False
    """Whether the unit of work holds a record of this very refusal, and is saved although it was refused."""

    def __init__(self, *, errors: dict[str, list[str]] | None = None, **facts: Any) -> None:
        super().__init__(type(self).code())
        self.errors = errors or {}
        self.facts = facts

    @classmethod
    def code(cls) -> str:
        """The stable machine-readable name: `StepUpRequired` is `step_up_required`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class NotFound(Refusal):
    """No such thing, or somebody else's: the two must look the same from outside."""


class InvalidContent(Refusal):
    """The request is well-formed but its content breaks the rules named in `errors`."""
