"""Token keys: which key signs access tokens, which ones verify them, and how one takes the place of another.

They are the entries of TOKEN_KEYS_FILE, a private JWK Set (RFC 7517): the first signs, all of them verify, and their
public halves are published. Every process looks at the file at most once a second and reads it anew when it changed, so
that a rotation needs no restart. A file that cannot be read just now leaves the keys in force that were read last.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import structlog

from app.settings import settings

log = structlog.get_logger()

ALGORITHM = "ES256"
CACHE_SECONDS = 300
"""How long others may keep the published keys without asking again."""

_SECONDS = 1.0
_PUBLIC = ("kty", "crv", "x", "y", "kid")


@dataclass(frozen=True)
class Keys:
    """The keys of one state of the file. `number` is another one after each change."""

    signing: jwt.PyJWK
    by_id: Mapping[str, jwt.PyJWK]
    public: dict[str, Any]
    number: int


def read(path: Path, number: int = 0) -> Keys:
    """The keys of a file. Raises OSError, ValueError for what is no private JWK Set of P-256 keys with ids."""
    try:
        entries = json.loads(path.read_text())["keys"]
        keys = [jwt.PyJWK(entry, algorithm=ALGORITHM) for entry in entries]
        by_id = {str(entry["kid"]): key for entry, key in zip(entries, keys, strict=True)}
        whole = len(by_id) == len(entries) > 0 and all(entry["d"] for entry in entries)
    except (KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise ValueError(f"{path.name}: {type(error).__name__}") from None
    if not whole:
        raise ValueError(f"{path.name}: no keys, two with one id, or one without its private part")
    # Only these members leave the house, whatever else stands in the file.
    public = [{name: entry[name] for name in _PUBLIC} | {"use": "sig", "alg": ALGORITHM} for entry in entries]
    return Keys(keys[0], by_id, {"keys": public}, number)


class KeyFile:
    """The keys of a file that may change at any time."""

    def __init__(self) -> None:
        self._keys: Keys | None = None
        self._state: tuple[object, ...] = ()
        self._looked_at = float("-inf")
        self._lock = threading.Lock()

    def current(self) -> Keys:
        """The keys in force. Raises OSError, ValueError when there never were any that can be used."""
        if self._keys is None:
            with self._lock:
                if self._keys is None:
                    self._look()
        elif time.monotonic() - self._looked_at > _SECONDS and self._lock.acquire(blocking=False):
            try:
                self._look_again()
            finally:
                self._lock.release()
        assert self._keys is not None
        return self._keys

    def _look_again(self) -> None:
        try:
            self._look()
        except (OSError, ValueError) as error:
            # Whoever carries a valid token must not be put out because somebody mistyped a file.
            log.error("token_keys_unusable", error=type(error).__name__)
            self._looked_at = time.monotonic()

    def _look(self) -> None:
        path = Path(settings().token_keys_file)
        found = path.stat()
        # A file put in the place of another one has another inode, even within one tick of the clock.
        state = (str(path), found.st_mtime_ns, found.st_ino, found.st_size)
        if state != self._state:
            number = 0 if self._keys is None else self._keys.number + 1
            self._keys = read(path, number)
            self._state = state
        self._looked_at = time.monotonic()


_file = KeyFile()


def current() -> Keys:
    """The keys in force in this process."""
    return _file.current()
