"""WeChat's message push (消息推送): what it tells the mini-program's server, signed, in safe mode, as JSON or XML.

A JSON `List` with one entry is that entry bare, and numbers are texts, as in the examples of WeChat's page. No answer
`success` within 5 seconds is asked again, twice. Without a token nothing is pushed.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

import requests
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from sandbox.plain_http import send
from sandbox.settings import Settings, settings

ORIGINAL_ID = "gh_0123456789ab"
NESTED = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}
SHAPES = ("json", "xml")
TRIES, SECONDS = 3, 5
LATER = 0.3  # seconds until the outcome of a message is told


_last: dict[str, int] = {}
_last_lock = threading.Lock()


def moment_of(openid: str) -> int:
    """Seconds since 1970, and for one user never the same twice: by user, time and name an event is known."""
    with _last_lock:
        _last[openid] = max(int(time.time()), _last.get(openid, 0) + 1)
        return _last[openid]


def subscription(openid: str, event: str, entries: list[dict[str, str]], shape: str) -> bytes:
    """The event in plain, in its shape."""
    head = {
        "ToUserName": ORIGINAL_ID,
        "FromUserName": openid,
        "CreateTime": str(moment_of(openid)),
        "MsgType": "event",
        "Event": event,
    }
    if shape == "xml":
        lists = "".join(f"<List>{tags(entry)}</List>" for entry in entries)
        return f"<xml>{tags(head)}<{NESTED[event]}>{lists}</{NESTED[event]}></xml>".encode()
    told: Any = entries[0] if len(entries) == 1 else entries
    return json.dumps({**head, "List": told}, ensure_ascii=False).encode()


def tags(values: dict[str, str]) -> str:
    return "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in values.items())


def request_for(chosen: Settings, openid: str, message: bytes, shape: str) -> tuple[dict[str, str], bytes]:
    """(query, body) of one push in safe mode; in plain mode where there is no key."""
    words = {"timestamp": str(int(time.time())), "nonce": str(secrets.randbelow(10**10))}
    query = {**words, "signature": sign(chosen.wechat_push_token, *words.values()), "openid": openid}
    if not chosen.wechat_push_key:
        return query, message
    sealed = encrypt(message, chosen.wechat_app_id, chosen.wechat_push_key)
    query |= {"encrypt_type": "aes", "msg_signature": sign(chosen.wechat_push_token, *words.values(), sealed)}
    outer = {"ToUserName": ORIGINAL_ID, "Encrypt": sealed}
    return query, f"<xml>{tags(outer)}</xml>".encode() if shape == "xml" else json.dumps(outer).encode()


def sign(token: str, *words: str) -> str:
    return hashlib.sha1("".join(sorted([token, *words])).encode(), usedforsecurity=False).hexdigest()


def encrypt(message: bytes, app_id: str, encoding_key: str) -> str:
    """random(16) + length(4, big endian) + message + appid, padded to 32, AES-256-CBC, base64."""
    key = base64.b64decode(encoding_key + "=")
    plain = secrets.token_bytes(16) + len(message).to_bytes(4, "big") + message + app_id.encode()
    pad = 32 - len(plain) % 32
    worker = Cipher(AES(key), CBC(key[:16])).encryptor()
    return base64.b64encode(worker.update(plain + bytes([pad]) * pad) + worker.finalize()).decode()


def push(openid: str, event: str, entries: list[dict[str, str]], shape: str) -> bool:
    """Tell OnePhone now; whether it took it."""
    return deliver(settings(), openid, subscription(openid, event, entries, shape), shape)


def push_later(openid: str, event: str, entries: list[dict[str, str]], shape: str) -> None:
    """The same a moment later, while the caller goes on."""
    chosen, message = settings(), subscription(openid, event, entries, shape)
    in_background(lambda: deliver(chosen, openid, message, shape))


def in_background(work: Callable[[], object]) -> None:
    timer = threading.Timer(LATER, work)
    timer.daemon = True
    timer.start()


def deliver(chosen: Settings, openid: str, message: bytes, shape: str) -> bool:
    if not chosen.wechat_push_token:
        return False
    url = f"{chosen.onephone_url}/v1/wechat/events"
    for _ in range(TRIES):
        query, body = request_for(chosen, openid, message, shape)
        kind = {"Content-Type": "text/xml" if shape == "xml" else "application/json"}
        try:
            answer = send("POST", url, params=query, data=body, headers=kind, timeout=SECONDS)
        except requests.ConnectionError:
            return False
        except requests.RequestException:
            continue
        if answer.text in ("success", ""):
            return True
    return False
