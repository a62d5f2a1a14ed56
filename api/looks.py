"""Records of looks: all of them for auditors, those of their own submissions for residents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import PageQuery, after_id, page
from api.schemas.looks import LookQuery, OwnLookPageSchema, StaffLookPageSchema
from app.submissions.drafts import SubmissionNotFound
from app.supervision import look_records
from app.supervision.look_records import LooksNotReadable
from auth import guards

door = Door("looks", guards.staff, "/v1/supervision/looks", "Who looked at what, and why.")
own_door = Door("own_looks", guards.residents, "/v1/submissions", "Who looked at my submissions.")


@door.reads("", query=LookQuery, answer=StaffLookPageSchema, refuses=(CursorInvalid, LooksNotReadable))
def list_looks(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Looks of staff, the latest first: all, or those of one person, at one submission, of some time."""
    before, limit = after_id(query.pop("cursor")), query.pop("limit")
    filters = {**query, "before": before}
    return page(look_records.listing(visit.connection, visit.caller, filters, limit + 1, visit.language), limit, "id")


@own_door.reads(
    "/<uuid:submission_id>/looks",
    query=PageQuery,
    answer=OwnLookPageSchema,
    refuses=(CursorInvalid, SubmissionNotFound),
)
def list_own_looks(visit: Visit, query: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """Who of the staff looked at this submission of mine, when, as what, and why."""
    before, limit = after_id(query["cursor"]), query["limit"]
    args = (visit.connection, visit.caller, submission_id, before, limit + 1, visit.language)
    return page(look_records.of_own(*args), limit, "id")
