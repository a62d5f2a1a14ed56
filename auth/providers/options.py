"""Checks of a provider's options, in words for whoever wrote them. None repeats a value: it may be a secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from app.settings import settings
from auth.providers.interface import ProviderMisconfigured

HIGHEST_LEVEL = 4


def require_text(**options: Any) -> None:
    """Each is a text of at least one character. Raises ProviderMisconfigured."""
    for name, value in options.items():
        if not isinstance(value, str) or not value:
            raise ProviderMisconfigured(f"{name} is to be a text that is not empty")


def require_address(**options: Any) -> None:
    """Each is an address at the provider: https, plain http only in a demo. Raises ProviderMisconfigured."""
    for name, value in options.items():
        require_text(**{name: value})
        try:
            parts = urlsplit(value)
        except ValueError:
            raise ProviderMisconfigured(f"{name} is no address") from None
        if not parts.hostname or parts.scheme not in (("https", "http") if settings().is_demo else ("https",)):
            raise ProviderMisconfigured(f"{name} is to be an https:// address")


def require_redirect_uris(redirect_uris: Any) -> None:
    """At least one whole address, without a fragment (RFC 6749 §3.1.2). Raises ProviderMisconfigured."""
    if not isinstance(redirect_uris, Sequence) or isinstance(redirect_uris, str) or not redirect_uris:
        raise ProviderMisconfigured("redirect_uris is to be a list of at least one address")
    for address in redirect_uris:
        parts = urlsplit(address) if isinstance(address, str) else None
        if parts is None or not parts.scheme or not (parts.netloc or parts.path) or "#" in address or "*" in address:
            raise ProviderMisconfigured("each of redirect_uris is to be one whole address, without # and without *")


def require_levels(levels: Any) -> None:
    """The provider's words, each with our level 0 to 4 (domain-facts §2.3). Raises ProviderMisconfigured."""
    if not isinstance(levels, Mapping) or not levels:
        raise ProviderMisconfigured("levels is to map at least one word of the provider to our level")
    for level in levels.values():
        if type(level) is not int or not 0 <= level <= HIGHEST_LEVEL:
            raise ProviderMisconfigured(f"each of levels is to be a whole number from 0 to {HIGHEST_LEVEL}")


def require_words(**options: Any) -> None:
    """Each maps texts to texts. Raises ProviderMisconfigured."""
    for name, value in options.items():
        if not isinstance(value, Mapping) or not all(isinstance(word, str) for word in value.values()):
            raise ProviderMisconfigured(f"{name} is to map texts to texts")


def require_demo(protocol: str) -> None:
    """Raises ProviderMisconfigured outside a demo: this connector proves nothing."""
    if not settings().is_demo:
        raise ProviderMisconfigured(f"protocol {protocol} proves nothing, and is for ONEPHONE_ENV=demo only")
