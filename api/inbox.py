"""The caller's inbox."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import PageQuery, after_id, page
from api.schemas.inbox import InboxPageSchema
from auth import guards
from notifications import inbox

door = Door("inbox", guards.residents, "/v1/inbox", "Every notification I ever got.")


@door.reads("", query=PageQuery, answer=InboxPageSchema, refuses=(CursorInvalid,))
def read_inbox(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """My notifications, newest first, with the channels they were tried on."""
    before, limit = after_id(query["cursor"]), query["limit"]
    return page(inbox.listing(visit.connection, visit.caller, before, limit + 1, visit.language), limit, "id")
