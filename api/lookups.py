"""Look-ups by staff: by reference, number, phone or name; shown masked, always recorded."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import after_id, cursor
from api.schemas.desk import LookSchema, LookupSchema, searched
from app.refusals import InvalidContent
from app.supervision import lookups
from app.supervision.look_limits import LookLimitReached
from app.supervision.looks import LookNotAllowed, Reason
from app.supervision.lookups import Search
from auth import guards, throttles

door = Door("lookups", guards.staff, "/v1/desk/lookups", "The desk looks submissions up.")


@door.saves(
    "POST",
    "",
    status=201,
    body=LookupSchema,
    answer=LookSchema,
    refuses=(LookNotAllowed, LookLimitReached, InvalidContent, CursorInvalid),
    throttle=throttles.LOOKUP,
)
def look_up(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Find a submission by its reference, or those of a person; every look names a reason and is recorded."""
    kind, term = searched(wish)
    search = Search(kind, term, after_id(wish["cursor"]), wish["limit"], wish["legal_reason"])
    reason = Reason(wish["reason_kind"], wish["reason"])
    found = lookups.look_up(visit.work, visit.caller, search, reason, visit.language)
    more = found["more_before"]
    return {**found, "next_cursor": None if more is None else cursor(str(more))}
