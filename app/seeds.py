"""Demo data: the departments, services and staff that a fresh start has. Running it again changes nothing."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from app import database
from app.catalogue import calendars, definition_files, departments, regions, services, validation
from app.catalogue.mistakes import Located
from app.database import Work
from app.finding import index
from app.people import staff
from app.privacy import notices
from app.settings import settings

_DEFINITIONS = Path(__file__).parent / "catalogue" / "definitions"

# The staff numbers that the sandbox's sign-on vouches for.
_STAFF = (
    ("S0001", "陈静", "clerk", "gongan"),
    ("S0002", "赵敏", "auditor", "gongan"),
    ("S0003", "刘洋", "adviser", "gongan"),
    # Two, because nobody reviews a draft of their own.
    ("S0004", "孙丽", "administrator", "gongan"),
    ("S0005", "周强", "administrator", "minzheng"),
    ("S0006", "吴刚", "head", "gongan"),
    ("S0007", "郑芳", "head", "minzheng"),
    ("S0008", "何平", "supervisor", "gongan"),
)


class DemoOnly(SystemExit):
    """Fictional staff have no place in production."""


class DefinitionsBroken(SystemExit):
    """A file that came with the program can not be published; the text names each fault with its line."""


def publish() -> int:
    """Publish calendars, regions, departments, every new service version of the definition files, and the notices that
    go with them; how many services are new.

    Raises DefinitionsBroken or NoticeChanged, and then nothing is published.
    """
    with database.work() as work:
        calendars.publish_files(work)
        with (_DEFINITIONS / "regions.csv").open(encoding="utf-8", newline="") as file:
            regions.publish(work, csv.DictReader(file))
        departments.publish_all(work, _departments())
        new = sum(services.publish(work, definition) for definition in _definitions(work))
        notices.publish(work)
    index.catch_up()
    return new


def plant() -> dict[str, int]:
    """Publish, and hire the demo's staff; how many of each. Raises DemoOnly in production."""
    if not settings().is_demo:
        raise DemoOnly("Demo data is for ONEPHONE_ENV=demo; `onephone publish` publishes the services alone.")
    published = publish()
    with database.work() as work:
        _hire(work)
    return {"new services": published, "staff": len(_STAFF)}


def _hire(work: Work) -> None:
    for number, name, role, department in _STAFF:
        staff.hire(work, number, name, role, department)


def _departments() -> list[dict[str, Any]]:
    data, _, faults = definition_files.read(_DEFINITIONS / "departments.yaml")
    _stop_at(faults)
    listed: list[dict[str, Any]] = data["departments"]
    return listed


def _definitions(work: Work) -> list[dict[str, Any]]:
    around = validation.surroundings(work.connection)
    files = [path for path in sorted(_DEFINITIONS.glob("*.yaml")) if path.name != "departments.yaml"]
    read = [definition_files.validate(path, around) for path in files]
    _stop_at([fault for _, faults in read for fault in faults])
    return [definition for definition, _ in read if definition is not None]


def _stop_at(faults: list[Located]) -> None:
    if faults:
        raise DefinitionsBroken("\n".join(fault.told("en") for fault in faults))
