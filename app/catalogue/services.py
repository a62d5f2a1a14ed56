"""Services: what the government does for people, as immutable published versions.

A submission keeps the version it was started under for life. Versions never change, so each process keeps those
used last in memory; which one is current follows from their dates, and is asked again after a few seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from app import clock
from app.catalogue.availability import (
    Client,
    ClientOutdated,
    ServiceInMaintenance,
    Switches,
    require_client,
    require_no_maintenance,
)
from app.catalogue.editions import ON_THE_SPOT as ON_THE_SPOT
from app.catalogue.editions import PROMISED as PROMISED
from app.catalogue.editions import SIGNATURE as SIGNATURE
from app.catalogue.editions import Material as Material
from app.catalogue.editions import ServiceVersion as ServiceVersion
from app.catalogue.editions import sha256_of
from app.catalogue.memory import Memory
from app.database import Work, metadata
from app.finding import index
from app.refusals import NotFound, Refusal

services = Table(
    "services",
    metadata,
    Column("code", Text, primary_key=True),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False, index=True),
)

STATES = ("draft", "reviewed", "published", "withdrawn")

service_versions = Table(
    "service_versions",
    metadata,
    Column("service_code", Text, ForeignKey("services.code"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", JSONB, nullable=False),
    # Of the definition: the same content imported twice is nothing new.
    Column("sha256", Text),
    Column("state", Text, nullable=False),
    # Empty means as soon as it is published, and for as long as nothing newer is.
    Column("effective_from", Date),
    Column("effective_until", Date),
    # Who is `staff:<id>`, or `system:files` for what comes with the program.
    Column("drafted_by", Text, nullable=False),
    Column("drafted_at", DateTime(timezone=True), nullable=False),
    Column("reviewed_by", Text),
    Column("reviewed_at", DateTime(timezone=True)),
    Column("published_by", Text),
    Column("published_at", DateTime(timezone=True)),
    Column("withdrawn_on", Date),
    # The import that brought it, so that 165,000 can be reviewed and published as one.
    Column("import_key", Text),
    CheckConstraint(f"state IN {STATES}", name="state"),
    CheckConstraint("reviewed_by IS NULL OR reviewed_by <> drafted_by", name="second_person"),
    CheckConstraint("state = 'draft' OR reviewed_by IS NOT NULL", name="reviewed"),
    Index(
        "service_versions_waiting_idx", "state", "service_code", postgresql_where=text("state IN ('draft', 'reviewed')")
    ),
    Index("service_versions_import_key_idx", "import_key", postgresql_where=text("import_key IS NOT NULL")),
)

FILES = "system:files"
DEPLOYMENT = "system:deployment"
"""Who drafts and who reviews what comes with the program: its files are reviewed where the program is."""

_CURRENT_FOR_SECONDS = 2.0


class ServiceNotFound(NotFound):
    """No published service has this code."""


class ServiceNotYetOpen(Refusal):
    """Its first version is published and takes effect on `opens_on`."""


class ServiceEnded(Refusal):
    """Its last version ended with the day `ended_on`."""


class ServiceWithdrawn(Refusal):
    """It was taken back; submissions that were filed go on under their version."""


class ServiceNotOnline(Refusal):
    """It can be read about, and applied for by the `channels` named (GB/T 39046 A.5), or comes by itself."""


UNAVAILABLE: tuple[type[Refusal], ...] = (ServiceNotFound, ServiceNotYetOpen, ServiceEnded, ServiceWithdrawn)
"""Why a service has no current version."""

CLOSED: tuple[type[Refusal], ...] = (ServiceInMaintenance, ClientOutdated)
"""Why a service that has one can not be filed just now."""


@dataclass(frozen=True)
class Standing:
    """How a service stands today: the version that counts, if any, and what staff switched."""

    version: int | None
    state: str | None
    ended_on: date | None
    opens_on: date | None
    switches: Switches


_versions: Memory[tuple[str, int], ServiceVersion] = Memory(1024)
_standings: Memory[str, tuple[float, Standing]] = Memory(8192)


def publish(work: Work, definition: dict[str, Any], day: date | None = None) -> bool:
    """Publish a definition that comes with the program as a version of its service; True when it is new.

    A version that exists already is left as it is: published versions are immutable.
    """
    edition = ServiceVersion(definition["code"], definition["version"], definition)
    now = clock.now()
    work.run(
        insert(services).values(code=edition.code, department_code=edition.department_code).on_conflict_do_nothing()
    )
    statement = insert(service_versions).values(
        service_code=edition.code,
        version=edition.version,
        definition=definition,
        sha256=sha256_of(definition),
        state="published",
        effective_from=day or edition.effective_from,
        effective_until=edition.effective_until,
        drafted_by=FILES,
        drafted_at=now,
        reviewed_by=DEPLOYMENT,
        reviewed_at=now,
        published_by=DEPLOYMENT,
        published_at=now,
    )
    new = work.run(statement.on_conflict_do_nothing().returning(service_versions.c.version)).one_or_none() is not None
    if new:
        index.refresh(work, [edition.code])
    return new


def version(connection: Connection, code: str, number: int) -> ServiceVersion:
    """One version, from memory after the first time."""
    known = _versions.get((code, number))
    if known is None:
        row = connection.execute(
            select(service_versions.c.definition).where(
                service_versions.c.service_code == code, service_versions.c.version == number
            )
        ).one()
        known = ServiceVersion(code, number, row.definition)
        _versions.put((code, number), known)
    return known


def current(connection: Connection, code: str) -> ServiceVersion:
    """The version that a new submission is started under.

    Raises one of UNAVAILABLE.
    """
    return version(connection, code, _current_number(standing(connection, code)))


def for_filing(connection: Connection, code: str, client: Client | None = None) -> ServiceVersion:
    """The current version, when it can be applied for here and now.

    Raises one of UNAVAILABLE, ServiceNotOnline, ServiceInMaintenance, ClientOutdated.
    """
    found = current(connection, code)
    if not found.on_the_phone:
        raise ServiceNotOnline(channels=found.definition["channels"])
    _require_open(standing(connection, code), client)
    return found


def require_open(connection: Connection, code: str, client: Client | None = None) -> None:
    """Refuse to file a draft of a service that was withdrawn, has ended or is in maintenance. The draft is untouched.

    Raises as `for_filing`.
    """
    stands = standing(connection, code)
    _current_number(stands)
    _require_open(stands, client)


def _require_open(stands: Standing, client: Client | None) -> None:
    require_no_maintenance(stands.switches)
    require_client(stands.switches, client)


def _current_number(stands: Standing) -> int:
    if stands.state == "withdrawn":
        raise ServiceWithdrawn
    if stands.version is None:
        if stands.opens_on is None:
            raise ServiceNotFound
        raise ServiceNotYetOpen(opens_on=stands.opens_on)
    if stands.ended_on is not None:
        raise ServiceEnded(ended_on=stands.ended_on)
    return stands.version


COUNTING = """
    SELECT version, state, effective_until FROM service_versions v
    WHERE v.service_code = s.code AND (v.effective_from IS NULL OR v.effective_from <= :today)
    AND (v.state = 'published'
        OR v.state = 'withdrawn' AND v.withdrawn_on >= coalesce(v.effective_from, v.withdrawn_on))
    ORDER BY version DESC LIMIT 1
