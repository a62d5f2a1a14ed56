"""Filings: what a submission said at each of its filings, and what exactly changed from one to the next."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, DateTime, ForeignKey, Integer, Table, Text, insert, select
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.catalogue import services
from app.catalogue.services import ServiceVersion
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.documents import uploads
from app.submissions import drafts

earlier_filings = Table(
    "earlier_filings",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("answers", Sealed, nullable=False, info=personal(purpose="to show exactly what a correction changed")),
    Column("content_sha256", Text, nullable=False),
    Column("replaced_at", DateTime(timezone=True), nullable=False),
    sealed_only("answers"),
)

ANSWERS = "earlier_filings.answers"


@dataclass(frozen=True)
class Change:
    """One answer that differs. `pointer` is its place (RFC 6901, `/answers/…`); None means that there was none."""

    pointer: str
    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Round:
    """What one filing changed against the one before. `replaced_at` is None of what is not filed yet."""

    number: int
    replaced_at: datetime | None
    changes: tuple[Change, ...]
    added: tuple[Any, ...]
    left_out: tuple[Any, ...]


def keep(work: Work, row: Any, at: datetime) -> None:
    """Keep what was filed last, which is about to be replaced. Raises SealError."""
    place = f"{row.id}/{row.round}"
    values = {"round": row.round, "content_sha256": row.content_sha256, "replaced_at": at}
    sealed = data_keys.opened(row).seal(drafts.answers(row), ANSWERS, place)
    work.run(insert(earlier_filings).values(submission_id=row.id, answers=sealed, **values))


def rounds(connection: Connection, row: Any) -> list[Round]:
    """Every filing after the first and, last, what is in work just now; of a row that was read with its key.

    Raises SealError.
    """
    statement = select(earlier_filings).where(earlier_filings.c.submission_id == row.id)
    earlier = connection.execute(statement.order_by(earlier_filings.c.round)).all()
    key = data_keys.opened(row)
    said = [key.open(one.answers, ANSWERS, f"{row.id}/{one.round}") for one in earlier]
    said.append(drafts.answers(row))
    filed_at = [one.replaced_at for one in earlier]
    if row.state == "correcting":
        service = services.version(connection, row.service_code, row.service_version)
        said.append(drafts.cleaned(connection, service, row))
    files = uploads.ever_filed(connection, row.id)
    found = []
    for number, (before, after) in enumerate(itertools.pairwise(said), start=2):
        at = filed_at[number - 2] if number - 2 < len(filed_at) else None
        added = tuple(file for file in files if file.round == number)
        left_out = tuple(file for file in files if file.left_out_in == number)
        found.append(Round(number, at, tuple(_changes(before, after)), added, left_out))
    return found


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        was, is_now = before.get(name), after.get(name)
        if was != is_now:
            pointer = "/answers/" + name.replace("~", "~0").replace("/", "~1")
            yield Change(pointer, name, was, is_now)


def in_words(service: ServiceVersion, one: Round, language: str) -> dict[str, Any]:
    """One round as its resident reads it: labels of the form, and their own words in plain. Raises SealError."""
    return {
        "round": one.number,
        "filed_at": one.replaced_at,
        "answers": [
            {
                "pointer": change.pointer,
                "label": service.form.label(change.name, language),
                "before": change.before,
                "after": change.after,
            }
            for change in one.changes
        ],
        "added": [_file(service, file, language) for file in one.added],
        "left_out": [_file(service, file, language) for file in one.left_out],
    }


def _file(service: ServiceVersion, file: Any, language: str) -> dict[str, Any]:
    material = service.materials.get(file.material)
    label = material.name[language] if material else file.material
    return {"material": file.material, "label": label, "filename": uploads.filename(file), "sha256": file.sha256}


def of_own(connection: Connection, row: Any, language: str) -> list[dict[str, Any]]:
    """The same for every round of the resident's own submission."""
    service = services.version(connection, row.service_code, row.service_version)
    return [in_words(service, one, language) for one in rounds(connection, row)]
