"""My place in the queue, and when I can expect a decision."""

from __future__ import annotations

from uuid import UUID

from flask import Response

from api.answers import with_content_tag
from api.doors import Door, Visit
from api.headers import IF_NONE_MATCH
from api.schemas.queues import PlaceSchema
from app.submissions.drafts import SubmissionNotFound
from app.supervision import places
from auth import guards

door = Door("places", guards.residents, "/v1/submissions", "My place in the queue.")

_SCHEMA = PlaceSchema()


@door.reads(
    "/<uuid:submission_id>/queue",
    answer=PlaceSchema,
    headers=(IF_NONE_MATCH,),
    refuses=(SubmissionNotFound,),
    answers_also={304: "Nothing moved since."},
)
def read_place(visit: Visit, submission_id: UUID) -> Response:
    """My number, how many are before me, and between which days a decision can honestly be expected."""
    place = places.read(visit.connection, visit.caller, submission_id, visit.language)
    return with_content_tag(_SCHEMA.dump(place), "private, no-cache")
