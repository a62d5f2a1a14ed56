"""The ledger: every number that a queue ever gave, in which order they were taken up, for anyone to check.

It names nobody and holds no reference. What remains is a trace of a day: somebody who saw a neighbour apply could look
for the line of that moment. Therefore the instant of receipt is told as day and hour only, the hour only where at least
`CROWD` people of the queue were received within it (k-anonymity), the day only where that many were received on it, and
else the month. The day of a decision is told where at least as many were decided on it. A number is known to its owner
alone (it stands on the receipt), so they find their own line and nobody else's. Nothing sensitive stands in a line for
those who could still guess: whether the answer was yes or no is not told, only that there is one; what was asked of
somebody, and a suspension, are `in_hand`; and that somebody was taken first for age, disability or pregnancy reads "a
priority that the law gives", like every other one.

The order needs none of these times: three gapless numbers prove it, and app/supervision/order_check.py recomputes from
the ledger alone whether they were served in order.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, select, tuple_

from app import clock
from app.catalogue import departments, services
from app.clock import CHINA
from app.refusals import NotFound
from app.submissions.drafts import submissions
from app.submissions.steps import OUT_OF_TURN, TAKEN_AS, WITHOUT_DECISION
from app.submissions.turns import by_acceptance, queues

CROWD: Final = 5
"""So many were received within the hour, or on the day, that is told."""

STATES: Final = {
    "waiting": {"zh": "等候办理", "en": "waiting"},
    "in_hand": {"zh": "正在办理", "en": "in hand"},
    "decided": {"zh": "已作出决定", "en": "decided"},
    "left": {"zh": "未作决定而结束", "en": "ended without a decision"},
}

BY_LAW: Final = "priority_by_law"
_BY_LAW = frozenset({"elderly_disabled_pregnant", "statutory_priority"})
_BY_LAW_WORDS = {"zh": "依法优先", "en": "a priority that the law gives"}
TAKEN: Final = (*(kind for kind in TAKEN_AS if kind not in _BY_LAW), BY_LAW)
"""What `taken_as` can be in public."""


class LedgerNotFound(NotFound):
    """No such queue: nobody ever applied there."""


def listing(connection: Connection, after: tuple[str, str], limit: int, language: str) -> list[dict[str, Any]]:
    """Queues by department and service, after the given one, with how far their numbers have come."""
    key = (queues.c.department_code, queues.c.service_code)
    rows = connection.execute(select(queues).where(tuple_(*key) > after).order_by(*key).limit(limit)).all()
    return [_queue(connection, row, language) for row in rows]


def _queue(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    service = services.latest(connection, row.service_code)
    return {
        "department": row.department_code,
        "unit": departments.name(connection, row.department_code, language),
        "service": {"code": row.service_code, "name": service.name(language)},
        "ordered_by": "acceptance" if by_acceptance(service) else "receipt",
        "last_turn": row.last_turn,
        "last_acceptance_turn": row.last_acceptance_turn,
        "last_taken": row.last_taken,
    }


def entries(
    connection: Connection, department: str, service_code: str, after: int, limit: int, language: str
) -> list[dict[str, Any]]:
    """Up to `limit` lines in the order of their turns, after the given one. Raises LedgerNotFound."""
    columns = submissions.c
    known = select(queues.c.last_turn).where(
        queues.c.department_code == department, queues.c.service_code == service_code
    )
    if connection.execute(known).one_or_none() is None:
        raise LedgerNotFound
    # A few more on both sides, so that a line does not look lonely only because it stands at the edge of a page.
    statement = select(
        columns.turn,
        columns.acceptance_turn,
        columns.taken,
        columns.taken_as,
        columns.waiting,
        columns.state,
        columns.received_at,
        columns.decided_at,
    ).where(
        columns.department_code == department, columns.service_code == service_code, columns.turn > after - CROWD + 1
    )
    rows = connection.execute(statement.order_by(columns.turn).limit(limit + 2 * (CROWD - 1))).all()
    told = [(row, when) for row, when in zip(rows, received([row.received_at for row in rows]), strict=True)]
    told = [(row, when) for row, when in told if row.turn > after][:limit]
    decided = {clock.day_of(row.decided_at) for row, _ in told if row.decided_at is not None}
    crowded = _crowded(connection, department, service_code, decided)
    return [_entry(row, when, crowded, language) for row, when in told]


_CROWDED = f"""
SELECT d.day FROM unnest(%(days)s::date[]) AS d (day) WHERE {CROWD} = (
    SELECT count(*) FROM (
        SELECT FROM submissions
        WHERE department_code = %(department)s AND service_code = %(service)s
          AND decided_at >= d.day::timestamp AT TIME ZONE 'Asia/Shanghai'
          AND decided_at < (d.day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' LIMIT {CROWD}) AS decided)
"""


def _crowded(connection: Connection, department: str, service_code: str, days: set[date]) -> frozenset[date]:
    """Those of the days on which a crowd was decided."""
    values = {"days": sorted(days), "department": department, "service": service_code}
    return frozenset(connection.exec_driver_sql(_CROWDED, values).scalars()) if days else frozenset()


def received(instants: list[datetime]) -> list[dict[str, Any]]:
    """Each instant as much as may be told of it, among its neighbours in the order of their turns."""
    local = [instant.astimezone(CHINA) for instant in instants]
    hours = [(moment.date(), moment.hour) for moment in local]
    found = []
    for place, (day, hour) in enumerate(hours):
        around = hours[max(0, place - CROWD + 1) : place + CROWD]
        hour_told = sum(other == (day, hour) for other in around) >= CROWD
        day_told = hour_told or sum(other[0] == day for other in around) >= CROWD
        found.append(
            {
                "received_month": f"{day:%Y-%m}",
                "received_on": day if day_told else None,
                "received_hour": hour if hour_told else None,
            }
        )
    return found


def _entry(row: Any, when: dict[str, Any], crowded: frozenset[date], language: str) -> dict[str, Any]:
    state, kind = _state(row), BY_LAW if row.taken_as in _BY_LAW else row.taken_as
    words = _BY_LAW_WORDS if kind == BY_LAW else TAKEN_AS.get(kind, {"zh": None, "en": None})
    decided_on = row.decided_at and clock.day_of(row.decided_at)
    return {
        "turn": row.turn,
        **when,
        "acceptance_turn": row.acceptance_turn,
        "taken": row.taken,
        "taken_as": kind,
        "taken_as_text": words[language],
        "out_of_turn": row.taken_as in _OUT_OF_TURN,
        "state": state,
        "state_text": STATES[state][language],
        "decided_on": decided_on if decided_on in crowded else None,
    }


_OUT_OF_TURN = frozenset({*OUT_OF_TURN, "busy", "office_order", "unstated"})


def _state(row: Any) -> str:
    if row.waiting:
        return "waiting"
    if row.decided_at is not None:
        return "decided"
    return "left" if row.state in WITHOUT_DECISION else "in_hand"
