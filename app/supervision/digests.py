"""Digests: each working morning, what a head or a supervisor must know before they begin.

Counts, and the oldest of each kind by id. They are kept as they were in the morning, and name nobody: references are
looked up when a digest is read, so a submission that was erased meanwhile is not in it any more.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Select,
    Table,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.catalogue import calendars
from app.catalogue.working_days import Calendar
from app.clock import CHINA, day_of
from app.database import metadata
from app.people.callers import Clerk
from app.people.staff import staff
from app.refusals import NotFound
from app.submissions.drafts import submissions
from app.submissions.steps import FINAL_STATES, HEAD, SUPERVISOR
from app.supervision.alarms import WATCHED, alarms, is_overdue

READY_AT: Final = time(8, 30)
"""In China."""

SHOWN: Final = 10
"""The oldest of each kind."""

FAILING_AFTER: Final = 3
"""Tries of a hand-over after which it is told to a person."""

NOTICE_EXPECTED: Final = (12, 1)
"""The notice of the next year comes in November: from this day on its absence is told."""

digests = Table(
    "digests",
    metadata,
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("content", JSONB, nullable=False),
)

_c = submissions.c


class DigestNotFound(NotFound):
    """There is no digest for this person yet: they are made for heads and supervisors, on working days at 08:30."""


def sweep(at: datetime) -> int:
    """Make today's digests, unless it is early or a day off; how many are new."""
    with database.reading() as connection:
        calendar = calendars.stored(connection)
        today = day_of(at)
        if at.astimezone(CHINA).time() < READY_AT or not calendar.is_working_day(today):
            return 0
        waiting = _without_one(connection, today)
    return sum(_make(person, calendar, at) for person in waiting)


def _without_one(connection: Connection, today: date) -> list[Any]:
    made = select(digests.c.staff_id).where(digests.c.day == today)
    people = select(staff.c.id, staff.c.role, staff.c.department_code).where(
        staff.c.role.in_((HEAD, SUPERVISOR)), staff.c.active, staff.c.id.not_in(made)
    )
    return list(connection.execute(people.order_by(staff.c.id)).all())


def _make(person: Any, calendar: Calendar, at: datetime) -> bool:
    department = None if person.role == SUPERVISOR else person.department_code
    with database.work() as work:
        content = content_of(work.connection, department, calendar, at)
        made = insert(digests).values(staff_id=person.id, day=day_of(at), made_at=at, content=content)
        return work.run(made.on_conflict_do_nothing().returning(digests.c.day)).one_or_none() is not None


def content_of(connection: Connection, department: str | None, calendar: Calendar, at: datetime) -> dict[str, Any]:
    """What a digest says about one department, or about all."""
    today = day_of(at)
    mine: ColumnElement[bool] = _c.id.is_not(None) if department is None else _c.department_code == department
    clocks = [(_c.state.in_(one.states), one.column == today, is_overdue(one, at)) for one in WATCHED]
    due_today = or_(*(runs & is_today & ~is_late for runs, is_today, is_late in clocks))
    overdue = or_(*(runs & is_late for runs, _, is_late in clocks))
    waiting = _c.state.not_in(["draft", *FINAL_STATES])
    unheard = alarms.c.closed_at.is_(None) & alarms.c.acknowledged_at.is_(None)
    of_alarms = select(_c.id).join(alarms, alarms.c.submission_id == _c.id).where(unheard).distinct()
    failing = text("id IN (SELECT submission_id FROM handovers WHERE state = 'waiting' AND attempts >= :tries)")
    return {
        "due_today": _counted(connection, select(_c.id).where(mine, due_today)),
        "overdue": _counted(connection, select(_c.id).where(mine, overdue)),
        "waiting_longest": _counted(connection, select(_c.id).where(mine, waiting)),
        "unacknowledged": _counted(connection, select(_c.id).where(mine, _c.id.in_(of_alarms))),
        "handovers_failing": _counted(
            connection, select(_c.id).where(mine, waiting, failing.bindparams(tries=FAILING_AFTER))
        ),
        "next_calendar_missing": _is_missing(calendar, today),
    }


def _is_missing(calendar: Calendar, today: date) -> bool:
    return today.year not in calendar.published_years or (
        (today.month, today.day) >= NOTICE_EXPECTED and today.year + 1 not in calendar.published_years
    )


def _counted(connection: Connection, chosen: Select[Any]) -> dict[str, Any]:
    """How many there are, and the ids of those that were received first."""
    count = connection.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
    oldest = connection.execute(chosen.order_by(_c.received_at, _c.id).limit(SHOWN)).scalars()
    return {"count": count, "oldest": [str(one) for one in oldest]}


def latest(connection: Connection, clerk: Clerk) -> dict[str, Any]:
    """The newest digest of this person, with the references of what it names. Raises DigestNotFound."""
    d = digests.c
    found = select(digests).where(d.staff_id == clerk.id).order_by(d.day.desc()).limit(1)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise DigestNotFound
    parts = {name: part for name, part in row.content.items() if isinstance(part, dict)}
    references = _references(connection, {UUID(one) for part in parts.values() for one in part["oldest"]})
    told = {
        name: {"count": part["count"], "oldest": [references[one] for one in part["oldest"] if one in references]}
        for name, part in parts.items()
    }
    missing = row.content["next_calendar_missing"]
    return {"day": row.day, "made_at": row.made_at, **told, "next_calendar_missing": missing}


def _references(connection: Connection, ids: set[UUID]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(select(_c.id, _c.reference).where(_c.id.in_(ids), _c.reference.is_not(None)))
    return {str(row.id): {"submission": row.id, "reference": row.reference} for row in rows}


@jobs.tasks.periodic(cron="*/5 * * * *")
@jobs.task("make_digests", queueing_lock="make_digests")
def every_five_minutes(timestamp: int) -> None:
    """Make the digests of this morning, if it is one."""
    sweep(clock.now())
