"""Desk overviews: what waits in each queue of a department, who waits longest, and what must be done first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from app.catalogue import services
from app.people.callers import Clerk
from app.settings import settings
from app.submissions.submissions import StepForbidden
from app.submissions.turns import by_acceptance
from app.supervision.assignments import HANDLERS, unhandled

# One row a service: how many wait, who waits longest, and what must be done first.
_QUEUES = """
SELECT q.service_code, w.waiting, w.acceptance_due, w.decision_due, o.in_hand, o.mine, f.turn, f.received_at
FROM queues q
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, min(s.acceptance_due) FILTER (WHERE s.state = 'received') AS acceptance_due,
           min(s.decision_due) FILTER (WHERE s.state <> 'received') AS decision_due
    FROM submissions s
    WHERE s.department_code = q.department_code AND s.service_code = q.service_code AND s.waiting) AS w
CROSS JOIN LATERAL (
    SELECT count(*) AS in_hand, count(*) FILTER (WHERE a.staff_id = %(staff)s) AS mine
    FROM submissions s JOIN assignments a ON a.submission_id = s.id AND a.released_at IS NULL
    WHERE s.department_code = q.department_code AND s.service_code = q.service_code
      AND s.state IN ('received', 'correcting', 'accepted', 'in_review', 'suspended')) AS o
LEFT JOIN LATERAL (
    SELECT s.turn, s.received_at FROM submissions s
    WHERE s.department_code = q.department_code AND s.service_code = q.service_code AND s.waiting
    ORDER BY s.acceptance_turn, s.turn LIMIT 1) AS f ON true
WHERE q.department_code = %(department)s ORDER BY q.service_code
"""


def overview(connection: Connection, clerk: Clerk, language: str) -> dict[str, Any]:
    """The queues of the caller's department. Raises StepForbidden."""
    if clerk.role not in HANDLERS:
        raise StepForbidden(legal=[])
    values = {"department": clerk.department_code, "staff": clerk.id}
    rows = connection.exec_driver_sql(_QUEUES, values).all()
    return {
        "department": clerk.department_code,
        "unhandled": unhandled(connection, clerk.id),
        "limit": settings().unhandled_per_clerk,
        "items": [_queue(connection, row, language) for row in rows],
    }


def _queue(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    service = services.latest(connection, row.service_code)
    dues = [due for due in (row.acceptance_due, row.decision_due) if due is not None]
    return {
        "service": {"code": row.service_code, "name": service.name(language)},
        "limited": by_acceptance(service),
        "waiting": row.waiting,
        "in_hand": row.in_hand,
        "mine": row.mine,
        "oldest": None if row.turn is None else {"turn": row.turn, "received_at": row.received_at},
        "due_soonest": min(dues) if dues else None,
    }
