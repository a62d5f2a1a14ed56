"""Removals: files of erased things, on their way out of the store.

A row is written in the same transaction as the erasure, so neither is done without the other; a job then removes the
files. A phone may still hold a form that stores bytes again, so each is removed a second time after the forms expire.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Column, DateTime, Table, Text, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs, storage
from app.database import Job, Work, metadata
from app.settings import settings

_BATCH = 100
_MARGIN = timedelta(minutes=1)

removals = Table(
    "removals",
    metadata,
    Column("prefix", Text, primary_key=True),
    Column("removed_at", DateTime(timezone=True)),
    Column("again_at", DateTime(timezone=True), nullable=False),
)


def of_upload(upload_id: UUID) -> tuple[str, str]:
    """Where the bytes of an upload may lie: what a phone posted, and every checked copy."""
    return f"incoming/{upload_id}", f"clean/{upload_id}/"


def of_copy(copy_id: UUID) -> str:
    return f"copies/{copy_id}/"


def ask(work: Work, prefixes: Iterable[str]) -> int:
    """Have every object removed whose key begins so, once this work is saved; how many prefixes."""
    again_at = clock.now() + settings().upload_slot_life + _MARGIN
    rows = [{"prefix": prefix, "again_at": again_at} for prefix in sorted(set(prefixes))]
    if rows:
        statement = insert(removals).values(rows)
        again = {"removed_at": None, "again_at": again_at}
        work.run(statement.on_conflict_do_update(index_elements=["prefix"], set_=again))
        work.defer(Job("remove_files", {}, lock="remove_files"))
    return len(rows)


@jobs.task("remove_files")
def run() -> None:
    """Remove what waits to be removed. May run twice, and be killed anywhere. Raises StorageAway."""
    while due := _due():
        for prefix, is_last in due:
            storage.remove_all(prefix)
            _note(prefix, is_last)


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("sweep_removals", queueing_lock="sweep_removals")
def sweep(timestamp: int) -> None:
    """The second removal, and any whose job got lost."""
    run()


def _due() -> list[tuple[str, bool]]:
    now = clock.now()
    waiting = or_(removals.c.removed_at.is_(None), removals.c.again_at <= now)
    statement = select(removals).where(waiting).order_by(removals.c.prefix).limit(_BATCH)
    with database.reading() as connection:
        return [(row.prefix, row.again_at <= now) for row in connection.execute(statement)]


def _note(prefix: str, is_last: bool) -> None:
    mine = removals.c.prefix == prefix
    with database.work() as work:
        if is_last:
            work.run(delete(removals).where(mine, removals.c.again_at <= clock.now()))
        else:
            work.run(update(removals).where(mine).values(removed_at=clock.now()))
