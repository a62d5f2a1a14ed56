"""Envelopes: the data key of one owner, and the values sealed with it.

The owner is a person or a submission. Its envelope is a data key of 32 random bytes under a master key
(NIST SP 800-57 part 1 §5.3.5 calls it key wrapping); destroying the envelope erases all the owner's values, in the
backups too. A sealed value is, in bytes:

    1 format | 1 suite | 1 kind | 16 id of the data key | 12 nonce | n cipher text | 16 tag

The first 19 bytes, the place (`residents.name`) and the row's id are associated data (RFC 5116 §2.1): a value that
was moved to another column, row or owner no longer opens. It is as long as the plain text plus 47 bytes, so who
steals it learns the length.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app import identifiers
from app.crypto import suites
from app.crypto.failures import KeyNotInRing, SealBroken, SealKeyMissing, SealVersionUnknown
from app.crypto.keyring import KeyRing, Wrapped
from app.crypto.suites import NONCE_SIZE, TAG_SIZE, AuthenticatedCipher, Suite

FORMAT: Final = 1
DATA_KEY_SIZE: Final = 32
_HEADER_SIZE: Final = 1 + 1 + 1 + 16
OVERHEAD: Final = _HEADER_SIZE + NONCE_SIZE + TAG_SIZE

_BYTES, _TEXT, _JSON = 0, 1, 2


class SealedBytes(bytes):
    """A sealed value. The type is what tells it from bytes that are not, so only `seal` and the store make one."""

    __slots__ = ()

    @property
    def well_formed(self) -> bool:
        """Whether it can be a seal at all, by its length and its first three bytes; no key is needed to see that."""
        return len(self) >= OVERHEAD and self[0] == FORMAT and self[1] in suites.SUITES and self[2] <= _JSON

    @property
    def suite(self) -> Suite:
        """The suite it was sealed with; raises SealVersionUnknown."""
        return suites.numbered(self[1] if len(self) > 1 else 0)

    def __repr__(self) -> str:
        return f"<sealed, {len(self)} bytes>"


@dataclass(frozen=True)
class Envelope:
    """One owner's data key, wrapped: what the table of data keys holds."""

    key_id: UUID
    wrapped: Wrapped

    @classmethod
    def create(cls, suite: Suite, ring: KeyRing) -> tuple[Envelope, DataKey]:
        """A new owner's envelope, and its key ready to seal with `suite`."""
        key_id, secret = identifiers.new_id(), secrets.token_bytes(DATA_KEY_SIZE)
        return cls(key_id, ring.wrap(secret)), DataKey(key_id, secret, suite)

    def open(self, suite: Suite, ring: KeyRing) -> DataKey:
        """The data key, which opens values of every suite and seals with this one.

        Raises SealKeyMissing when the ring lacks the master key, SealBroken when the envelope was altered, KeysAway.
        """
        try:
            secret = ring.unwrap(self.wrapped)
        except (SealBroken, KeyNotInRing) as error:
            raise type(error)(f"data key {self.key_id}: {error}") from None
        if len(secret) != DATA_KEY_SIZE:
            raise SealBroken(f"the envelope of data key {self.key_id} holds something else")
        return DataKey(self.key_id, secret, suite)


