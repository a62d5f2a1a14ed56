"""Where approval systems answer."""

from __future__ import annotations

from typing import Any

from flask import request

from api.doors import Door, Visit
from api.headers import SIGNED_ID, SIGNED_TIME
from api.schemas.offices import OfficeEventSchema, OfficeTokenRequestSchema, OfficeTokenSchema, OutcomeSchema
from app.refusals import InvalidContent
from app.submissions import step_rules
from approvals import decisions
from approvals.decisions import OfficeCaseNotFound
from auth import guards, office_tokens, throttles
from auth.office_tokens import GrantUnsupported, OfficeUnproved
from auth.offices import OfficeSignatureInvalid

token_door = Door("office_tokens", guards.anyone, "/v1/offices", "Access tokens of approval systems.")
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


@token_door.handles(
    "POST",
    "/<office_code>/token",
    body=OfficeTokenRequestSchema,
    media_type="application/x-www-form-urlencoded",
    location="form",
    answer=OfficeTokenSchema,
    refuses=(OfficeUnproved, GrantUnsupported),
    throttle=throttles.OFFICE_TOKEN,
)
def issue_office_token(language: str, device: str, asked: dict[str, Any], office_code: str) -> dict[str, Any]:
    """An access token by OAuth 2.0 client credentials (RFC 6749 §4.4); errors carry its `error` codes too."""
    return office_tokens.grant(office_code, asked, request.headers.get("Authorization"))
