"""Sweeping: submissions that wait for the system itself, taken in batches, each saved whole.

Several workers may sweep at once: rows that one holds are passed over by the others. Killed between two rows, a sweep
has saved its earlier batches, and the next one finds what is left, because what was done is not found again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Column, ColumnElement, false, or_

from app import database
from app.catalogue.working_days import NEW_YEARS_SHIFT, Calendar
from app.crypto.failures import SealError
from app.database import Work
from app.refusals import Refusal
from app.submissions import drafts
from app.submissions.drafts import submissions

log = structlog.get_logger()

BATCH = 50
"""Submissions in one transaction: few enough that a clerk who wants one of them hardly waits."""

Act = Callable[[Work, Any], object]


def each(name: str, condition: ColumnElement[bool], act: Act, batch: int = BATCH) -> int:
    """Do `act` for every submission under its row lock, with its key; for how many it was done.

    `act` must make its row miss the condition. One whose key is gone, or that refuses, is told in the log and left;
    it never holds up the others.
    """
    done, failed = 0, list[UUID]()
    while True:
        with database.work() as work:
            chosen = drafts.with_key().where(condition, submissions.c.id.not_in(failed)).order_by(submissions.c.id)
            rows = work.run(chosen.limit(batch).with_for_update(of=submissions, skip_locked=True)).all()
            for row in rows:
                if _done(work, name, act, row):
                    done += 1
                else:
                    failed.append(row.id)
        if not rows:
            return done


def _done(work: Work, name: str, act: Act, row: Any) -> bool:
    try:
        with work.connection.begin_nested():
            act(work, row)
    except (SealError, Refusal) as error:
        log.error("not_swept", sweeper=name, submission=str(row.id), error=type(error).__name__)
        return False
    return True


def is_settled(calendar: Calendar, column: Column[date]) -> ColumnElement[bool]:
    """The same as `Calendar.is_settled`, in SQL: nothing final happens by a date that a notice may still move."""
    spans = []
    for year in sorted(calendar.published_years):
        last = date(year, 12, 31) if year + 1 in calendar.published_years else date(year, *NEW_YEARS_SHIFT)
        known = column <= last if year + 1 in calendar.published_years else column < last
        spans.append((column >= date(year, 1, 1)) & known)
    return or_(false(), *spans)
