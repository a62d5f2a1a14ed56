"""Services: what the government does for people, as immutable published versions.

A submission keeps the version it was started under for life. Versions never change, so each process keeps
them in memory; only which version is current may change, and that is asked again after a few seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    Table,
    Text,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from app.catalogue.forms import Form
from app.database import Work, metadata
from app.refusals import NotFound

services = Table(
    "services",
    metadata,
    Column("code", Text, primary_key=True),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    Column("current_version", Integer, nullable=False),
)

service_versions = Table(
    "service_versions",
    metadata,
    Column("service_code", Text, ForeignKey("services.code"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", JSONB, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

ON_THE_SPOT = 1
PROMISED = 2
"""Case types of GB/T 39046-2020, table A.6."""

_CURRENT_FOR_SECONDS = 2.0


class ServiceNotFound(NotFound):
    """No published service has this code."""


@dataclass(frozen=True)
class Material:
    """One document that a service asks for. `accept` are media types, `max_bytes` is per file."""

    code: str
    name: dict[str, str]
    required: bool
    accept: tuple[str, ...]
    max_bytes: int
    copies: int


SIGNATURE = Material(
    "signature",
    {"zh": "手写签名", "en": "Handwritten signature"},
    False,
    ("image/png", "image/jpeg"),
    1024 * 1024,
    1,
)
"""A drawn signature travels as an upload too, whatever the service."""


@dataclass(frozen=True)
class ServiceVersion:
    """One immutable edition of a service. `definition` is the whole published file, as data."""

    code: str
    version: int
    definition: dict[str, Any] = field(repr=False)

    @property
    def department_code(self) -> str:
        return str(self.definition["department"])

    @property
    def connector(self) -> str:
        """The name of the file in `approvals/connectors/` that speaks the office's language."""
        return str(self.definition["connector"])

    @property
    def on_the_spot(self) -> bool:
        return bool(self.definition["case_type"] == ON_THE_SPOT)

    @property
    def needs_signature(self) -> bool:
        return bool(self.definition["signature"])

    @property
    def identity_level(self) -> int:
        return int(self.definition["identity"]["level"])

    @property
    def identity_freshness(self) -> timedelta:
        """How long ago the resident may have logged in when filing or signing."""
        return timedelta(minutes=self.definition["identity"]["max_age_minutes"])

    @property
    def limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = self.definition["limits"]
        return limits

    @cached_property
    def form(self) -> Form:
        return Form(self.definition["form"]["schema"], self.definition["form"]["layout"])

    @cached_property
    def materials(self) -> dict[str, Material]:
        listed = [
            Material(m["code"], m["name"], m["required"], tuple(m["accept"]), m["max_bytes"], m["copies"] or 1)
            for m in self.definition["materials"]
        ]
        return {material.code: material for material in ([*listed, SIGNATURE] if self.needs_signature else listed)}

    def name(self, language: str) -> str:
        return str(self.definition["name"][language])


_versions: dict[tuple[str, int], ServiceVersion] = {}
_current: dict[str, tuple[float, int]] = {}


def publish(work: Work, definition: dict[str, Any]) -> bool:
    """Publish a definition as a version of its service; True when it is new.

    A version that exists already is left as it is: published versions are immutable.
    """
    code, version = definition["code"], definition["version"]
    service = insert(services).values(code=code, department_code=definition["department"], current_version=version)
    work.run(service.on_conflict_do_nothing())
    edition = insert(service_versions).values(service_code=code, version=version, definition=definition)
    published = work.run(edition.on_conflict_do_nothing().returning(service_versions.c.version)).one_or_none()
    if published is None:
        return False
    work.run(
        update(services)
        .where(services.c.code == code, services.c.current_version < version)
        .values(current_version=version)
    )
    return True


def version(connection: Connection, code: str, number: int) -> ServiceVersion:
    """One published version, from memory after the first time."""
    if (code, number) not in _versions:
        row = connection.execute(
            select(service_versions.c.definition).where(
                service_versions.c.service_code == code, service_versions.c.version == number
            )
        ).one()
        _versions[code, number] = ServiceVersion(code, number, row.definition)
    return _versions[code, number]


def current(connection: Connection, code: str) -> ServiceVersion:
    """The version that a new submission is started under.

    Raises ServiceNotFound.
    """
    asked_at, number = _current.get(code, (0.0, 0))
    if time.monotonic() - asked_at > _CURRENT_FOR_SECONDS:
        found = connection.execute(select(services.c.current_version).where(services.c.code == code)).scalar()
        if found is None:
            raise ServiceNotFound
        number = found
        _current[code] = (time.monotonic(), number)
    return version(connection, code, number)


def listing(connection: Connection, after: str | None, limit: int) -> list[ServiceVersion]:
    """Up to `limit` services in the order of their code, after the given code."""
    statement = select(services.c.code, services.c.current_version).order_by(services.c.code).limit(limit)
    if after is not None:
        statement = statement.where(services.c.code > after)
    return [version(connection, row.code, row.current_version) for row in connection.execute(statement)]


def forget() -> None:
    """Empty this process's memory of services. For tests that change databases."""
    _versions.clear()
    _current.clear()
