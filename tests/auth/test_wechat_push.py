"""WeChat's message push at the door: the four official vectors, and what every forgery of them meets."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from flask import Flask

from app import clock
from app.people.callers import WechatPush
from app.settings import settings
from auth import wechat_push
from auth.wechat_push import WechatSignatureInvalid

# WeChat, 消息推送: what its page gives as examples (domain-facts §1.5).
TOKEN, KEY, APP = "AAAAA", "A" * 43, "wxba5fad812f8e6fb9"
CHECK = {
    "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
    "echostr": "4375120948345356249",
    "timestamp": "1714036504",
    "nonce": "1514711492",
}
PLAIN = {
    "signature": "899cf89e464efb63f54ddac96b0a0a235f53aa78",
    "timestamp": "1714037059",
    "nonce": "486452656",
}
ENCRYPT = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8"
    "XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32I"
    "Ijdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
SAFE = {
    "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
    "msg_signature": "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
    "timestamp": "1714112445",
    "nonce": "415670741",
    "openid": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
    "encrypt_type": "aes",
}
MESSAGE = {
    "ToUserName": "gh_97417a04a28d",
    "FromUserName": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
    "CreateTime": 1714112445,
    "MsgType": "event",
    "Event": "debug_demo",
    "debug_str": "hello world",
}

Configured = Callable[..., None]


@pytest.fixture
def configured(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Configured:
    """configured(wechat_push_keys=()): the door as WeChat's page configures it, but for these."""

    def set_to(**changes: Any) -> None:
        official = {"wechat_push_token": TOKEN, "wechat_push_keys": (KEY,), "wechat_app_id": APP}
        monkeypatch.setattr(wechat_push, "settings", lambda: replace(settings(), **(official | changes)))

    return set_to


@pytest.fixture
def then() -> Iterator[Callable[[str], None]]:
    """then("1714036504"): the moment at which the request arrives."""
    moved = []

    def arrive(timestamp: str, late: int = 1) -> None:
        shift = clock.moved(datetime.fromtimestamp(int(timestamp) + late, UTC) - datetime.now(UTC))
        shift.__enter__()
        moved.append(shift)

    yield arrive
    for shift in reversed(moved):
        shift.__exit__(None, None, None)


def safe_body(**changes: Any) -> bytes:
    return json.dumps({"ToUserName": "gh_97417a04a28d", "Encrypt": ENCRYPT} | changes).encode()


def refused(query: dict[str, str], body: bytes = b"") -> bool:
    with pytest.raises(WechatSignatureInvalid):
        wechat_push.verified(query, body)
    return True


def test_official_vector_1_the_check_of_an_address(configured: Configured, then: Any) -> None:
    configured()
    then(CHECK["timestamp"])

    assert wechat_push.verified(CHECK, b"") == WechatPush(CHECK["timestamp"], CHECK["nonce"], None)


def test_official_vector_2_a_push_in_plain(configured: Configured, then: Any) -> None:
    configured(wechat_push_keys=())
    then(PLAIN["timestamp"])

    assert wechat_push.verified(PLAIN, json.dumps(MESSAGE).encode()).message == MESSAGE


def test_official_vector_3_a_push_in_safe_mode(configured: Configured, then: Any) -> None:
    configured()
    then(SAFE["timestamp"])

    assert wechat_push.signature(SAFE["timestamp"], SAFE["nonce"], ENCRYPT) == SAFE["msg_signature"]
    assert wechat_push.verified(SAFE, safe_body()).message == MESSAGE


def test_official_vector_4_an_encrypted_reply(configured: Configured) -> None:
    configured()

    made = wechat_push.reply(b'{"demo_resp":"good luck"}', "1713424427", "415670741", b"707722b803182950")

    assert made == {
        "Encrypt": "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==",
        "MsgSignature": "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1",
        "TimeStamp": 1713424427,
        "Nonce": "415670741",
    }


