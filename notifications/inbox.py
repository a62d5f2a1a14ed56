"""Inbox: every notification a resident ever got, and over which channels it was tried."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.catalogue import departments, services
from app.clock import CHINA
from app.crypto import data_keys
from app.database import metadata
from app.people.callers import Resident
from app.submissions.drafts import submissions
from app.submissions.history import history, opinion
from notifications import account_notices, messages
from notifications.messages import Facts

ATTEMPT_STATES = ("sending", "accepted", "refused", "unknown", "skipped")

# One row per person and event: the unique key is what makes a second notification of one event impossible.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("submission_id", Uuid(as_uuid=True), nullable=False),
    Column("number", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(
        ["submission_id", "number"],
        ["history.submission_id", "history.number"],
        name="notifications_event_fk",
    ),
    UniqueConstraint("submission_id", "number"),
    Index(None, "resident_id", "id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("notification_id", Uuid(as_uuid=True), ForeignKey("notifications.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("detail", Text),
    Column("receipt", JSONB),
    Column("at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"state IN {ATTEMPT_STATES}", name="state"),
)


def listing(
    connection: Connection, caller: Resident, before: UUID | None, limit: int, language: str
) -> list[dict[str, Any]]:
    """The resident's notifications, newest first, before the given one: about submissions and about the account."""
    statement = _with_facts().where(notifications.c.resident_id == caller.id)
    if before is not None:
        statement = statement.where(notifications.c.id < before)
    rows = connection.execute(statement.order_by(notifications.c.id.desc()).limit(limit)).all()
    tries = _attempts_of(connection, [row.id for row in rows])
    about_submissions = [_shown(connection, row, tries.get(row.id, []), language) for row in rows]
    about_me = account_notices.listing(connection, caller, before, limit, language)
    # Ids are made in the order of time, so two lists become one.
    return sorted(about_submissions + about_me, key=lambda item: item["id"], reverse=True)[:limit]


def facts_of(connection: Connection, notification_id: UUID, language: str) -> tuple[Any, Facts]:
    """The row of a notification with what its message may tell."""
    row = connection.execute(_with_facts().where(notifications.c.id == notification_id)).one()
    return row, _facts(connection, row, language)


def _with_facts() -> Any:
    about = (submissions.c.reference, submissions.c.service_code, submissions.c.service_version)
    due = (submissions.c.acceptance_due, submissions.c.decision_due)
    step = (history.c.step, history.c.at, history.c.department_code, history.c.opinion)
    return (
        select(notifications, *about, *due, *step, *data_keys.KEY)
        .join(submissions, submissions.c.id == notifications.c.submission_id)
        .join(
            history,
            (history.c.submission_id == notifications.c.submission_id) & (history.c.number == notifications.c.number),
        )
        .outerjoin(data_keys.data_keys, data_keys.data_keys.c.owner_id == notifications.c.submission_id)
    )


def _facts(connection: Connection, row: Any, language: str) -> Facts:
    return Facts(
        step=row.step,
        service=services.version(connection, row.service_code, row.service_version).name(language),
        reference=row.reference,
        unit=departments.name(connection, row.department_code, language),
        acceptance=row.acceptance_due.isoformat(),
        decision=row.decision_due.isoformat(),
        opinion=opinion(row, row.submission_id, row.number, row.opinion) or "",
        at=f"{row.at.astimezone(CHINA):%Y年%-m月%-d日 %H:%M}",
    )


def _shown(connection: Connection, row: Any, tries: list[Any], language: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at,
        "title": messages.title(row.step, language),
        "text": messages.text(_facts(connection, row, language), language),
        "kind": "progress",
        "submission": row.submission_id,
        "reference": row.reference,
        "channels": [{"channel": attempt.channel, "state": attempt.state} for attempt in tries],
    }


def _attempts_of(connection: Connection, ids: list[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for row in connection.execute(select(attempts).where(attempts.c.notification_id.in_(ids))):
        found.setdefault(row.notification_id, []).append(row)
    return found
