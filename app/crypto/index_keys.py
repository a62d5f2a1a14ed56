"""Index keys: the secrets under the blind indexes, by version, and the keys derived from them per purpose.

They are kept apart from the master keys because they rotate differently: a new master key re-wraps data keys,
a new index key means that every index is computed anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.crypto import key_file
from app.crypto.failures import SealKeyMissing
from app.crypto.keyring import KeyRing, Wrapped
from app.crypto.suites import Suite, SuiteSecret

SECRET_SIZE = 32


class IndexKeys:
    """All index keys of an installation by version (1 to 255); the highest version is current."""

    def __init__(self, keys: Mapping[int, SuiteSecret]) -> None:
        if not keys or not all(1 <= version <= 255 for version in keys):
            raise ValueError("index keys have versions from 1 to 255, and there is at least one")
        self._keys = dict(keys)
        self._derived: dict[tuple[str, int], bytes] = {}

    @property
    def versions(self) -> Sequence[int]:
        """The current one first."""
        return sorted(self._keys, reverse=True)

    def suite(self, version: int) -> Suite:
        return self._key(version).suite

    def purpose_key(self, purpose: str, version: int) -> bytes:
        """The key of one purpose, so that an index of phones says nothing about an index of document numbers.

        HKDF (RFC 5869) with the purpose as its info; raises SealKeyMissing.
        """
        found = self._derived.get((purpose, version))
        if found is None:
            key = self._key(version)
            found = key.suite.derive(key.value, b"onephone blind index\0" + purpose.encode())
            self._derived[purpose, version] = found
        return found

    def _key(self, version: int) -> SuiteSecret:
        try:
            return self._keys[version]
        except KeyError:
            raise SealKeyMissing(f"there is no index key of version {version}") from None


def in_file(path: Path) -> IndexKeys:
    """The index keys of an installation without KMS or HSM; raises what reading the key file raises."""
    return IndexKeys(key_file.read(path).index_keys)


@dataclass(frozen=True)
class WrappedIndexKey:
    """An index key as an installation with KMS or HSM keeps it: wrapped like a data key."""

    version: int
    suite: Suite
    wrapped: Wrapped


def new_wrapped(version: int, suite: Suite, ring: KeyRing) -> WrappedIndexKey:
    """A new index key that exists unwrapped nowhere but in memory."""
    return WrappedIndexKey(version, suite, ring.wrap(secrets.token_bytes(SECRET_SIZE)))


def unwrapped(records: Iterable[WrappedIndexKey], ring: KeyRing) -> IndexKeys:
    """The index keys of an installation with KMS or HSM; raises what unwrapping raises."""
    return IndexKeys({record.version: SuiteSecret(record.suite, ring.unwrap(record.wrapped)) for record in records})
