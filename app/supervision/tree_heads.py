"""Tree heads: for each day one Merkle tree over the chains of all submissions that moved, and its signed head.

A leaf is the row hash with which a submission's chain ended that day, so it stands for all rows before it. The head
says day, size and root of the tree and the hash of the head before, and is signed; a time stamp comes beside it
(`time_stamps.py`). Whoever keeps one head can tell later whether any row up to that day was changed.

Leaves stay in blocks of 1,024, as 52 bytes each: submission, row number, row hash, in the order of submissions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, cast
from uuid import UUID

import structlog
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.clock import CHINA
from app.crypto import data_keys, signing_keys
from app.crypto.suites import Suite
from app.database import Work, append_only, metadata
from app.submissions import chain
from app.submissions.history import history
from app.supervision import merkle

log = structlog.get_logger()

FORMAT: Final = "onephone tree head 1"
BLOCK: Final = 1024
"""Leaves in one block: a power of two, so that a block is a subtree of its own."""

LATE: Final = 2
"""Days. A row saved so late that its day's tree was made without it goes into the tree of one of the days after."""

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7166303)")

tree_heads = Table(
    "tree_heads",
    metadata,
    Column("day", Date, primary_key=True),
    Column("tree_size", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("head_hash", LargeBinary, nullable=False),
    Column("hash_algorithm", Text, nullable=False),
    Column("key_id", Text, ForeignKey("signing_keys.id"), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("tree_size >= 0", name="tree_size"),
    info=append_only(),
)

tree_leaves = Table(
    "tree_leaves",
    metadata,
    Column("day", Date, ForeignKey("tree_heads.day"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_submission", Uuid(as_uuid=True), nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=False),
    Index("tree_leaves_day_first_submission_idx", "day", "first_submission"),
    info=append_only(),
)


class ChainIncomplete(RuntimeError):
    """Some rows are not in their chains yet: `onephone chain-history` comes first."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a submission's chain ended: the number and the hash of its last row."""

    submission_id: UUID
    number: int
    row_hash: bytes

    SIZE = 16 + 4 + 32

    def packed(self) -> bytes:
        return self.submission_id.bytes + self.number.to_bytes(4) + self.row_hash


def unpacked(block: bytes) -> list[Leaf]:
    """The leaves of a block. Raises ValueError for bytes that are none."""
    if len(block) % Leaf.SIZE:
        raise ValueError("a block of leaves has 52 bytes for each")
    places = range(0, len(block), Leaf.SIZE)
    return [
        Leaf(UUID(bytes=block[at : at + 16]), int.from_bytes(block[at + 16 : at + 20]), block[at + 20 : at + 52])
        for at in places
    ]


def hashes(suite: Suite, block: bytes) -> list[bytes]:
    """The leaf hashes of a block: what is hashed is the row hash alone, which covers submission and number."""
    return [merkle.leaf(suite, block[at + 20 : at + 52]) for at in range(0, len(block), Leaf.SIZE)]


def statement(head: Any) -> bytes:
    """What is signed and time-stamped of a head: canonical JSON, as of the chain."""
    said = {
        "format": FORMAT,
        "day": head["day"].isoformat(),
        "tree_size": head["tree_size"],
        "root": head["root"].hex(),
        "previous_hash": head["previous_hash"].hex(),
        "hash_algorithm": head["hash_algorithm"],
    }
    return chain.canonical(said)


def publish(day: date) -> bool:
    """Make a day's tree and its signed head, in one transaction; False when there is one. The day before has one.

    Raises ChainIncomplete, SealError.
    """
    suite = data_keys.suite()
    with database.work() as work:
        work.run(_ONE_AT_A_TIME)
        before = work.run(select(tree_heads).order_by(tree_heads.c.day.desc()).limit(1)).one_or_none()
        if before is not None and before.day >= day:
            return False
        packed = _moved(work.connection, day)
        blocks = [packed[at : at + BLOCK] for at in range(0, len(packed), BLOCK)]
        roots = [merkle.root(suite, hashes(suite, b"".join(block))) for block in blocks]
        head: dict[str, Any] = {
            "day": day,
            "tree_size": len(packed),
            "root": merkle.root(suite, roots),
            "previous_hash": chain.START if before is None else bytes(before.head_hash),
            "hash_algorithm": suite.hash_name,
            "made_at": clock.now(),
        }
        said = statement(head)
        key_id, signature = signing_keys.sign(work, suite, data_keys.ring(), said)
        work.run(insert(tree_heads).values(**head, head_hash=suite.digest(said), key_id=key_id, signature=signature))
        _keep(work, day, blocks, roots)
    log.info("tree_head_published", day=day.isoformat(), tree_size=len(packed), root=head["root"].hex())
    return True


def sweep(at: datetime) -> list[date]:
    """Publish every day that has ended and has no head yet, the oldest first; which these were."""
    with database.reading() as connection:
        day = _next_day(connection)
    found: list[date] = []
    while day is not None and day < clock.day_of(at):
        if publish(day):
            found.append(day)
        day += timedelta(days=1)
    return found


# Every hour and not at 00:10 only, so that a day that was missed is not missing for another one.
@jobs.tasks.periodic(cron="10 * * * *")
@jobs.task("publish_tree_heads", queueing_lock="publish_tree_heads")
def publish_missing(timestamp: int) -> None:
    """At ten past midnight in China the head of the day before; at any other hour what is missing."""
    sweep(clock.now())


def _next_day(connection: Connection) -> date | None:
    """The first day without a head; None when nothing was ever filed."""
    last = connection.execute(select(func.max(tree_heads.c.day))).scalar_one()
    if last is not None:
        return cast(date, last) + timedelta(days=1)
    first = connection.execute(select(func.min(history.c.at))).scalar_one()
    return None if first is None else clock.day_of(first)


def _moved(connection: Connection, day: date) -> list[bytes]:
    """Where the chains of all submissions that moved that day ended, packed, in the order of submissions."""
    covered = _covered(connection, day)
    start = midnight(day - timedelta(days=LATE))
    window = {"start": start, "end": midnight(day + timedelta(days=1))}
    found = []
    for submission_id, number, row_hash in connection.exec_driver_sql(ENDS, window):
        if row_hash is None:
            raise ChainIncomplete("rows of history have no hash yet: onephone chain-history")
        if covered.get(submission_id.bytes, 0) < number:
            found.append(Leaf(submission_id, number, row_hash).packed())
    return found


# Where chains ended within a time.
ENDS: Final = """
SELECT DISTINCT ON (submission_id) submission_id, number, row_hash FROM history
WHERE at >= %(start)s AND at < %(end)s ORDER BY submission_id, number DESC
"""


def _covered(connection: Connection, day: date) -> dict[bytes, int]:
    """Up to which row submissions are in the trees of the days before, as far as late rows may lie in these."""
    recent = select(tree_leaves.c.leaves).where(tree_leaves.c.day >= day - timedelta(days=LATE))
    found: dict[bytes, int] = {}
    for block in connection.execute(recent.order_by(tree_leaves.c.day)).scalars():
        for at in range(0, len(block), Leaf.SIZE):
            found[block[at : at + 16]] = int.from_bytes(block[at + 16 : at + 20])
    return found


def _keep(work: Work, day: date, blocks: list[list[bytes]], roots: list[bytes]) -> None:
    rows = [
        {
            "day": day,
            "number": number,
            "first_submission": UUID(bytes=block[0][:16]),
            "root": root,
            "leaves": b"".join(block),
        }
        for number, (block, root) in enumerate(zip(blocks, roots, strict=True))
    ]
    if rows:
        work.connection.execute(insert(tree_leaves), rows)


def midnight(day: date) -> datetime:
    """The first instant of a day in China."""
    return datetime.combine(day, time(), CHINA)
