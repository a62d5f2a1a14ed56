"""The carrier's stand-in is strict: signature, time, nonce, template, number, and how much a number gets a day."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox import sms
from tests.sandbox.conftest import MakeApp

KEY, SECRET = "carrier-key", "carrier secret"
_nonces = itertools.count()


@pytest.fixture
def carrier(make_app: MakeApp) -> FlaskClient:
    return make_app(sms_access_key=KEY, sms_secret_key=SECRET).test_client()


def message(**changes: Any) -> dict[str, Any]:
    whole = {
        "message_id": "m-1",
        "kind": "sms",
        "to": "19900000001",
        "sign": "一部手机",
        "template": "SMS_LOGIN_CODE",
        "parameters": {"code": "123456", "minutes": "5"},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(body: bytes, late: int = 0, nonce: str = "", secret: str = SECRET) -> dict[str, str]:
    timestamp, nonce = str(int(time.time()) - late), nonce or f"{next(_nonces):032d}"
    text = "\n".join(("POST", "/sms/v1/messages", timestamp, nonce, hashlib.sha256(body).hexdigest()))
    made = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()
    return {"X-Access-Key": KEY, "X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": made}


def send(client: FlaskClient, content: Any, **how: Any) -> TestResponse:
    body = json.dumps(content).encode()
    return client.post("/sms/v1/messages", data=body, headers=signed(body, **how))


def inbox(client: FlaskClient, number: str = "19900000001") -> list[Any]:
    answer = client.get(f"/sms/inbox?to={number}", headers={"Accept": "application/json"})
    return list(answer.get_json()["items"])


def test_a_signed_message_arrives_in_both_languages(carrier: FlaskClient) -> None:
    assert send(carrier, message()).get_json()["status"] == "accepted"

    [shown] = inbox(carrier)
    assert "验证码123456" in shown["text"] and "code is 123456" in shown["text"]


def test_a_call_reads_digit_by_digit_and_twice(carrier: FlaskClient) -> None:
    send(carrier, message(kind="voice", template="TTS_LOGIN_CODE"))

    assert inbox(carrier)[0]["text"].count("1，2，3，4，5，6") == 2


def test_the_same_message_again_is_accepted_and_delivered_once(carrier: FlaskClient) -> None:
    receipts = {send(carrier, message()).get_json()["receipt"] for _ in range(3)}

    assert len(receipts) == 1 and len(inbox(carrier)) == 1


def test_a_carrier_that_duplicates_delivers_twice(carrier: FlaskClient) -> None:
    carrier.put("/sms/control", json={"mode": "duplicate"})
    send(carrier, message())

    assert len(inbox(carrier)) == 2


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"secret": "another"}, "signature_invalid"),
        ({"late": 400}, "timestamp_stale"),
        ({"late": -900}, "timestamp_stale"),
        ({"nonce": "short"}, "nonce_reused"),
    ],
    ids=str,
)
def test_a_signature_that_does_not_hold_delivers_nothing(carrier: FlaskClient, how: Any, word: str) -> None:
    answer = send(carrier, message(), **how)

    assert (answer.status_code, answer.get_json()["error"]) == (401, word)
    assert inbox(carrier) == []


def test_a_signature_is_good_once_and_for_its_own_body(carrier: FlaskClient) -> None:
    body = json.dumps(message()).encode()
    headers = signed(body)
    other = json.dumps(message(to="19900000002")).encode()

    answers = [carrier.post("/sms/v1/messages", data=sent, headers=headers) for sent in (other, body, body)]

    assert [answer.get_json().get("error") for answer in answers] == ["signature_invalid", None, "nonce_reused"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"to": "02087654321"}, "number_invalid"),
        ({"to": 19900000001}, "number_invalid"),
        ({"template": "TTS_LOGIN_CODE"}, "template_unknown"),
        ({"sign": "银行"}, "template_unknown"),
        ({"kind": "fax"}, "template_unknown"),
        ({"message_id": ""}, "parameters_invalid"),
        ({"parameters": {"code": "123456"}}, "parameters_invalid"),
        ({"parameters": {"code": "12345a", "minutes": "5"}}, "parameters_invalid"),
        ({"parameters": {"code": "123456", "minutes": 5}}, "parameters_invalid"),
        ({"parameters": None}, "parameters_invalid"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_message_is_named(carrier: FlaskClient, changes: Any, word: str) -> None:
    answer = send(carrier, message(**changes))

    assert (answer.status_code, answer.get_json()["error"]) == (422, word)


def test_what_is_no_message_at_all_is_refused(carrier: FlaskClient) -> None:
    contents: tuple[Any, ...] = ([], "x", None)
    for content in contents:
        assert send(carrier, content).status_code == 422


def test_a_number_gets_only_so_many_a_day(carrier: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms, "PER_DAY", 2)

    answers = [send(carrier, message(message_id=f"m-{place}")) for place in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert send(carrier, message(message_id="m-9", to="19900000002")).status_code == 200


def test_without_keys_it_delivers_for_nobody(make_app: MakeApp) -> None:
    assert send(make_app().test_client(), message()).get_json()["error"] == "access_key_unknown"


def test_the_page_shows_the_phones_and_what_they_got(carrier: FlaskClient) -> None:
    send(carrier, message())

    page = carrier.get("/sms/inbox?to=19900000001").text
    assert "王桂兰" in page and "验证码123456" in page and "<script" not in page
    assert "Choose a phone" in carrier.get("/sms/inbox").text
