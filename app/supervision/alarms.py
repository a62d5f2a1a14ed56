"""Alarms: what is due soon or overdue reaches the person in charge, and climbs until somebody answers.

Near (预警): one working day before, to the handler. Yellow card (黄牌): overdue, to the head. Red card (红牌): three
working days overdue, to the supervisor. Each once for a submission, clock, day and level, however many workers look.
What nobody acknowledges climbs: handler → head → supervisor. A day that moved closes its alarms and deletes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Select,
    Table,
    Text,
    UniqueConstraint,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs
from app.catalogue import calendars
from app.catalogue.working_days import NOON, Calendar, add_working_days, working_days_back
from app.clock import CHINA, day_of
from app.crypto import data_keys
from app.crypto.data_keys import data_keys as keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people.callers import Clerk
from app.refusals import NotFound, Refusal
from app.settings import settings
from app.submissions.drafts import submissions
from app.submissions.due_dates import SUSPENSION
from app.submissions.steps import ACCEPTANCE, CLERK, CORRECTION, DECISION, DELIVERY, HEAD, SUPERVISOR
from app.submissions.turns import assignments

NEAR, YELLOW, RED = LEVELS = ("near", "yellow", "red")
TOLD = ("handler", HEAD, SUPERVISOR)
"""Whom an alarm has reached, from the nearest to the farthest."""

RED_AFTER: Final = 3
"""Working days overdue that make a red card."""

CLIMBS_AFTER: Final = 1
"""Whole working days after which an alarm that nobody acknowledged goes one higher."""

_FIRST_TOLD: Final = {NEAR: TOLD[0], YELLOW: TOLD[1], RED: TOLD[2]}
_RANK: Final = {CLERK: 0, HEAD: 1, SUPERVISOR: 2}
_BATCH = 500


@dataclass(frozen=True)
class Watched:
    """A clock that somebody at a department must answer for, in the states in which it runs."""

    clock: str
    column: Column[date]
    states: tuple[str, ...]
    levels: tuple[str, ...] = LEVELS


_c = submissions.c
WATCHED: Final = (
    Watched(ACCEPTANCE, _c.acceptance_due, ("received",)),
    Watched(DECISION, _c.decision_due, ("accepted", "in_review")),
    Watched(DELIVERY, _c.delivery_due, ("approved",)),
    # Before the last day it is the applicant who is reminded; after it somebody must decide what becomes of it.
    Watched(CORRECTION, _c.correction_due, ("correcting",), (YELLOW, RED)),
    Watched(SUSPENSION, _c.suspension_due, ("suspended",)),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), nullable=False),
    Column("clock", Text, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("level", Text, nullable=False),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    # Who had it in hand then. Whoever has it now reads it; while nobody has, every clerk of the department does.
    Column("handler_id", Uuid(as_uuid=True), ForeignKey("staff.id")),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    Column("told", Text, nullable=False),
    Column("told_at", DateTime(timezone=True), nullable=False),
    Column("acknowledged_by", Uuid(as_uuid=True), ForeignKey("staff.id")),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("words", Sealed, info=personal(purpose="to note why a submission is late and what is done about it")),
    # It is not late any more, or its day moved.
    Column("closed_at", DateTime(timezone=True)),
    UniqueConstraint("submission_id", "clock", "due_date", "level", name="alarms_once_key"),
    CheckConstraint(f"clock IN {tuple(one.clock for one in WATCHED)}", name="clock"),
    CheckConstraint(f"level IN {LEVELS}", name="level"),
    CheckConstraint(f"told IN {TOLD}", name="told"),
    CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged"),
    sealed_only("words"),
    Index("alarms_standing_idx", "department_code", "id", postgresql_where=text("closed_at IS NULL")),
    Index(
        "alarms_climbing_idx",
        "told_at",
        postgresql_where=text("closed_at IS NULL AND acknowledged_at IS NULL"),
    ),
)

WORDS = "alarms.words"


class AlarmNotFound(NotFound):
    """No such alarm in your department."""


class AlarmsNotReadable(Refusal):
    """Alarms are read by those who handle, lead and supervise."""


class AlarmAbove(Refusal):
    """It has climbed above this role: `told` says who must acknowledge it now."""


class AlarmAcknowledged(Refusal):
    """Somebody acknowledged it before; the words of the first one stay."""


def sweep(at: datetime) -> dict[str, int]:
    """Close what is not late any more, raise what is, and let climb what nobody acknowledged; how many of each."""
    with database.reading() as connection:
        calendar = calendars.stored(connection)
    closed = _close(at)
    raised = sum(_raise(watched, level, calendar, at) for watched in WATCHED for level in watched.levels)
    return {"closed": closed, "raised": raised, "climbed": _climb(calendar, at)}


def _raise(watched: Watched, level: str, calendar: Calendar, at: datetime) -> int:
    total = 0
    while True:
        with database.work() as work:
            rows = work.run(_to_raise(watched, _is_so(watched, level, calendar, at), level)).all()
            total += _write(work, rows, watched.clock, level, at)
        if len(rows) < _BATCH:
            return total


def is_overdue(watched: Watched, at: datetime) -> ColumnElement[bool]:
    """Whether the day of a clock is over. A limit in half days is overdue from noon on."""
    today, due = day_of(at), watched.column
    if watched.clock == DECISION and at.astimezone(CHINA).time() >= NOON:
        return or_(due < today, and_(due == today, _c.decision_noon))
    return due < today


def _is_so(watched: Watched, level: str, calendar: Calendar, at: datetime) -> ColumnElement[bool]:
    """The condition of a level."""
    today, due = day_of(at), watched.column
    if level == NEAR:
        soon = add_working_days(calendar, today, settings().alarm_near_days).date
        return and_(due <= soon, ~is_overdue(watched, at))
    return is_overdue(watched, at) if level == YELLOW else due <= working_days_back(calendar, today, RED_AFTER)


def _to_raise(watched: Watched, condition: ColumnElement[bool], level: str) -> Select[Any]:
    a = alarms.c
    standing = exists().where(
        a.submission_id == _c.id,
        a.clock == watched.clock,
        a.due_date == watched.column,
        a.level == level,
        a.closed_at.is_(None),
    )
    waiting = _c.state.in_(watched.states) & condition & ~standing
    chosen = select(_c.id, _c.department_code, watched.column.label("due_date"), _handler().label("handler_id"))
    # What somebody has locked waits for the next minute: they may be about to raise the same alarm (`raise_one`), and
    # would wait for ours, while ours waits for their lock.
    chosen = chosen.where(waiting).order_by(_c.id).limit(_BATCH)
    return chosen.with_for_update(of=submissions, read=True, key_share=True, skip_locked=True)


def _handler(submission_id: ColumnElement[UUID] = _c.id) -> Any:
    t = assignments.c
    return select(t.staff_id).where(t.submission_id == submission_id, t.released_at.is_(None)).scalar_subquery()


def _write(work: Work, rows: Sequence[Any], clock_name: str, level: str, at: datetime) -> int:
    """Insert what nobody raised meanwhile. One that was closed stands again: the day is the same, and so is it."""
    if not rows:
        return 0
    values = [
        {
            "id": new_id(),
            "submission_id": row.id,
            "clock": clock_name,
            "due_date": row.due_date,
            "level": level,
            "department_code": row.department_code,
            "handler_id": row.handler_id,
            "raised_at": at,
            "told": _FIRST_TOLD[level],
            "told_at": at,
        }
        for row in rows
    ]
    again = insert(alarms).values(values).on_conflict_do_update(constraint="alarms_once_key", set_={"closed_at": None})
    return len(work.run(again.returning(alarms.c.id)).all())


def raise_one(work: Work, row: Any, clock_name: str, due_date: date, level: str, at: datetime) -> None:
    """The alarm of a submission whose row is locked, raised with what makes it late for good."""
    chosen = select(_c.id, _c.department_code, _handler().label("handler_id")).where(_c.id == row.id)
    found = work.run(chosen.add_columns(text(":due AS due_date").bindparams(due=due_date))).all()
    _write(work, found, clock_name, level, at)


def _close(at: datetime) -> int:
    with database.work() as work:
        return sum(work.run(_closing(watched, at)).rowcount for watched in WATCHED)


def _closing(watched: Watched, at: datetime) -> Any:
    """What a deemed acceptance makes nobody's fault any more is not: its card stands until it is acknowledged."""
    a = alarms.c
    over: ColumnElement[bool] = _c.state.not_in(watched.states)
    if watched.clock == ACCEPTANCE:
        over = over & or_(a.level == NEAR, a.acknowledged_at.is_not(None))
    return (
        update(alarms)
        .where(a.closed_at.is_(None), a.clock == watched.clock, _c.id == a.submission_id)
        .where(or_(over, watched.column.is_distinct_from(a.due_date)))
        .values(closed_at=at)
    )


