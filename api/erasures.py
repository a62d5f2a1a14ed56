"""Closing the account and erasing what no law keeps (PIPL art. 47)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from api import answers
from api.doors import Door, Visit
from api.schemas.rights import ErasurePreviewSchema, ErasureSchema
from app.people.identity import StepUpRequired
from app.privacy import erasures
from app.privacy.erasures import ErasureNotFound, SubmissionsUnfinished
from auth import guards

door = Door("erasures", guards.residents, "/v1/erasures", "Closing my account.")
open_door = Door("open_erasures", guards.anyone, "/v1/open/erasures", "What became of an erasure.")

_ERASURE = ErasureSchema()


@door.reads("/preview", answer=ErasurePreviewSchema)
def preview_erasure(visit: Visit) -> dict[str, Any]:
    """What closing my account would erase at once, what the law keeps restricted and until when, and what stops."""
    return erasures.preview(visit.connection, visit.caller, visit.language)


@door.acts("", status=202, answer=ErasureSchema, refuses=(StepUpRequired, SubmissionsUnfinished))
def confirm_erasure(visit: Visit) -> Response:
    """Close my account now. Every login ends; what became of it is told at the address in `Location`."""
    shown = erasures.confirm(visit.work, visit.caller)
    return answers.of(_ERASURE.dump(shown), 202, headers={"Location": f"/v1/open/erasures/{shown['id']}"})


@open_door.reads("/<uuid:erasure_id>", answer=ErasureSchema, refuses=(ErasureNotFound,))
def read_erasure(visit: Visit, erasure_id: UUID) -> dict[str, Any]:
    """What was erased and what is kept until when; it names nobody."""
    return erasures.show(visit.connection, erasure_id)
