"""The trees' part of verification: heads that continue each other, signatures and stamps that hold, leaves that stand.

Each leaf is compared with the row of history that it was made of, so a row that was removed from the end of a chain, or
a submission that was removed altogether, is named here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from cryptography.x509 import Certificate
from sqlalchemy import Connection, RowMapping, func, select

from app import database
from app.crypto import signing_keys, suites
from app.crypto.signing_keys import PublicKey
from app.settings import settings
from app.supervision import merkle, time_stamps, tree_heads
from app.supervision.tree_heads import LATE, Leaf, tree_leaves
from app.supervision.verification import Fault, Progress


def count(since: date | None) -> int:
    """How many days `trees` will walk."""
    heads = select(func.count()).select_from(tree_heads.tree_heads)
    with database.reading() as connection:
        return int(connection.execute(heads if since is None else heads.where(_from(since))).scalar_one())


def trees(since: date | None = None) -> Iterator[Progress]:
    """Walk all published days, or those since a day, the oldest first, and tell the faults of each."""
    checked = 0
    with database.reading() as connection:
        walk = _Walk(signing_keys.public(connection), _roots())
        for head in _heads(connection, since):
            faults = [Fault(part, day=head["day"]) for part in walk.head_faults(head)]
            faults += [*_leaf_faults(connection, head, walk), *walk.late_faults(connection)]
            checked += 1
            yield Progress(checked, faults)


@dataclass
class _Walk:
    """What is remembered from day to day: the head before, and up to which rows the last days' trees reach."""

    keys: Mapping[str, PublicKey]
    roots: list[Certificate]
    before: RowMapping | None = None
    recent: deque[tuple[date, dict[UUID, int]]] = field(default_factory=lambda: deque(maxlen=LATE + 1))

    def head_faults(self, head: RowMapping) -> Iterator[str]:
        said, suite = tree_heads.statement(head), suites.hashing(head["hash_algorithm"])
        before, self.before = self.before, head
        if before is not None and not _continues(before, head):
            yield "head"
        if suite.digest(said) != head["head_hash"]:
            yield "head"
        if not self.keys[head["key_id"]].verify(said, head["signature"]):
            yield "signature"
        if head["token"] is not None and self.roots and not _stamp_holds(head["token"], said, self.roots):
            yield "time_stamp"

    def late_faults(self, connection: Connection) -> Iterator[Fault]:
        """Rows of the oldest remembered day that no tree reaches: nothing is later than the days that are remembered.

        They were written with a wrong date, by a clock that was wrong or by a hand.
        """
        if len(self.recent) <= LATE:
            return
        day = self.recent[0][0]
        window = {"start": tree_heads.midnight(day), "end": tree_heads.midnight(day + timedelta(days=1))}
        for submission_id, number, _ in connection.exec_driver_sql(tree_heads.ENDS, window):
            if all(covered.get(submission_id, 0) < number for _, covered in self.recent):
                yield Fault("unpublished", submission_id, _reference(connection, submission_id), number, day)


def _heads(connection: Connection, since: date | None) -> list[RowMapping]:
    heads, stamps = tree_heads.tree_heads, time_stamps.time_stamps
    wanted = select(heads, stamps.c.token).outerjoin(stamps, stamps.c.day == heads.c.day).order_by(heads.c.day)
    return list(connection.execute(wanted if since is None else wanted.where(_from(since))).mappings())


def _continues(before: RowMapping, head: RowMapping) -> bool:
    follows = before["day"] + timedelta(days=1) == head["day"]
    return follows and bytes(before["head_hash"]) == bytes(head["previous_hash"])


def _from(since: date) -> Any:
    return tree_heads.tree_heads.c.day >= since


def _roots() -> list[Certificate]:
    return time_stamps.trusted_roots() if settings().tsa_certificates else []


def _stamp_holds(token: bytes, said: bytes, roots: list[Certificate]) -> bool:
    try:
        time_stamps.verify(token, said, roots)
    except time_stamps.NotStamped:
        return False
    return True


def _leaf_faults(connection: Connection, head: RowMapping, walk: _Walk) -> Iterator[Fault]:
    """Leaves that are no rows of history any more, and a root that is not theirs."""
    suite, roots, reached = suites.hashing(head["hash_algorithm"]), [], dict[UUID, int]()
    blocks = select(tree_leaves).where(tree_leaves.c.day == head["day"]).order_by(tree_leaves.c.number)
    for block in connection.execute(blocks):
        packed = bytes(block.leaves)
        roots.append(merkle.root(suite, tree_heads.hashes(suite, packed)))
        leaves = tree_heads.unpacked(packed)
        reached |= {leaf.submission_id: leaf.number for leaf in leaves}
        for leaf in _fallen(connection, leaves):
            yield Fault(
                "leaf", leaf.submission_id, _reference(connection, leaf.submission_id), leaf.number, head["day"]
            )
    if merkle.root(suite, roots) != head["root"] or len(reached) != head["tree_size"]:
        yield Fault("root", day=head["day"])
    walk.recent.append((head["day"], reached))


# Which of these leaves are not in history as they are in the tree.
_FALLEN = """
SELECT l.place FROM unnest(%(ids)s::uuid[], %(numbers)s::int[], %(hashes)s::bytea[])
    WITH ORDINALITY AS l (submission_id, number, row_hash, place)
LEFT JOIN history h USING (submission_id, number)
WHERE h.row_hash IS DISTINCT FROM l.row_hash ORDER BY l.place
"""


def _fallen(connection: Connection, leaves: list[Leaf]) -> list[Leaf]:
    columns = {
        "ids": [leaf.submission_id for leaf in leaves],
        "numbers": [leaf.number for leaf in leaves],
        "hashes": [leaf.row_hash for leaf in leaves],
    }
    return [leaves[row.place - 1] for row in connection.exec_driver_sql(_FALLEN, columns)]


def _reference(connection: Connection, submission_id: UUID) -> str | None:
    found = connection.exec_driver_sql("SELECT reference FROM submissions WHERE id = %(id)s", {"id": submission_id})
    return found.scalar_one_or_none()
