"""Endings: how the rows of submissions and of persons go. Erasures and the purge call these; nobody else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, null, text, update

from app import clock
from app.crypto import data_keys
from app.database import Work, changeable_columns
from app.people.residents import residents
from app.privacy import holdings, removals
from app.privacy.holdings import AT_ONCE, AUDIT, WITH_PERSON, WITH_SUBMISSION, Holding
from app.submissions.drafts import submissions


def drop_drafts(work: Work, ids: Sequence[UUID]) -> None:
    """Erase drafts without a trace: rows, keys and files. The caller holds their row locks."""
    for holding in holdings.children_first():
        # No record of staff leads here: they are never shown a draft. Nor has a draft any history.
        if holding.of_submissions and changeable_columns(holding.of) is None:
            _delete(work, holding, ids)
    _destroy_keys(work, ids)


def empty_submissions(work: Work, ids: Sequence[UUID]) -> None:
    """Erase finished submissions whose retention ended: the keys, the files, and all that names or describes anybody.

    The bare rows stay, so that statistics still count them. The caller holds their row locks.
    """
    for holding in holdings.children_first():
        if holding.of_submissions is None:
            continue
        if holding.blanked:
            _blank(work, holding, ids)
        else:
            _delete(work, holding, ids)
    _destroy_keys(work, ids)


def drop_at_once(work: Work, person: UUID, *, but: frozenset[str] = frozenset()) -> int:
    """Erase a person's rows that nothing keeps; how many there were."""
    count = 0
    for holding in holdings.children_first():
        if holding.ends == AT_ONCE and holding.table not in but:
            _remove_files(work, holding, holding.whose, {"person": person})
            statement = text(f"DELETE FROM {holding.table} WHERE {holding.whose}")
            count += work.run(statement, {"person": person}).rowcount
    return count


def drop_person(work: Work, person: UUID) -> None:
    """Erase the person themselves, of whom no submission is left: the key first, then the rows."""
    _destroy_keys(work, [person])
    # Whoever looked stays on record; at whom is forgotten. Looks are found by what they showed, so that goes last.
    for holding in reversed(holdings.children_first()):
        if holding.ends == AUDIT and holding.blanked:
            values = {name: null() for name in holding.blanked}
            work.run(update(holding.of).values(**values).where(text(holding.whose).bindparams(person=person)))
    for holding in holdings.children_first():
        if holding.ends == WITH_PERSON and holding.table not in ("residents", "erasures"):
            work.run(text(f"DELETE FROM {holding.table} WHERE {holding.whose}"), {"person": person})
    work.run(delete(residents).where(residents.c.id == person))


def _ids(ids: Sequence[UUID]) -> dict[str, list[UUID]]:
    return {"submissions": list(ids)}


def _delete(work: Work, holding: Holding, ids: Sequence[UUID]) -> None:
    _remove_files(work, holding, str(holding.of_submissions), _ids(ids))
    work.run(text(f"DELETE FROM {holding.table} WHERE {holding.of_submissions}"), _ids(ids))


def _blank(work: Work, holding: Holding, ids: Sequence[UUID]) -> None:
    assert holding.ends == WITH_SUBMISSION
    values = {name: null() for name in holding.blanked}
    if holding.table == "submissions":
        statement = update(submissions).values(**values, erased_at=clock.now())
    else:
        statement = update(holding.of).values(**values)
    work.run(statement.where(text(str(holding.of_submissions)).bindparams(submissions=list(ids))))


def _destroy_keys(work: Work, owners: Sequence[UUID]) -> None:
    work.run(delete(data_keys.data_keys).where(data_keys.data_keys.c.owner_id.in_(owners)))


def _remove_files(work: Work, holding: Holding, condition: str, values: Mapping[str, object]) -> None:
    for prefix in holding.files:
        found = work.run(text(f"SELECT {prefix} FROM {holding.table} WHERE {condition}"), values)
        removals.ask(work, found.scalars().all())
