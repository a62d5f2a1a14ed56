"""Recounts: when a year's calendar was loaded or corrected, open submissions get the dates that follow from it.

Each that moves has a row of history saying so: `recount`, with the version of the calendar, and the dates before and
after. These rows are also the answer to whom a version touched. How far a version has come stands in its own row of
`calendar_years`, so a killed worker's work is gone on with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, func, select, text, update

from app import clock, database, jobs
from app.catalogue import calendars, services
from app.catalogue.calendars import calendar_years
from app.catalogue.working_days import NEW_YEARS_SHIFT, Calendar
from app.crypto.failures import SealError
from app.database import Work
from app.submissions import drafts, due_dates
from app.submissions.drafts import submissions
from app.submissions.history import SYSTEM, Given, history
from app.submissions.limits import Limits
from app.submissions.steps import STEPS
from app.submissions.submissions import take_step

log = structlog.get_logger()

_BATCH = 100
_NAMES = {column: name for name, column in due_dates.COLUMNS.items()}


def sweep(at: datetime, batch: int = _BATCH) -> int:
    """Go on with every version that has open submissions left to count; how many were counted.

    A version waits until every process knows it, so that nobody files by the old one behind the recount's back.
    """
    total = 0
    while counted := _one_batch(at, batch):
        total += max(counted, 0)
    return total


def _one_batch(at: datetime, batch: int) -> int:
    """0 when there is nothing to do; -1 when a version came to its end without anything more to count."""
    with database.work() as work:
        loaded = _next_version(work, at)
        if loaded is None:
            return 0
        rows = _open_after(work, loaded, batch)
        values: dict[str, Any] = {"recount_ended_at": at}
        if rows:
            calendar = calendars.stored(work.connection)
            moved = sum(_recounted(work, row, calendar, loaded, at) for row in rows)
            c = calendar_years.c
            values = {"recount_after": rows[-1].id, "recounted": c.recounted + len(rows), "moved": c.moved + moved}
        work.run(update(calendar_years).where(*_is(loaded)).values(**values))
    log.info("recounted", year=loaded.year, version=loaded.version, count=len(rows))
    return len(rows) or -1


def _is(loaded: Any) -> tuple[Any, Any]:
    return calendar_years.c.year == loaded.year, calendar_years.c.version == loaded.version


def _next_version(work: Work, at: datetime) -> Any:
    c = calendar_years.c
    known = c.loaded_at <= at - timedelta(seconds=calendars.SEEN_EVERYWHERE_AFTER)
    waiting = select(calendar_years).where(c.recount_ended_at.is_(None), known).order_by(c.loaded_at, c.version)
    return work.run(waiting.limit(1).with_for_update(skip_locked=True)).one_or_none()


def _open_after(work: Work, loaded: Any, batch: int) -> Sequence[Any]:
    """The next submissions whose dates the year can touch, locked. A later version has its own turn, and counts by
    what stands then; the earlier one has nothing left to do."""
    newest = calendars.newest(work.connection, loaded.year)
    if newest.version != loaded.version:
        return []
    c = submissions.c
    latest = func.greatest(*(c[column] for column in due_dates.COLUMNS.values()))
    chosen = drafts.with_key().where(
        c.state.in_(sorted(STEPS["recount"].origins)),
        latest >= date(loaded.year - 1, *NEW_YEARS_SHIFT),
        c.erased_at.is_(None),
    )
    if loaded.recount_after is not None:
        chosen = chosen.where(c.id > loaded.recount_after)
    return work.run(chosen.order_by(c.id).limit(batch).with_for_update(of=submissions)).all()


def _recounted(work: Work, row: Any, calendar: Calendar, loaded: Any, at: datetime) -> bool:
    """Whether a date moved. One that only became certain is no step: nobody need do anything about it."""
    try:
        with work.connection.begin_nested():
            changed = recount(work, row, calendar)
            moved = {_NAMES[column]: pair for column, pair in changed.items() if column in _NAMES}
            if moved:
                given = Given(calendar=f"{loaded.year}/{loaded.version}", moved=_as_text(moved))
                take_step(work, row.id, "recount", SYSTEM, at, given)
            elif changed:
                # What the resident reads is another thing now, if only by the word "provisional".
                anew = update(submissions).where(submissions.c.id == row.id)
                work.run(anew.values(revision=submissions.c.revision + 1))
    except SealError as error:
        log.error("not_recounted", submission=str(row.id), error=type(error).__name__)
        return False
    return bool(moved)


def recount(work: Work, row: Any, calendar: Calendar) -> dict[str, tuple[Any, Any]]:
    """Bring the dates of a submission, whose row is locked, in line with its history: what changed, as (old, new).

    One query; a second one only if something changed. A clock that has ended keeps the date it had.
    """
    service = services.version(work.connection, row.service_code, row.service_version)
    rows = work.run(
        select(history.c.step, history.c.at, history.c.terms)
        .where(history.c.submission_id == row.id)
        .order_by(history.c.number)
    )
    events = [due_dates.Event(one.step, one.at, one.terms) for one in rows]
    dates = due_dates.counted(calendar, Limits.of(service), events)
    changed = due_dates.changes(row, dates)
    if changed:
        values = {name: new for name, (_, new) in changed.items()}
        work.run(update(submissions).where(submissions.c.id == row.id).values(**values))
    return changed


def _as_text(moved: Mapping[str, tuple[date | None, date | None]]) -> dict[str, tuple[str | None, str | None]]:
    return {name: (_iso(before), _iso(after)) for name, (before, after) in moved.items()}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def touched(connection: Connection, year: int, version: int, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Whom a version of the calendar touched: the submissions after one, with each date before and after."""
    c = history.c
    statement = (
        select(submissions.c.id, submissions.c.reference, submissions.c.department_code, c.at, c.terms)
        .join(submissions, submissions.c.id == c.submission_id)
        .where(c.step == "recount", text("history.terms ->> 'calendar' = :version"))
        .order_by(c.submission_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(c.submission_id > after)
    rows = connection.execute(statement, {"version": f"{year}/{version}"}).all()
    return [_touched(row) for row in rows]


def _touched(row: Any) -> dict[str, Any]:
    moved = {name: {"before": before, "after": after} for name, (before, after) in row.terms.get("moved", {}).items()}
    return {
        "submission": row.id,
        "reference": row.reference,
        "department": row.department_code,
        "at": row.at,
        "moved": moved,
    }


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("recount_calendars", queueing_lock="recount_calendars")
def every_minute(timestamp: int) -> None:
    """Count open submissions anew by calendars that were loaded."""
    sweep(clock.now())
