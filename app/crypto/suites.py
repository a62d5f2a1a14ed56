"""Suites: the two families of algorithms, with one face.

A suite's number is stored beside every value it made, so that both stay readable whichever one writes today.
The numbers are never given to another suite.
"""

from __future__ import annotations

import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from app.crypto import sm2
from app.crypto.failures import SealVersionUnknown

NONCE_SIZE = 12
TAG_SIZE = 16
DIGEST_SIZE = 32


class AuthenticatedCipher(Protocol):
    """Authenticated encryption with associated data (RFC 5116 §2) under one key."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """The cipher text followed by its tag of 16 bytes."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Raises cryptography's InvalidTag, and gives nothing out, unless every bit is as it was."""


@dataclass(frozen=True)
class SigningPair:
    """A key that signs and the one that verifies, in the suite's own raw encoding."""

    private: bytes = field(repr=False)
    public: bytes


class Suite(ABC):
    """One family of algorithms; every one of them has a strength of 128 bits."""

    number: ClassVar[int]
    name: ClassVar[str]
    hash_name: ClassVar[str]
    key_size: ClassVar[int]

    @abstractmethod
    def cipher(self, key: bytes) -> AuthenticatedCipher:
        """A block cipher in Galois/counter mode (NIST SP 800-38D) under a key of `key_size` bytes.

        Nonces are 96 random bits, so one key serves at most 2^32 calls (SP 800-38D §8.3); ours serve thousands.
        """

    @abstractmethod
    def digest(self, data: bytes) -> bytes:
        """A hash of 32 bytes."""

    @abstractmethod
    def mac(self, key: bytes, data: bytes) -> bytes:
        """HMAC (RFC 2104) with the suite's hash: 32 bytes."""

    def derive(self, secret: bytes, info: bytes, size: int = DIGEST_SIZE) -> bytes:
        """HKDF-Expand (RFC 5869 §2.3) of at most one block, 32 bytes.

        The extracting half of HKDF is left out, as §3.3 allows: our secrets are uniformly random already.
        """
        if len(secret) < DIGEST_SIZE or not 0 < size <= DIGEST_SIZE:
            raise ValueError("a secret of 32 bytes or more gives a key of 1 to 32 bytes")
        return self.mac(secret, info + b"\x01")[:size]

    @abstractmethod
    def new_signing_pair(self) -> SigningPair: ...

    @abstractmethod
    def sign(self, pair: SigningPair, message: bytes) -> bytes: ...

    @abstractmethod
    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the signature fits; raises ValueError for something that is no public key."""


class International(Suite):
    """AES-256-GCM (FIPS 197, SP 800-38D), SHA-256 (FIPS 180-4), HMAC, Ed25519 (RFC 8032)."""

    number = 1
    name = "international"
    hash_name = "sha256"
    key_size = 32

    def cipher(self, key: bytes) -> AuthenticatedCipher:
        return AESGCM(key)

    def digest(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    def mac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, "sha256")

    def new_signing_pair(self) -> SigningPair:
        private = Ed25519PrivateKey.generate()
        return SigningPair(private.private_bytes_raw(), private.public_key().public_bytes_raw())

    def sign(self, pair: SigningPair, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(pair.private).sign(message)

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class National(Suite):
    """SM4-GCM (GB/T 32907-2016), SM3 (GB/T 32905-2016), HMAC, SM2 (GB/T 32918-2016)."""

    number = 2
    name = "national"
    hash_name = "sm3"
    key_size = 16

    def cipher(self, key: bytes) -> AuthenticatedCipher:
        return _Sm4Gcm(key)

    def digest(self, data: bytes) -> bytes:
        digest = hashes.Hash(hashes.SM3())
        digest.update(data)
        return digest.finalize()

    def mac(self, key: bytes, data: bytes) -> bytes:
        mac = HMAC(key, hashes.SM3())
        mac.update(data)
        return mac.finalize()

    def new_signing_pair(self) -> SigningPair:
        return SigningPair(*sm2.new_pair())

    def sign(self, pair: SigningPair, message: bytes) -> bytes:
        return sm2.sign(pair.private, pair.public, message)

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        return sm2.verify(public, message, signature)


@dataclass(frozen=True)
class SuiteSecret:
    """A secret of 32 random bytes, and the suite it is used with."""

    suite: Suite
    value: bytes = field(repr=False)


class _Sm4Gcm:
    """SM4 in the mode and with the face of `cryptography`'s AESGCM (RFC 8998 §2 uses the same two)."""

    def __init__(self, key: bytes) -> None:
        self._block = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        encryptor = Cipher(self._block, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        if len(data) < TAG_SIZE:
            raise InvalidTag
        decryptor = Cipher(self._block, modes.GCM(nonce, data[-TAG_SIZE:])).decryptor()
        decryptor.authenticate_additional_data(associated_data)
        return decryptor.update(data[:-TAG_SIZE]) + decryptor.finalize()


INTERNATIONAL = International()
NATIONAL = National()
SUITES: Mapping[int, Suite] = {suite.number: suite for suite in (INTERNATIONAL, NATIONAL)}


def numbered(number: int) -> Suite:
    """The suite that made a value; raises SealVersionUnknown."""
    try:
        return SUITES[number]
    except KeyError:
        raise SealVersionUnknown(f"no suite has the number {number}") from None


def named(name: str) -> Suite:
    """The suite that a setting chose; raises ValueError naming the choices."""
    for suite in SUITES.values():
        if suite.name == name:
            return suite
    raise ValueError(f"no suite is called {name!r}: choose {' or '.join(s.name for s in SUITES.values())}")


def hashing(hash_name: str) -> Suite:
    """The suite whose hash has this name; raises SealVersionUnknown."""
    for suite in SUITES.values():
        if suite.hash_name == hash_name:
            return suite
    raise SealVersionUnknown(f"no suite has the hash {hash_name!r}")
