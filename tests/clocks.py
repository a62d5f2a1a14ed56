"""Fixtures for stories about time: a service with ordinary limits, filed at any instant."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app import clock, database
from app.catalogue import services
from app.catalogue.editions import PROMISED, ServiceVersion
from app.clock import CHINA
from app.people import residents
from app.people.callers import Resident
from app.people.residents import Person
from app.submissions import submissions
from app.submissions.history import Actor
from tests import handled

FileCase = Callable[..., UUID]

_STORY = timedelta(seconds=30)
"""Hardly a story takes longer."""


def pytest_runtest_setup() -> None:
    """No story begins in the last seconds of a day in China: what it expects of today would have been yesterday."""
    later = datetime.now(CHINA) + _STORY
    midnight = later.replace(hour=0, minute=0, second=0, microsecond=0)
    if later - midnight < _STORY:
        time.sleep((_STORY - (later - midnight)).total_seconds())


LIMITS = {
    "legal": {
        "value": 20,
        "unit": "working_day",
        "basis": {"zh": "行政许可法第四十二条", "en": "Administrative License Law, art. 42"},
    },
    "promised": {"value": 5, "unit": "working_day"},
}
CLERK = Actor("staff", "clerk", "陈静")


def china(text: str) -> datetime:
    """An instant as a clock in China shows it: `2026-03-02 09:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def at(text: str) -> AbstractContextManager[None]:
    """Run a block as if it were this instant in China."""
    return clock.moved(china(text) - clock.now())


def publish_service(**changes: Any) -> ServiceVersion:
    """A service that promises five working days of the legal twenty, and asks for nothing but one's name."""
    with database.reading() as connection:
        plain = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
    code = f"test-{uuid.uuid4()}"
    definition = plain | {
        "code": code,
        "version": 1,
        "case_type": PROMISED,
        "limits": LIMITS,
        **handled.asked(),
        **changes,
    }
    return handled.publish(definition)


def enrol() -> UUID:
    with database.work() as work:
        return residents.enrol(work, Person("李建国", "111", "532399198806150316", "19900000002"))


@pytest.fixture
def file_case(product: Flask) -> FileCase:
    """file_case("2026-03-02 09:30", limits=…): file such a service, with these changes, at that instant; its id."""

    def run(when: str, **changes: Any) -> UUID:
        service = publish_service(**changes)
        person = enrol()
        with at(when), database.work() as work:
            caller = Resident(person, uuid.uuid4(), 4, clock.now())
            return UUID(str(submissions.submit_at_once(work, caller, service.code, {}, "zh")["id"]))

    return run
