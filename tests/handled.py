"""Submissions to be handled, filed in one go: a service of a story's own at a department of its own."""

from __future__ import annotations

import copy
import uuid
from datetime import date
from typing import Any

from sqlalchemy import select

from app import clock, database
from app.catalogue import calendars, departments, services
from app.catalogue.services import ServiceVersion
from app.catalogue.working_days import Calendar, add_working_days
from app.privacy import notices
from app.submissions import submissions
from app.submissions.history import Given, Item
from app.submissions.steps import STEPS
from app.submissions.turns import assignments
from tests.planted import caller_of
from tests.product import Phone

A_DAY = add_working_days(Calendar.load(), clock.today(), 20).date
"""A working day that leaves time enough for everything."""

WORDS = {"zh": "词", "en": "words"}
PHOTO, DEED, COMMITS, STREET = "/materials/photo", "/materials/deed", "/answers/commits", "/answers/street"


def department(word: str | None = "测试") -> str:
    """A department that nobody else in this run knows; its code."""
    code = f"d-{uuid.uuid4()}"
    with database.work() as work:
        police = work.run(select(departments.departments.c.details).where(departments.departments.c.code == "gongan"))
        details = {
            **police.scalar_one(),
            "code": code,
            "name": {"zh": "测试县测试局", "en": "Test Bureau of Test County"},
        }
        details.pop("document_word", None)
        if word is not None:
            details["document_word"] = word
        departments.publish(work, details)
    return code


def _field(name: str) -> dict[str, Any]:
    return {
        "field": name,
        "label": {"zh": f"项{name}", "en": f"field {name}"},
        "hint": WORDS,
        "purpose": WORDS,
        "sensitive": False,
        "widget": "text",
    }


def asked() -> dict[str, Any]:
    """A form and materials that a definition may ask for: all optional, and the photo may be brought later."""
    with database.reading() as connection:
        permit = copy.deepcopy(services.current(connection, "residence-permit").definition)
    photo = next(one for one in permit["materials"] if one["code"] == "photo") | {"required": False}
    shapes = {"street": {"type": "string", "maxLength": 50}, "commits": {"type": "boolean"}}
    return {
        "form": {
            "schema": {"type": "object", "properties": shapes, "additionalProperties": False},
            "layout": [_field("street"), _field("commits")],
        },
        "materials": [
            photo | {"conditional": {"value": 10, "unit": "working_day"}},
            photo | {"code": "deed"},
        ],
    }


def service(of: str, **changes: Any) -> ServiceVersion:
    """A promised service of this department: two optional materials, of which the photo may be brought later, and a
    commitment that is enough to decide on."""
    with database.reading() as connection:
        plain = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
    made = plain | {
        "code": f"test-{uuid.uuid4()}",
        "version": 1,
        "department": of,
        "case_type": 2,
        "connector": "none",
        "limits": {"legal": None, "promised": {"value": 20, "unit": "working_day"}},
        **asked(),
        "commitment": {"field": "commits", "basis": WORDS},
    }
    return publish(made | changes)


def publish(definition: dict[str, Any]) -> ServiceVersion:
    """This version of a service and its privacy notice, from now on for everybody."""
    with database.work() as work:
        services.publish(work, definition)
        services.forget()
        service = services.version(work.connection, definition["code"], definition["version"])
        notices.publish_service(work, service)
    return service


def file(phone: Phone, of: ServiceVersion, **answers: Any) -> uuid.UUID:
    """A submission that was just filed; its id."""
    with database.work() as work:
        receipt = submissions.submit_at_once(work, caller_of(phone), of.code, answers, "zh")
    return uuid.UUID(str(receipt["id"]))


def assign(submission_id: uuid.UUID, clerk: Phone) -> None:
    with database.work() as work:
        work.run(assignments.insert().values(submission_id=submission_id, staff_id=clerk.resident_id))


def day_after(days: int) -> date:
    """The day on which this many working days from today are over."""
    with database.reading() as connection:
        return add_working_days(calendars.current(connection), clock.today(), days).date


def given_for(name: str, *, but: str = "") -> Given:
    """Everything that a step needs, and a reason, `but` one thing."""
    step = STEPS[name]
    needs = step.needs - {but}
    return Given(
        reason=None if but == "reason" else "依法办理",
        kind=next(iter(step.kinds or {})) if "kind" in needs else None,
        items=(Item(DEED if name == "add_to_correction" else PHOTO, "请重新上传"),) if "items" in needs else (),
        until=day_after(10) if "until" in needs else None,
        days=5 if "days" in needs else None,
        document="〔2026〕测复1号" if "document" in needs else None,
    )
