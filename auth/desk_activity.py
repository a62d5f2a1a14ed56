"""Activity at the desk: a session of staff ends when nothing was asked in it for half an hour (GB/T 22239-2019
8.1.4.1 b), whatever its tokens say.

This alone judges it, request by request and once more at a refresh; the session's own row knows only its age. Told by
the server, and cheaply: each process writes at most once a minute and session that somebody was there, so a
session ends after 29 to 30 minutes of nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Table, delete, select
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import database, jobs
from app.database import Work, metadata
from app.settings import settings
from auth import refusals

# Unlogged: after a crash of PostgreSQL staff log in anew.
desk_activity = Table(
    "desk_activity",
    metadata,
    Column("session_id", Uuid(as_uuid=True), primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)

_WRITE_EVERY = timedelta(minutes=1)
_MOST_KEPT = 10_000

_seen: dict[UUID, datetime] = {}
"""When this process last wrote that somebody was there."""

_TOUCH = """
UPDATE desk_activity SET seen_at = greatest(seen_at, %(now)s)
WHERE session_id = %(session)s AND seen_at > %(oldest)s RETURNING seen_at
"""


def _now() -> datetime:
    """Real time, as for the access tokens: who moves the clock, to rehearse a law's days, throws no clerk out."""
    return datetime.now(UTC)


def begin(work: Work, session_id: UUID) -> None:
    """A session of staff begins now."""
    values = {"session_id": session_id, "seen_at": _now()}
    work.run(insert(desk_activity).values(**values).on_conflict_do_nothing())


def is_alive(session_id: UUID) -> bool:
    """Whether somebody was there lately; they are there now. No round trip within a minute."""
    now = _now()
    seen = _seen.get(session_id)
    if seen is not None and timedelta(0) <= now - seen < min(_WRITE_EVERY, settings().staff_session_idle):
        return True
    values = {"session": session_id, "now": now, "oldest": now - settings().staff_session_idle}
    if database.again_if_away(lambda: _touched(values)) is None:
        refusals.count("desk", "idle_too_long")
        return False
    if len(_seen) >= _MOST_KEPT:
        _seen.clear()
    _seen[session_id] = now
    return True


def _touched(values: dict[str, Any]) -> Any:
    with database.reading() as connection:
        return database.row_of(connection, _TOUCH, values)


def is_idle(work: Work, session_id: UUID) -> bool:
    """Whether the session has ended for lack of anybody; asked when it is to be kept alive."""
    oldest = _now() - settings().staff_session_idle
    fresh = (desk_activity.c.session_id == session_id) & (desk_activity.c.seen_at > oldest)
    found: Any = work.run(select(desk_activity.c.seen_at).where(fresh)).one_or_none()
    return found is None


@jobs.tasks.periodic(cron="29 * * * *")
@jobs.task("purge_desk_activity", queueing_lock="purge_desk_activity")
def purge(timestamp: int) -> None:
    """Forget sessions that ended long ago."""
    with database.work() as work:
        work.run(delete(desk_activity).where(desk_activity.c.seen_at < _now() - timedelta(days=1)))
