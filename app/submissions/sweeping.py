"""Sweeping: submissions that wait for the system itself, queue by queue, each in a transaction of its own.

A step may lock its queue and its department's series of notices until the commit, and always in that order (decision
0019); a transaction with several submissions would ask for them crosswise. Several workers may sweep at once: what one
holds is passed over by the others until the next run. A sweep that is killed has saved what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Column, ColumnElement, false, or_, select

from app import database
from app.catalogue.working_days import NEW_YEARS_SHIFT, Calendar
from app.crypto.failures import SealError
from app.database import Work
from app.refusals import Refusal
from app.submissions import drafts
from app.submissions.drafts import submissions

log = structlog.get_logger()

BATCH = 200
"""Submissions that are looked for at once."""

Act = Callable[[Work, Any], object]


def each(name: str, condition: ColumnElement[bool], act: Act, batch: int = BATCH) -> int:
    """Do `act` for every submission under its row lock, with its key; for how many it was done.

    Those of one queue come in the order of their turns, so that the order of acceptance (行政许可法 第五十七条) is that
    of receipt where the system accepts. `act` must make its row miss the condition. One whose key is gone, or that
    refuses, is told in the log and left; it never holds up the others.
    """
    done, passed = 0, list[UUID]()
    while found := _found(condition, passed, batch):
        for one in found:
            if _done(name, condition, act, one):
                done += 1
            else:
                passed.append(one)
    return done


def _found(condition: ColumnElement[bool], passed: list[UUID], batch: int) -> Sequence[UUID]:
    c = submissions.c
    chosen = select(c.id).where(condition, c.id.not_in(passed)).order_by(c.department_code, c.service_code, c.turn)
    with database.reading() as connection:
        return connection.execute(chosen.limit(batch)).scalars().all()


def _done(name: str, condition: ColumnElement[bool], act: Act, submission_id: UUID) -> bool:
    """False, too, when somebody holds the row, or has moved it on meanwhile."""
    try:
        with database.work() as work:
            chosen = drafts.with_key().where(submissions.c.id == submission_id, condition)
            row = work.run(chosen.with_for_update(of=submissions, skip_locked=True)).one_or_none()
            if row is not None:
                act(work, row)
            return row is not None
    except (SealError, Refusal) as error:
        log.error("not_swept", sweeper=name, submission=str(submission_id), error=type(error).__name__)
        return False


def is_settled(calendar: Calendar, column: Column[date]) -> ColumnElement[bool]:
    """The same as `Calendar.is_settled`, in SQL: nothing final happens by a date that a notice may still move."""
    spans = []
    for year in sorted(calendar.published_years):
        last = date(year, 12, 31) if year + 1 in calendar.published_years else date(year, *NEW_YEARS_SHIFT)
        known = column <= last if year + 1 in calendar.published_years else column < last
        spans.append((column >= date(year, 1, 1)) & known)
    return or_(false(), *spans)
