"""Progress: where a submission stands and how it came there. The commonest thing a resident asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from app import clock
from app.catalogue import departments, services
from app.database import row_of
from app.people.callers import Resident
from app.privacy import retention
from app.submissions import history, prospects
from app.submissions.drafts import SubmissionNotFound, submissions
from app.submissions.steps import STATES, STEPS

# State, timeline and the key to its opinions in one round trip.
_PROGRESS = """
SELECT s.id, s.reference, s.state, s.revision, s.service_code, s.service_version, s.received_at, s.turn,
       s.acceptance_due, s.decision_due, s.delivery_due, s.due_provisional, s.decision_noon,
       s.correction_due, s.promise_due, k.key_id, k.master_key_id, k.wrapped,
       (SELECT json_agg(json_build_array(h.at, h.step, h.state, h.actor_kind, h.actor_name, h.department_code,
                                         h.number, encode(h.opinion, 'hex'), h.terms, encode(h.items, 'hex'))
                         ORDER BY h.number)
          FROM history h WHERE h.submission_id = s.id AND h.visible) AS events
FROM submissions s LEFT JOIN data_keys k ON k.owner_id = s.id
WHERE s.id = %(id)s AND s.applicant_id = %(applicant)s
"""


def revision_and_progress(connection: Connection, caller: Resident, submission_id: UUID) -> Any:
    """One row with the state, the dates and the visible history. Raises SubmissionNotFound."""
    row = row_of(connection, _PROGRESS, {"id": submission_id, "applicant": caller.id})
    if row is None:
        raise SubmissionNotFound
    return row


def in_words(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    """The progress as a resident reads it: each step with its time, the unit in charge and plain words."""
    events, at = [_event(connection, row, event, language) for event in row.events or ()], clock.now()
    return {
        **_head(connection, row, language),
        "turn": row.turn,
        "next": prospects.next_words(row, at, language),
        "asked": prospects.asked(row.state, events, language, clock.day_of(at), row.correction_due or row.promise_due),
        "events": events,
    }


# Staff see the same rows as the resident, in the same words.
_TIMELINE = _PROGRESS.replace(" AND s.applicant_id = %(applicant)s", "")


def timeline(connection: Connection, submission_id: UUID, language: str) -> list[dict[str, Any]]:
    """The visible history of any submission, for those whose right to see it was checked before."""
    row = connection.exec_driver_sql(_TIMELINE, {"id": submission_id}).one()
    return [_event(connection, row, event, language) for event in row.events or ()]


def due(row: Any) -> dict[str, Any] | None:
    """The due dates of a filed submission."""
    if row.acceptance_due is None:
        return None
    return {
        "acceptance": row.acceptance_due,
        "decision": row.decision_due,
        "noon": row.decision_noon,
        "provisional": row.due_provisional,
    }


def _event(connection: Connection, row: Any, event: list[Any], language: str) -> dict[str, Any]:
    at, step, state, actor_kind, actor_name, department_code, number, opinion, terms, items = event
    listed = history.items(row, row.id, number, bytes.fromhex(items)) if items else ()
    kind = terms.get("kind")
    return {
        "at": at,
        "step": step,
        "state": state,
        "text": _text(step, kind, language),
        "unit": departments.name(connection, department_code, language),
        "actor": {"kind": actor_kind, "name": actor_name},
        "opinion": opinion and history.opinion(row, row.id, number, bytes.fromhex(opinion)),
        "items": [{"pointer": item.pointer, "words": item.words} for item in listed],
        "until": terms.get("until"),
        "working_days": terms.get("days"),
    }


def _text(step: str, kind: str | None, language: str) -> str:
    """What happened, and of which kind it was where there are several."""
    words = STEPS[step].text[language]
    known = (STEPS[step].kinds or {}).get(kind or "")
    return words if known is None else _WITH_KIND[language].format(words, known[language])


_WITH_KIND = {"zh": "{}：{}", "en": "{}: {}"}


def listing(
    connection: Connection, caller: Resident, before: UUID | None, limit: int, language: str
) -> list[dict[str, Any]]:
    """The resident's own submissions, newest first, before the given one."""
    statement = select(submissions).where(submissions.c.applicant_id == caller.id)
    if before is not None:
        statement = statement.where(submissions.c.id < before)
    rows = connection.execute(statement.order_by(submissions.c.id.desc()).limit(limit)).all()
    return [summary(connection, row, language) for row in rows]


def summary(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    """A submission in one line of a list."""
    return {
        **_head(connection, row, language),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "expiring": row.expires_at is not None and row.expires_at < clock.now() + retention.DRAFT_WARNING,
    }


def _head(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    """What every view of a submission begins with."""
    service = services.version(connection, row.service_code, row.service_version)
    return {
        "id": row.id,
        "reference": row.reference,
        "state": row.state,
        "state_text": STATES[row.state][language],
        "service": {"code": service.code, "version": service.version, "name": service.name(language)},
        "received_at": row.received_at,
        "due": due(row),
    }
