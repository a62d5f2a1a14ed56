"""Calendars at the desk: administrators load the days off of a year, and see whom a version touched."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import PageQuery, after_id, page
from api.schemas.calendars import (
    CalendarVersionListSchema,
    CalendarYearSchema,
    LoadedSchema,
    TouchedPageSchema,
)
from app.catalogue import calendars, publishing
from app.catalogue.calendars import CalendarNotFound, CalendarUnchanged, Year
from app.catalogue.publishing import NotAnAdministrator
from app.refusals import InvalidContent
from app.submissions import recounts
from auth import guards

door = Door("calendars", guards.staff, "/v1/desk/calendars", "Which days are worked, year by year.")

_YEAR = "/<int(min=2000, max=2999):year>"


@door.reads("", answer=CalendarVersionListSchema)
def list_calendars(visit: Visit) -> dict[str, Any]:
    """The version of each year that counts."""
    return {"items": [row._asdict() for row in calendars.counting(visit.connection)]}


@door.reads(_YEAR, answer=CalendarVersionListSchema, refuses=(CalendarNotFound,))
def list_calendar_versions(visit: Visit, year: int) -> dict[str, Any]:
    """All versions of a year, the newest first."""
    return {"items": [row._asdict() for row in calendars.versions(visit.connection, year)]}


@door.acts(
    _YEAR,
    status=201,
    body=CalendarYearSchema,
    answer=LoadedSchema,
    refuses=(NotAnAdministrator, InvalidContent, CalendarUnchanged),
)
def load_calendar(visit: Visit, wish: dict[str, Any], year: int) -> dict[str, Any]:
    """Load the official notice of a year, or a corrected one. Open submissions are counted anew within minutes."""
    actor = publishing.administrator(visit.caller)
    days_off, worked = tuple(wish["days_off"]), tuple(wish["worked"])
    version = calendars.load(visit.work, Year(year, days_off, worked, wish["title"], wish["number"]), actor)
    return {"year": year, "version": version}


@door.reads(
    f"{_YEAR}/versions/<int(min=1, max=99999):version>",
    query=PageQuery,
    answer=TouchedPageSchema,
    refuses=(CalendarNotFound, CursorInvalid, NotAnAdministrator),
)
def read_calendar_version(visit: Visit, query: dict[str, Any], year: int, version: int) -> dict[str, Any]:
    """One version, and the submissions whose dates it moved, in pages."""
    publishing.require_reader(visit.caller)
    row = calendars.version(visit.connection, year, version)
    after, limit = after_id(query["cursor"]), query["limit"]
    items = recounts.touched(visit.connection, year, version, after, limit + 1)
    return {**row._asdict(), **page(items, limit, "submission")}
