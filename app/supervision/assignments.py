"""Assignments: which member of staff handles which submission."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Column, Connection, ForeignKey, Table, select
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.database import metadata

assignments = Table(
    "assignments",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
)


def handler_of(connection: Connection, submission_id: UUID) -> UUID | None:
    """Who handles the submission; None while it waits for somebody."""
    statement = select(assignments.c.staff_id).where(assignments.c.submission_id == submission_id)
    return connection.execute(statement).scalar_one_or_none()
