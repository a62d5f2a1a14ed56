"""Deemed acceptances: who answers nobody within five working days has accepted, by law and by itself.

行政许可法 第三十二条第一款第四项: 逾期不告知的，自收到申请材料之日起即为受理. It happens in the first minute
after the last day has ended in China, stands in the history for the resident to see, and is a yellow card for the
department.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func

from app import clock, database, jobs
from app.catalogue import calendars
from app.catalogue.working_days import Calendar
from app.clock import day_of
from app.database import Work
from app.submissions import sweeping
from app.submissions.drafts import submissions
from app.submissions.history import SYSTEM
from app.submissions.steps import ACCEPTANCE
from app.submissions.submissions import take_step
from app.supervision import alarms


def sweep(at: datetime) -> int:
    """Accept what nobody answered in time; how many."""
    with database.reading() as connection:
        calendar = calendars.stored(connection)

    def accept(work: Work, row: Any) -> None:
        take_step(work, row.id, "deem_accepted", SYSTEM, at)
        alarms.raise_one(work, row, ACCEPTANCE, row.acceptance_due, alarms.YELLOW, at)

    return sweeping.each("deem_accepted", _unanswered(calendar, at), accept)


def _unanswered(calendar: Calendar, at: datetime) -> ColumnElement[bool]:
    """Not by a date that a notice may still move: that one has an alarm until the calendar is loaded.

    What is answered on the spot is no licence to be accepted in silence, and its office answers all at once.
    """
    c = submissions.c
    received_on = cast(func.timezone("Asia/Shanghai", c.received_at), Date)
    overdue = (c.state == "received") & (c.acceptance_due < day_of(at)) & (c.acceptance_due > received_on)
    return overdue & sweeping.is_settled(calendar, c.acceptance_due)


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("deem_accepted", queueing_lock="deem_accepted")
def every_minute(timestamp: int) -> None:
    """Accept what nobody answered in time."""
    sweep(clock.now())
