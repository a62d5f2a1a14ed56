"""Demo data: the departments, services and staff that a fresh start has. Running it again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from app import database
from app.catalogue import departments, services
from app.database import Work
from app.people import staff
from app.privacy import notices
from app.settings import settings

_DEFINITIONS = Path(__file__).parent / "catalogue" / "definitions"

# The staff numbers that the sandbox's sign-on vouches for.
_STAFF = (
    ("S0001", "陈静", "clerk", "gongan"),
    ("S0002", "赵敏", "auditor", "gongan"),
    ("S0003", "刘洋", "adviser", "gongan"),
)


class DemoOnly(SystemExit):
    """Fictional staff have no place in production."""


def publish() -> int:
    """Publish the departments, every new service version of the definition files, and the notices that go with
    them; how many services are new. Raises NoticeChanged."""
    with database.work() as work:
        for department in _read("departments.yaml")["departments"]:
            departments.publish(work, department)
        new = sum(services.publish(work, _read(path.name)) for path in _service_files())
        notices.publish(work)
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


def _service_files() -> list[Path]:
    return [path for path in sorted(_DEFINITIONS.glob("*.yaml")) if path.name != "departments.yaml"]


def _read(filename: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((_DEFINITIONS / filename).read_text(encoding="utf-8"))
    return content