"""
"""SQL for the version of `s` that counts on the day `:today`: the highest one in effect. One that was withdrawn while
in effect counts too: then the service is withdrawn, and no older version comes back by surprise."""

_STANDING = text(f"""
    SELECT v.version, v.state, v.effective_until, w.maintenance_note, w.maintenance_until, w.minimum_clients, (
        SELECT min(f.effective_from) FROM service_versions f
        WHERE f.service_code = s.code AND f.state = 'published' AND f.effective_from > :today) AS opens_on
    FROM services s LEFT JOIN LATERAL ({COUNTING}) v ON true
    LEFT JOIN service_switches w ON w.service_code = s.code
    WHERE s.code = :code
""")


def standing(connection: Connection, code: str) -> Standing:
    """How a service stands, at most two seconds old. A code that nobody uses stands like one without versions."""
    asked_at, known = _standings.get(code) or (0.0, None)
    if known is None or time.monotonic() - asked_at > _CURRENT_FOR_SECONDS:
        row = connection.execute(_STANDING, {"code": code, "today": clock.today()}).one_or_none()
        if row is None:
            # Not remembered: strangers asking for nonsense must not push out what is in use.
            return Standing(None, None, None, None, Switches())
        known = _standing(row)
        _standings.put(code, (time.monotonic(), known))
    return known


def _standing(row: Any) -> Standing:
    until: datetime | None = row.maintenance_until
    over = until is not None and until <= clock.now()
    ended = row.effective_until if row.effective_until and row.effective_until < clock.today() else None
    switches = Switches(None if over else row.maintenance_note, until, row.minimum_clients or {})
    return Standing(row.version, row.state, ended, row.opens_on, switches)


def latest(connection: Connection, code: str) -> ServiceVersion:
    """The highest version that was ever published, for what must be named whether or not it is still open."""
    columns = service_versions.c
    highest = select(columns.version).where(columns.service_code == code, columns.state.in_(("published", "withdrawn")))
    return version(connection, code, connection.execute(highest.order_by(columns.version.desc()).limit(1)).scalar_one())


_LISTING = text(f"""
    SELECT s.code, v.version FROM services s CROSS JOIN LATERAL ({COUNTING}) v
    WHERE s.code > :after AND v.state = 'published' AND (v.effective_until IS NULL OR v.effective_until >= :today)
    ORDER BY s.code LIMIT :limit
""")


def listing(connection: Connection, after: str | None, limit: int) -> list[ServiceVersion]:
    """Up to `limit` services that are open today in the order of their code, after the given code."""
    values = {"after": after or "", "limit": limit, "today": clock.today()}
    return versions(connection, [(row.code, row.version) for row in connection.execute(_LISTING, values)])


def versions(connection: Connection, wanted: list[tuple[str, int]]) -> list[ServiceVersion]:
    """Several versions in the order asked for, by one query for those that are not in memory.

    They are not put there: somebody leafing through the whole catalogue would push out what is in use.
    """
    found = {key: known for key in wanted if (known := _versions.get(key)) is not None}
    lacking = [key for key in wanted if key not in found]
    if lacking:
        columns = service_versions.c
        statement = select(columns.service_code, columns.version, columns.definition)
        statement = statement.where(tuple_(columns.service_code, columns.version).in_(lacking))
        for row in connection.execute(statement):
            found[row.service_code, row.version] = ServiceVersion(row.service_code, row.version, row.definition)
    return [found[key] for key in wanted]


def forget() -> None:
    """Empty this process's memory of services. For tests that change databases, and after staff changed something."""
    _versions.clear()
    _standings.clear()
