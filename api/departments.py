"""Departments: the tree of government offices, open to anyone, a level at a time."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.answers import with_content_tag
from api.doors import Door, Visit
from api.schemas.regions import DepartmentListSchema, DepartmentQuery
from app.catalogue import departments
from auth import guards

door = Door("departments", guards.anyone, "/v1/departments", "Government offices.")


@door.reads(
    "", query=DepartmentQuery, answer=DepartmentListSchema, answers_also={304: "What the client has still holds."}
)
def list_departments(visit: Visit, query: dict[str, Any]) -> Response:
    """The departments straight below one, or those of a region; those at the top without either."""
    found = departments.below(visit.connection, query["parent"], query["region"], visit.language)
    return with_content_tag({"items": found})
