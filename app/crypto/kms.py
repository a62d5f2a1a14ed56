"""A key ring in a key management service that speaks the AWS KMS protocol, by boto3.

The master keys never leave the service. Every call carries an encryption context (KMS developer guide, "Encryption
context"), which the service binds to the blob and writes to its audit trail; it holds nothing personal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from app.crypto.failures import KeyNotInRing, KeysAway, SealBroken, SealError, SealKeyMissing
from app.crypto.keyring import Wrapped

_BROKEN = frozenset({"InvalidCiphertextException"})
_MISSING = frozenset(
    {
        "NotFoundException",
        "DisabledException",
        "KMSInvalidStateException",
        "IncorrectKeyException",
        "InvalidKeyUsageException",
        "AccessDeniedException",
    }
)


class KmsKeyRing:
    """Master keys by their KMS ids or ARNs, the current one first; an alias will not do, because it can be moved.

    `client` is `boto3.client("kms", …)` with time-outs of a few seconds; `context` names the installation.
    """

    def __init__(self, client: Any, key_ids: Sequence[str], context: Mapping[str, str]) -> None:
        if not key_ids or any("alias/" in key_id for key_id in key_ids):
            raise ValueError("a KMS ring needs at least one key id, and no aliases")
        self._client = client
        self._key_ids = tuple(key_ids)
        self._context = {**context, "use": "data-key"}

    @property
    def current_id(self) -> str:
        return self._key_ids[0]

    def ids(self) -> Sequence[str]:
        return self._key_ids

    def wrap(self, data_key: bytes) -> Wrapped:
        answer = self._call("encrypt", self.current_id, Plaintext=data_key)
        return Wrapped(self.current_id, bytes(answer["CiphertextBlob"]))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        if wrapped.master_key_id not in self._key_ids:
            raise KeyNotInRing(f"KMS key {wrapped.master_key_id!r} is not in the ring")
        answer = self._call("decrypt", wrapped.master_key_id, CiphertextBlob=wrapped.blob)
        return bytes(answer["Plaintext"])

    def _call(self, operation: str, key_id: str, **values: bytes) -> Mapping[str, Any]:
        call = getattr(self._client, operation)
        try:
            answer: Mapping[str, Any] = call(KeyId=key_id, EncryptionContext=self._context, **values)
        except ClientError as error:
            raise _named(error, key_id) from None
        except BotoCoreError as error:
            # Its text may hold the request, and the request may hold the data key.
            raise KeysAway(f"KMS does not answer: {type(error).__name__}") from None
        return answer


def _named(error: ClientError, key_id: str) -> SealError:
    code = error.response.get("Error", {}).get("Code", "unknown")
    if code in _BROKEN:
        return SealBroken(f"a data key does not open with KMS key {key_id!r}")
    if code in _MISSING:
        return SealKeyMissing(f"KMS key {key_id!r} cannot be used: {code}")
    return KeysAway(f"KMS answered {code} for key {key_id!r}")
