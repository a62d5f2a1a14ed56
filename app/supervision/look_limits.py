"""Limits of looks: how often one member of staff may look within an hour, so that nobody pages through a village.

Counted in the database, where every process counts with the same row. The hour glides: the count of the hour before
weighs as much as is left of it, so that nobody has twice the looks around the full hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from sqlalchemy import Column, DateTime, ForeignKey, Integer, Table, delete
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.database import Work, metadata
from app.people.callers import Clerk
from app.refusals import Refusal
from app.settings import settings

look_counts = Table(
    "look_counts",
    metadata,
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), primary_key=True),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("looks", Integer, nullable=False),
    Column("refused", Integer, nullable=False, server_default="0"),
)

_HOUR = timedelta(hours=1)


class LookLimitReached(Refusal):
    """So many looks within an hour that this one must wait `retry_after` seconds; the limit is `limit` an hour."""

    is_recorded: ClassVar[bool] = True


@dataclass(frozen=True)
class Excess:
    """One look too many: for how many seconds, and whether it is the first of this hour.

    Only of the first one is a record worth its room: a script would fill the table with the others.
    """

    wait: int
    is_first: bool


# The row is locked until the work is saved, so that looks of one person at the same time count one after the other.
_COUNT = """
INSERT INTO look_counts AS c (staff_id, hour, looks) VALUES (%(staff)s, %(hour)s, 1)
ON CONFLICT (staff_id, hour) DO UPDATE SET looks = c.looks + 1
RETURNING looks, coalesce((SELECT looks FROM look_counts WHERE staff_id = %(staff)s AND hour = %(before)s), 0) AS before
"""

# What is refused does not count, or trying again would keep a person out for ever.
_TAKE_BACK = """
UPDATE look_counts SET looks = looks - 1, refused = refused + 1
WHERE staff_id = %(staff)s AND hour = %(hour)s RETURNING refused
"""


def count(work: Work, clerk: Clerk) -> Excess | None:
    """Count one look of this member of staff; None while it is within the limit."""
    now, limit = clock.now(), settings().looks_per_hour
    hour = now.replace(minute=0, second=0, microsecond=0)
    values = {"staff": clerk.id, "hour": hour, "before": hour - _HOUR}
    row = work.row(_COUNT, values)
    wait = wait_for(limit, row.before, row.looks - 1, (now - hour) / _HOUR)
    if wait == 0:
        return None
    return Excess(math.ceil(wait * _HOUR.total_seconds()), work.row(_TAKE_BACK, values).refused == 1)


def wait_for(limit: int, before: int, looks: int, gone: float) -> float:
    """The part of an hour until one more look is within the limit; 0 when it is now.

    `before` and `looks` are the looks of the hour before and of this one, of which the part `gone` has passed.
    """
    room = limit - 1
    if looks <= room:
        return max(0.0, 1 - (room - looks) / before - gone) if before else 0.0
    # Not within this hour: in the next one these looks weigh less from minute to minute.
    return 1 - gone + 1 - room / looks


@jobs.tasks.periodic(cron="11 * * * *")
@jobs.task("purge_look_counts", queueing_lock="purge_look_counts")
def purge(timestamp: int) -> None:
    """Forget the counts that weigh nothing any more."""
    with database.work() as work:
        work.run(delete(look_counts).where(look_counts.c.hour < clock.now() - 3 * _HOUR))
