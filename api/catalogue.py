"""The catalogue at the desk: administrators check, import, review, publish and withdraw services; all is recorded."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import after_text, page
from api.schemas.catalogue import (
    CatalogueQuery,
    CheckedSchema,
    DefinitionTextSchema,
    DifferencesQuery,
    DifferencesSchema,
    DraftedSchema,
    ImportListSchema,
    KeptServiceSchema,
    KeptVersionSchema,
    MaintenanceSchema,
    MinimumClientSchema,
    NoteSchema,
    ReasonSchema,
    VersionPageSchema,
    VersionStateSchema,
)
from app.catalogue import definition_files, imports, publishing, services, validation
from app.catalogue.differences import differences
from app.catalogue.mistakes import Located
from app.catalogue.publishing import (
    DefinitionInvalid,
    NotAnAdministrator,
    NotInThisState,
    OwnDraft,
    VersionNotFound,
    VersionTaken,
)
from app.catalogue.services import ServiceNotFound
from auth import guards

door = Door("catalogue", guards.staff, "/v1/desk/catalogue", "Administrators publish services.")

_VERSION = "/services/<code>/versions/<int(max=99999):version>"
_IMPORTS = 100
_MOVES = (NotAnAdministrator, VersionNotFound, NotInThisState)
_FILE = "definition.yaml"


@door.reads("/versions", query=CatalogueQuery, answer=VersionPageSchema, refuses=(CursorInvalid, NotAnAdministrator))
def list_versions(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Versions in one state, such as the drafts that wait for a review, in pages."""
    publishing.require_reader(visit.caller)
    found = publishing.waiting(visit.connection, query["state"], _after(query["cursor"]), query["limit"] + 1)
    items = [{**row._asdict(), "code": row.service_code, "key": f"{row.service_code} {row.version}"} for row in found]
    return page(items, query["limit"], "key")


def _after(cursor: str | None) -> tuple[str, int] | None:
    text = after_text(cursor)
    if text is None:
        return None
    code, _, version = text.partition(" ")
    # What PostgreSQL takes for an integer.
    if not version.isdecimal() or int(version) >= 2**31:
        raise CursorInvalid
    return code, int(version)


@door.reads("/imports", answer=ImportListSchema, refuses=(NotAnAdministrator,))
def list_imports(visit: Visit) -> dict[str, Any]:
    """The imports of exchange tables that began last, and what became of their rows."""
    publishing.require_reader(visit.caller)
    return {"items": [row._asdict() for row in imports.latest(visit.connection, _IMPORTS)]}


@door.reads("/services/<code>", answer=KeptServiceSchema, refuses=(ServiceNotFound, NotAnAdministrator))
def read_kept_service(visit: Visit, code: str) -> dict[str, Any]:
    """All versions of a service, what is switched, and who did what when."""
    publishing.require_reader(visit.caller)
    versions = publishing.versions_of(visit.connection, code)
    switches = services.standing(visit.connection, code).switches
    return {
        "code": code,
        "versions": [row._asdict() for row in versions],
        "maintenance": switches.maintenance and {"note": switches.maintenance, "until": switches.until},
        "minimum_clients": switches.minimum_clients,
        "records": [row._asdict() for row in publishing.records(visit.connection, code)],
    }


@door.reads(_VERSION, answer=KeptVersionSchema, refuses=(VersionNotFound, NotAnAdministrator))
def read_kept_version(visit: Visit, code: str, version: int) -> dict[str, Any]:
    """One version, draft or not: as data, and as the file it can be edited in."""
    publishing.require_reader(visit.caller)
    definition = publishing.definition_of(visit.connection, code, version)
    return {"code": code, "version": version, "definition": definition, "text": definition_files.dump(definition)}


@door.reads(
    f"{_VERSION}/differences",
    query=DifferencesQuery,
    answer=DifferencesSchema,
    refuses=(VersionNotFound, NotAnAdministrator),
)
def compare_versions(visit: Visit, query: dict[str, Any], code: str, version: int) -> dict[str, Any]:
    """What a version changes against another one."""
    publishing.require_reader(visit.caller)
    old = publishing.definition_of(visit.connection, code, query["against"])
    return {"items": differences(old, publishing.definition_of(visit.connection, code, version))}


