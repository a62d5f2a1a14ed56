"""Looks: a member of staff searches for somebody, or opens their submission. Each one names a reason and is recorded.

A record says who, when, by what kind of search, why, and whose submissions were shown. It never holds what was
typed, only its blind index. Tries that found or were allowed nothing are recorded too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, require_sealed, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people.callers import Clerk
from app.refusals import NotFound, Refusal

KINDS = (
    "reference",
    "document_number",
    "phone",
    "name",
    "submission",
    "reading",
    "unmasking",
    "correction",
    "handling",
)
"""By what somebody was looked for; `submission` opens one of a list, `reading` reads an opened one again, `unmasking`
asks to see fields in plain, `correction` reads what somebody wants corrected, with whom it is about, and `handling`
opens what somebody handles, or tries a step on it."""

OUTCOMES = ("shown", "listed", "nothing", "too_many", "restricted", "granted", "not_allowed", "limited")

REASON_KINDS: dict[str, dict[str, str]] = {
    "inquiry": {"zh": "办事人咨询", "en": "The applicant asked"},
    "handling": {"zh": "办理业务", "en": "Handling the submission"},
    "verification": {"zh": "核对材料", "en": "Checking what was filed"},
    "complaint": {"zh": "处理投诉", "en": "Answering a complaint"},
    "supervision": {"zh": "监督检查", "en": "Supervision"},
    "other": {"zh": "其他", "en": "Other"},
}
"""What the resident reads as the reason; the clerk's own words are for auditors."""

looks = Table(
    "looks",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    # As they were then: people change their post.
    Column("role", Text, nullable=False),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason_kind", Text, nullable=False),
    Column("reason", Sealed, nullable=False, info=personal(purpose="to account for a look; it may name a person")),
    # The blind index of what was typed, so that a search for one person can be found again, also when it failed.
    Column("term_index", LargeBinary),
    # The id that was asked for, perhaps of nothing: hence no foreign key.
    Column("asked_id", Uuid(as_uuid=True)),
    # The fields that were shown in plain, as JSON Pointers; empty when all were masked.
    Column("plain_fields", ARRAY(Text), nullable=False, server_default="{}"),
    Column("unmasking_id", Uuid(as_uuid=True), ForeignKey("unmaskings.id")),
    CheckConstraint(f"kind IN {KINDS}", name="kind"),
    CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
    CheckConstraint(f"reason_kind IN {tuple(REASON_KINDS)}", name="reason_kind"),
    sealed_only("reason"),
    Index(None, "staff_id", "id"),
)

looks_shown = Table(
    "looks_shown",
    metadata,
    Column("look_id", Uuid(as_uuid=True), ForeignKey("looks.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    # Empty when the person has been erased since.
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id")),
    # Empty when the look was at the person, and not at one of their submissions.
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id")),
    Index(None, "submission_id", "look_id"),
    Index(None, "resident_id", "look_id"),
)
"""Whose submissions a look showed, in the order of its list."""

REASON = "looks.reason"


class LookNotAllowed(Refusal):
    """This role does not open submissions at all."""

    is_recorded: ClassVar[bool] = True


class LookNotFound(NotFound):
    """No submission that this member of staff has opened lately and may still see."""

    is_recorded: ClassVar[bool] = True


@dataclass(frozen=True)
class Reason:
    """Why somebody looks: one of REASON_KINDS, and their own words."""

    kind: str
    words: str


@dataclass(frozen=True)
class OfPerson:
    """What a look showed when it was no submission."""

    applicant_id: UUID
    id: UUID | None = None


@dataclass(frozen=True)
class Look:
    """What there is to record about one look besides who and when. `shown` are submissions as rows, or OfPerson."""

    kind: str
    outcome: str
    term_index: bytes | None = None
    asked_id: UUID | None = None
    shown: Sequence[Any] = ()
    plain_fields: Collection[str] = ()
    unmasking_id: UUID | None = None


# The look and all it showed in one round trip.
_RECORD = """
WITH look AS (
    INSERT INTO looks (id, at, staff_id, role, department_code, kind, outcome, reason_kind, reason, term_index,
                       asked_id, plain_fields, unmasking_id)
    VALUES (%(id)s, %(at)s, %(staff)s, %(role)s, %(department)s, %(kind)s, %(outcome)s, %(reason_kind)s, %(reason)s,
            %(term_index)s, %(asked_id)s, %(plain_fields)s, %(unmasking)s)
)
INSERT INTO looks_shown (look_id, number, resident_id, submission_id)
SELECT %(id)s, number, resident_id, submission_id
FROM unnest(%(residents)s::uuid[], %(submissions)s::uuid[])
     WITH ORDINALITY AS shown (resident_id, submission_id, number)
"""


def record(work: Work, clerk: Clerk, reason: Reason, look: Look) -> UUID:
    """Keep a look; its id."""
    look_id = new_id()
    sealed = data_keys.of_the_house().seal(reason.words, REASON, look_id)
    values = {
        "id": look_id,
        "at": clock.now(),
        "staff": clerk.id,
        "role": clerk.role,
        "department": clerk.department_code,
        "kind": look.kind,
        "outcome": look.outcome,
        "reason_kind": reason.kind,
        "reason": require_sealed(sealed),
        "term_index": look.term_index,
        "asked_id": look.asked_id,
        "plain_fields": sorted(look.plain_fields),
        "unmasking": look.unmasking_id,
        "residents": [row.applicant_id for row in look.shown],
        "submissions": [row.id for row in look.shown],
    }
    work.run_sql(_RECORD, values)
    return look_id


def reason_in_words(row: Any) -> str:
    """The words of a look as they were typed. Raises SealError."""
    return data_keys.of_the_house().open_text(row.reason, REASON, row.id)


_STANDING = """
SELECT l.id, l.reason_kind, l.reason FROM looks_shown shown JOIN looks l ON l.id = shown.look_id
WHERE shown.submission_id = %(submission)s AND l.staff_id = %(staff)s AND l.at > %(since)s AND l.kind <> 'reading'
  AND l.outcome IN ('shown', 'granted')
ORDER BY l.id DESC LIMIT 1
"""


def standing_reason(work: Work, clerk: Clerk, submission_id: UUID, since: Any) -> Reason | None:
    """The reason with which this member of staff last opened the submission, if that was after `since`."""
    row = work.row(_STANDING, {"submission": submission_id, "staff": clerk.id, "since": since})
    return None if row is None else Reason(row.reason_kind, reason_in_words(row))
