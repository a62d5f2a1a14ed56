"""Sheets: a submission as a member of staff sees it. Everything that says who somebody is stands masked in it, except
the fields that an unmasking lets this reader see in plain.

Fields are named by JSON Pointers (RFC 6901): `/applicant/phone`, `/answers/bank_card`, `/filenames`, `/opinions`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection

from app.catalogue import services
from app.catalogue.services import ServiceVersion
from app.documents import uploads
from app.people import free_text, masks, residents
from app.people.residents import Person
from app.submissions import drafts, filings, progress
from app.supervision import masked_answers

ALL = "all"
APPLICANT = ("/applicant/name", "/applicant/document_number", "/applicant/phone")
FILENAMES, OPINIONS = "/filenames", "/opinions"


class Opened:
    """The fields that may stand in plain, and those that did: `shown` fills while a sheet is written."""

    def __init__(self, granted: Collection[str] = ()) -> None:
        self._granted = frozenset(granted)
        self.shown: set[str] = set()

    def shows(self, field: str) -> bool:
        """Whether the field may stand in plain; asking means that it will."""
        if ALL not in self._granted and field not in self._granted:
            return False
        self.shown.add(field)
        return True


def sheet(connection: Connection, row: Any, opened: Opened, language: str) -> dict[str, Any]:
    """The whole submission of a row that was read with its key. What was erased is empty."""
    service = services.version(connection, row.service_code, row.service_version)
    applicant = residents.people(connection, [row.applicant_id]).get(row.applicant_id)
    erased = row.key_id is None
    return {
        **progress.summary(connection, row, language),
        "turn": row.turn,
        "applicant": person(applicant, opened),
        "answers": [] if erased else _answers(service, drafts.answers(row), opened, language),
        "attachments": [] if erased else _attachments(connection, row, service, opened, language),
        "events": [] if erased else _events(connection, row, applicant, opened, language),
        "corrections": [] if erased else _corrections(connection, row, service, opened, language),
        "plain_fields": sorted(opened.shown),
    }


def line(connection: Connection, row: Any, applicant: Person | None, language: str) -> dict[str, Any]:
    """A submission in a list: enough to choose the right one, less than a sheet."""
    masked = {
        "name": applicant and masks.name(applicant.name),
        "document_type": applicant and applicant.document_type,
        "document_number": applicant and masks.document_number_in_list(applicant.document_number),
        "phone": applicant and applicant.phone and masks.phone(applicant.phone),
    }
    return {**progress.summary(connection, row, language), "applicant": masked}


def fields_of(row: Any) -> frozenset[str]:
    """Every field that can be unmasked in the submission of a row that was read with its key."""
    typed = {} if row.key_id is None else drafts.answers(row)
    return frozenset((*APPLICANT, FILENAMES, OPINIONS, *map(_pointer, typed)))


def person(known: Person | None, opened: Opened) -> dict[str, Any]:
    """The applicant; all empty when they were erased."""
    if known is None:
        return dict.fromkeys(("name", "document_type", "document_number", "phone"))
    name, number, phone = APPLICANT
    return {
        "name": known.name if opened.shows(name) else masks.name(known.name),
        "document_type": known.document_type,
        "document_number": (
            known.document_number if opened.shows(number) else masks.document_number(known.document_number)
        ),
        "phone": known.phone if known.phone is None or opened.shows(phone) else masks.phone(known.phone),
    }


def _answers(service: ServiceVersion, typed: Mapping[str, Any], opened: Opened, language: str) -> list[dict[str, Any]]:
    properties = service.definition["form"]["schema"].get("properties", {})
    written = []
    for name, value in typed.items():
        field = _pointer(name)
        if opened.shows(field):
            shown = value
        else:
            shown = masked_answers.masked(name, value, service.form.field(name), properties.get(name, {}), language)
        written.append({"field": field, "label": service.form.label(name, language), "value": shown})
    return written


def _attachments(
    connection: Connection, row: Any, service: ServiceVersion, opened: Opened, language: str
) -> list[dict[str, Any]]:
    files = [upload for upload in uploads.listing(connection, row.id) if upload.state == "clean"]
    plain = bool(files) and opened.shows(FILENAMES)
    return [
        {
            "material": upload.material,
            "label": service.materials[upload.material].name[language]
            if upload.material in service.materials
            else upload.material,
            "filename": uploads.filename(upload) if plain else masks.filename(uploads.filename(upload)),
            "content_type": upload.content_type,
            "size": upload.size,
        }
        for upload in files
    ]


def _corrections(
    connection: Connection, row: Any, service: ServiceVersion, opened: Opened, language: str
) -> list[dict[str, Any]]:
    """What each filing after the first changed, under the same masks; what is not filed yet is nobody else's."""
    return [
        {
            "round": one.number,
            "filed_at": one.replaced_at,
            "before": _answers(service, {c.name: c.before for c in one.changes}, opened, language),
            "after": _answers(service, {c.name: c.after for c in one.changes}, opened, language),
            "added": [file.material for file in one.added],
            "left_out": [file.material for file in one.left_out],
        }
        for one in filings.rounds(connection, row)
        if one.replaced_at is not None
    ]


def _events(
    connection: Connection, row: Any, applicant: Person | None, opened: Opened, language: str
) -> list[dict[str, Any]]:
    events = progress.timeline(connection, row.id, language)
    people = () if applicant is None else (applicant.name,)
    for event in events:
        if event["opinion"] is not None and not opened.shows(OPINIONS):
            event["opinion"] = free_text.masked(event["opinion"], people)
        for item in event["items"]:
            if not opened.shows(OPINIONS):
                item["words"] = free_text.masked(item["words"], people)
    return events


def _pointer(name: str) -> str:
    return "/answers/" + name.replace("~", "~0").replace("/", "~1")
