"""Proofs: what the holder of a receipt needs to show by themselves that nothing was altered.

The rows of their chain as they were hashed, the way from the last row to the root of a day's tree, and where its signed
head is published. `verifier.py` checks it with nothing but Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select

from app import clock
from app.crypto import data_keys, suites
from app.crypto.envelopes import DataKey
from app.people.callers import Resident
from app.submissions import chain, chaining, drafts
from app.submissions.drafts import SubmissionNotFound, submissions
from app.submissions.history import history
from app.supervision import merkle
from app.supervision.tree_heads import BLOCK, LATE, Leaf, hashes, tree_heads, tree_leaves, unpacked

FORMAT: Final = "onephone proof 1"

_SHOWN: Final = ("actor_name", "items", "opinion")
"""What a resident reads of a visible row. Whose id stands beside it they are told only where it is their own."""


@dataclass(frozen=True)
class Inclusion:
    """That a submission's chain is in a day's tree: its leaf, where it is, and the way to the root."""

    day: date
    tree_size: int
    root: bytes
    hash_algorithm: str
    leaf: Leaf
    index: int
    path: list[bytes]


def of_own(connection: Connection, caller: Resident, submission_id: UUID) -> dict[str, Any]:
    """The proof of a resident's own filed submission. Raises SubmissionNotFound, SealError."""
    found = drafts.with_key().where(submissions.c.id == submission_id, submissions.c.applicant_id == caller.id)
    filed = connection.execute(found).one_or_none()
    if filed is None or filed.state == "draft":
        raise SubmissionNotFound
    rows = _rows(connection, submission_id)
    tree = inclusion(connection, submission_id, _days(rows))
    key = data_keys.opened(filed)
    return {
        "format": FORMAT,
        "submission": str(submission_id),
        "reference": filed.reference,
        "rows": [_row(key, row, caller) for row in rows],
        "tree": tree and _told(tree),
        "published_rows": tree.leaf.number if tree else 0,
    }


def inclusion(connection: Connection, submission_id: UUID, days: Iterable[date]) -> Inclusion | None:
    """The latest of these days whose tree holds the submission, with the proof; None when none does."""
    for day in sorted(days, reverse=True):
        block = _block_of(connection, day, submission_id)
        leaves = [] if block is None else unpacked(bytes(block.leaves))
        for place, leaf in enumerate(leaves):
            if leaf.submission_id == submission_id:
                return _proven(connection, block, leaf, place)
    return None


def _rows(connection: Connection, submission_id: UUID) -> list[RowMapping]:
    of_it = select(history).where(history.c.submission_id == submission_id).order_by(history.c.number)
    return list(connection.execute(of_it).mappings())


def _days(rows: Iterable[RowMapping]) -> set[date]:
    """The days in whose trees the chain can be: those on which it moved, and the few after them for late rows."""
    moved = {clock.day_of(row["at"]) for row in rows}
    return {day + timedelta(days=late) for day in moved for late in range(LATE + 1)}


def _block_of(connection: Connection, day: date, submission_id: UUID) -> Any:
    c = tree_leaves.c
    at_most = select(tree_leaves).where(c.day == day, c.first_submission <= submission_id)
    return connection.execute(at_most.order_by(c.first_submission.desc()).limit(1)).one_or_none()


def _proven(connection: Connection, block: Any, leaf: Leaf, place: int) -> Inclusion:
    c = tree_leaves.c
    head = connection.execute(select(tree_heads).where(tree_heads.c.day == block.day)).one()
    roots = connection.execute(select(c.root).where(c.day == block.day).order_by(c.number)).scalars()
    suite = suites.hashing(head.hash_algorithm)
    path = merkle.path(suite, hashes(suite, bytes(block.leaves)), place)
    path += merkle.path(suite, [bytes(root) for root in roots], block.number)
    index = block.number * BLOCK + place
    return Inclusion(head.day, head.tree_size, bytes(head.root), head.hash_algorithm, leaf, index, path)


def _told(tree: Inclusion) -> dict[str, Any]:
    return {
        "day": tree.day.isoformat(),
        "tree_size": tree.tree_size,
        "root": tree.root.hex(),
        "hash_algorithm": tree.hash_algorithm,
        "row": tree.leaf.number,
        "leaf_index": tree.index,
        "path": [step.hex() for step in tree.path],
        "head": f"/v1/open/tree-heads/{tree.day.isoformat()}",
    }


def _row(key: DataKey, row: RowMapping, caller: Resident) -> dict[str, Any]:
    """A row as it was hashed. Of one that only staff see, no more than the hashes that hold the chain together."""
    link = {"number": row["number"], "previous_hash": row["previous_hash"].hex(), "row_hash": row["row_hash"].hex()}
    if not row["visible"]:
        return link
    more = {"hash_algorithm": row["hash_algorithm"], "personal_digest": row["personal_digest"].hex()}
    return link | more | {"facts": chain.facts_of(row), "personal": _personal(key, row, caller)}


def _personal(key: DataKey, row: RowMapping, caller: Resident) -> dict[str, dict[str, Any]]:
    """Each personal field in plain with its salt where the resident may read it, otherwise its digest alone."""
    plain = chain.personal_of(chaining.opened(key, row))
    digests = chain.field_digests(row["hash_algorithm"], key, row["number"], plain)
    return {
        name: {"salt": chain.salt(key, row["number"], name), "value": value}
        if name in _SHOWN or value in (None, str(caller.id))
        else {"digest": digests[name]}
        for name, value in plain.items()
    }
