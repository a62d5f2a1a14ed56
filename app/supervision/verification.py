"""Verification: whether history is what it was when it was written, row by row and tree by tree.

`chains` walks all submissions and `trees` all published days; both name exactly what does not hold. Who holds every
right on the database can rewrite a chain from some row to its end; the trees, whose heads were published and
time-stamped, tell that as soon as the day is over. Nothing is changed here, and the service's own login is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, select

from app import database
from app.clock import CHINA
from app.crypto import data_keys
from app.crypto.data_keys import KEY
from app.crypto.envelopes import DataKey
from app.crypto.failures import SealBroken, SealKeyMissing, SealVersionUnknown
from app.submissions import chain, chaining
from app.submissions.drafts import submissions
from app.submissions.history import history

Words = Mapping[str, str]

PARTS: Final[Mapping[str, Words]] = {
    "missing": {"zh": "缺少此行", "en": "this row is missing"},
    "orphan": {"zh": "此行不属于任何已提交的办件", "en": "this row belongs to no filed submission"},
    "link": {"zh": "与上一行不相衔接", "en": "it does not continue the row before it"},
    "facts": {
        "zh": f"与其哈希不符：{'、'.join((*chain.FACTS, *chain.LINK))} 之一被改动",
        "en": f"it is not what was hashed: one of {', '.join((*chain.FACTS, *chain.LINK))} was changed",
    },
    "personal": {
        "zh": f"个人内容与其摘要不符：{'、'.join(chain.PERSONAL)} 之一被改动",
        "en": f"its personal part is not what was hashed: one of {', '.join(chain.PERSONAL)} was changed",
    },
    "seal": {"zh": "密封的意见或清单无法打开", "en": "its sealed opinion or list does not open"},
    "key": {"zh": "未经依法删除，其数据密钥却不在", "en": "its data key is gone, without an erasure"},
    "state": {"zh": "办件状态与最后一行不符", "en": "the submission's state is not its last row's"},
    "content": {
        "zh": "申请内容的哈希与第一行所记不符",
        "en": "the hash of what was filed is not the one in the first row",
    },
    "leaf": {
        "zh": "当日哈希树中记有此行，现已不存或不同",
        "en": "it stood in that day's tree, and now it is gone or another",
    },
    "unpublished": {"zh": "此行不在任何已公布的哈希树中", "en": "it stands in no published tree"},
    "root": {"zh": "树根与其叶子不符", "en": "the day's root is not its leaves'"},
    "head": {"zh": "树头与前一日不相衔接", "en": "the day's head does not continue the day before"},
    "signature": {"zh": "树头的签名不符", "en": "the signature of the day's head does not hold"},
    "time_stamp": {"zh": "树头的时间戳不符", "en": "the time stamp of the day's head does not hold"},
}
"""What can be wrong, in words."""

_BATCH: Final = 500


@dataclass(frozen=True)
class Fault:
    """Something that does not hold. `reference` is None where the submission is erased, or gone itself."""

    part: str
    submission_id: UUID | None = None
    reference: str | None = None
    number: int | None = None
    day: date | None = None

    def told(self) -> str:
        """`260122-4839-1027-5663-63 row 3: …`, with the kind of fault as one word, in both languages."""
        which = self.reference or self.submission_id
        where = [] if which is None else [str(which)]
        where += [] if self.number is None else [f"row {self.number}"]
        where += [] if self.day is None else [self.day.isoformat()]
        words = PARTS[self.part]
        return f"{' '.join(where)}: {self.part}: {words['en']} {words['zh']}"


@dataclass(frozen=True)
class Progress:
    """How many submissions were checked so far, and the faults of the last batch."""

    checked: int
    faults: Sequence[Fault]


def count(since: date | None) -> int:
    """How many submissions `chains` will walk."""
    with database.reading() as connection:
        if since is not None:
            return len(_moved_since(connection, since))
        filed = select(func.count()).select_from(submissions).where(submissions.c.state != "draft")
        return int(connection.execute(filed).scalar_one())


def chains(since: date | None = None, with_keys: bool = True) -> Iterator[Progress]:
    """Walk the chains of all submissions, or of those that moved since a day, batch by batch.

    Without keys, what is personal is not compared with its digest. Raises KeysAway.
    """
    checked, engine = 0, database.engine()
    # One state of the database for each batch: a step taken meanwhile is no fault.
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        for batch in _batches(connection, since):
            faults = []
            rows = _by_submission(connection, batch)
            for filed in batch.filed:
                faults += _faults(filed, rows.pop(filed["id"], []), with_keys)
            faults += [Fault("orphan", one, None, row["number"]) for one in rows for row in rows[one]]
            checked += len(batch.filed)
            connection.rollback()
            yield Progress(checked, faults)


@dataclass(frozen=True)
class _Batch:
    """Filed submissions, and the ids between which no other may have a history: after, up to (None: to the end)."""

    filed: Sequence[RowMapping]
    after: UUID | None = None
    last: UUID | None = None
    ids: Sequence[UUID] | None = None


def _batches(connection: Connection, since: date | None) -> Iterator[_Batch]:
    if since is not None:
        ids = _moved_since(connection, since)
        for at in range(0, len(ids), _BATCH):
            some = ids[at : at + _BATCH]
            yield _Batch(_read(connection, submissions.c.id.in_(some)), ids=some)
        return
    after: UUID | None = None
    while True:
        further = submissions.c.id > after if after is not None else submissions.c.id.is_not(None)
        found = _read(connection, further)
        last = found[-1]["id"] if len(found) == _BATCH else None
        yield _Batch(found, after, last)
        if last is None:
            return
        after = last


def _read(connection: Connection, which: Any) -> Sequence[RowMapping]:
    c, keys = submissions.c, data_keys.data_keys
    wanted = select(c.id, c.reference, c.state, c.content_sha256, c.erased_at, *KEY)
    wanted = wanted.select_from(submissions.outerjoin(keys, keys.c.owner_id == c.id))
    wanted = wanted.where(which, c.state != "draft").order_by(c.id).limit(_BATCH)
    return connection.execute(wanted).mappings().all()


def _by_submission(connection: Connection, batch: _Batch) -> dict[UUID, list[RowMapping]]:
    c = history.c
    wanted = select(history).order_by(c.submission_id, c.number)
    if batch.ids is not None:
        wanted = wanted.where(c.submission_id.in_(batch.ids))
    if batch.after is not None:
        wanted = wanted.where(c.submission_id > batch.after)
    if batch.last is not None:
        wanted = wanted.where(c.submission_id <= batch.last)
    found: dict[UUID, list[RowMapping]] = {}
    for row in connection.execute(wanted).mappings():
        found.setdefault(row["submission_id"], []).append(row)
    return found


def _moved_since(connection: Connection, since: date) -> Sequence[UUID]:
    start = datetime.combine(since, time(), CHINA)
    moved = select(history.c.submission_id).where(history.c.at >= start).distinct()
    return connection.execute(moved.order_by(history.c.submission_id)).scalars().all()


def _faults(filed: RowMapping, rows: list[RowMapping], with_keys: bool) -> list[Fault]:
    """Everything that does not hold in one submission."""
    found = list(_broken_links(rows))
    found += [("facts", row["number"]) for row in rows if not _facts_hold(row)]
    found += _personal_faults(filed, rows, with_keys)
    if not rows:
        found.append(("missing", 1))
    elif rows[-1]["state"] != filed["state"]:
        found.append(("state", rows[-1]["number"]))
    if rows and not _content_holds(filed, rows):
        found.append(("content", 1))
    return [Fault(part, filed["id"], filed["reference"], number) for part, number in found]


def _broken_links(rows: list[RowMapping]) -> Iterator[tuple[str, int]]:
    expected, previous = 1, chain.START
    for row in rows:
        yield from (("missing", number) for number in range(expected, row["number"]))
        # What a row after a gap continued is gone; the gap is the fault.
        if row["number"] == expected and bytes(row["previous_hash"]) != previous:
            yield "link", row["number"]
        expected, previous = row["number"] + 1, bytes(row["row_hash"])


def _facts_hold(row: RowMapping) -> bool:
    try:
        facts, digest = chain.facts_of(row), bytes(row["personal_digest"])
        found = chain.row_hash(row["hash_algorithm"], facts, digest, bytes(row["previous_hash"]))
    except (SealVersionUnknown, TypeError, AttributeError):
        return False
    return found == bytes(row["row_hash"])


def _personal_faults(filed: RowMapping, rows: list[RowMapping], with_keys: bool) -> list[tuple[str, int]]:
    if filed["key_id"] is None:
        lost = [] if filed["erased_at"] else [("key", 1)]
        return lost + [("personal", row["number"]) for row in rows if any(row[name] for name in chain.PERSONAL)]
    if not with_keys:
        return []
    try:
        key = data_keys.opened(SimpleNamespace(**filed))
    except (SealBroken, SealKeyMissing):
        return [("key", 1)]
    return [(part, row["number"]) for row in rows if (part := _personal_part(key, row))]


def _personal_part(key: DataKey, row: RowMapping) -> str | None:
    """What is wrong with the personal part of a row, if anything."""
    try:
        digests = chain.field_digests(row["hash_algorithm"], key, row["number"], chaining.opened(key, row))
        holds = chain.personal_digest(row["hash_algorithm"], digests) == row["personal_digest"]
    except SealVersionUnknown:
        return "facts" if row["hash_algorithm"] not in ("sha256", "sm3") else "seal"
    except (SealBroken, SealKeyMissing):
        return "seal"
    return None if holds else "personal"


def _content_holds(filed: RowMapping, rows: list[RowMapping]) -> bool:
    """Whether the last row that came with a content (filed, corrected, completed) names the hash that stands now.

    Rows from before there was a chain name none.
    """
    said = [row["terms"]["content_sha256"] for row in rows if "content_sha256" in row["terms"]]
    return not said or said[-1] == filed["content_sha256"] or filed["erased_at"] is not None