@dataclass(frozen=True, eq=False)
class DataKey:
    """One owner's key, open in memory: it is never stored, logged or sent.

    Each suite gets a key of its own derived from the secret and the key's id, so the secret of one owner under
    the id of another opens nothing.
    """

    key_id: UUID
    _secret: bytes = field(repr=False)
    _suite: Suite
    _ciphers: dict[int, AuthenticatedCipher] = field(default_factory=dict, repr=False)

    def seal(self, content: Any, place: str, row: UUID | str) -> SealedBytes:
        """Seal a text, bytes, or anything that JSON can say, for this column and row.

        Raises TypeError for what JSON cannot say and for what is sealed already.
        """
        kind, plain = _encoded(content)
        header = bytes((FORMAT, self._suite.number, kind)) + self.key_id.bytes
        nonce = secrets.token_bytes(NONCE_SIZE)
        body = self._cipher(self._suite).encrypt(nonce, plain, _associated(header, place, row))
        return SealedBytes(header + nonce + body)

    def open(self, sealed: bytes, place: str, row: UUID | str) -> Any:
        """What was sealed for this column and row, as the type it had: str, bytes, or what JSON said.

        Raises SealBroken, SealKeyMissing when it was sealed with another owner's key, SealVersionUnknown.
        """
        suite, kind = self._checked(sealed, place, row)
        header, nonce = bytes(sealed[:_HEADER_SIZE]), bytes(sealed[_HEADER_SIZE : _HEADER_SIZE + NONCE_SIZE])
        body = bytes(sealed[_HEADER_SIZE + NONCE_SIZE :])
        try:
            plain = self._cipher(suite).decrypt(nonce, body, _associated(header, place, row))
        except InvalidTag:
            raise SealBroken(f"{place} of {row} was altered or moved since it was sealed") from None
        return _decoded(kind, plain, place, row)

    def open_text(self, sealed: bytes, place: str, row: UUID | str) -> str:
        """As `open`, for a value that is known to be a text; raises SealBroken for another kind."""
        content = self.open(sealed, place, row)
        if not isinstance(content, str):
            raise SealBroken(f"{place} of {row} is sealed but no text")
        return content

    def salt(self, purpose: str) -> str:
        """16 secret bytes in hex, always the same for this owner and purpose, gone with the key.

        Put into a content that is hashed, so that nobody guesses the content from the hash. From HKDF (RFC 5869) with
        SHA-256, whatever the suite: the hash is SHA-256 too, and must come out the same years later.
        """
        info = b"onephone salt\0" + self.key_id.bytes + purpose.encode()
        return suites.INTERNATIONAL.derive(self._secret, info, 16).hex()

    def __reduce__(self) -> NoReturn:
        raise TypeError("an open data key is not stored or sent")

    def _checked(self, sealed: bytes, place: str, row: UUID | str) -> tuple[Suite, int]:
        """The suite and kind that the header names; whether they are true, only the tag can say."""
        if len(sealed) < OVERHEAD:
            raise SealBroken(f"{place} of {row} is too short for a sealed value ({len(sealed)} bytes)")
        if sealed[0] != FORMAT or sealed[2] > _JSON:
            raise SealVersionUnknown(f"{place} of {row} has the unknown format {sealed[0]}, kind {sealed[2]}")
        suite, key_id = suites.numbered(sealed[1]), UUID(bytes=bytes(sealed[3:_HEADER_SIZE]))
        if key_id != self.key_id:
            raise SealKeyMissing(f"{place} of {row} was sealed with data key {key_id}, not with {self.key_id}")
        return suite, sealed[2]

    def _cipher(self, suite: Suite) -> AuthenticatedCipher:
        found = self._ciphers.get(suite.number)
        if found is None:
            key = suite.derive(self._secret, b"onephone data key" + self.key_id.bytes, suite.key_size)
            found = self._ciphers[suite.number] = suite.cipher(key)
        return found


def _associated(header: bytes, place: str, row: UUID | str) -> bytes:
    """Header, place and row with their lengths, so that no two pairs of place and row read the same."""
    where, which = place.encode(), str(row).encode()
    return b"".join((header, len(where).to_bytes(2), where, len(which).to_bytes(2), which))


def _encoded(content: Any) -> tuple[int, bytes]:
    # Lone surrogates pass through: an encoding error would carry the text in it.
    if isinstance(content, str):
        return _TEXT, content.encode(errors="surrogatepass")
    if isinstance(content, SealedBytes):
        raise TypeError("this value is sealed already")
    if isinstance(content, (bytes, bytearray, memoryview)):
        return _BYTES, bytes(content)
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise TypeError(f"a {type(content).__name__} with something in it that JSON cannot say") from None
    return _JSON, text.encode(errors="surrogatepass")


def _decoded(kind: int, plain: bytes, place: str, row: UUID | str) -> Any:
    if kind == _BYTES:
        return plain
    try:
        text = plain.decode(errors="surrogatepass")
        return text if kind == _TEXT else json.loads(text)
    except ValueError:
        raise SealBroken(f"{place} of {row} is sealed but cannot be read") from None