def _climb(calendar: Calendar, at: datetime) -> int:
    """One higher for what was told before the last whole working day began."""
    a = alarms.c
    last = working_days_back(calendar, day_of(at) - timedelta(days=1), CLIMBS_AFTER)
    before = datetime.combine(last + timedelta(days=1), time(), CHINA)
    total = 0
    with database.work() as work:
        # From the top down, so that none climbs two at once.
        for lower, higher in reversed(list(pairwise(TOLD))):
            unheard = (a.told == lower) & (a.told_at < before) & a.closed_at.is_(None) & a.acknowledged_at.is_(None)
            total += work.run(update(alarms).where(unheard).values(told=higher, told_at=at)).rowcount
    return total


def readable(clerk: Clerk) -> ColumnElement[bool]:
    """What a clerk has in hand now and what nobody has, a head's department, everybody's for a supervisor.

    Raises AlarmsNotReadable.
    """
    a = alarms.c
    if clerk.role == SUPERVISOR:
        return a.id.is_not(None)
    own = a.department_code == clerk.department_code
    if clerk.role == HEAD:
        return own
    if clerk.role == CLERK:
        return own & (func.coalesce(_handler(a.submission_id), clerk.id) == clerk.id)
    raise AlarmsNotReadable


_COLUMNS = (
    *(alarms.c[name] for name in ("id", "clock", "due_date", "level", "department_code", "told", "told_at")),
    *(alarms.c[name] for name in ("raised_at", "acknowledged_at", "closed_at", "words")),
    _c.id.label("submission_id"),
    _c.reference,
    _c.service_code,
    _c.state,
)


