"""SM2 signatures (GB/T 32918.2-2016) by GmSSL, the one algorithm that `cryptography` does not bring.

The package gmssl-pyx is optional: without it everything but the signatures of the national suite works.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from types import ModuleType

from app.crypto.failures import SuiteUnavailable

gmssl: ModuleType | None = None
with suppress(ImportError):
    gmssl = import_module("gmssl_pyx")

# The signer's id that GM/T 0009-2012 §10 prescribes where the two sides agreed on no other.
SIGNER = b"1234567812345678"

PRIVATE_SIZE, PUBLIC_SIZE = 32, 64


def new_pair() -> tuple[bytes, bytes]:
    """A private key of 32 bytes, and its public key as x and y of 32 bytes each."""
    public, private = _library().sm2_key_generate()
    return bytes(private), bytes(public)


def sign(private: bytes, public: bytes, message: bytes) -> bytes:
    """A signature over SM3(Z, message) as DER of r and s (GM/T 0009-2012 §7.3).

    Raises ValueError for keys that are none.
    """
    library = _library()
    try:
        return bytes(library.sm2_sign(private, public, message, SIGNER))
    except library.GmsslInnerError:
        raise ValueError("not an SM2 key pair") from None


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is that public key's over this message.

    Raises ValueError for a public key that is no point of the curve.
    """
    library = _library()
    if not signature:
        return False
    try:
        return bool(library.sm2_verify(public, message, signature, SIGNER))
    except library.GmsslInnerError:
        raise ValueError("not an SM2 public key") from None


def _library() -> ModuleType:
    if gmssl is None:
        raise SuiteUnavailable("SM2 signatures need the package gmssl-pyx: pip install 'onephone[national]'")
    return gmssl
