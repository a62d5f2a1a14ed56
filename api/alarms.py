"""Alarms and digests: what is late, for those who handle, lead and supervise."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import after_id, page
from api.schemas.alarms import AcknowledgementOfAlarmSchema, AlarmPageSchema, AlarmQuery, DigestSchema
from app import clock
from app.supervision import alarms, digests
from app.supervision.alarms import AlarmAbove, AlarmAcknowledged, AlarmNotFound, AlarmsNotReadable
from app.supervision.digests import DigestNotFound
from auth import guards

door = Door("alarms", guards.staff, "/v1/desk/alarms", "What is due soon or overdue, and who knows.")
digest_door = Door("digests", guards.staff, "/v1/desk/digests", "The morning's summary of heads and supervisors.")


@door.reads("", query=AlarmQuery, answer=AlarmPageSchema, refuses=(CursorInvalid, AlarmsNotReadable))
def list_alarms(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Alarms, the latest first: a clerk's own, a head's department's, all for supervisors."""
    before, limit = after_id(query.pop("cursor")), query.pop("limit")
    return page(alarms.listing(visit.connection, visit.caller, query, before, limit + 1), limit, "id")


@door.acts(
    "/<uuid:alarm_id>/acknowledge",
    status=204,
    body=AcknowledgementOfAlarmSchema,
    refuses=(AlarmsNotReadable, AlarmNotFound, AlarmAbove, AlarmAcknowledged),
)
def acknowledge_alarm(visit: Visit, wish: dict[str, Any], alarm_id: UUID) -> None:
    """Say that one knows and what is done about it: the alarm climbs no further."""
    alarms.acknowledge(visit.work, visit.caller, alarm_id, wish["words"], clock.now())


@digest_door.reads("/latest", answer=DigestSchema, refuses=(DigestNotFound,))
def read_latest_digest(visit: Visit) -> dict[str, Any]:
    """This morning's digest, or the last one."""
    return digests.latest(visit.connection, visit.caller)
