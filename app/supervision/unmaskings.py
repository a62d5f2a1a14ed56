"""Unmaskings: a clerk sees some fields of a submission in plain, for minutes, for a reason that is recorded.

Being allowed to look is not being allowed to unmask: that is a right of its own (app/people/staff.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, ForeignKey, Index, Table, Text, insert
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import staff
from app.people.callers import Clerk
from app.refusals import InvalidContent, Refusal
from app.settings import settings
from app.supervision import admission, looks, sheets
from app.supervision.looks import Look, LookNotFound, Reason
from app.supervision.sheets import Opened

unmaskings = Table(
    "unmaskings",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), nullable=False),
    # JSON Pointers into the sheet, or `all`. The reason stands with the look that records the unmasking.
    Column("fields", ARRAY(Text), nullable=False),
    CheckConstraint("until > at AND cardinality(fields) > 0", name="bounded"),
    Index(None, "submission_id", "staff_id", "until"),
)


class UnmaskingNotAllowed(Refusal):
    """This role never sees more than masks."""

    is_recorded: ClassVar[bool] = True


def grant(
    work: Work, clerk: Clerk, submission_id: UUID, fields: Sequence[str], reason: Reason, language: str
) -> dict[str, Any]:
    """Let this member of staff see the fields in plain until the answer's `until`; the answer holds none of them.

    Raises UnmaskingNotAllowed, LookNotFound (no such submission, or none that this role may see), InvalidContent
    (a field that the submission does not have), LookLimitReached.
    """
    tried = Look("unmasking", "not_allowed", asked_id=submission_id)
    admission.admit(work, clerk, staff.UNMASK, UnmaskingNotAllowed, reason, tried)
    row = admission.opened(work, clerk, submission_id, clock.now() - settings().look_life)
    if row is None:
        looks.record(work, clerk, reason, Look("unmasking", "nothing", asked_id=submission_id))
        raise LookNotFound
    _check(sheets.fields_of(row), fields, language)
    now, unmasking_id = clock.now(), new_id()
    granted = {
        "id": unmasking_id,
        "submission_id": submission_id,
        "fields": [sheets.ALL] if sheets.ALL in fields else sorted(set(fields)),
        "at": now,
        "until": now + settings().unmasking_life,
    }
    work.run(insert(unmaskings).values(**granted, staff_id=clerk.id))
    looks.record(
        work,
        clerk,
        reason,
        Look("unmasking", "granted", asked_id=submission_id, shown=[row], unmasking_id=unmasking_id),
    )
    return {**granted, "submission": submission_id, "reason_kind": reason.kind}


def _check(known: frozenset[str], wished: Sequence[str], language: str) -> None:
    """Raises InvalidContent by the places in the list."""
    strange = [number for number, field in enumerate(wished) if field not in known and field != sheets.ALL]
    if strange:
        raise InvalidContent(errors={f"/fields/{number}": [_NO_SUCH_FIELD[language]] for number in strange})


_NO_SUCH_FIELD = {"zh": "办件中没有这一项", "en": "The submission has no such field"}

_LIVE = """
SELECT coalesce(array_agg(DISTINCT field), '{}') AS fields, (array_agg(u.id ORDER BY u.until DESC))[1] AS latest
FROM unmaskings u CROSS JOIN unnest(u.fields) AS field
WHERE u.submission_id = %(submission)s AND u.staff_id = %(staff)s AND u.until > %(now)s
"""


def live(work: Work, clerk: Clerk, submission_id: UUID) -> tuple[Opened, UUID | None]:
    """What this member of staff may see in plain just now, and by which unmasking.

    Nothing any more for one whose role has lost the right meanwhile.
    """
    if not staff.may(clerk.role, staff.UNMASK):
        return Opened(), None
    row = work.row(_LIVE, {"submission": submission_id, "staff": clerk.id, "now": clock.now()})
    return Opened(row.fields), row.latest
