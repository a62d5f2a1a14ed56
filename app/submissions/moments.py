"""Moments: a submission as a step meets it, with all that was done before. The rules of steps read nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from app.catalogue import calendars, services
from app.catalogue.services import ServiceVersion
from app.catalogue.working_days import Calendar
from app.clock import day_of
from app.submissions import drafts
from app.submissions.history import Item, Tip, history, items


@dataclass(frozen=True)
class Past:
    """One step that was taken."""

    number: int
    step: str
    at: datetime
    actor_role: str
    actor_id: UUID | None = None
    terms: tuple[tuple[str, Any], ...] = ()
    items: tuple[Item, ...] = ()

    @property
    def pointers(self) -> frozenset[str]:
        return frozenset(item.pointer for item in self.items)

    @property
    def until(self) -> date | None:
        found = dict(self.terms).get("until")
        return None if found is None else date.fromisoformat(found)


@dataclass(frozen=True)
class Moment:
    """A submission under its row lock, read with its key; `past` in the order of its history, which ends at `tip`."""

    row: Any
    service: ServiceVersion
    past: tuple[Past, ...]
    calendar: Calendar
    at: datetime
    tip: Tip | None = None

    @property
    def day(self) -> date:
        return day_of(self.at)

    @cached_property
    def answers(self) -> dict[str, Any]:
        """What was filed. Raises SealError."""
        return drafts.answers(self.row)

    def steps(self, *names: str) -> tuple[Past, ...]:
        """Those of the past with one of these names."""
        return tuple(event for event in self.past if event.step in names)


def of(connection: Connection, row: Any, at: datetime) -> Moment:
    """The moment of a submission that was read with its key. Raises SealError."""
    wanted = ("number", "step", "at", "actor_role", "actor_id", "terms", "items", "row_hash")
    statement = select(*(history.c[name] for name in wanted)).where(history.c.submission_id == row.id)
    events = connection.execute(statement.order_by(history.c.number)).all()
    past = tuple(_past(row, event) for event in events)
    service = services.version(connection, row.service_code, row.service_version)
    tip = Tip(events[-1].number, bytes(events[-1].row_hash)) if events else None
    return Moment(row, service, past, calendars.current(connection), at, tip)


def _past(row: Any, event: Any) -> Past:
    terms = tuple(sorted(event.terms.items()))
    listed = items(row, row.id, event.number, event.items)
    return Past(event.number, event.step, event.at, event.actor_role, event.actor_id, terms, listed)
