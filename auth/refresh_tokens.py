"""Refresh tokens: random words that name their session, so that even a long spent one is known for what it is.

A token is the id of its session and 256 random bits, then a MAC of both with one of our index keys. The database holds
a hash of the living one and of the one before; any older one that carries a right MAC was ours, so it was copied.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from uuid import UUID

from app.crypto import data_keys
from app.crypto.failures import SealKeyMissing

_PURPOSE = "refresh token"
_ID_BYTES, _RANDOM_BYTES = 16, 32


def new(session_id: UUID) -> str:
    """A token that nobody had before."""
    content = session_id.bytes + secrets.token_bytes(_RANDOM_BYTES)
    return f"{_text(content)}.{_text(data_keys.fingerprint(_PURPOSE, content))}"


def session_of(token: str) -> UUID | None:
    """The session that a token of ours was made for, however long ago; None for what we never gave out."""
    first, _, second = token.partition(".")
    content, mac = _bytes(first), _bytes(second)
    if len(content) != _ID_BYTES + _RANDOM_BYTES or not mac:
        return None
    try:
        is_ours = data_keys.is_fingerprint(mac, _PURPOSE, content)
    except SealKeyMissing:
        # The version in the first byte names no key of ours, or one that is gone with all its tokens.
        return None
    return UUID(bytes=content[:_ID_BYTES]) if is_ours else None


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
