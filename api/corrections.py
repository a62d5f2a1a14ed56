"""Corrections of what is wrong about me (PIPL art. 46), asked by residents, decided at the desk."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import PageQuery, after_id, page
from api.schemas.rights import (
    CorrectionDecisionSchema,
    CorrectionPageSchema,
    CorrectionSchema,
    CorrectionWishSchema,
    FullCorrectionSchema,
    MaskedCorrectionPageSchema,
    MaskedCorrectionSchema,
    RevealSchema,
)
from app.privacy import corrections
from app.privacy.corrections import (
    CorrectedByLogin,
    CorrectionDecided,
    CorrectionLimitReached,
    CorrectionNotAllowed,
    CorrectionNotFound,
)
from app.refusals import InvalidContent
from app.submissions.drafts import SubmissionNotFound
from auth import guards

door = Door("corrections", guards.residents, "/v1/corrections", "What is wrong about me.")
desk_door = Door("desk_corrections", guards.staff, "/v1/desk/corrections", "The desk verifies corrections.")


@door.acts(
    "",
    status=201,
    body=CorrectionWishSchema,
    answer=CorrectionSchema,
    refuses=(CorrectedByLogin, SubmissionNotFound, InvalidContent, CorrectionLimitReached),
)
def ask_correction(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Say what is wrong about me and what is right; staff verify it and answer with reasons."""
    return corrections.ask(visit.work, visit.caller, wish)


@door.reads("", query=PageQuery, answer=CorrectionPageSchema, refuses=(CursorInvalid,))
def list_corrections(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """My corrections, newest first."""
    before, limit = after_id(query["cursor"]), query["limit"]
    return page(corrections.listing(visit.connection, visit.caller, before, limit + 1, visit.language), limit, "id")


@door.reads("/<uuid:correction_id>", answer=CorrectionSchema, refuses=(CorrectionNotFound,))
def read_correction(visit: Visit, correction_id: UUID) -> dict[str, Any]:
    """One correction, and what came of it."""
    return corrections.show(visit.connection, visit.caller, correction_id, visit.language)


@desk_door.reads("", query=PageQuery, answer=MaskedCorrectionPageSchema, refuses=(CursorInvalid, CorrectionNotAllowed))
def list_waiting_corrections(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """The corrections that wait for an answer, oldest first, masked."""
    after, limit = after_id(query["cursor"]), query["limit"]
    return page(corrections.waiting(visit.connection, visit.caller, after, limit + 1), limit, "id")


@desk_door.reads(
    "/<uuid:correction_id>", answer=MaskedCorrectionSchema, refuses=(CorrectionNotAllowed, CorrectionNotFound)
)
def look_at_correction(visit: Visit, correction_id: UUID) -> dict[str, Any]:
    """One correction, masked."""
    return corrections.look(visit.connection, visit.caller, correction_id)


@desk_door.acts(
    "/<uuid:correction_id>/reveal",
    body=RevealSchema,
    answer=FullCorrectionSchema,
    refuses=(CorrectionNotAllowed, CorrectionNotFound),
)
def reveal_correction(visit: Visit, wish: dict[str, Any], correction_id: UUID) -> dict[str, Any]:
    """The correction in full, to verify it; the look and its reason are recorded."""
    return corrections.reveal(visit.work, visit.caller, correction_id, wish["reason"])


@desk_door.acts(
    "/<uuid:correction_id>/decision",
    body=CorrectionDecisionSchema,
    answer=MaskedCorrectionSchema,
    refuses=(CorrectionNotAllowed, CorrectionNotFound, CorrectionDecided),
)
def decide_correction(visit: Visit, wish: dict[str, Any], correction_id: UUID) -> dict[str, Any]:
    """Grant a correction, which takes effect at once, or refuse it; reasons either way."""
    return corrections.decide(visit.work, visit.caller, correction_id, wish["granted"], wish["reason"])
