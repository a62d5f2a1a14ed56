"""Which notices the caller was shown."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import PageQuery, after_id, page
from api.schemas.notices import AcknowledgedSchema, AcknowledgementPageSchema, AcknowledgementWishSchema
from app.privacy import acknowledgements
from app.privacy.acknowledgements import Shown
from app.privacy.notices import NoticeNotFound
from auth import guards

door = Door("acknowledgements", guards.residents, "/v1/acknowledgements", "Which notices I was shown.")


@door.acts("", status=201, body=AcknowledgementWishSchema, answer=AcknowledgedSchema, refuses=(NoticeNotFound,))
def acknowledge_notices(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Say which versions of which notices were shown to me; no consent is given by it."""
    return {"items": acknowledgements.record(visit.work, visit.caller, shown(wish, visit.device))}


@door.reads("", query=PageQuery, answer=AcknowledgementPageSchema, refuses=(CursorInvalid,))
def list_acknowledgements(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """What I was shown, newest first."""
    before, limit = after_id(query["cursor"]), query["limit"]
    return page(acknowledgements.listing(visit.connection, visit.caller, before, limit + 1), limit, "id")


def shown(wish: dict[str, Any], device: str) -> Shown:
    """The notices of a body, each once."""
    named = dict.fromkeys((notice["code"], notice["version"]) for notice in wish.get("notices", ()))
    return Shown(tuple(named), device)
