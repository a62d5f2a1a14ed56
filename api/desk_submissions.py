"""Submissions at the desk: what a look-up opened is read again, and fields of it are unmasked for a while."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.schemas.desk import StaffSubmissionSchema, UnmaskingSchema, UnmaskingWishSchema
from app.refusals import InvalidContent
from app.supervision import lookups, unmaskings
from app.supervision.look_limits import LookLimitReached
from app.supervision.looks import LookNotAllowed, LookNotFound, Reason
from app.supervision.unmaskings import UnmaskingNotAllowed
from auth import guards

door = Door("desk_submissions", guards.staff, "/v1/desk/submissions", "Submissions that the desk has opened.")


@door.saves(
    "GET",
    "/<uuid:submission_id>",
    answer=StaffSubmissionSchema,
    refuses=(LookNotFound, LookNotAllowed, LookLimitReached),
)
def read_opened_submission(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """Read again, within an hour, what a look-up opened: masked, but for fields that are unmasked just now."""
    return lookups.read_again(visit.work, visit.caller, submission_id, visit.language)


@door.acts(
    "/<uuid:submission_id>/unmaskings",
    status=201,
    body=UnmaskingWishSchema,
    answer=UnmaskingSchema,
    refuses=(LookNotFound, UnmaskingNotAllowed, LookLimitReached, InvalidContent),
)
def unmask_submission(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """Be shown some fields in plain until the answer's `until`; the applicant reads who it was, and why."""
    reason = Reason(wish["reason_kind"], wish["reason"])
    return unmaskings.grant(visit.work, visit.caller, submission_id, wish["fields"], reason, visit.language)
