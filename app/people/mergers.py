"""Mergers: an account that nobody had proved to be anybody's turns out to be that of somebody who has one.

All that is held for it moves over, table by table, as HOLDINGS lists them: drafts, files, inbox, devices, stored
answers. What was sealed for the one is sealed for the other. Requests that were under way meanwhile may still write to
the old account, so it stays behind, empty, until its last access token is dead; then a job moves what slipped in, and
ends it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Column, Table, and_, delete, func, insert, select, update

from app import clock, database, jobs
from app.crypto import data_keys, sealed
from app.crypto.envelopes import DataKey
from app.database import Work
from app.identifiers import new_id
from app.people import residents
from app.people.residents import residents as accounts
from app.privacy import endings, holdings
from app.refusals import Refusal
from app.settings import settings
from app.submissions.drafts import submissions

log = structlog.get_logger()

_UNCHANGEABLE = frozenset({"acknowledgements", "consents"})
"""Rows that the database lets nobody change: they are written anew under the other account."""


class MergeNotPossible(Refusal):
    """One of the accounts is being closed, has become part of another one just now, or has filed something: what was
    filed stays whose it is."""


def merge(work: Work, source: UUID, target: UUID) -> None:
    """Make one account of two; `source` is the one that no login ever proved. Raises MergeNotPossible, SealError."""
    hold(work, {source, target})
    if residents.person(work.connection, source) is not None:
        raise MergeNotPossible
    _move_all(work, source, target)
    _move_phone(work, source, target)
    work.run(update(accounts).where(accounts.c.id == source).values(merged_into=target, merged_at=clock.now()))
    log.info("accounts_merged", source=str(source), target=str(target))


def hold(work: Work, ids: Collection[UUID]) -> None:
    """Lock accounts that are to change, in the order of their ids. Whoever starts a draft just now holds a share of
    such a lock: we see their work, or they wait. Raises MergeNotPossible for one that was closed, or became another."""
    if len(ids) > 1:
        # Two may become one. Their submissions first, as whoever adds a file does before they refer to its owner.
        theirs = select(submissions.c.id).where(submissions.c.applicant_id.in_(ids)).order_by(submissions.c.id)
        work.run(theirs.with_for_update(key_share=True))
    rows = work.run(select(accounts).where(accounts.c.id.in_(ids)).order_by(accounts.c.id).with_for_update()).all()
    if len(rows) != len(ids) or any(row.closed_at is not None or row.merged_into is not None for row in rows):
        raise MergeNotPossible


def _move_all(work: Work, source: UUID, target: UUID) -> int:
    """Move every row; how many there were. The caller holds the locks of both accounts."""
    keys = data_keys.of(work.connection, source), data_keys.of(work.connection, target)
    old_scope, new_scope = f"resident:{source}", f"resident:{target}"
    count = 0
    for holding in holdings.HOLDINGS:
        for column in _columns_of_persons(holding.of):
            count += _move(work, column, (source, target), keys)
        if holding.table == "idempotency_records":
            # A request that is sent again finds its answer under the account it belongs to now.
            count += _move(work, holding.of.c.scope, (old_scope, new_scope), keys)
    return count


def _columns_of_persons(table: Table) -> list[Column[Any]]:
    """The columns of a table that name a resident."""
    return [column for column in table.columns if any(key.column.table is accounts for key in column.foreign_keys)]


def _move(work: Work, column: Column[Any], who: tuple[Any, Any], keys: tuple[DataKey, DataKey]) -> int:
    table, (old, new) = column.table, who
    assert isinstance(table, Table)
    rows = work.run(select(table).where(column == old)).mappings().all()
    for row in rows:
        same = and_(*(part == row[part.name] for part in table.primary_key))
        changed: dict[str, Any] = {column.name: new}
        if table.name in _UNCHANGEABLE:
            changed["id"] = new_id()
        changed |= _resealed(table, dict(row), changed, keys)
        if table.name in _UNCHANGEABLE:
            work.run(insert(table).values(**{**row, **changed}))
            work.run(delete(table).where(same))
        elif column.primary_key and _is_taken(work, table, {**row, **changed}):
            # Of what somebody has once only, such as their WeChat, the account that stays keeps its own.
            work.run(delete(table).where(same))
        else:
            work.run(update(table).where(same).values(**changed))
    return len(rows)


def _is_taken(work: Work, table: Table, row: dict[str, Any]) -> bool:
    there = and_(*(part == row[part.name] for part in table.primary_key))
    return bool(work.run(select(func.count()).select_from(table).where(there)).scalar_one())


def _resealed(
    table: Table, row: dict[str, Any], changed: dict[str, Any], keys: tuple[DataKey, DataKey]
) -> dict[str, Any]:
    """The sealed values that the move makes unreadable: sealed with the old account's key, or for a row that is called
    otherwise now. Raises SealError."""
    (old_key, new_key), values = keys, {}
    before, after = _Row(row), _Row({**row, **changed})
    names = sealed.row_name(table, before), sealed.row_name(table, after)
    for column in sealed.sealed_columns(table):
        value = row[column.name]
        is_old = value is not None and sealed_with(value) == old_key.key_id
        if value is None or not (is_old or names[0] != names[1]):
            continue
        opening, sealing = (old_key, new_key) if is_old else (data_keys.of_the_house(),) * 2
        plain = opening.open(value, sealed.place(column), names[0])
        values[column.name] = sealing.seal(plain, sealed.place(column), names[1])
    return values


def sealed_with(value: bytes) -> UUID:
    """The id of the data key that a sealed value names in its header (see `envelopes.py`)."""
    return UUID(bytes=bytes(value[3:19]))


class _Row:
    """A row by its attributes, as `sealed.row_name` reads one."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def _move_phone(work: Work, source: UUID, target: UUID) -> None:
    phone = residents.phone(work.connection, source)
    if phone is not None and residents.phone(work.connection, target) is None:
        residents.correct_phone(work, target, phone)
    residents.correct_phone(work, source, None)


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("finish_mergers", queueing_lock="finish_mergers")
def sweep(timestamp: int) -> None:
    """End the accounts that were merged and whose last access token has died. May run twice."""
    due = select(accounts.c.id).where(accounts.c.merged_at < clock.now() - 2 * settings().access_token_life)
    with database.reading() as connection:
        ids = connection.execute(due.order_by(accounts.c.merged_at).limit(100)).scalars().all()
    for source in ids:
        with database.work() as work:
            _finish(work, source)


def _finish(work: Work, source: UUID) -> None:
    row = work.run(select(accounts).where(accounts.c.id == source).with_for_update()).one_or_none()
    if row is None:
        return
    if moved := _move_all(work, source, row.merged_into):
        log.warning("merger_moved_more", target=str(row.merged_into), rows=moved)
    endings.drop_person(work, source)
