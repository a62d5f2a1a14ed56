"""Key rings: who wraps the data keys of people and submissions with a master key, and unwraps them.

One promise, three keepers: a file (here), a key management service (`kms.py`), a hardware module (`hsm.py`).
A ring holds several master keys: the current one wraps, all of them unwrap, so that rotation needs no pause.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag

from app.crypto import key_file
from app.crypto.failures import KeyNotInRing, SealBroken
from app.crypto.key_file import KeyFile
from app.crypto.suites import NONCE_SIZE, SuiteSecret


@dataclass(frozen=True)
class Wrapped:
    """A data key under a master key: safe to store beside the data."""

    master_key_id: str
    blob: bytes = field(repr=False)


class KeyRing(Protocol):
    """The keeper of the master keys."""

    @property
    def current_id(self) -> str:
        """The master key that wraps from now on."""

    def ids(self) -> Sequence[str]:
        """Every master key that can unwrap, the current one first."""

    def wrap(self, data_key: bytes) -> Wrapped:
        """Wrap a data key of 32 bytes with the current master key; raises KeysAway."""

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """Raises SealKeyMissing, SealBroken, KeysAway."""


class FileKeyRing:
    """Master keys in a file that the service's user alone may read (see `key_file.py`).

    Wraps with the cipher of the master key's suite; the blob is a nonce, the cipher text and the tag, bound to
    the master key's id. A key that an operator adds to the file is used at once, without a restart.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (0, 0, 0)
        self._file: KeyFile = self._fresh()

    @property
    def current_id(self) -> str:
        return next(iter(self._fresh().master_keys))

    def ids(self) -> Sequence[str]:
        return tuple(self._fresh().master_keys)

    def wrap(self, data_key: bytes) -> Wrapped:
        key_id, key = next(iter(self._fresh().master_keys.items()))
        nonce = secrets.token_bytes(NONCE_SIZE)
        cipher = key.suite.cipher(_wrapping_key(key))
        return Wrapped(key_id, nonce + cipher.encrypt(nonce, data_key, key_id.encode()))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        key = self._fresh().master_keys.get(wrapped.master_key_id)
        if key is None:
            raise KeyNotInRing(f"the key file has no master key {wrapped.master_key_id!r}")
        cipher, nonce = key.suite.cipher(_wrapping_key(key)), wrapped.blob[:NONCE_SIZE]
        try:
            return cipher.decrypt(nonce, wrapped.blob[NONCE_SIZE:], wrapped.master_key_id.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(f"a data key does not open with master key {wrapped.master_key_id!r}") from None

    def _fresh(self) -> KeyFile:
        """The file's content, read again when the file was replaced."""
        stamp = key_file.stamp(self._path)
        if stamp != self._stamp:
            self._file, self._stamp = key_file.read(self._path), stamp
        return self._file


def _wrapping_key(key: SuiteSecret) -> bytes:
    return key.suite.derive(key.value, b"onephone master key", key.suite.key_size)
