"""Admission: who may look at all, how often, and at which submissions. Whoever is turned away leaves a record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from app.database import Work
from app.people import staff
from app.people.callers import Clerk
from app.refusals import Refusal
from app.settings import settings
from app.submissions import drafts
from app.submissions.drafts import submissions
from app.supervision import look_limits, looks
from app.supervision.look_limits import LookLimitReached
from app.supervision.looks import Look, Reason


def admit(work: Work, clerk: Clerk, right: str, refusal: type[Refusal], reason: Reason, tried: Look) -> None:
    """Raises LookLimitReached after too many looks, and `refusal` without the right; both leave a record.

    `tried` is that record, whatever its outcome says.
    """
    excess = look_limits.count(work, clerk)
    if excess is not None:
        if excess.is_first:
            looks.record(work, clerk, reason, replace(tried, outcome="limited"))
        raise LookLimitReached(retry_after=excess.wait, limit=settings().looks_per_hour)
    if not staff.may(clerk.role, right):
        looks.record(work, clerk, reason, replace(tried, outcome="not_allowed"))
        raise refusal


def opened(work: Work, clerk: Clerk, submission_id: UUID, since: datetime) -> Any:
    """As `visible`, for what this member of staff opened since then.

    None when it was restricted afterwards: a reason from before is none of the law.
    """
    row = visible(work, clerk, submissions.c.id == submission_id)
    if row is None or row.restricted_at is None:
        return row
    return row if looks.standing_reason(work, clerk, submission_id, max(since, row.restricted_at)) else None


def visible(work: Work, clerk: Clerk, condition: ColumnElement[bool]) -> Any:
    """The filed submission of the condition as a row with its key; None when this role may not see it."""
    statement = drafts.with_key().where(condition, submissions.c.state != "draft")
    departments = staff.visible_departments(clerk.role, clerk.department_code)
    if departments is not None:
        statement = statement.where(submissions.c.department_code.in_(departments))
    return work.run(statement).one_or_none()