def listing(
    connection: Connection, clerk: Clerk, filters: Mapping[str, Any], before: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Alarms that this person may read, the latest first; of `level`, `clock`, and standing ones unless `closed`.

    Raises AlarmsNotReadable.
    """
    a = alarms.c
    statement = select(*_COLUMNS, *data_keys.KEY).join(submissions, _c.id == a.submission_id)
    statement = statement.outerjoin(keys, keys.c.owner_id == _c.id).where(readable(clerk))
    statement = statement.where(a.closed_at.is_not(None) if filters.get("closed") else a.closed_at.is_(None))
    for name in ("level", "clock"):
        if filters.get(name):
            statement = statement.where(a[name] == filters[name])
    if before is not None:
        statement = statement.where(a.id < before)
    return [_told(row) for row in connection.execute(statement.order_by(a.id.desc()).limit(limit))]


def _told(row: Any) -> dict[str, Any]:
    words = None if row.words is None else data_keys.opened(row).open_text(row.words, WORDS, row.id)
    return {**row._asdict(), "department": row.department_code, "service": row.service_code, "words": words}


def acknowledge(work: Work, clerk: Clerk, alarm_id: UUID, words: str, at: datetime) -> None:
    """Say that one knows, and what is done about it: it climbs no further.

    Raises AlarmsNotReadable, AlarmNotFound, AlarmAbove, AlarmAcknowledged.
    """
    a = alarms.c
    statement = select(alarms, *data_keys.KEY).outerjoin(keys, keys.c.owner_id == a.submission_id)
    locked = statement.where(a.id == alarm_id, readable(clerk)).with_for_update(of=alarms)
    row = work.run(locked).one_or_none()
    if row is None:
        raise AlarmNotFound
    if row.acknowledged_at is not None:
        raise AlarmAcknowledged
    if _RANK[clerk.role] < TOLD.index(row.told):
        raise AlarmAbove(told=row.told)
    sealed = data_keys.opened(row).seal(words, WORDS, alarm_id)
    values = {"acknowledged_by": clerk.id, "acknowledged_at": at, "words": sealed}
    work.run(update(alarms).where(a.id == alarm_id).values(**values))


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("raise_alarms", queueing_lock="raise_alarms")
def every_minute(timestamp: int) -> None:
    """Raise, close and lift alarms."""
    sweep(clock.now())
