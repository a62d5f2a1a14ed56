"""Where approval systems answer."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.schemas.offices import OfficeEventSchema, OutcomeSchema
from app.refusals import InvalidContent
from approvals import decisions
from approvals.decisions import OfficeCaseNotFound
from auth import guards
from auth.offices import OfficeSignatureInvalid

door = Door("offices", guards.offices, "/v1/offices", "Answers of approval systems.")

_SIGNED_ID = {
    "in": "header",
    "name": "webhook-id",
    "required": True,
    "description": "The id of the event, the same at every try.",
    "schema": {"type": "string"},
}
_SIGNED_TIME = {
    "in": "header",
    "name": "webhook-timestamp",
    "required": True,
    "description": "Seconds since 1970 at the moment of sending; at most five minutes off.",
    "schema": {"type": "string"},
}


@door.saves(
    "POST",
    "/<office_code>/events",
    status=202,
    body=OfficeEventSchema,
    media_type="application/cloudevents+json",
    headers=(_SIGNED_ID, _SIGNED_TIME),
    answer=OutcomeSchema,
    refuses=(OfficeSignatureInvalid, OfficeCaseNotFound, InvalidContent),
)
def take_office_event(visit: Visit, event: dict[str, Any], office_code: str) -> dict[str, str]:
    """Take an office's answer; the same one any number of times, in any order."""
    return decisions.receive(visit.work, visit.caller, event)
