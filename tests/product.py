"""Fixtures for tests of the product's rooms: the application on this process's own database and bucket.

Nothing is mocked. What happens outside is played by the sandbox, run here in threads on free ports; jobs run
when a test says so (`run_jobs`), so that it decides what happens between two steps.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import procrastinate
import psycopg
import pytest
import requests
import structlog
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

import wsgi
from app import clock, database, jobs, seeds
from app.people import residents, staff
from app.people.residents import Person
from app.settings import settings
from auth import sessions
from sandbox import server as sandbox_server
from sandbox.__main__ import QuietHandler
from sandbox.settings import read_settings
from tests.conftest import HeldPorts

RunJobs = Callable[[], None]


@pytest.fixture(scope="session")
def product(settings_environment: dict[str, str]) -> Iterator[Flask]:
    """The application with the demo's services and staff, on a database of this process alone."""
    os.environ.update(settings_environment)
    settings.cache_clear()
    app = wsgi.create_app()
    seeds.plant()
    yield app
    database.close()


@pytest.fixture(autouse=True)
def no_jobs_of_others(request: pytest.FixtureRequest) -> None:
    """A story begins without the jobs of earlier ones: what failed there would be tried again and again here."""
    if "product" in request.fixturenames:
        request.getfixturevalue("product")
        with database.work() as work:
            work.run_sql("DELETE FROM procrastinate_jobs WHERE status = 'todo'", {})


@pytest.fixture
def client(product: Flask) -> FlaskClient:
    """A client without a token, for doors that are open to anyone."""
    return product.test_client()


