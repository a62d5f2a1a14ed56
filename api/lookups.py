"""Look-ups by staff: found by reference, shown masked, always recorded."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.schemas.desk import LookSchema, LookupSchema
from app.refusals import InvalidContent
from app.supervision import looks
from app.supervision.looks import LookNotAllowed
from auth import guards

door = Door("lookups", guards.staff, "/v1/desk/lookups", "The desk looks submissions up.")


@door.saves("POST", "", status=201, body=LookupSchema, answer=LookSchema, refuses=(LookNotAllowed, InvalidContent))
def look_up(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Find a submission by its reference; every look names a reason and is a record of its own."""
    asked = (wish["reference"], wish["reason"], visit.language, wish["legal_reason"])
    return looks.look_up(visit.work, visit.caller, *asked)
