"""Where approval systems answer."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.headers import SIGNED_ID, SIGNED_TIME
from api.schemas.offices import OfficeEventSchema, OutcomeSchema
from app.refusals import InvalidContent
from app.submissions import step_rules
from approvals import decisions
from approvals.decisions import OfficeCaseNotFound
from auth import guards
from auth.offices import OfficeSignatureInvalid

door = Door("offices", guards.offices, "/v1/offices", "Answers of approval systems.")


@door.saves(
    "POST",
    "/<office_code>/events",
    status=202,
    body=OfficeEventSchema,
    media_type="application/cloudevents+json",
    headers=(SIGNED_ID, SIGNED_TIME),
    answer=OutcomeSchema,
    refuses=(OfficeSignatureInvalid, OfficeCaseNotFound, InvalidContent, *step_rules.REFUSALS),
)
def take_office_event(visit: Visit, event: dict[str, Any], office_code: str) -> dict[str, str]:
    """Take an office's answer; the same one any number of times, in any order."""
    return decisions.receive(visit.work, visit.caller, event)
