"""The signed webhook: what an office's system really gets, read by a server that knows only the contract."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from app.settings import settings
from approvals import handover
from approvals.connectors.interface import OfficeAway
from tests.product import PERMIT

TIMEOUT = 60


class PlainOffice:
    """A server that keeps the requests it gets and answers what it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.answer = 202, b'{"office_reference": "GA-7"}'
        self.location: str | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/events"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def of(self, receipt: dict[str, Any]) -> list[tuple[dict[str, str], bytes]]:
        """What came of this submission: a sweeper may hand over what other stories left behind."""
        return [mail for mail in self.got if json.loads(mail[1])["subject"] == receipt["reference"]]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                office.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(office.status)
                if office.location:
                    self.send_header("Location", office.location)
                self.send_header("Content-Length", str(len(office.answer)))
                self.end_headers()
                self.wfile.write(office.answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Handler


@pytest.fixture
def plain_office(product: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlainOffice]:
    office = PlainOffice()
    monkeypatch.setitem(settings().offices["gongan"], "url", office.url)
    yield office
    office.close()


@pytest.fixture
def event(plain_office: PlainOffice, filed: dict[str, Any]) -> dict[str, Any]:
    """The event of a filed residence permit, as it arrived."""
    handover.run(filed["id"])
    found: dict[str, Any] = json.loads(plain_office.of(filed)[0][1])
    return found


def test_the_envelope_is_a_cloudevent(event: dict[str, Any], filed: dict[str, Any]) -> None:
    assert set(event) == {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
    assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
    assert event["type"] == "cn.onephone.submission.received"
    assert event["source"] == settings().public_url
    assert event["subject"] == filed["reference"]
    assert uuid.UUID(event["id"])
    assert datetime.fromisoformat(event["time"]).tzinfo is not None


def test_the_data_is_what_the_contract_says(event: dict[str, Any], filed: dict[str, Any]) -> None:
    data = event["data"]
    assert set(data) == {
        *("reference", "service", "department", "received_at", "turn", "due", "applicant", "answers"),
        *("materials", "signature"),
    }
    assert data["reference"] == filed["reference"]
    assert data["service"] == {"code": "residence-permit", "version": 3, "name": data["service"]["name"]}
    assert (data["department"], data["turn"]) == ("gongan", filed["turn"])
    assert datetime.fromisoformat(data["received_at"]) == datetime.fromisoformat(filed["received_at"])
    assert {name: date.fromisoformat(day).isoformat() for name, day in data["due"].items()} == {
        "acceptance": filed["due"]["acceptance"],
        "decision": filed["due"]["decision"],
    }
    assert data["applicant"] == {
        "name": "李建国",
        "document_type": "111",
        "document_number": "532399198806150316",
        "phone": "19900000002",
    }
    assert data["answers"] == PERMIT


def test_the_signature_is_bound_to_the_content(event: dict[str, Any], filed: dict[str, Any]) -> None:
    signature = event["data"]["signature"]
    assert set(signature) == {"method", "content_sha256", "signed_at", "identity_level"}
    assert (signature["method"], signature["identity_level"]) == ("drawn", 3)
    assert signature["content_sha256"] == filed["content_sha256"]


def test_the_office_can_fetch_every_material(event: dict[str, Any]) -> None:
    [photo] = event["data"]["materials"]
    assert set(photo) == {"code", "name", "filename", "content_type", "size", "sha256", "url"}
    assert photo["code"] == "photo"

    fetched = requests.get(photo["url"], timeout=TIMEOUT)

    assert (fetched.status_code, len(fetched.content)) == (200, photo["size"])
    assert hashlib.sha256(fetched.content).hexdigest() == photo["sha256"]


def test_a_changed_address_fetches_nothing(event: dict[str, Any]) -> None:
    url = event["data"]["materials"][0]["url"]
    path, query = url.split("?")

    assert requests.get(path, timeout=TIMEOUT).status_code == 403
    assert requests.get(f"{path[:-1]}?{query}", timeout=TIMEOUT).status_code == 403


def test_the_signature_of_the_request_verifies(
    plain_office: PlainOffice, event: dict[str, Any], filed: dict[str, Any]
) -> None:
    headers, body = plain_office.of(filed)[0]

    Webhook(settings().offices["gongan"]["secrets"][0]).verify(body, headers)

    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["webhook-id"] == event["id"]


def test_the_newest_secret_signs(
    plain_office: PlainOffice, filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
    monkeypatch.setitem(settings().offices["gongan"], "secrets", [new, *settings().offices["gongan"]["secrets"]])

    handover.run(filed["id"])

    headers, body = plain_office.of(filed)[0]
    Webhook(new).verify(body, headers)


def test_every_try_sends_the_same_id_with_a_time_of_its_own(plain_office: PlainOffice, filed: dict[str, Any]) -> None:
    plain_office.status = 503
    for _ in range(2):
        with pytest.raises(OfficeAway):
            handover.run(filed["id"])

    (first, one), (second, two) = plain_office.of(filed)
    assert first["webhook-id"] == second["webhook-id"] == json.loads(one)["id"] == json.loads(two)["id"]
    Webhook(settings().offices["gongan"]["secrets"][0]).verify(two, second)


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (200, b"", "no_reference"),
        (200, b"OK", "no_reference"),
        (200, b"[]", "no_reference"),
        (200, b'"GA-1"', "no_reference"),
        (200, b"null", "no_reference"),
        (200, b'{"office_reference": ""}', "no_reference"),
        (200, b'{"office_reference": 7}', "no_reference"),
        (200, b'{"office_reference": null}', "no_reference"),
        (200, b'{"office_reference": "' + b"x" * 101 + b'"}', "no_reference"),
        (200, b"\xff\xfe", "no_reference"),
        (204, b"", "no_reference"),
        (302, b"", "http_302"),
        (400, b"{}", "http_400"),
        (401, b"{}", "http_401"),
        (500, b'{"office_reference": "GA-1"}', "http_500"),
    ],
    ids=str,
)
def test_what_is_no_acknowledgement(
    plain_office: PlainOffice, filed: dict[str, Any], status: int, answer: bytes, reason: str
) -> None:
    plain_office.status, plain_office.answer = status, answer
    plain_office.location = plain_office.url if status == 302 else None

    with pytest.raises(OfficeAway) as away:
        handover.run(filed["id"])

    assert away.value.reason == reason
    assert len(plain_office.of(filed)) == 1, "a redirect is not followed: it would carry a resident's data elsewhere"


def test_an_office_nobody_configured_waits(filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(settings().offices, "gongan")

    with pytest.raises(OfficeAway) as away:
        handover.run(filed["id"])

    assert away.value.reason == "not_configured"
