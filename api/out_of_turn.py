"""Out of turn: how often somebody was taken before others, by whom and why."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import after_id, page
from api.schemas.queues import OutOfTurnQuery, OutOfTurnSchema, TakePageSchema, TakesQuery
from app.supervision import out_of_turn
from app.supervision.out_of_turn import TakesNotReadable
from auth import guards

door = Door("out_of_turn", guards.staff, "/v1/supervision/out-of-turn", "Who was taken up before others, and why.")


@door.reads("", query=OutOfTurnQuery, answer=OutOfTurnSchema, refuses=(TakesNotReadable,))
def count_out_of_turn(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """How many were taken out of turn, by department, service, staff and reason."""
    return out_of_turn.counts(visit.connection, visit.caller, query, visit.language)


@door.reads("/takes", query=TakesQuery, answer=TakePageSchema, refuses=(CursorInvalid, TakesNotReadable))
def list_out_of_turn(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Each of them, the latest first, with the words that were given for it."""
    before, limit = after_id(query.pop("cursor")), query.pop("limit")
    filters = {**query, "before": before}
    return page(out_of_turn.listing(visit.connection, visit.caller, filters, limit + 1, visit.language), limit, "id")
