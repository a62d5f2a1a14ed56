"""Looks: a member of staff opens somebody's submission. Each one names a reason and is recorded."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Table, Text, insert
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.catalogue import services
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import is_reference, new_id, normal_reference
from app.people import masks, residents
from app.people.callers import Clerk
from app.people.staff import visible_departments
from app.refusals import InvalidContent, Refusal
from app.submissions import drafts, progress
from app.submissions.drafts import submissions

looks = Table(
    "looks",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("reason", Sealed, nullable=False, info=personal(purpose="to account for a look; it may name a person")),
    # Empty when nothing was found, or nothing that this role may see: such tries are recorded too.
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id")),
    sealed_only("reason"),
)

REASON = "looks.reason"


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
            reason=data_keys.of_the_house().seal(reason, REASON, look_id),
            submission_id=found and found.id,
        )
    )
    return {"id": look_id, "submission": found and _masked(work, found, language)}


_SLIP = {
    "zh": "办件编号的校验位不符，请核对后重新输入",
    "en": "The check digits do not fit: please compare the reference again",
}


def _find(work: Work, reference: str, departments: tuple[str, ...] | None) -> Any:
    statement = drafts.with_key().where(submissions.c.reference == reference)
    if departments is not None:
        statement = statement.where(submissions.c.department_code.in_(departments))
    return work.run(statement).one_or_none()


def _masked(work: Work, row: Any, language: str) -> dict[str, Any]:
    service = services.version(work.connection, row.service_code, row.service_version)
    applicant = residents.person(work.connection, row.applicant_id)
    return {
        **progress.summary(work.connection, row, language),
        "turn": row.turn,
        "applicant": {
            "name": masks.name(applicant.name),
            "document_type": applicant.document_type,
            "document_number": masks.document_number(applicant.document_number),
            "phone": applicant.phone and masks.phone(applicant.phone),
        },
        "answers": [
            {"label": service.form.label(field, language), "value": masks.anything(value)}
            for field, value in drafts.answers(row).items()
        ],
        "events": progress.timeline(work.connection, row.id, language),
    }
