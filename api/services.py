"""Services and their guides: open to anyone, and light enough for a slow network."""

from __future__ import annotations

from typing import Any

from flask import Response

from api import guides
from api import notices as notice_doors
from api.answers import with_content_tag, with_etag
from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.headers import IF_NONE_MATCH
from api.paging import after_text, page_by_place
from api.schemas.finding import ClassesSchema, RegionOnlyQuery, ServiceQuery, SuggestionsSchema
from api.schemas.notices import NoticeSchema
from api.schemas.services import GuideSchema, ServicePageSchema
from app.catalogue import codes, services
from app.catalogue.services import UNAVAILABLE
from app.finding import search, suggestions
from app.finding.search import Filters, Found, PlaceInvalid
from app.privacy import notices
from app.privacy.notices import NoticeNotFound
from auth import guards

door = Door("services", guards.anyone, "/v1/services", "What government does for people.")

_ANYBODYS = "public, max-age=300"


@door.reads(
    "",
    query=ServiceQuery,
    answer=ServicePageSchema,
    refuses=(CursorInvalid,),
    answers_also={304: "What the client has still holds."},
)
def list_services(visit: Visit, query: dict[str, Any]) -> Response:
    """Services in pages: best first for words in `q`, else the nearest first in a region, else by code."""
    typed, limit = query["q"], query["limit"]
    found = _found(visit, typed, _filters(visit, query), after_text(query["cursor"]), limit + 1)
    items = [guides.listed(one, visit.language) for one in found]
    # What somebody types may say much about them, so no cache on the way keeps it.
    cache = _ANYBODYS if typed is None else "private, max-age=60"
    return with_content_tag(page_by_place(items, [one.place for one in found], limit), cache)


def _filters(visit: Visit, query: dict[str, Any]) -> Filters:
    regions = search.around(visit.connection, query["region"]) if query["region"] else ()
    return Filters(regions, *(query[name] for name in ("topic", "life_event", "audience", "department")))


def _found(visit: Visit, typed: str | None, filters: Filters, after: str | None, limit: int) -> list[Found]:
    try:
        if typed is None:
            return search.browse(visit.connection, filters, after, limit)
        return search.search(visit.connection, typed, filters, after, limit, visit.language == "en")
    except PlaceInvalid:
        raise CursorInvalid from None


@door.reads("/suggestions", query=RegionOnlyQuery, answer=SuggestionsSchema, answers_also={304: "It still holds."})
def suggest_services(visit: Visit, query: dict[str, Any]) -> Response:
    """What many people in a region filed within the last 30 days."""
    around = search.around(visit.connection, query["region"])
    found = suggestions.popular(visit.connection, around)
    return with_content_tag({"popular": [guides.listed(one, visit.language) for one in found]}, _ANYBODYS)


@door.reads("/classes", answer=ClassesSchema, answers_also={304: "It still holds."})
def list_classes(visit: Visit) -> Response:
    """What services can be browsed by: topics, life events and audiences."""
    sets = {"topics": codes.TOPICS, "life_events": codes.LIFE_EVENTS, "audiences": codes.AUDIENCES}
    shown = {
        name: [{"code": code, "name": words[visit.language]} for code, words in known.items()]
        for name, known in sets.items()
    }
    return with_content_tag(shown)


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


@door.reads(
    "/<code>/notice",
    answer=NoticeSchema,
    refuses=(*UNAVAILABLE, NoticeNotFound),
    headers=(IF_NONE_MATCH,),
    answers_also=notice_doors.UNCHANGED,
)
def read_service_notice(visit: Visit, code: str) -> Response:
    """What the service does with one's data: the newest notice about its current version."""
    return notice_doors.shown(notices.of_service(visit.connection, services.current(visit.connection, code)))