@pytest.fixture
def run_jobs(product: Flask, monkeypatch: pytest.MonkeyPatch) -> RunJobs:
    """Run every job that is due now, as a worker would, and return when there is none left.

    What comes by the clock comes only to stories that call it: a sweeper would take up what all earlier ones left.
    """
    monkeypatch.setattr(jobs.tasks.periodic_registry, "periodic_tasks", {})
    # What failed would be due again within a second, and on a busy machine this run is not over by then.
    in_an_hour = procrastinate.RetryDecision(retry_in={"hours": 1})
    monkeypatch.setattr(jobs.KeepTrying, "get_retry_decision", lambda strategy, **what: in_an_hour)

    def run() -> None:
        connector = procrastinate.PsycopgConnector(conninfo=settings().database_url)
        with jobs.tasks.replace_connector(connector) as app:
            app.run_worker(wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful")

    return run


@pytest.fixture
def sql(product: Flask) -> Callable[..., list[Any]]:
    """Ask the database directly, as its owner: `sql("SELECT …", values)` → rows as dictionaries."""

    def ask(statement: str, *values: Any) -> list[Any]:
        owner = str(settings().database_owner_url)
        with psycopg.connect(owner, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            cursor = connection.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    return ask


def wait_until_somebody_waits(sql: Callable[..., list[Any]], unless: Future[Any] | None = None) -> None:
    """For a lock, in another thread, unless that is done by then. Each look in a transaction of its own: within one,
    PostgreSQL shows the activity of its first look."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if unless is not None and unless.done():
            return
        if sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"):
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


@pytest.fixture(autouse=True)
def nothing_left_to_do(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the jobs a story leaves behind: the next one would run them, and wait for an office that is away."""
    ask: Callable[..., list[Any]] | None = None
    if "product" in request.fixturenames:
        ask = request.getfixturevalue("sql")
    yield
    if ask is not None:
        ask("DELETE FROM procrastinate_jobs WHERE status = 'todo'")


@pytest.fixture
def log(product: Flask) -> Iterator[list[str]]:
    """The lines that are logged meanwhile, as they are written."""
    lines: list[str] = []

    def keep(logger: Any, method: str, line: Any) -> Any:
        lines.append(str(line))
        return line

    # In place, because loggers that were used before hold this very list.
    processors = structlog.get_config()["processors"]
    processors.append(keep)
    yield lines
    processors.remove(keep)


@dataclass
class Phone:
    """A logged-in resident with a client of their own."""

    resident_id: uuid.UUID
    tokens: dict[str, Any]
    client: FlaskClient
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}", **self.headers}
        headers |= options.pop("headers", {})
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.send("GET", path, **options)

    def post(self, path: str, json: Any = None, key: str | None = None, **options: Any) -> TestResponse:
        """A POST with a new Idempotency-Key, or with the given one."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4()), **options.pop("headers", {})}
        if json is not None:
            options["json"] = json
        return self.send("POST", path, headers=headers, **options)

    def patch(self, path: str, answers: dict[str, Any], etag: str | None) -> TestResponse:
        headers = {} if etag is None else {"If-Match": etag}
        mime = "application/merge-patch+json"
        return self.send("PATCH", path, json={"answers": answers}, headers=headers, content_type=mime)

    def start(self, service: str, answers: dict[str, Any] | None = None) -> dict[str, Any]:
        """A draft of the service with these answers."""
        response = self.post("/v1/submissions", {"service": service, "answers": answers or {}})
        assert response.status_code == 201, response.text
        assert response.json is not None
        return dict(response.json)

    def slot(
        self, submission: str, material: str, content: bytes, kind: str = "image/png", **wish: Any
    ) -> TestResponse:
        """Ask a slot for this content; `wish` overrides what is declared."""
        declared = {
            "material": material,
            "filename": "文件.png",
            "content_type": kind,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        return self.post(f"/v1/submissions/{submission}/uploads", declared | wish)

    def upload(self, submission: str, material: str, content: bytes, kind: str = "image/png", **wish: Any) -> str:
        """Slot, bytes to the store, confirm; the upload's id. It is checked once jobs run."""
        slot = self.slot(submission, material, content, kind, **wish).json
        store(slot["post"], content)
        assert self.post(f"/v1/uploads/{slot['id']}/confirm").status_code == 202
        return str(slot["id"])


def store(post: dict[str, Any], content: bytes) -> requests.Response:
    """Send the bytes to the real store, as the phone does."""
    return requests.post(post["url"], data=post["fields"], files={"file": ("file", content)}, timeout=30)


def picture(kind: str = "PNG", width: int = 64) -> bytes:
    """A small sound image."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, 48), "white").save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def make_phone(product: Flask) -> Callable[..., Phone]:
    """make_phone(level=3, authenticated_at=…): somebody new, logged in without the detour over the e-ID."""

    def make(level: int = 3, authenticated_at: datetime | None = None) -> Phone:
        person = Person("李建国", "111", "532399198806150316", "19900000002")
        with database.work() as work:
            resident_id = residents.enrol(work, person)
            at = authenticated_at or clock.now()
            tokens = sessions.open_for_resident(work, resident_id, level, at, "test phone")
        return Phone(resident_id, tokens, product.test_client())

    return make


@pytest.fixture
def phone(make_phone: Callable[..., Phone]) -> Phone:
    """A resident at identity level 3 who logged in just now."""
    return make_phone()


@pytest.fixture
def make_clerk(product: Flask) -> Callable[[str], Phone]:
    """make_clerk("S0001"): a member of the demo's staff, logged in without the detour."""

    def make(staff_number: str) -> Phone:
        with database.work() as work:
            row = work.run_sql("SELECT id FROM staff WHERE staff_number = %(number)s", {"number": staff_number}).one()
            tokens = sessions.open_for_staff(work, row.id, 3, clock.now(), "test desk")
        return Phone(row.id, tokens, product.test_client())

    return make


@pytest.fixture
def enrol(product: Flask) -> Callable[[Person], Phone]:
    """enrol(Person(…)): somebody by name and number, logged in at identity level 3."""

    def made(person: Person) -> Phone:
        with database.work() as work:
            resident_id = residents.enrol(work, person)
            tokens = sessions.open_for_resident(work, resident_id, 3, clock.now(), "test phone")
        return Phone(resident_id, tokens, product.test_client())

    return made


@pytest.fixture
def make_newcomer(product: Flask, make_clerk: Callable[[str], Phone]) -> Callable[[str, str], Phone]:
    """make_newcomer("adviser", "gongan"): a member of staff whom nobody else in this run knows."""

    def hired(role: str, department: str) -> Phone:
        number = f"N{uuid.uuid4().hex[:12]}"
        with database.work() as work:
            staff.hire(work, number, "新来的", role, department)
        return make_clerk(number)

    return hired


@pytest.fixture
def make_submission(phone: Phone, run_jobs: RunJobs) -> Callable[..., dict[str, Any]]:
    """make_submission(): a residence permit that is complete, signed and ready to submit; its draft."""

    def make(who: Phone | None = None) -> dict[str, Any]:
        me = who or phone
        draft = me.start("residence-permit", PERMIT)
        photo = me.upload(draft["id"], "photo", picture())
        drawn = me.upload(draft["id"], "signature", picture(width=80))
        run_jobs()
        assert me.get(f"/v1/uploads/{photo}").json["state"] == "clean"
        signed = me.post(f"/v1/submissions/{draft['id']}/signature", {"upload": drawn})
        assert signed.status_code == 201, signed.text
        return draft

    return make


PERMIT = {
    "reason": "residence",
    "address_region": "532999",
    "address_detail": "太平镇幸福路18号",
    "residence_kind": "rented",
    "residing_since": "2025-09-01",
    "hukou_address": "四川省凉山彝族自治州西昌市",
    "delivery": "counter",
}


@pytest.fixture(scope="session")
def outside(product: Flask, settings_environment: dict[str, str], held_ports: HeldPorts) -> Iterator[str]:
    """The sandbox and our own API on their ports, for what must travel over HTTP; the sandbox's address."""
    sandbox = sandbox_server.create_app(read_settings(settings_environment))
    sender = sandbox.extensions["sandbox.sender"]
    servers = []
    for held, app in ((held_ports.sandbox, sandbox), (held_ports.api, product)):
        held.listen()
        where: tuple[str, int] = held.getsockname()
        servers.append(make_server(*where, app, threaded=True, request_handler=QuietHandler, fd=held.fileno()))
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    sender.start()
    yield settings_environment["SANDBOX_URL"]
    sender.stop()
    for server in servers:
        server.shutdown()
        server.server_close()
