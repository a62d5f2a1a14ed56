"""Regions: the tree of GB/T 2260, open to anyone, a level at a time."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.answers import with_content_tag
from api.doors import Door, Visit
from api.schemas.regions import RegionListSchema, RegionQuery
from app.catalogue import regions
from auth import guards

door = Door("regions", guards.anyone, "/v1/regions", "Provinces, cities, counties, towns and villages.")


@door.reads("", query=RegionQuery, answer=RegionListSchema, answers_also={304: "What the client has still holds."})
def list_regions(visit: Visit, query: dict[str, Any]) -> Response:
    """The regions straight below one; the provinces without `parent`."""
    return with_content_tag({"items": regions.below(visit.connection, query["parent"], visit.language)})