def test_the_official_vector_is_one_that_a_padding_to_16_would_not_take(configured: Configured) -> None:
    secret = base64.b64decode(KEY + "=")
    worker = Cipher(AES(secret), CBC(secret[:16])).decryptor()
    plain = worker.update(base64.b64decode(ENCRYPT)) + worker.finalize()

    assert plain.endswith(b"\x13" * 19)


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce"])
def test_a_check_with_one_word_changed_or_missing_is_refused(configured: Configured, then: Any, name: str) -> None:
    configured()
    then(CHECK["timestamp"])
    changed = CHECK[name][:-1] + ("0" if CHECK[name][-1] != "0" else "1")

    assert refused(CHECK | {name: changed}) and refused(CHECK | {name: ""})
    assert refused({key: value for key, value in CHECK.items() if key != name})


def test_the_signature_of_the_address_is_not_taken_for_the_one_of_the_message(
    configured: Configured, then: Any
) -> None:
    configured()
    then(SAFE["timestamp"])
    of_the_address = wechat_push.signature(SAFE["timestamp"], SAFE["nonce"])

    assert refused(SAFE | {"msg_signature": of_the_address, "signature": of_the_address}, safe_body())


def test_a_message_that_was_changed_under_its_signature_is_refused(configured: Configured, then: Any) -> None:
    configured()
    then(SAFE["timestamp"])

    assert refused(SAFE, safe_body(Encrypt="A" + ENCRYPT[1:]))


def signed(sealed: str) -> tuple[dict[str, str], bytes]:
    """A request with a good signature over any `Encrypt`, as only a holder of the token could make it."""
    words = {"timestamp": SAFE["timestamp"], "nonce": SAFE["nonce"]}
    return words | {"msg_signature": wechat_push.signature(*words.values(), sealed)}, safe_body(Encrypt=sealed)


def raw(plain: bytes) -> str:
    """Plain bytes encrypted as they are, padding and all."""
    secret = base64.b64decode(KEY + "=")
    worker = Cipher(AES(secret), CBC(secret[:16])).encryptor()
    return base64.b64encode(worker.update(plain) + worker.finalize()).decode()


def test_a_message_for_another_mini_program_is_refused(configured: Configured, then: Any) -> None:
    configured()
    then(SAFE["timestamp"])
    message = json.dumps(MESSAGE).encode()

    assert wechat_push.verified(*signed(wechat_push.encrypted(message, APP, KEY))).message == MESSAGE
    for other in ("wx0000000000000000", APP + "0", APP[:-1], ""):
        assert refused(*signed(wechat_push.encrypted(message, other, KEY)))


def test_every_padding_from_1_to_32_is_one_and_no_other(configured: Configured, then: Any) -> None:
    configured()
    then(SAFE["timestamp"])
    for extra in range(32):
        message = json.dumps({"Event": "x" * extra}).encode()
        assert wechat_push.verified(*signed(wechat_push.encrypted(message, APP, KEY))).message == {"Event": "x" * extra}
    inside = b"r" * 16 + (2).to_bytes(4) + b"{}" + APP.encode()
    for pad in (0, 33, 255):
        assert refused(*signed(raw(inside + b"\0" * (63 - len(inside)) + bytes([pad]))))
    half = 64 - len(inside)
    assert refused(*signed(raw(inside + b"\1" * (half - 1) + bytes([half])))), "only the last byte says so"


@pytest.mark.parametrize("length", [0, 1, 10**6, 2**32 - 1])
def test_a_length_that_lies_is_refused(configured: Configured, then: Any, length: int) -> None:
    configured()
    then(SAFE["timestamp"])
    inside = b"r" * 16 + length.to_bytes(4) + b'{"Event":"x"}' + APP.encode()
    pad = 32 - len(inside) % 32

    assert refused(*signed(raw(inside + bytes([pad]) * pad)))


