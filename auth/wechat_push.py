"""WeChat's message push at the door: is it WeChat that speaks, to this mini-program, just now?

Message push (消息推送, domain-facts §1.5): `signature` is the SHA-1 over token, timestamp and nonce in sorted order. In
safe mode the body holds `Encrypt`, and `msg_signature` covers it too: AES-256-CBC, the IV being the key's first half,
the plain text `16 random bytes, 4 bytes of length, message, appid`, padded by PKCS#7 to 32 bytes, not 16.

In plain mode the signature covers no body, so whoever saw one could put another body behind it; therefore a
configured key makes safe mode the only one taken. The key before the current one is taken as well, so that it can
be changed without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from app import clock
from app.people.callers import WechatPush
from app.refusals import Refusal
from app.settings import settings

BODY_LIMIT = 64 * 1024
BLOCK = 32
_WINDOW_SECONDS = 300
_RANDOM, _LENGTH = 16, 4
_DEEPEST = 8
_LONGEST_WORD = 200


class WechatSignatureInvalid(Refusal):
    """The request was not signed by WeChat for this mini-program, is too old, or does not open."""


def verified(query: Mapping[str, str], body: bytes) -> WechatPush:
    """What WeChat says by this request; a URL check says nothing. Raises WechatSignatureInvalid."""
    if not settings().wechat_push_token:
        raise WechatSignatureInvalid
    timestamp, nonce = _word(query, "timestamp"), _word(query, "nonce")
    # WeChat signs a URL check and a push in plain alike; the method of the request tells them apart.
    if not body:
        _check(query, "signature", timestamp, nonce)
        return WechatPush(timestamp, nonce, None)
    if settings().wechat_push_keys:
        sealed = _parsed(body).get("Encrypt")
        if not isinstance(sealed, str):
            raise WechatSignatureInvalid
        _check(query, "msg_signature", timestamp, nonce, sealed)
        return WechatPush(timestamp, nonce, _parsed(_opened(sealed)))
    _check(query, "signature", timestamp, nonce)
    return WechatPush(timestamp, nonce, _parsed(body))


def signature(*words: str) -> str:
    """SHA-1 over the words in sorted order, the token among them, in hex."""
    # Not of our choosing; what it protects is a keyed concatenation and not a collision.
    joined = "".join(sorted((settings().wechat_push_token, *words)))
    return hashlib.sha1(joined.encode(errors="replace"), usedforsecurity=False).hexdigest()


def encrypted(message: bytes, app_id: str, key: str, prefix: bytes | None = None) -> str:
    """`Encrypt` of a message, as a reply carries it; `prefix` are the 16 random bytes in front."""
    head = secrets.token_bytes(_RANDOM) if prefix is None else prefix
    plain = head + len(message).to_bytes(_LENGTH) + message + app_id.encode()
    pad = BLOCK - len(plain) % BLOCK
    worker = _cipher(key).encryptor()
    return base64.b64encode(worker.update(plain + bytes([pad]) * pad) + worker.finalize()).decode()


def reply(message: bytes, timestamp: str, nonce: str, prefix: bytes | None = None) -> dict[str, Any]:
    """An encrypted reply, under the current key: {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}."""
    sealed = encrypted(message, settings().wechat_app_id, settings().wechat_push_keys[0], prefix)
    signed = signature(timestamp, nonce, sealed)
    return {"Encrypt": sealed, "MsgSignature": signed, "TimeStamp": int(timestamp), "Nonce": nonce}


def _word(query: Mapping[str, str], name: str) -> str:
    found = query.get(name, "")
    if not found or len(found) > _LONGEST_WORD:
        raise WechatSignatureInvalid
    return found


def _check(query: Mapping[str, str], name: str, timestamp: str, nonce: str, *more: str) -> None:
    """The signature first, in constant time; then the time, which only a signed one is believed about."""
    given = _word(query, name).encode(errors="replace")
    if not hmac.compare_digest(given, signature(timestamp, nonce, *more).encode()):
        raise WechatSignatureInvalid
    recent = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    if not recent or abs(clock.now().timestamp() - int(timestamp)) > _WINDOW_SECONDS:
        raise WechatSignatureInvalid


def _opened(sealed: str) -> bytes:
    """The message inside, by the current key or the one before it."""
    try:
        content = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        raise WechatSignatureInvalid from None
    if not content or len(content) % BLOCK:
        raise WechatSignatureInvalid
    found = [message for key in settings().wechat_push_keys if (message := _opened_by(key, content)) is not None]
    if not found:
        raise WechatSignatureInvalid
    return found[0]


def _opened_by(key: str, content: bytes) -> bytes | None:
    """None for every way in which it can be wrong: who could tell them apart would have an oracle."""
    worker = _cipher(key).decryptor()
    plain = worker.update(content) + worker.finalize()
    pad = plain[-1]
    padded = 1 <= pad <= BLOCK and hmac.compare_digest(plain[-pad:], bytes([pad]) * pad)
    plain = plain[:-pad] if padded else plain
    end = _RANDOM + _LENGTH + int.from_bytes(plain[_RANDOM : _RANDOM + _LENGTH])
    ours = hmac.compare_digest(plain[end:], settings().wechat_app_id.encode())
    return plain[_RANDOM + _LENGTH : end] if padded and ours else None


def _cipher(key: str) -> Cipher[CBC]:
    secret = base64.b64decode(key + "=")
    return Cipher(AES(secret), CBC(secret[:16]))


def _parsed(body: bytes) -> dict[str, Any]:
    """The message as JSON or XML says it; which one, its first character tells."""
    try:
        text = body.decode()
        told = _of_xml(text) if text.lstrip().startswith("<") else json.loads(text)
    except (ValueError, RecursionError, ElementTree.ParseError):
        raise WechatSignatureInvalid from None
    if not isinstance(told, dict):
        raise WechatSignatureInvalid
    return told


class _NoDoctype(ElementTree.TreeBuilder):
    """A document that declares anything is refused before the declaration is read: no entities, no outside files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise WechatSignatureInvalid


def _of_xml(text: str) -> dict[str, Any]:
    root = ElementTree.fromstring(text, parser=ElementTree.XMLParser(target=_NoDoctype()))
    told = _of_element(root, 0)
    return told if isinstance(told, dict) else {}


def _of_element(element: ElementTree.Element, depth: int) -> Any:
    """Its text, or its children by name: one that comes several times becomes a list."""
    if depth > _DEEPEST:
        raise WechatSignatureInvalid
    if not len(element):
        return element.text or ""
    told: dict[str, Any] = {}
    for child in element:
        value = _of_element(child, depth + 1)
        if child.tag not in told:
            told[child.tag] = value
        elif isinstance(told[child.tag], list):
            told[child.tag].append(value)
        else:
            told[child.tag] = [told[child.tag], value]
    return told
