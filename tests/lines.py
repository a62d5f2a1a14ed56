"""A service with a queue of its own, so that nobody else's filings stand in a story's line."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, NullPool, create_engine
from werkzeug.test import TestResponse

from app import clock, database
from app.catalogue import services
from app.database import Work
from app.people.callers import Clerk, Resident
from app.settings import settings
from app.submissions import history, submissions
from app.submissions.history import NOTHING, Actor, Given
from tests import handled
from tests.product import Phone

LIMITS = {"legal": {"value": 20, "unit": "working_day"}, "promised": {"value": 10, "unit": "working_day"}}
QUOTA = {"count": 40, "period": "year", "basis": {"zh": "依据", "en": "basis"}}


@dataclass
class Line:
    """One queue: people file into it, clerks of its department take from it."""

    service: str
    department: str
    phone: Phone

    def file(self, who: Phone | None = None) -> dict[str, Any]:
        """File at once: the receipt."""
        answer = (who or self.phone).post("/v1/submissions", {"service": self.service, "submit": True})
        assert answer.status_code == 201, answer.text
        return dict(answer.json or {})

    def next(self, clerk: Phone, **options: Any) -> TestResponse:
        return clerk.post(f"/v1/desk/queues/{self.department}/{self.service}/next", **options)

    def place(self, receipt: dict[str, Any], **options: Any) -> TestResponse:
        return self.phone.get(f"/v1/submissions/{receipt['id']}/queue", **options)

    def ledger(self, client: Any) -> list[dict[str, Any]]:
        """Every line of the open ledger, page by page."""
        found, cursor = [], ""
        while True:
            page = client.get(f"/v1/open/queues/{self.department}/{self.service}/ledger?limit=7{cursor}").json
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


def step(receipt: dict[str, Any], name: str, actor: Actor, given: Given = NOTHING) -> None:
    """Take a step with a submission as its department, its applicant or the system would."""
    with database.work() as work:
        submissions.take_step(work, uuid.UUID(str(receipt["id"])), name, actor, clock.now(), given)


OFFICE = history.office("王警官")


@pytest.fixture
def make_line(product: Flask, phone: Phone) -> Callable[..., Line]:
    """make_line(quota=…): a published service of the police that asks nothing, with an empty queue."""

    def make(**changes: Any) -> Line:
        with database.reading() as connection:
            plain = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
        code = f"test-{uuid.uuid4()}"
        definition = plain | {"code": code, "version": 1, "case_type": services.PROMISED, "department": "gongan"}
        definition |= {"limits": LIMITS, **handled.asked(), **changes}
        handled.publish(definition)
        return Line(code, "gongan", phone)

    return make


@pytest.fixture
def line(make_line: Callable[..., Line]) -> Line:
    return make_line()


@pytest.fixture
def crowd(product: Flask) -> Iterator[Engine]:
    """As many connections as there are threads: the pool of a server process would let in eight at a time."""
    url = settings().database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=NullPool, connect_args={"options": "-c lock_timeout=60s"})
    yield engine
    engine.dispose()


class Killed(Exception):
    """The process that worked here died."""


@contextmanager
def dying(engine: Engine, when: Callable[[], bool]) -> Iterator[Work]:
    """A unit of work that is saved, unless its process dies just before the commit: then its connection is gone."""
    with engine.connect() as connection:
        with connection.begin():
            work = Work(connection)
            yield work
            work.flush_jobs()
            if when():
                connection.connection.driver_connection.close()  # type: ignore[union-attr]
                connection.invalidate()
                raise Killed
        connection.commit()


def resident(phone: Phone) -> Resident:
    return Resident(phone.resident_id, phone.resident_id, 3, clock.now())


def clerk_of(phone: Phone, role: str = "clerk", department: str = "gongan") -> Clerk:
    return Clerk(phone.resident_id, phone.resident_id, role, department)
