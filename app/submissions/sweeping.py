"""Sweeping: submissions that wait for the system itself, queue by queue, each in a transaction of its own.

A step may lock its queue and its department's series of notices until the commit, and always in that order (decision
0019); a transaction with several submissions would ask for them crosswise. Several workers may sweep at once: where one
holds a submission, the others leave its queue alone until the next run. A sweep that is killed has saved what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Column, ColumnElement, false, or_, select, tuple_

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
    of receipt where the system accepts; behind one that somebody holds just now, the rest of its queue waits for the
    next run. `act` must make its row miss the condition. One whose key is gone, or that refuses, is told in the log and
    left; it never holds up the others.
    """
    done, passed, left = 0, list[UUID](), set[tuple[str, str]]()
    while found := _found(condition, passed, left, batch):
        for one in found:
            queue = (one.department_code, one.service_code)
            if queue in left:
                continue
            try:
                if _done(condition, act, one.id):
                    done += 1
                else:
                    left.add(queue)
            except (SealError, Refusal) as error:
                log.error("not_swept", sweeper=name, submission=str(one.id), error=type(error).__name__)
                passed.append(one.id)
    return done


def _found(condition: ColumnElement[bool], passed: list[UUID], left: set[tuple[str, str]], batch: int) -> Sequence[Any]:
    c = submissions.c
    others = condition & c.id.not_in(passed) & tuple_(c.department_code, c.service_code).not_in(sorted(left))
    chosen = select(c.id, c.department_code, c.service_code).where(others)
    with database.reading() as connection:
        return connection.execute(chosen.order_by(c.department_code, c.service_code, c.turn).limit(batch)).all()


def _done(condition: ColumnElement[bool], act: Act, submission_id: UUID) -> bool:
    """False when somebody holds the row, or has moved it on meanwhile. Raises what `act` raises."""
    with database.work() as work:
        chosen = drafts.with_key().where(submissions.c.id == submission_id, condition)
        row = work.run(chosen.with_for_update(of=submissions, skip_locked=True)).one_or_none()
        if row is not None:
            act(work, row)
        return row is not None


def is_settled(calendar: Calendar, column: Column[date]) -> ColumnElement[bool]:
    """The same as `Calendar.is_settled`, in SQL: nothing final happens by a date that a notice may still move."""
    spans = []
    for year in sorted(calendar.published_years):
        last = date(year, 12, 31) if year + 1 in calendar.published_years else date(year, *NEW_YEARS_SHIFT)
        known = column <= last if year + 1 in calendar.published_years else column < last
        spans.append((column >= date(year, 1, 1)) & known)
    return or_(false(), *spans)
