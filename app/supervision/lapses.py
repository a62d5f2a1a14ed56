"""Lapses: what the applicant was to bring by a day. First a reminder, then what the law or the service says.

容缺受理 (安阳市政务服务条例 第二十四条第一款): what was promised and does not come counts as withdrawn. 补正: no
national law says so, so a submission counts as withdrawn only where its service says it, on a basis that it names (such
as 第三十六条第二款 of that regulation); all others go to a person (an alarm, see alarms.py).
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, select, tuple_

from app import clock, database, jobs
from app.catalogue import calendars
from app.catalogue.services import service_versions
from app.catalogue.working_days import Calendar, add_working_days
from app.clock import CHINA, day_of
from app.database import Work
from app.submissions import sweeping
from app.submissions.drafts import submissions
from app.submissions.history import SYSTEM, Given, history
from app.submissions.steps import CORRECTION, PROMISE, STEPS
from app.submissions.submissions import take_step

REMINDED_BEFORE: Final = 2
"""Working days before the last day on which the applicant is reminded."""

_c = submissions.c
_COLUMN: Final = {PROMISE: _c.promise_due, CORRECTION: _c.correction_due}
_WAITS: Final = {
    PROMISE: _c.promise_due.is_not(None) & _c.state.in_(sorted(STEPS["lapse"].origins)),
    CORRECTION: _c.state == "correcting",
}
_LAPSE: Final = {PROMISE: "lapse", CORRECTION: "lapse_correction"}


def sweep(at: datetime) -> dict[str, int]:
    """Remind, and let lapse what was reminded of on an earlier day and has not come; how many of each."""
    with database.reading() as connection:
        calendar = calendars.stored(connection)
    done = {}
    for kind in (PROMISE, CORRECTION):
        done[f"{kind}_reminded"] = sweeping.each("remind", _to_remind(kind, calendar, at), _reminder(kind, at))
        done[f"{kind}_lapsed"] = sweeping.each(_LAPSE[kind], _to_end(kind, calendar, at), _ending(kind, at))
    return done


def _reminder(kind: str, at: datetime) -> sweeping.Act:
    def remind(work: Work, row: Any) -> None:
        given = Given(kind=kind, until=getattr(row, f"{kind}_due"))
        take_step(work, row.id, "remind", SYSTEM, at, given)

    return remind


def _ending(kind: str, at: datetime) -> sweeping.Act:
    def end(work: Work, row: Any) -> None:
        take_step(work, row.id, _LAPSE[kind], SYSTEM, at)

    return end


def _to_remind(kind: str, calendar: Calendar, at: datetime) -> ColumnElement[bool]:
    soon = add_working_days(calendar, day_of(at), REMINDED_BEFORE).date
    return _WAITS[kind] & (_COLUMN[kind] <= soon) & ~_reminded(kind)


def _to_end(kind: str, calendar: Calendar, at: datetime) -> ColumnElement[bool]:
    """Nobody loses an application on the very day on which they were first reminded, late though the reminder was."""
    today = day_of(at)
    overdue = _WAITS[kind] & (_COLUMN[kind] < today) & sweeping.is_settled(calendar, _COLUMN[kind])
    reminded = _reminded(kind, before=datetime.combine(today, time(), CHINA))
    return overdue & reminded if kind == PROMISE else overdue & reminded & _service_says_so()


def _reminded(kind: str, before: datetime | None = None) -> ColumnElement[bool]:
    """Whether there was a reminder of this very day; a day that moved is reminded of anew."""
    h = history.c
    said = select(h.number).where(
        h.submission_id == _c.id,
        h.step == "remind",
        h.terms["kind"].astext == kind,
        h.terms["until"].astext == _COLUMN[kind].cast(history.c.step.type),
    )
    return exists(said if before is None else said.where(h.at < before))


def _service_says_so() -> ColumnElement[bool]:
    v = service_versions.c
    says = v.definition["corrections"]["overdue"].astext == "withdrawn"
    return tuple_(_c.service_code, _c.service_version).in_(select(v.service_code, v.version).where(says))


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("lapse_overdue", queueing_lock="lapse_overdue")
def every_minute(timestamp: int) -> None:
    """Remind applicants, and let lapse what they were to bring and did not."""
    sweep(clock.now())
