"""Nothing leaks: identifiers planted in every layer of really running processes are in no log of any of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from flask import Flask

from app import clock, database
from app.people import accounts
from app.people.callers import Resident
from app.people.identities import Identity
from app.people.residents import Person
from app.settings import settings
from auth import sessions
from notifications import subscriptions
from sandbox.ports import Ports
from tests.approvals.office_system import OfficeSystem, message
from tests.product import PERMIT, Phone, RunJobs, picture

Sql = Callable[..., list[Any]]

CHECKOUT = Path(__file__).resolve().parent.parent
TIMEOUT = 60

PLANTED = {
    "name": "司马种石榴",
    "document_number": "532399196902024418",
    "old_document_number": "532399690202441",
    "phone": "19911122233",
    "subject": "subject-of-sima-4711",
    "openid": "oPLANTEDopenidOfSima01234567",
    "address": "石榴镇种石路七十七号甲单元",
    "contact_phone": "19922233344",
    "friend": "令狐种豆",
    "friends_phone": "19933344455",
    "bank_card": "6217000099990000123",
    "spaced_card": "6222 0202 0000 1111 222",
    "illness": "Chronic-planted-F41",
    "filename": "司马的身份证反面.png",
    "opinion": "与司马先生电话核实无误",
    "email": "sima.shiliu@planted.example",
    "bearer": "eyJhbGciOiJQTEFOVEVEIn0.eyJzdWIiOiJTaW1hIn0.cGxhbnRlZA",
    "idempotency_key": "planted-19944455566",
    "query": "planted-query-of-sima",
    "office_error": "PLANTED-OFFICE-SAYS-SIMA",
    "store_error": "PLANTED-STORE-SAYS-SIMA",
}


class _Hostile(BaseHTTPRequestHandler):
    """An outside world that answers everything with an error, which repeats the request and adds something."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = f"<Error><Code>{PLANTED['store_error']}</Code><Message>{self.path}</Message></Error>".encode()
        content = told + PLANTED["office_error"].encode() + PLANTED["openid"].encode() + body
        self.send_response(500)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Its own log is none of ours."""


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hostile)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@dataclass
class Running:
    """A program of ours and what it prints."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, *words: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not all(word in self.text() for word in words):
            assert self.process.poll() is None and time.monotonic() < deadline, self.text()[-3000:]
            time.sleep(0.05)


def start(log: Path, environment: dict[str, str], *words: str) -> Running:
    with log.open("ab") as output:
        command = [sys.executable, "-m", "onephone", *words]
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT
        )
    return Running(process, log)


@pytest.fixture
def api(product: Flask, settings_environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, Running]]:
    """The API as granian serves it, with one process."""
    port = str(Ports.free().api)
    running = start(tmp_path / "api.log", settings_environment, "api", "--port", port, "--workers", "1")
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + TIMEOUT
        while not _answers(address):
            assert running.process.poll() is None and time.monotonic() < deadline, running.text()
            time.sleep(0.05)
        yield address, running
    finally:
        running.process.terminate()
        running.process.wait(TIMEOUT)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/health/live", timeout=1).ok
    except requests.RequestException:
        return False


@pytest.fixture
def worker(product: Flask, settings_environment: dict[str, str], hostile: str, tmp_path: Path) -> Iterator[Running]:
    """A worker for whom everything outside is hostile: offices, WeChat and the store."""
    office = {"url": hostile, "secrets": settings().offices["gongan"]["secrets"]}
    outside = {
        "OFFICES": json.dumps({"gongan": office}),
        "DATA_SOURCES": json.dumps({"housing-fund": {"url": hostile, "key": "key"}}),
        "WECHAT_API_URL": hostile,
        "S3_ENDPOINT_URL": hostile,
    }
    running = start(tmp_path / "worker.log", settings_environment | outside, "worker")
    yield running
    running.process.terminate()
    running.process.wait(TIMEOUT)


@pytest.fixture
def sima(product: Flask) -> Phone:
    person = Person(PLANTED["name"], "111", PLANTED["document_number"], PLANTED["phone"])
    with database.work() as work:
        identity = Identity("sandbox", PLANTED["subject"], 3, "oidc", clock.now(), person)
        resident_id, _ = accounts.enter(work, identity)
        tokens = sessions.open_for_resident(work, resident_id, 3, clock.now(), PLANTED["email"])
        caller = Resident(resident_id, resident_id, 3, clock.now())
        subscriptions.bind(work, caller, PLANTED["openid"], ["progress"])
    return Phone(resident_id, tokens, product.test_client())


@pytest.fixture
def permit(sima: Phone, run_jobs: RunJobs) -> dict[str, Any]:
    """A permit ready to be filed, with everything planted in it."""
    told = {
        "address_detail": PLANTED["address"],
        "contact_phone": PLANTED["contact_phone"],
        "emergency_contact_name": PLANTED["friend"],
        "emergency_contact_phone": PLANTED["friends_phone"],
    }
    draft = sima.start("residence-permit", PERMIT | told)
    sima.upload(draft["id"], "photo", picture(), filename=PLANTED["filename"])
    drawn = sima.upload(draft["id"], "signature", picture(width=80))
    run_jobs()
    assert sima.post(f"/v1/submissions/{draft['id']}/signature", {"upload": drawn}).status_code == 201
    return draft


