"""Out of turn: how often whom of the staff took somebody before others, and why. For supervisors and auditors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from app import clock
from app.catalogue import departments, services
from app.crypto import data_keys
from app.people import free_text, staff
from app.people.callers import Clerk
from app.refusals import Refusal
from app.submissions.steps import OUT_OF_TURN
from app.supervision.assignments import REASON

PERIOD: Final = timedelta(days=30)
"""Counted where nobody says since when."""

_MOST_GROUPS = 1000


class TakesNotReadable(Refusal):
    """Who was taken out of turn is for supervisors and auditors."""


_FILTERS = {
    "since": "a.taken_at >= %(since)s",
    "until": "a.taken_at < %(until)s",
    "department": "s.department_code = %(department)s",
    "service": "s.service_code = %(service)s",
    "staff_number": "t.staff_number = %(staff_number)s",
    "reason_kind": "a.reason_kind = %(reason_kind)s",
    "before": "a.id < %(before)s",
}
_FROM = """
FROM assignments a JOIN submissions s ON s.id = a.submission_id JOIN staff t ON t.id = a.staff_id
WHERE NOT a.in_turn AND {where}
"""
_COUNTED = f"""
SELECT s.department_code, s.service_code, t.staff_number, t.name AS staff_name, a.reason_kind, count(*) AS takes,
       sum(a.skipped) AS skipped {_FROM}
GROUP BY s.department_code, s.service_code, t.staff_number, t.name, a.reason_kind
ORDER BY takes DESC, s.department_code, s.service_code, t.staff_number, a.reason_kind LIMIT {_MOST_GROUPS}
"""
_LISTED = f"""
SELECT a.id, a.taken_at, s.id AS submission_id, s.reference, s.department_code, s.service_code, s.turn, a.skipped,
       t.staff_number, t.name AS staff_name, a.reason_kind, a.reason, k.key_id, k.master_key_id, k.wrapped
{_FROM.replace("WHERE", "LEFT JOIN data_keys k ON k.owner_id = s.id WHERE", 1)} ORDER BY a.id DESC LIMIT %(limit)s
"""


def counts(connection: Connection, clerk: Clerk, filters: Mapping[str, Any], language: str) -> dict[str, Any]:
    """How many by department, service, staff and reason, the most first.

    `filters` are `since`, `until`, `department`, `service`, `staff_number` and `reason_kind`, None for any. Raises
    TakesNotReadable.
    """
    values = _values(clerk, filters)
    rows = connection.exec_driver_sql(_COUNTED.format(where=_where(values)), values).all()
    return {
        "since": values["since"],
        "until": values.get("until"),
        "total": sum(row.takes for row in rows),
        "items": [{**_head(connection, row, language), "takes": row.takes} for row in rows],
    }


def listing(
    connection: Connection, clerk: Clerk, filters: Mapping[str, Any], limit: int, language: str
) -> list[dict[str, Any]]:
    """The takings themselves, the latest first, with the words that were given, masked. Raises TakesNotReadable."""
    values = {**_values(clerk, filters), "limit": limit}
    rows = connection.exec_driver_sql(_LISTED.format(where=_where(values)), values).all()
    return [
        {
            **_head(connection, row, language),
            "id": row.id,
            "at": row.taken_at,
            "submission": row.submission_id,
            "reference": row.reference,
            "turn": row.turn,
            "reason": _words(row),
        }
        for row in rows
    ]


def _values(clerk: Clerk, filters: Mapping[str, Any]) -> dict[str, Any]:
    if not staff.may(clerk.role, staff.READ_LOOKS):
        raise TakesNotReadable
    given = {name: value for name, value in filters.items() if value is not None}
    return {"since": clock.now() - PERIOD, **given}


def _where(values: Mapping[str, Any]) -> str:
    return " AND ".join(words for name, words in _FILTERS.items() if name in values)


def _head(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    return {
        "department": row.department_code,
        "unit": departments.name(connection, row.department_code, language),
        "service": {
            "code": row.service_code,
            "name": services.latest(connection, row.service_code).name(language),
        },
        "staff": {"number": row.staff_number, "name": row.staff_name},
        "reason_kind": row.reason_kind,
        "reason_text": OUT_OF_TURN[row.reason_kind][language],
        "skipped": int(row.skipped),
    }


def _words(row: Any) -> str | None:
    """What was said, without the names of others; None when it was erased. Raises SealError."""
    if row.reason is None or row.key_id is None:
        return None
    opened = data_keys.opened(row).open_text(row.reason, REASON, row.id)
    return free_text.masked(opened)
