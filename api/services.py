"""Services and their guides: open to anyone, and light enough for a slow network."""

from __future__ import annotations

from typing import Any

from flask import Response

from api import guides
from api.answers import with_etag
from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.headers import IF_NONE_MATCH
from api.paging import PageQuery, after_text, page
from api.schemas.services import GuideSchema, ServicePageSchema
from app.catalogue import services
from app.catalogue.services import UNAVAILABLE
from auth import guards

door = Door("services", guards.anyone, "/v1/services", "What government does for people.")


@door.reads("", query=PageQuery, answer=ServicePageSchema, refuses=(CursorInvalid,))
def list_services(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """The services, in pages."""
    found = services.listing(visit.connection, after_text(query["cursor"]), query["limit"] + 1)
    return page([guides.summary(service, visit.language) for service in found], query["limit"], "code")


@door.reads(
    "/<code>",
    answer=GuideSchema,
    refuses=UNAVAILABLE,
    headers=(IF_NONE_MATCH,),
    answers_also={304: "The guide the client has is still current."},
)
def read_guide(visit: Visit, code: str) -> Response:
    """The guide of one service, with its form."""
    service = services.current(visit.connection, code)
    switches = services.standing(visit.connection, code).switches
    tag = f"{code}-{service.version}-{visit.language}{guides.switches_tag(switches)}"
    response = with_etag(lambda: guides.guide(service, visit.language, switches), tag)
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
