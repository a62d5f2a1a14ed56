"""The register of processing activities, for auditors and supervisors."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.schemas.activities import RegisterSchema
from app.privacy import activities
from app.privacy.activities import RegisterNotAllowed
from auth import guards

door = Door(
    "processing_activities",
    guards.staff,
    "/v1/supervision/processing-activities",
    "What personal data are processed for (PIPL art. 55, 56).",
)


@door.reads("", answer=RegisterSchema, refuses=(RegisterNotAllowed,))
def list_processing_activities(visit: Visit) -> dict[str, Any]:
    """The whole register, in both languages, as the code and the published services say it now."""
    return {"items": activities.register_for(visit.connection, visit.caller)}
