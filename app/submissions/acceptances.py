"""Acceptances (受理): until when a department may still say whether it accepts.

行政许可法 第三十二条第一款第四项: 逾期不告知的，自收到申请材料之日起即为受理. The law does that at the end of the last
day, and not when a worker comes round to write it down (supervision/deemed_acceptances.py): nobody uses that gap.
"""

from __future__ import annotations

from app.clock import day_of
from app.refusals import Refusal
from app.submissions.history import Actor
from app.submissions.moments import Moment


class AcceptedByLaw(Refusal):
    """The department's days are over, so it counts as accepted, from the day of receipt."""


def still_open(moment: Moment, actor: Actor) -> None:
    """Whether the department may still answer. Raises AcceptedByLaw.

    By a date that a notice may still move nobody is late; nor is what is answered on the spot, which is no licence to
    be accepted in silence.
    """
    row = moment.row
    waits = row.state == "received" and row.acceptance_due > day_of(row.received_at)
    if waits and row.acceptance_due < moment.day and moment.calendar.is_settled(row.acceptance_due):
        raise AcceptedByLaw
