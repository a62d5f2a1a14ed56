"""Publishing: a service version's way from draft over a second person's review to the residents, and back.

    draft → reviewed → published → withdrawn

A draft may be replaced; what was reviewed and changes is a draft again. What was published never changes; withdrawing
it withdraws the service, until a newer version is published. Every act is a record that nobody can change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, DateTime, Integer, Table, Text, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.catalogue import services, validation
from app.catalogue.availability import service_switches
from app.catalogue.editions import ServiceVersion, sha256_of
from app.catalogue.mistakes import Fault
from app.catalogue.services import service_versions
from app.database import Work, metadata
from app.finding import index
from app.identifiers import new_id
from app.people.callers import Clerk
from app.refusals import InvalidContent, NotFound, Refusal

catalogue_records = Table(
    "catalogue_records",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("service_code", Text, nullable=False, index=True),
    Column("version", Integer),
    Column("details", JSONB, nullable=False),
)

NEW, REPLACED, UNCHANGED = "new", "replaced", "unchanged"


class VersionNotFound(NotFound):
    """This service has no such version."""


class VersionTaken(Refusal):
    """This version was published with another content: a published version never changes, so raise its number."""


class OwnDraft(Refusal):
    """A draft is reviewed by somebody else than who made it."""


class NotAnAdministrator(Refusal):
    """The catalogue is kept by administrators."""


class NotInThisState(Refusal):
    """The version's `state` does not allow this."""


class DefinitionInvalid(InvalidContent):
    """The definition breaks rules; `errors` says where and why."""


def administrator(clerk: Clerk) -> str:
    """The name under which an administrator's acts are recorded. Raises NotAnAdministrator."""
    if clerk.role != "administrator":
        raise NotAnAdministrator
    return f"staff:{clerk.id}"


def require_reader(clerk: Clerk) -> None:
    """Administrators publish, auditors look at what they did. Raises NotAnAdministrator."""
    if clerk.role not in ("administrator", "auditor"):
        raise NotAnAdministrator


def save_draft(work: Work, actor: str, definition: dict[str, Any], language: str = "zh") -> str:
    """Keep a definition as a draft: NEW, REPLACED or UNCHANGED.

    Raises DefinitionInvalid, VersionTaken.
    """
    require_valid(work.connection, definition, language)
    edition = ServiceVersion(definition["code"], definition["version"], definition)
    sha256 = sha256_of(definition)
    work.run(
        insert(services.services)
        .values(code=edition.code, department_code=edition.department_code)
        .on_conflict_do_nothing()
    )
    before = _locked(work, edition.code, edition.version)
    if before is not None and _same(before, sha256):
        return UNCHANGED
    if before is not None and before.state not in ("draft", "reviewed"):
        raise VersionTaken(state=before.state)
    values = {
        "definition": definition,
        "sha256": sha256,
        "state": "draft",
        "effective_from": edition.effective_from,
        "effective_until": edition.effective_until,
        "drafted_by": actor,
        "drafted_at": clock.now(),
        "reviewed_by": None,
        "reviewed_at": None,
        "import_key": None,
    }
    statement = insert(service_versions).values(service_code=edition.code, version=edition.version, **values)
    work.run(statement.on_conflict_do_update(index_elements=["service_code", "version"], set_=values))
    record(work, actor, "drafted", edition.code, edition.version, sha256=sha256)
    return NEW if before is None else REPLACED


def require_valid(connection: Connection, definition: Any, language: str) -> None:
    """Raises DefinitionInvalid."""
    faults = validation.faults(definition, validation.surroundings(connection))
    if faults:
        raise DefinitionInvalid(errors=by_pointer(faults, language))


def by_pointer(faults: list[Fault], language: str) -> dict[str, list[str]]:
    """Faults as JSON Pointer → words."""
    found: dict[str, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.pointer, []).append(fault.words(language))
    return found


def review(work: Work, actor: str, code: str, number: int, note: str = "") -> None:
    """Say that a draft is right. Raises VersionNotFound, NotInThisState, OwnDraft."""
    row = _in_state(work, code, number, "draft")
    if row.drafted_by == actor:
        raise OwnDraft
    _move(work, code, number, state="reviewed", reviewed_by=actor, reviewed_at=clock.now())
    record(work, actor, "reviewed", code, number, sha256=row.sha256, note=note)


def send_back(work: Work, actor: str, code: str, number: int, note: str) -> None:
    """Make a reviewed version a draft again. Raises VersionNotFound, NotInThisState."""
    _in_state(work, code, number, "reviewed")
    _move(work, code, number, state="draft", reviewed_by=None, reviewed_at=None)
    record(work, actor, "sent_back", code, number, note=note)


def publish(work: Work, actor: str, code: str, number: int, language: str = "zh") -> None:
    """Open a reviewed version to residents, from its effective date on.

    What is around it may have changed since the review, so it is checked again.
    Raises VersionNotFound, NotInThisState, DefinitionInvalid.
    """
    row = _in_state(work, code, number, "reviewed")
    require_valid(work.connection, row.definition, language)
    _move(work, code, number, state="published", published_by=actor, published_at=clock.now())
    record(work, actor, "published", code, number, sha256=row.sha256)
    index.refresh(work, [code])
    services.forget()