def send(address: str, sima: Phone, method: str, path: str, **options: Any) -> requests.Response:
    """A request with something planted in every header that a client may fill."""
    headers = {
        "Authorization": f"Bearer {sima.tokens['access_token']}",
        "Idempotency-Key": PLANTED["idempotency_key"] + str(time.monotonic_ns() % 997),
        "User-Agent": PLANTED["email"],
        "Referer": f"https://planted.example/?name={PLANTED['query']}",
        "Cookie": f"card={PLANTED['bank_card']}",
        "X-Forwarded-For": PLANTED["phone"],
        "Accept-Language": PLANTED["illness"],
    } | options.pop("headers", {})
    return requests.request(method, address + path, headers=headers, timeout=TIMEOUT, **options)


@pytest.mark.timeout(300)
def test_planted_identifiers_are_in_no_log_of_running_processes(
    api: tuple[str, Running],
    worker: Running,
    sima: Phone,
    permit: dict[str, Any],
    client: Any,
    reached: dict[str, Any],
    sql: Sql,
) -> None:
    address, serving = api
    server_log = Path(reached["folder"]) / "postgres" / "postgres.log"
    before = server_log.stat().st_size
    statuses = [refused.status_code for refused in everything_that_is_refused(address, sima)]
    assert set(statuses) <= {400, 401, 404, 405, 409, 411, 413, 415, 422}

    # A database error whose detail quotes the row, a fault in a handler, and work that every neighbour refuses.
    sql("ALTER TABLE idempotency_records ADD CONSTRAINT planted CHECK (key NOT LIKE 'planted-%%') NOT VALID")
    try:
        broken = send(address, sima, "POST", "/v1/submissions", json={"service": "residence-permit"})
    finally:
        sql("ALTER TABLE idempotency_records DROP CONSTRAINT planted")
    draft = sima.start("residence-permit", {"bank_card": PLANTED["bank_card"]})
    unchecked = sima.upload(draft["id"], "photo", picture(), filename=PLANTED["filename"])
    filed = send(address, sima, "POST", f"/v1/submissions/{permit['id']}/submit")
    assert (broken.status_code, filed.status_code) == (500, 200), (broken.text, filed.text)
    office = OfficeSystem(client)
    assert office.outcome(message(filed.json()["reference"], "accepted", opinion=PLANTED["opinion"])) == "applied"
    worker.wait_for('"handover_failed"', '"inspect_upload"', '"notify"')
    sql("UPDATE residents SET name = phone WHERE id = %s", sima.resident_id)
    hurt = send(address, sima, "GET", f"/v1/me?name={PLANTED['query']}")
    assert hurt.status_code == 500
    assert hurt.headers["Server"].isalpha(), "nobody is told the version of what serves them"
    worker.wait_for('"SealBroken"', f"residents.name of {sima.resident_id}")
    serving.wait_for('"fault"', '"sealed_data_unusable"')

    jobs = sql("SELECT args::text, lock, queueing_lock FROM procrastinate_jobs")
    notes = sql("SELECT last_error FROM handovers") + sql("SELECT * FROM attempts")
    with server_log.open("rb") as file:
        file.seek(before)
        of_postgres = file.read().decode(errors="replace")
    assert unchecked in str(jobs)
    assert 'violates check constraint "planted"' in of_postgres, "the error itself is in PostgreSQL's log"
    written = {
        "API": serving.text(),
        "worker": worker.text(),
        "PostgreSQL": of_postgres,
        "jobs": str(jobs),
        "attempts": str(notes),
        "answers": broken.text + hurt.text,
    }
    found = [(where, what) for where, text in written.items() for what, told in PLANTED.items() if is_in(told, text)]
    assert found == []
    secrets = (sima.tokens["access_token"], sima.tokens["refresh_token"], settings().s3_secret_access_key)
    keys = (settings().wechat_app_secret, *settings().offices["gongan"]["secrets"])
    assert [word for word in (*secrets, *keys) for text in written.values() if word in text] == []
    for line in (serving.text() + worker.text()).splitlines():
        assert json.loads(line)["event"], "every line is ours, in our one shape"


def is_in(told: str, text: str) -> bool:
    """Whether a text is written somewhere as it is, escaped as JSON or as Python does, or percent-encoded."""
    forms = {told, json.dumps(told)[1:-1], repr(told.encode())[2:-1], quote(told)}
    return any(form in text for form in forms)


def everything_that_is_refused(address: str, sima: Phone) -> Iterator[requests.Response]:
    """Requests that clients should not send, with something planted in each part of them."""
    for told in PLANTED.values():
        quoted = quote(told)
        yield send(address, sima, "GET", f"/v1/services/{quoted}")
        yield send(address, sima, "GET", f"/v1/{quoted}/x?phone={quoted}&name={quoted}")
        yield send(address, sima, "GET", f"/v1/submissions?cursor={quoted}")
        yield send(address, sima, "POST", "/v1/submissions", json={"service": told, told: told})
        yield send(address, sima, "POST", "/v1/submissions", data=told.encode())
        yield send(address, sima, "GET", "/v1/me", headers={"Authorization": f"Bearer {quoted}"})
        yield send(address, sima, "POST", "/v1/tokens/refresh", json={"refresh_token": told})
    yield send(address, sima, "PATCH", "/v1/me", headers={"If-Match": PLANTED["bank_card"]})
    yield send(address, sima, "POST", "/v1/offices/gongan/events", json={"subject": PLANTED["name"]})
