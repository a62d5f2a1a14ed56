"""Whole histories: every step of a submission as its handlers read it, the rows that residents do not see included."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select

from app.catalogue import departments
from app.people import free_text
from app.people.staff import staff
from app.submissions import history
from app.submissions.history import history as rows
from app.submissions.steps import STATES, STEPS


def whole(
    connection: Connection, row: Any, people: Collection[str], plain: bool, language: str
) -> list[dict[str, Any]]:
    """The history of a submission that was read with its key, the first step first.

    Opinions and lists are masked by their patterns and the names of `people`, unless they may stand `plain`.
    Raises SealError.
    """
    statement = select(rows, staff.c.staff_number, staff.c.name.label("staff_name")).outerjoin(
        staff, (staff.c.id == rows.c.actor_id) & (rows.c.actor_kind == "staff")
    )
    found = connection.execute(statement.where(rows.c.submission_id == row.id).order_by(rows.c.number))

    def told(text: str) -> str:
        return text if plain else free_text.masked(text, people)

    return [_event(connection, row, event, told, language) for event in found]


def _event(connection: Connection, row: Any, event: Any, told: Any, language: str) -> dict[str, Any]:
    opinion = history.opinion(row, row.id, event.number, event.opinion)
    listed = history.items(row, row.id, event.number, event.items)
    return {
        "number": event.number,
        "at": event.at,
        "step": event.step,
        "from_state": event.from_state,
        "state": event.state,
        "state_text": STATES[event.state][language],
        "text": STEPS[event.step].text[language],
        "unit": departments.name(connection, event.department_code, language),
        "actor": {
            "kind": event.actor_kind,
            "role": event.actor_role,
            "name": event.actor_name or event.staff_name,
            "number": event.staff_number,
        },
        "opinion": opinion and told(opinion),
        "items": [{"pointer": item.pointer, "words": told(item.words)} for item in listed],
        "terms": event.terms,
        "visible": event.visible,
    }