def withdraw(work: Work, actor: str, code: str, number: int, reason: str) -> None:
    """Take a published version back. Submissions under it go on. Raises VersionNotFound, NotInThisState."""
    _in_state(work, code, number, "published")
    _move(work, code, number, state="withdrawn", withdrawn_on=clock.today())
    record(work, actor, "withdrawn", code, number, reason=reason)
    index.refresh(work, [code])
    services.forget()


def set_maintenance(
    work: Work, actor: str, code: str, note: dict[str, str] | None, until: datetime | None = None
) -> None:
    """Close a service for a while with words for residents, or open it again (None). Raises ServiceNotFound."""
    _switch(work, code, {"maintenance_note": note, "maintenance_until": until if note else None})
    told = {"note": note, "until": until.isoformat() if until else None} if note else {}
    record(work, actor, "maintenance_on" if note else "maintenance_off", code, None, **told)


def set_minimum_client(work: Work, actor: str, code: str, platform: str, version: str | None) -> None:
    """Say which client is the oldest that can file; None for any. Raises ServiceNotFound."""
    # The row of the service, because that of its switches may not be there yet to be locked.
    work.run(select(services.services.c.code).where(services.services.c.code == code).with_for_update(key_share=True))
    before = work.run(
        select(service_switches.c.minimum_clients).where(service_switches.c.service_code == code)
    ).scalar()
    clients = {**(before or {}), platform: version}
    _switch(work, code, {"minimum_clients": {name: least for name, least in clients.items() if least}})
    record(work, actor, "minimum_client", code, None, platform=platform, version_wanted=version)


def _switch(work: Work, code: str, values: dict[str, Any]) -> None:
    if work.run(select(services.services.c.code).where(services.services.c.code == code)).scalar() is None:
        raise services.ServiceNotFound
    statement = insert(service_switches).values(**({"service_code": code, "minimum_clients": {}} | values))
    work.run(statement.on_conflict_do_update(index_elements=["service_code"], set_=values))
    services.forget()


def record(work: Work, actor: str, action: str, code: str, number: int | None, **details: Any) -> None:
    """Write down who did what; nothing in the program changes or removes a record, and the database refuses to."""
    work.run(
        insert(catalogue_records).values(
            id=new_id(),
            at=clock.now(),
            actor=actor,
            action=action,
            service_code=code,
            version=number,
            details={name: value for name, value in details.items() if value not in (None, "")},
        )
    )


def records(connection: Connection, code: str) -> list[Any]:
    """What was done to a service, oldest first."""
    statement = select(catalogue_records).where(catalogue_records.c.service_code == code)
    return list(connection.execute(statement.order_by(catalogue_records.c.at, catalogue_records.c.id)))


def versions_of(connection: Connection, code: str) -> list[Any]:
    """Every version of a service without its definition, newest first. Raises ServiceNotFound."""
    columns = [column for column in service_versions.c if column.name != "definition"]
    statement = select(*columns).where(service_versions.c.service_code == code)
    found = list(connection.execute(statement.order_by(service_versions.c.version.desc())))
    if not found:
        raise services.ServiceNotFound
    return found


def definition_of(connection: Connection, code: str, number: int) -> dict[str, Any]:
    """The definition of any version, draft or not. Raises VersionNotFound."""
    statement = select(service_versions.c.definition).where(
        service_versions.c.service_code == code, service_versions.c.version == number
    )
    found: dict[str, Any] | None = connection.execute(statement).scalar()
    if found is None:
        raise VersionNotFound
    return found


def waiting(connection: Connection, state: str, after: tuple[str, int] | None, limit: int) -> list[Any]:
    """Up to `limit` versions in a state, by code and version, after the given ones."""
    columns = service_versions.c
    statement = (
        select(
            columns.service_code, columns.version, columns.state, columns.drafted_by, columns.drafted_at,
            columns.effective_from, columns.definition["name"].label("name"),
        )
        .where(columns.state == state, tuple_(columns.service_code, columns.version) > (after or ("", 0)))
        .order_by(columns.service_code, columns.version)
    )  # fmt: skip
    return list(connection.execute(statement.limit(limit)))


def _locked(work: Work, code: str, number: int) -> Any:
    statement = select(service_versions).where(
        service_versions.c.service_code == code, service_versions.c.version == number
    )
    return work.run(statement.with_for_update()).one_or_none()


def _in_state(work: Work, code: str, number: int, state: str) -> Any:
    row = _locked(work, code, number)
    if row is None:
        raise VersionNotFound
    if row.state != state:
        raise NotInThisState(state=row.state)
    return row


def _move(work: Work, code: str, number: int, **values: Any) -> None:
    work.run(
        update(service_versions)
        .where(service_versions.c.service_code == code, service_versions.c.version == number)
        .values(**values)
    )


def _same(row: Any, sha256: str) -> bool:
    return bool((row.sha256 or sha256_of(row.definition)) == sha256)
