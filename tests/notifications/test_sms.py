"""Messages to a phone: handed to the carrier once, signed, and never to be read in a job, a log or an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from flask import Flask

from app import clock, database
from app.identifiers import new_id
from app.people import one_time_codes
from app.people.one_time_codes import Dispatch
from app.settings import settings
from notifications.channels import sms
from notifications.channels.sms import CarrierAway, CarrierRefused

Sql = Callable[..., list[Any]]
TIMEOUT = 60
NUMBER = "19900020001"
send_code: Any = sms.send_code


class ScriptedCarrier:
    """Answers what a story tells it to, the last one again and again, and keeps what it was asked."""

    def __init__(self) -> None:
        self.script: list[Any] = [(200, {"status": "accepted", "receipt": "R1"})]
        self.asked: list[dict[str, Any]] = []
        carrier = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                carrier.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, answer = carrier.script.pop(0) if len(carrier.script) > 1 else carrier.script[0]
                if status == 0:
                    self.close_connection = True
                    return
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", carrier.url)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def carrier(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedCarrier]:
    scripted = ScriptedCarrier()
    monkeypatch.setattr(sms, "settings", lambda: replace(settings(), sms_api_url=scripted.url))
    yield scripted
    scripted.server.shutdown()
    scripted.server.server_close()


@pytest.fixture
def made(product: Flask, sql: Sql) -> UUID:
    """A code that waits to be sent; its id."""
    sql("DELETE FROM code_limits")
    with database.work() as work:
        return one_time_codes.make(work, NUMBER, False, "", "")


def dispatch(**changes: Any) -> Dispatch:
    return replace(Dispatch(new_id(), NUMBER, "271828", False, 5), **changes)


def is_gone(sql: Sql, code_id: UUID) -> bool:
    return bool(sql("SELECT code IS NULL AS gone FROM one_time_codes WHERE id = %s", code_id)[0]["gone"])


def test_the_carrier_is_told_number_template_and_code(carrier: ScriptedCarrier, made: UUID, sql: Sql) -> None:
    send_code(str(made))

    [message] = carrier.asked
    assert (message["message_id"], message["to"], message["kind"]) == (str(made), NUMBER, "sms")
    assert message["template"] == settings().sms_code_template
    assert len(message["parameters"]["code"]) == 6 and message["parameters"]["minutes"] == "5"
    assert is_gone(sql, made)


def test_a_job_that_runs_twice_sends_once(carrier: ScriptedCarrier, made: UUID) -> None:
    for _ in range(2):
        send_code(str(made))

    assert len(carrier.asked) == 1


@pytest.mark.parametrize(
    "answer", [(503, {}), (307, {}), (200, b"<html>"), (200, []), (200, {}), (0, b""), (401, {"error": "x"})]
)
def test_a_carrier_that_is_away_is_asked_again_under_the_same_id(
    carrier: ScriptedCarrier, made: UUID, sql: Sql, answer: Any
) -> None:
    carrier.script = [answer, (200, {"status": "accepted"})]
    with pytest.raises(CarrierAway):
        send_code(str(made))
    assert not is_gone(sql, made)

    send_code(str(made))

    assert [message["message_id"] for message in carrier.asked] == [str(made)] * 2
    assert is_gone(sql, made)


def test_what_the_carrier_will_never_deliver_is_not_tried_for_ever(
    carrier: ScriptedCarrier, made: UUID, sql: Sql, log: list[str]
) -> None:
    carrier.script = [(422, {"error": "number_invalid"})]

    send_code(str(made))

    assert is_gone(sql, made)
    assert any("code_undeliverable" in line for line in log) and NUMBER not in "\n".join(log)


def test_a_fault_of_our_configuration_alarms_the_operator(carrier: ScriptedCarrier, made: UUID, log: list[str]) -> None:
    carrier.script = [(401, {"error": "signature_invalid"})]
    with pytest.raises(CarrierAway):
        send_code(str(made))

    [line] = [json.loads(one) for one in log if "carrier_misconfigured" in one]
    assert (line["level"], line["reason"], line["alarm"]) == ("error", "signature_invalid", True)


def test_nobody_is_called_for_a_code_that_expired_or_never_was(carrier: ScriptedCarrier, made: UUID) -> None:
    with clock.moved(timedelta(minutes=6)):
        send_code(str(made))
    send_code(str(uuid4()))

    assert carrier.asked == []


def test_an_error_says_neither_number_nor_code(carrier: ScriptedCarrier) -> None:
    carrier.script = [(0, b"")]
    with pytest.raises(CarrierAway) as away:
        sms.deliver(dispatch())

    assert away.value.args == () and away.value.__suppress_context__
    assert "271828" not in repr(dispatch()) and NUMBER not in repr(dispatch())


@pytest.mark.parametrize("voice", [False, True])
def test_the_sandbox_delivers_what_we_sign(outside: str, voice: bool) -> None:
    sms.deliver(dispatch(phone="19900020002", voice=voice))

    asked = requests.get(
        f"{outside}/sms/inbox", {"to": "19900020002"}, headers={"Accept": "application/json"}, timeout=TIMEOUT
    )
    assert asked.json()["items"][0]["kind"] == ("voice" if voice else "sms")


@pytest.mark.parametrize(("mode", "refusal"), [("down", CarrierAway), ("wrong", CarrierAway)])
def test_the_sandbox_plays_bad_days(outside: str, mode: str, refusal: type[Exception]) -> None:
    requests.put(f"{outside}/sms/control", json={"mode": mode}, timeout=TIMEOUT).raise_for_status()
    try:
        with pytest.raises(refusal):
            sms.deliver(dispatch())
    finally:
        requests.put(f"{outside}/sms/control", json={"mode": "ok"}, timeout=TIMEOUT).raise_for_status()


def test_the_sandbox_refuses_a_number_that_is_none(outside: str) -> None:
    with pytest.raises(CarrierRefused):
        sms.deliver(dispatch(phone="02087654321"))
