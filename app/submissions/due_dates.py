"""Due dates: pure functions of the calendar, the service version and what has happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app.catalogue.services import ServiceVersion
from app.catalogue.working_days import Calendar, Due, add_calendar_days, add_working_days
from app.clock import day_of

ACCEPTANCE_LIMIT = 5
"""Working days in which a department must say what is missing, or the submission counts as accepted:
行政许可法 第三十二条第一款第四项, counted by 第八十二条."""


@dataclass(frozen=True)
class DueDates:
    """`provisional` means that the count runs into a year whose holidays are not published yet."""

    acceptance: date
    decision: date
    provisional: bool


def at_receipt(calendar: Calendar, service: ServiceVersion, received_at: datetime) -> DueDates:
    """The dates on the receipt.

    The decision is counted from the receipt day, because a silent department is deemed to have accepted
    from that day; an explicit acceptance on a later day starts the count anew.
    """
    day = day_of(received_at)
    if service.on_the_spot:
        return DueDates(day, day, False)
    acceptance = add_working_days(calendar, day, ACCEPTANCE_LIMIT)
    decision = decision_due(calendar, service, day)
    return DueDates(acceptance.date, decision.date, acceptance.provisional or decision.provisional)


def decision_due(calendar: Calendar, service: ServiceVersion, accepted_on: date) -> Due:
    """When the department must have decided: its promised limit, never later than the legal one.

    优化营商环境条例 第三十六条: a promised limit may be shorter than the legal limit, never longer.
    """
    promised = _after(calendar, accepted_on, service.limits["promised"])
    legal = service.limits.get("legal")
    if legal is None:
        return promised
    return min(promised, _after(calendar, accepted_on, legal), key=lambda due: due.date)


def _after(calendar: Calendar, start: date, limit: dict[str, object]) -> Due:
    value = int(str(limit["value"]))
    if limit["unit"] == "calendar_day":
        return add_calendar_days(calendar, start, value)
    return add_working_days(calendar, start, value)
