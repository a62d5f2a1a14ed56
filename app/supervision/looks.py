"""Looks: a member of staff opens somebody's submission. Each one names a reason and is recorded."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Table, Text, insert, select
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.catalogue import services
from app.database import Work, metadata
from app.identifiers import is_reference, new_id, normal_reference
from app.people import masks
from app.people.callers import Clerk
from app.people.residents import residents
from app.people.staff import visible_departments
from app.refusals import InvalidContent, Refusal
from app.submissions import progress
from app.submissions.drafts import submissions

looks = Table(
    "looks",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # Empty when nothing was found, or nothing that this role may see: such tries are recorded too.
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id")),
)


class LookNotAllowed(Refusal):
    """This role does not open submissions at all."""


def look_up(work: Work, clerk: Clerk, reference: str, reason: str, language: str) -> dict[str, Any]:
    """Find a submission by its reference and show it masked; `submission` is None when there is none to see.

    A submission of another department looks exactly like none. Raises LookNotAllowed, InvalidContent
    (a reference whose check digits do not fit: most likely a slip on the phone).
    """
    departments = visible_departments(clerk.role, clerk.department_code)
    if departments == ():
        raise LookNotAllowed
    if not is_reference(reference):
        raise InvalidContent(errors={"/reference": [_SLIP[language]]})
    found = _find(work, normal_reference(reference), departments)
    look_id = new_id()
    work.run(
        insert(looks).values(
            id=look_id,
            at=clock.now(),
            staff_id=clerk.id,
            reference=normal_reference(reference),
            reason=reason,
            submission_id=found and found.id,
        )
    )
    return {"id": look_id, "submission": found and _masked(work, found, language)}


_SLIP = {
    "zh": "办件编号的校验位不符，请核对后重新输入",
    "en": "The check digits do not fit: please compare the reference again",
}


def _find(work: Work, reference: str, departments: tuple[str, ...] | None) -> Any:
    applicant = (residents.c.name, residents.c.document_type, residents.c.document_number, residents.c.phone)
    statement = (
        select(submissions, *applicant)
        .join(residents, residents.c.id == submissions.c.applicant_id)
        .where(submissions.c.reference == reference)
    )
    if departments is not None:
        statement = statement.where(submissions.c.department_code.in_(departments))
    return work.run(statement).one_or_none()


def _masked(work: Work, row: Any, language: str) -> dict[str, Any]:
    service = services.version(work.connection, row.service_code, row.service_version)
    return {
        **progress.summary(work.connection, row, language),
        "turn": row.turn,
        "applicant": {
            "name": masks.name(row.name),
            "document_type": row.document_type,
            "document_number": masks.document_number(row.document_number),
            "phone": row.phone and masks.phone(row.phone),
        },
        "answers": [
            {"label": service.form.label(field, language), "value": masks.anything(value)}
            for field, value in row.answers.items()
        ],
        "events": progress.timeline(work.connection, row.id, language),
    }
