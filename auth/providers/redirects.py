"""What connectors that send the person to a page have in common: the way there, and the state they come back with."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from app.refusals import InvalidContent
from auth.providers.interface import Handshake, LoginRefused, Wish


def registered(wish: Wish, redirect_uris: Sequence[str]) -> str:
    """The address to come back to, when it is exactly a registered one (RFC 9700 §2.1, §4.1.3: no open redirect).

    Raises InvalidContent.
    """
    if wish.redirect_uri not in redirect_uris:
        raise InvalidContent(errors={"/redirect_uri": ["This address is not registered."]})
    return str(wish.redirect_uri)


def check_state(handshake: Handshake, answer: dict[str, Any]) -> None:
    """Refuse an answer to another login (RFC 9700 §4.7). Raises LoginRefused."""
    came = str(answer.get("state") or "")
    if not hmac.compare_digest(handshake.state.encode(), came.encode(errors="replace")):
        raise LoginRefused("state_wrong")


def brought(answer: dict[str, Any], name: str) -> str:
    """What the client brought under this name. Raises LoginRefused when it brought nothing."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise LoginRefused(f"{name}_missing")
    return value
