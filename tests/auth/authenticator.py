"""A security key in software: real keys, real signatures, and a browser that says truthfully where it was."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _WITH_KEY = 0x01, 0x04, 0x40


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


class Authenticator:
    """One key pair on one device (WebAuthn §6), made for one domain, with a counter."""

    def __init__(self, origin: str, rp_id: str | None = None) -> None:
        self.origin, self.rp_id = origin, rp_id
        self.credential_id = secrets.token_bytes(32)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.count = 0

    def make(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """`navigator.credentials.create`, with an attestation of format none (§8.7)."""
        data = self._data(options["rp"]["id"], _WITH_KEY) + self._credential()
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"attestationObject": encoded(statement), "clientDataJSON": self._client(options, "create", changes)}
        return self._answer(response)

    def show(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """`navigator.credentials.get`: signs what the site asked and what the browser saw."""
        client = self._client(options, "get", changes)
        data = self._data(options["rpId"], 0)
        signature = self.key.sign(data + hashlib.sha256(decoded(client)).digest(), ec.ECDSA(SHA256()))
        response = {"authenticatorData": encoded(data), "clientDataJSON": client, "signature": encoded(signature)}
        return self._answer({**response, "userHandle": None})

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        made = encoded(self.credential_id)
        return {"id": made, "rawId": made, "type": "public-key", "response": response, "clientExtensionResults": {}}

    def _client(self, options: dict[str, Any], act: str, changes: dict[str, Any]) -> str:
        said = {
            "type": f"webauthn.{act}",
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        return encoded(json.dumps(said | changes).encode())

    def _data(self, rp_id: str, flags: int) -> bytes:
        self.count += 1
        domain = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        return domain + struct.pack(">BI", _PRESENT | _VERIFIED | flags, self.count)

    def _credential(self) -> bytes:
        point = self.key.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        return bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor2.dumps(key)
