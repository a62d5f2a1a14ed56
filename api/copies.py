"""A copy of everything about me (PIPL art. 45): asked for, followed, fetched."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from api import answers
from api.answers import with_etag
from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.headers import IF_NONE_MATCH
from api.paging import PageQuery, after_id, page
from api.schemas.rights import CopyPageSchema, CopySchema
from app.people.identity import StepUpRequired
from app.privacy import archives, copies
from app.privacy.copies import CopyLimitReached, CopyNotFound, CopyNotReady
from auth import guards

door = Door("copies", guards.residents, "/v1/copies", "A copy of everything about me.")

_COPY = CopySchema()


@door.acts("", status=202, answer=CopySchema, refuses=(StepUpRequired, CopyLimitReached))
def ask_copy(visit: Visit) -> Response:
    """Have a copy of everything about me made; follow it at the address in `Location` until it is ready."""
    shown = copies.ask(visit.work, visit.caller)
    return answers.of(_COPY.dump(shown), 202, headers={"Location": f"/v1/copies/{shown['id']}"})


@door.reads("", query=PageQuery, answer=CopyPageSchema, refuses=(CursorInvalid,))
def list_copies(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """My copies that have not expired, newest first."""
    before, limit = after_id(query["cursor"]), query["limit"]
    return page(copies.listing(visit.connection, visit.caller, before, limit + 1), limit, "id")


@door.reads(
    "/<uuid:copy_id>",
    answer=CopySchema,
    headers=(IF_NONE_MATCH,),
    refuses=(CopyNotFound,),
    answers_also={304: "No further than before."},
)
def read_copy(visit: Visit, copy_id: UUID) -> Response:
    """How far the making of a copy is."""
    shown = copies.show(visit.connection, visit.caller, copy_id)
    return with_etag(lambda: _COPY.dump(shown), f"{shown['done']}-{shown['total']}")


@door.reads(
    "/<uuid:copy_id>/archive",
    produces=archives.MIME,
    refuses=(CopyNotFound, CopyNotReady, StepUpRequired),
)
def fetch_copy(visit: Visit, copy_id: UUID) -> Response:
    """The archive itself, a ZIP file, opened for its person alone while it is sent."""
    size, content = copies.download(visit.connection, visit.caller, copy_id)
    named = {"Content-Length": str(size), "Content-Disposition": 'attachment; filename="my-data.zip"'}
    return Response(content, 200, named, archives.MIME)