@door.saves("POST", "/validations", body=DefinitionTextSchema, answer=CheckedSchema, refuses=(NotAnAdministrator,))
def validate_definition(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Say what is wrong with a definition file, with lines; nothing is kept."""
    publishing.administrator(visit.caller)
    data, lines, unreadable = definition_files.parse(wish["text"], _FILE)
    faults = unreadable or definition_files.judged(data, lines, _FILE, validation.surroundings(visit.connection))
    return {"sound": not faults, "faults": [_fault(fault, visit.language) for fault in faults]}


@door.acts(
    "/drafts",
    status=201,
    body=DefinitionTextSchema,
    answer=DraftedSchema,
    refuses=(DefinitionInvalid, VersionTaken, NotAnAdministrator),
)
def import_draft(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Keep a definition file as a draft, or take the place of one."""
    actor = publishing.administrator(visit.caller)
    data, _, unreadable = definition_files.parse(wish["text"], _FILE)
    if unreadable:
        words = f"{_FILE}:{unreadable[0].line}: {unreadable[0].fault.words(visit.language)}"
        raise DefinitionInvalid(errors={"/text": [words]})
    outcome = publishing.save_draft(visit.work, actor, data, visit.language)
    return {"code": data["code"], "version": data["version"], "outcome": outcome}


@door.acts(f"{_VERSION}/review", body=NoteSchema, answer=VersionStateSchema, refuses=(*_MOVES, OwnDraft))
def review_version(visit: Visit, wish: dict[str, Any], code: str, version: int) -> dict[str, Any]:
    """Say that somebody else's draft is right."""
    publishing.review(visit.work, publishing.administrator(visit.caller), code, version, wish["note"])
    return {"code": code, "version": version, "state": "reviewed"}


@door.acts(f"{_VERSION}/send-back", body=ReasonSchema, answer=VersionStateSchema, refuses=_MOVES)
def send_version_back(visit: Visit, wish: dict[str, Any], code: str, version: int) -> dict[str, Any]:
    """Make a reviewed version a draft again."""
    publishing.send_back(visit.work, publishing.administrator(visit.caller), code, version, wish["reason"])
    return {"code": code, "version": version, "state": "draft"}


@door.acts(f"{_VERSION}/publish", answer=VersionStateSchema, refuses=(*_MOVES, DefinitionInvalid))
def publish_version(visit: Visit, code: str, version: int) -> dict[str, Any]:
    """Open a reviewed version to residents, from its effective date on."""
    publishing.publish(visit.work, publishing.administrator(visit.caller), code, version, visit.language)
    return {"code": code, "version": version, "state": "published"}


@door.acts(f"{_VERSION}/withdraw", body=ReasonSchema, answer=VersionStateSchema, refuses=_MOVES)
def withdraw_version(visit: Visit, wish: dict[str, Any], code: str, version: int) -> dict[str, Any]:
    """Take a published version back; submissions that were filed under it go on."""
    publishing.withdraw(visit.work, publishing.administrator(visit.caller), code, version, wish["reason"])
    return {"code": code, "version": version, "state": "withdrawn"}


@door.saves(
    "PUT",
    "/services/<code>/maintenance",
    status=204,
    body=MaintenanceSchema,
    refuses=(ServiceNotFound, NotAnAdministrator),
)
def switch_maintenance(visit: Visit, wish: dict[str, Any], code: str) -> None:
    """Close a service for a while with words for residents, or open it again with `note` null."""
    actor = publishing.administrator(visit.caller)
    publishing.set_maintenance(visit.work, actor, code, wish["note"], wish["until"])


@door.saves(
    "PUT",
    "/services/<code>/minimum-client",
    status=204,
    body=MinimumClientSchema,
    refuses=(ServiceNotFound, NotAnAdministrator),
)
def set_minimum_client(visit: Visit, wish: dict[str, Any], code: str) -> None:
    """Say which version of a platform's client is the oldest that can file; null for any."""
    actor = publishing.administrator(visit.caller)
    publishing.set_minimum_client(visit.work, actor, code, wish["platform"], wish["version"])


def _fault(found: Located, language: str) -> dict[str, Any]:
    fault = found.fault
    return {"line": found.line, "pointer": fault.pointer, "code": fault.code, "words": fault.words(language)}
