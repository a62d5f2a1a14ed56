"""Places: where a resident's submission stands in its queue, and when an answer can honestly be expected.

The range of dates rests on what was measured (app/supervision/expectations.py) and on the line itself: so many before
me, so many decided in a working day. The later of the two counts, so a rush shows at once. It is never earlier than
the next working day, and who has waited longer than nine of ten is told just that, and no date.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app import clock
from app.catalogue import calendars, services
from app.catalogue.working_days import Calendar, Due, add_working_days
from app.database import row_of
from app.people.callers import Resident
from app.submissions.drafts import SubmissionNotFound
from app.submissions.due_dates import decision_is_over
from app.submissions.steps import OPEN_STATES, STATES
from app.submissions.turns import BEFORE, by_acceptance
from app.supervision.expectations import working_days_between

_MINE = """
SELECT s.id, s.state, s.service_code, s.service_version, s.department_code, s.turn, s.acceptance_turn, s.waiting,
       s.taken, s.received_at, s.decision_due, s.decision_noon,
       e.days, e.sample, e.p50, e.p90, e.decided_a_day, e.measured_at
FROM submissions s
LEFT JOIN expectations e ON e.department_code = s.department_code AND e.service_code = s.service_code
WHERE s.id = %(id)s AND s.applicant_id = %(applicant)s AND s.state <> 'draft'
"""
AHEAD = f"SELECT count(*) AS before FROM ({BEFORE}) AS before"
_ACCEPTED_AHEAD = """
SELECT count(*) AS before FROM submissions
WHERE department_code = %(department)s AND service_code = %(service)s AND acceptance_turn < %(acceptance_turn)s
  AND state IN ('accepted', 'in_review', 'suspended')
"""


_FARTHEST = 500
"""Working days, two years: a date beyond them says nothing that can be relied on."""


@dataclass(frozen=True)
class Basis:
    """What was measured in a queue: working days for half and for nine of ten, None when never so many were decided."""

    p50: int | None
    p90: int | None
    decided_a_day: float


@dataclass(frozen=True)
class Expected:
    """A range of days; `until` is None where nothing measured allows a promise. `longer` is longer than usual."""

    earliest: Due | None
    until: Due | None
    longer: bool


def expected(calendar: Calendar, received: date, today: date, before: int, basis: Basis) -> Expected:
    """When somebody who was received on a day, with so many still before them, can expect a decision. Pure.

    Never better than measured, and never earlier than the next working day.
    """
    waits = _wait(before, basis.decided_a_day)
    if basis.p50 is None or waits > _FARTHEST:
        return Expected(None, None, True)
    line = math.ceil(waits)
    earliest = _later(add_working_days(calendar, received, basis.p50), add_working_days(calendar, today, max(1, line)))
    if basis.p90 is None or working_days_between(calendar, received, today) > basis.p90:
        return Expected(earliest, None, True)
    until = _later(add_working_days(calendar, received, basis.p90), earliest)
    if line > basis.p50:
        # Those before me need longer than people usually wait: what they vary by comes on top.
        until = _later(until, add_working_days(calendar, today, line + basis.p90 - basis.p50))
    return Expected(earliest, until, line > basis.p90)


def _wait(before: int, decided_a_day: float) -> float:
    """Working days that the line before me needs. One in which nobody was decided lately does not move at all."""
    if decided_a_day > 0:
        return (before + 1) / decided_a_day
    return math.inf if before else 0.0


def _later(one: Due, other: Due) -> Due:
    return max(one, other, key=lambda due: due.date)


def read(connection: Connection, caller: Resident, submission_id: UUID, language: str) -> dict[str, Any]:
    """The caller's place. Raises SubmissionNotFound, for a draft, too."""
    row = row_of(connection, _MINE, {"id": submission_id, "applicant": caller.id})
    if row is None:
        raise SubmissionNotFound
    service = services.version(connection, row.service_code, row.service_version)
    before = _ahead(connection, row) if row.waiting else None
    limited = by_acceptance(service)
    told, reason = _expected(calendars.current(connection), row, before or 0, service.on_the_spot)
    return {
        "id": row.id,
        "state": row.state,
        "state_text": STATES[row.state][language],
        "turn": row.turn,
        "acceptance_turn": row.acceptance_turn,
        "ordered_by": "acceptance" if limited else "receipt",
        "waiting": row.waiting,
        "before": before,
        "before_in_acceptance": _accepted_ahead(connection, row) if limited else None,
        "taken": row.taken,
        "expected": told and _dates(told),
        "basis": row.sample and _basis(row),
        "decision_due": row.decision_due if row.state in OPEN_STATES else None,
        "text": _text(row, before, told, reason, language),
    }


def _ahead(connection: Connection, row: Any) -> int:
    return int(row_of(connection, AHEAD, _values(row)).before)