@pytest.mark.parametrize("sealed", ["", "x", "====", "A" * 44, "Ａ" * 44, ENCRYPT[:-4], ENCRYPT + "\n"])
def test_what_is_no_encrypted_message_is_refused(configured: Configured, then: Any, sealed: str) -> None:
    configured()
    then(SAFE["timestamp"])

    assert refused(*signed(sealed))


def test_the_key_before_the_current_one_still_opens(configured: Configured, then: Any) -> None:
    configured(wechat_push_keys=("B" * 43, KEY))
    then(SAFE["timestamp"])
    assert wechat_push.verified(SAFE, safe_body()).message == MESSAGE

    configured(wechat_push_keys=("B" * 43,))
    assert refused(SAFE, safe_body())


def test_with_a_key_nothing_is_taken_in_plain(configured: Configured, then: Any) -> None:
    """The plain signature covers no body: who saw one could put any message behind it."""
    configured()
    then(PLAIN["timestamp"])

    assert refused(PLAIN, json.dumps(MESSAGE).encode())
    assert refused(PLAIN | {"msg_signature": PLAIN["signature"]}, json.dumps(MESSAGE).encode())


@pytest.mark.parametrize("late", [301, -301, 86_400])
def test_what_was_signed_long_ago_or_far_ahead_is_refused(configured: Configured, then: Any, late: int) -> None:
    configured()
    then(SAFE["timestamp"], late)

    assert refused(SAFE, safe_body())


@pytest.mark.parametrize("timestamp", ["soon", "-1", "1e9", "９９", "9" * 30, "1714112445.0"])
def test_a_time_that_is_none_is_refused_although_it_is_signed(configured: Configured, timestamp: str) -> None:
    configured()
    words = {"timestamp": timestamp, "nonce": "1"}

    assert refused(words | {"signature": wechat_push.signature(*words.values())})


def test_without_a_token_the_door_is_closed(configured: Configured, then: Any) -> None:
    configured(wechat_push_token="")
    then(CHECK["timestamp"])

    assert refused(CHECK | {"signature": wechat_push.signature(CHECK["timestamp"], CHECK["nonce"])})


def plain(body: bytes) -> Any:
    """What is understood of a body behind a good plain signature."""
    words = {"timestamp": SAFE["timestamp"], "nonce": SAFE["nonce"]}
    return wechat_push.verified(words | {"signature": wechat_push.signature(*words.values())}, body).message


def test_xml_is_read_as_json_is(configured: Configured, then: Any) -> None:
    configured(wechat_push_keys=())
    then(SAFE["timestamp"])
    one = "<List><TemplateId><![CDATA[t1]]></TemplateId></List>"

    assert plain(f"<xml><Event>e</Event><Told>{one}</Told></xml>".encode()) == {
        "Event": "e",
        "Told": {"List": {"TemplateId": "t1"}},
    }
    assert plain(f"<xml><Told>{one}{one}{one}</Told></xml>".encode())["Told"]["List"] == [{"TemplateId": "t1"}] * 3


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><Event>&e;</Event></xml>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><xml><Event>e</Event></xml>',
        "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><xml><Event>&b;</Event></xml>",
        "<!DOCTYPE x><xml/>",
        "<xml><Event>&unknown;</Event></xml>",
        "<xml>" + "<a>" * 5000 + "</a>" * 5000 + "</xml>",
        "<xml><Event>",
        "<",
        "[" * 50_000,
        "[]",
        '"x"',
        "null",
        "{",
        "\ufeff{}",
    ],
    ids=lambda body: body[:30],
)
def test_a_body_that_would_hurt_or_says_nothing_is_refused(configured: Configured, then: Any, body: str) -> None:
    configured(wechat_push_keys=())
    then(SAFE["timestamp"])

    with pytest.raises(WechatSignatureInvalid):
        plain(body.encode())
    with pytest.raises(WechatSignatureInvalid):
        plain(b"\xff" + body.encode())
