"""Queues for anyone: how far each has come, and a ledger by which to check that numbers were served in order."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.answers import with_content_tag
from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import PageQuery, after_text, page, page_by_place
from api.schemas.queues import LedgerPageSchema, OpenQueuePageSchema
from app.supervision import ledger
from app.supervision.ledger import LedgerNotFound
from auth import guards

door = Door("open_queues", guards.anyone, "/v1/open/queues", "The order of every queue, for anyone.")

# A minute: whoever refreshes while they wait is answered by a cache on the way.
_A_MINUTE = "public, max-age=60"
_UNCHANGED = {304: "What the client has still holds."}


@door.reads("", query=PageQuery, answer=OpenQueuePageSchema, refuses=(CursorInvalid,), answers_also=_UNCHANGED)
def list_open_queues(visit: Visit, query: dict[str, Any]) -> Response:
    """Every queue with its last numbers."""
    limit = query["limit"]
    items = ledger.listing(visit.connection, _after_queue(query["cursor"]), limit + 1, visit.language)
    places = [f"{item['department']} {item['service']['code']}" for item in items]
    return with_content_tag(page_by_place(items, places, limit), _A_MINUTE)


@door.reads(
    "/<department>/<service>/ledger",
    query=PageQuery,
    answer=LedgerPageSchema,
    refuses=(CursorInvalid, LedgerNotFound),
    answers_also=_UNCHANGED,
)
def read_ledger(visit: Visit, query: dict[str, Any], department: str, service: str) -> Response:
    """Every number of a queue in its order: when it came, as which one it was taken up, and how."""
    limit, after = query["limit"], _after_turn(query["cursor"])
    lines = ledger.entries(visit.connection, department, service, after, limit + 1, visit.language)
    return with_content_tag({"department": department, "service": service, **page(lines, limit, "turn")}, _A_MINUTE)


def _after_queue(given: str | None) -> tuple[str, str]:
    department, _, service = (after_text(given) or " ").partition(" ")
    return department, service


def _after_turn(given: str | None) -> int:
    known = after_text(given) or "0"
    if not known.isascii() or not known.isdigit() or len(known) > 9:
        raise CursorInvalid
    return int(known)