def _accepted_ahead(connection: Connection, row: Any) -> int | None:
    if row.acceptance_turn is None or row.state not in OPEN_STATES:
        return None
    return int(row_of(connection, _ACCEPTED_AHEAD, _values(row)).before)


def _values(row: Any) -> dict[str, Any]:
    return {
        "department": row.department_code,
        "service": row.service_code,
        "acceptance_turn": row.acceptance_turn,
        "turn": row.turn,
    }


def _expected(calendar: Calendar, row: Any, before: int, on_the_spot: bool) -> tuple[Expected | None, str]:
    """The range, or why there is none; the reason is the name of a sentence below."""
    if row.state not in OPEN_STATES:
        return None, "over"
    if row.state in ("correcting", "suspended"):
        return None, row.state
    if on_the_spot:
        return None, "on_the_spot"
    if row.sample is None:
        return None, "unknown"
    basis = Basis(row.p50, row.p90, row.decided_a_day)
    found = expected(calendar, clock.day_of(row.received_at), clock.today(), before, basis)
    if found.until is None:
        return found, "longer"
    return found, "rush" if found.longer else "usual"


def _dates(found: Expected) -> dict[str, Any]:
    known = [due for due in (found.earliest, found.until) if due is not None]
    return {
        "earliest": found.earliest and found.earliest.date,
        "until": found.until and found.until.date,
        "longer_than_usual": found.longer,
        "provisional": any(due.provisional for due in known),
    }


def _basis(row: Any) -> dict[str, Any]:
    return {
        "days": row.days,
        "sample": row.sample,
        "p50": row.p50,
        "p90": row.p90,
        "measured_at": row.measured_at,
    }


def _text(row: Any, before: int | None, told: Expected | None, reason: str, language: str) -> str:
    place = _IN_HAND if before is None else _PLACE
    words = [] if reason in ("over", "on_the_spot") else [place[language].format(turn=row.turn, before=before)]
    values = {
        "earliest": told and told.earliest and told.earliest.date,
        "until": told and told.until and told.until.date,
        "due": row.decision_due,
        "days": row.days,
        "sample": row.sample,
        "p50": row.p50,
        "p90": row.p90,
    }
    if reason in ("unknown", "longer") and decision_is_over(row, clock.now()):
        reason = "late"
    words.append(_WORDS[reason][language].format(**values))
    return _SPACE[language].join(words)


_SPACE = {"zh": "", "en": " "}
_PLACE = {
    "zh": "您的顺序号是{turn}，前面还有{before}件等候办理。",
    "en": "Your number is {turn}; {before} still wait before you.",
}
_IN_HAND = {
    "zh": "您的顺序号是{turn}，已经轮到，正在办理。",
    "en": "Your number is {turn}: it had its turn and is in hand.",
}
_WORDS = {
    "usual": {
        "zh": "预计{earliest}至{until}之间作出决定：最近{days}天办结{sample}件，"
        "一半在{p50}个工作日内，九成在{p90}个工作日内。",
        "en": "A decision is expected between {earliest} and {until}: of {sample} within the last {days} days half took"
        " up to {p50} working days and nine of ten up to {p90}.",
    },
    "rush": {
        "zh": "现在排队的人比平时多，会比平时久：预计{earliest}至{until}之间作出决定（平时九成在{p90}个工作日内，"
        "依据最近{days}天的{sample}件）。",
        "en": "More people than usual wait, so it takes longer than usual: a decision is expected between {earliest}"
        " and {until} (usually nine of ten take up to {p90} working days; {sample} within the last {days} days).",
    },
    "longer": {
        "zh": "比平时久，现在说不出可靠的日期。法定或者承诺的期限是{due}，到期未答复会自动提醒监督员。",
        "en": "It takes longer than usual, and no reliable date can be told. The decision is due by {due}; if it is"
        " late, supervisors are told.",
    },
    "unknown": {
        "zh": "这个事项最近办结的太少，无法估计日期；最迟{due}作出决定。",
        "en": "Too few were decided lately to estimate a date; the decision is due by {due}.",
    },
    # A day that is over is nothing to expect.
    "late": {
        "zh": "现在说不出可靠的日期；部门逾期的，系统会逐级提醒负责人和监督员。",
        "en": "No reliable date can be told now; where the department is late, its head and then supervisors are told.",
    },
    "correcting": {
        "zh": "请先补正材料；补正期间不估计日期，交来以后顺序号不变。",
        "en": "Please correct your papers first. No date is told until then; your number stays the same.",
    },
    "suspended": {
        "zh": "正在进行特别程序，其时间由程序决定，不作估计。",
        "en": "A special procedure is under way; how long it takes is not for us to estimate.",
    },
    "on_the_spot": {"zh": "当场答复，无需排队。", "en": "Answered on the spot: nobody queues."},
    "over": {"zh": "已经有结果，不再排队。", "en": "It has its answer and waits no more."},
}
