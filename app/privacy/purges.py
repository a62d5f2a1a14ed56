"""Purges: what has come to the end of its time is erased, after a look at what that will be.

`preview` and `purge` read one and the same list of what is due, so the one tells what the other does. A purge works
in batches, each a transaction with its record: killed anywhere it loses nothing, and the next run does what is left.
Filed submissions that have not ended are never in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.catalogue import services
from app.clock import CHINA
from app.database import Work, metadata
from app.events import DraftExpiring
from app.identifiers import new_id
from app.privacy import endings, erasures, removals, retention
from app.privacy.copies import copies
from app.privacy.retention import RetentionUnknown
from app.submissions.drafts import submissions
from app.supervision.looks import looks, looks_shown
from app.supervision.unmaskings import unmaskings

log = structlog.get_logger()

GRACE: Final = timedelta(days=30)
"""The nightly job leaves everything alone that came due in the last days, so that an error in the retention of a
service can still be seen in the preview and mended. `onephone purge --confirm` does not wait."""

_BATCH = 100

purges = Table(
    "purges",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("retention_class", Text),
    Column("count", Integer, nullable=False),
    Column("oldest", DateTime(timezone=True), nullable=False),
    Column("started_by", Text, nullable=False),
    CheckConstraint("count > 0", name="count"),
    CheckConstraint("started_by IN ('command', 'nightly')", name="started_by"),
)


@dataclass(frozen=True)
class Due:
    """One line of what is due: rows of one table, of one kind, whose `since` is the column that made them old."""

    kind: str
    retention_class: str | None
    table: Table
    since: Column[Any]
    condition: ColumnElement[bool]


@dataclass(frozen=True)
class Line:
    """What a purge will do, or did."""

    kind: str
    retention_class: str | None
    count: int
    oldest: datetime


DRAFTS, SUBMISSIONS, COPIES, LOOKS = "expired drafts", "finished submissions", "expired copies", "looks by staff"


def preview(connection: Connection, at: datetime) -> list[Line]:
    """What a purge at this instant would erase, class by class."""
    lines = []
    for due in _due(connection, at):
        found = connection.execute(select(func.count(), func.min(due.since)).where(due.condition)).one()
        if found[0]:
            lines.append(Line(due.kind, due.retention_class, *found))
    return lines


def purge(at: datetime, started_by: str, batch: int = _BATCH) -> Iterator[Line]:
    """Erase what was due at this instant, batch by batch, and tell each once it is saved."""
    with database.reading() as connection:
        everything = _due(connection, at)
    for due in everything:
        while line := _one_batch(due, started_by, batch):
            yield line


def _one_batch(due: Due, started_by: str, batch: int) -> Line | None:
    with database.work() as work:
        # Rows that somebody holds at this moment are left for the next batch or the next night.
        chosen = select(due.table).where(due.condition).order_by(due.since).limit(batch)
        rows = work.run(chosen.with_for_update(skip_locked=True)).all()
        if not rows:
            return None
        _END[due.kind](work, rows)
        line = Line(due.kind, due.retention_class, len(rows), min(getattr(row, due.since.name) for row in rows))
        work.run(insert(purges).values(id=new_id(), at=clock.now(), started_by=started_by, **vars(line)))
    return line


def _end_submissions(work: Work, rows: Sequence[Any]) -> None:
    endings.empty_submissions(work, [row.id for row in rows])
    erasures.release(work, [row.applicant_id for row in rows])


def _end_copies(work: Work, rows: Sequence[Any]) -> None:
    removals.ask(work, [removals.of_copy(row.id) for row in rows])
    work.run(delete(copies).where(copies.c.id.in_([row.id for row in rows])))


def _end_looks(work: Work, rows: Sequence[Any]) -> None:
    ids, unmasked = [row.id for row in rows], {row.unmasking_id for row in rows} - {None}
    work.run(delete(looks_shown).where(looks_shown.c.look_id.in_(ids)))
    work.run(delete(looks).where(looks.c.id.in_(ids)))
    # An unmasking goes with the last of the looks that used it.
    used = select(looks.c.unmasking_id).where(looks.c.unmasking_id.is_not(None))
    work.run(delete(unmaskings).where(unmaskings.c.id.in_(unmasked), unmaskings.c.id.not_in(used)))


_END: Final[dict[str, Callable[[Work, Sequence[Any]], object]]] = {
    DRAFTS: lambda work, rows: endings.drop_drafts(work, [row.id for row in rows]),
    SUBMISSIONS: _end_submissions,
    COPIES: _end_copies,
    LOOKS: _end_looks,
}


def _due(connection: Connection, at: datetime) -> list[Due]:
    """Everything that can come due, as conditions: the one list behind the preview and the purge."""
    c = submissions.c
    warned = c.warned_at < at - retention.DRAFT_WARNING
    lines = [
        Due(DRAFTS, None, submissions, c.expires_at, (c.state == "draft") & (c.expires_at < at) & warned),
        Due(COPIES, None, copies, copies.c.expires_at, copies.c.expires_at < at),
        Due(LOOKS, None, looks, looks.c.at, looks.c.at < at - retention.AUDIT),
    ]
    for name, versions in sorted(_versions_by_class(connection).items()):
        last = retention.last_completion_day(retention.CLASSES[name], clock.day_of(at))
        if last is not None:
            condition = (
                tuple_(c.service_code, c.service_version).in_(versions)
                & (c.completed_at < _end_of(last))
                & c.erased_at.is_(None)
            )
            lines.append(Due(SUBMISSIONS, name, submissions, c.completed_at, condition))
    return lines


def _versions_by_class(connection: Connection) -> dict[str, list[tuple[str, int]]]:
    """Every published version under its class. One of an unknown class is in none: it is named, and kept."""
    found: dict[str, list[tuple[str, int]]] = {}
    for row in connection.execute(select(services.service_versions)).all():
        try:
            kind = retention.of(row.definition)
        except RetentionUnknown as error:
            log.error("retention_unknown", detail=str(error))
            continue
        found.setdefault(kind.name, []).append((row.service_code, row.version))
    return found


def _end_of(day: date) -> datetime:
    """The first instant after a day in China."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA)


def warn(at: datetime, batch: int = 500) -> int:
    """Announce each draft that expires in the next days, once; how many."""
    c = submissions.c
    soon = (c.state == "draft") & (c.expires_at < at + retention.DRAFT_WARNING) & c.warned_at.is_(None)
    total = 0
    while True:
        with database.work() as work:
            chosen = select(c.id).where(soon).limit(batch).with_for_update(skip_locked=True)
            ids = work.run(chosen).scalars().all()
            if not ids:
                return total
            work.run(update(submissions).where(c.id.in_(ids)).values(warned_at=clock.now()))
            for submission_id in ids:
                work.announce(DraftExpiring(submission_id))
        total += len(ids)


@jobs.tasks.periodic(cron="11 4 * * *")
@jobs.task("purge", queueing_lock="purge")
def nightly(timestamp: int) -> None:
    """Every night: warn of drafts that expire, and erase what came due before the grace. Copies have none."""
    warn(clock.now())
    for line in purge(clock.now() - GRACE, "nightly"):
        log.info("purged", kind=line.kind, retention_class=line.retention_class, count=line.count)


@jobs.tasks.periodic(cron="23 * * * *")
@jobs.task("expire_copies", queueing_lock="expire_copies")
def expire_copies(timestamp: int) -> None:
    """Every hour: copies that nobody may fetch any more are removed."""
    due = Due(COPIES, None, copies, copies.c.expires_at, copies.c.expires_at < clock.now())
    while _one_batch(due, "nightly", _BATCH):
        pass
