"""Copies: everything about me, as an archive to take along (个人信息保护法 第四十五条).

A job builds it member by member; what is written so far stands in the row, so a worker that is killed costs one member.
The archive rests in the store in pieces that we seal with a key of its own, which is sealed under the person's data
key: erasing the person erases their copies. To fetch it, a phone with a fresh login asks us, and we open it on the
way. An address at the store with a key beside it would ask every phone to decrypt a large file by itself, which
mini-programs and old browsers cannot; and a password on the ZIP is either weak or unreadable to their unpackers.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs, storage
from app.crypto import data_keys
from app.crypto.envelopes import DATA_KEY_SIZE, DataKey
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Job, Work, metadata
from app.documents.results import results
from app.documents.uploads import uploads
from app.identifiers import new_id
from app.people import identity
from app.people.callers import Resident
from app.people.residents import residents
from app.privacy import archives, held_rows, holdings, pages, removals
from app.privacy.archives import Entry
from app.refusals import NotFound, Refusal
from app.settings import settings
from app.submissions.drafts import submissions

log = structlog.get_logger()

DOWNLOAD_FRESHNESS: Final = timedelta(hours=1)
_PER_DAY = 3
_PIECES_EACH = 1_000_000

copies = Table(
    "copies",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("secret", Sealed, nullable=False, info=personal(purpose="to open the copy that its person asked for")),
    Column("plan", Sealed, nullable=False, info=personal(purpose="to know what is in the copy so far")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    CheckConstraint("state IN ('building', 'ready')", name="state"),
    CheckConstraint("done BETWEEN 0 AND total", name="done"),
    sealed_only("secret"),
    sealed_only("plan"),
    Index(None, "resident_id", "id"),
)

_SECRET, _PLAN, _PIECE = "copies.secret", "copies.plan", "copies.piece"


class CopyNotFound(NotFound):
    """No such copy of this resident, or it has expired."""


class CopyNotReady(Refusal):
    """The copy is still being made: its progress says how far it is."""


class CopyLimitReached(Refusal):
    """So many copies were made today that one of them will do."""


@dataclass
class Plan:
    """What a copy will hold and what it holds so far: `members` are (kind, id or table, name in the archive, words),
    `pieces` are (run, number, bytes) in their order."""

    members: list[list[str]]
    entries: list[dict[str, Any]]
    pieces: list[list[Any]]
    missing: list[str]

    @property
    def offset(self) -> int:
        return sum(size for _, _, size in self.pieces)


def ask(work: Work, caller: Resident) -> dict[str, Any]:
    """Have a copy of everything made; while one is being made, that one. Raises StepUpRequired, CopyLimitReached."""
    identity.require_rights(work.connection, caller)
    # One at a time, and none for an account that is being closed just now.
    work.run(select(residents.c.id).where(residents.c.id == caller.id).with_for_update())
    mine = select(copies).where(copies.c.resident_id == caller.id)
    under_way = work.run(mine.where(copies.c.state == "building").order_by(copies.c.id.desc()).limit(1)).one_or_none()
    if under_way is not None:
        return described(under_way)
    today = mine.where(copies.c.created_at > clock.now() - timedelta(days=1))
    if len(work.run(today).all()) >= _PER_DAY:
        raise CopyLimitReached
    copy_id, person_key = new_id(), data_keys.of(work.connection, caller.id)
    plan = Plan(_members(work.connection, caller.id), [], [], [])
    values = {
        "id": copy_id,
        "resident_id": caller.id,
        "state": "building",
        "done": 0,
        "total": len(plan.members),
        "size": 0,
        "secret": person_key.seal(secrets.token_bytes(DATA_KEY_SIZE), _SECRET, copy_id),
        "plan": person_key.seal(asdict(plan), _PLAN, copy_id),
        "created_at": clock.now(),
        "expires_at": clock.now() + settings().copy_life,
    }
    row = work.run(insert(copies).values(**values).returning(copies)).one()
    work.defer(_job(copy_id))
    return described(row)


def _job(copy_id: UUID) -> Job:
    return Job("build_copy", {"copy_id": str(copy_id)}, lock=f"copy:{copy_id}")


def show(connection: Connection, caller: Resident, copy_id: UUID) -> dict[str, Any]:
    """How far it is. Raises CopyNotFound."""
    return described(_own(connection, caller, copy_id))


def listing(connection: Connection, caller: Resident, before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """My copies that have not expired, newest first, before the given one."""
    statement = select(copies).where(copies.c.resident_id == caller.id, copies.c.expires_at > clock.now())
    if before is not None:
        statement = statement.where(copies.c.id < before)
    return [described(row) for row in connection.execute(statement.order_by(copies.c.id.desc()).limit(limit))]


def described(row: Any) -> dict[str, Any]:
    shown = ("id", "state", "done", "total", "created_at", "expires_at")
    return {**{name: getattr(row, name) for name in shown}, "size": row.size if row.state == "ready" else None}


def _own(connection: Connection, caller: Resident, copy_id: UUID) -> Any:
    mine = (copies.c.id == copy_id) & (copies.c.resident_id == caller.id) & (copies.c.expires_at > clock.now())
    row = connection.execute(select(copies).where(mine)).one_or_none()
    if row is None:
        raise CopyNotFound
    return row


def download(connection: Connection, caller: Resident, copy_id: UUID) -> tuple[int, Iterator[bytes]]:
    """The archive: its size in bytes, and its bytes, opened piece by piece while they are sent.

    Raises StepUpRequired, CopyNotFound, CopyNotReady, StorageAway.
    """
    identity.require_rights(connection, caller, DOWNLOAD_FRESHNESS)
    row = _own(connection, caller, copy_id)
    if row.state != "ready":
        raise CopyNotReady
    plan, key = _opened(connection, row)
    content = _content(row.id, plan, key)
    # The first piece is fetched before the answer begins, so that a store that is away can still be told.
    first = next(content)
    return row.size, _after(first, content)


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _content(copy_id: UUID, plan: Plan, key: DataKey) -> Iterator[bytes]:
    for run, number, _ in plan.pieces:
        sealed = b"".join(storage.chunks(_object(copy_id, run, number)))
        yield key.open(sealed, _PIECE, f"{run}/{number}")


def _object(copy_id: UUID, run: str, number: int) -> str:
    return f"{removals.of_copy(copy_id)}{run}/{number:06d}"


def _opened(connection: Connection, row: Any) -> tuple[Plan, DataKey]:
    """The plan of a copy, and the key to its pieces. Raises SealError."""
    person_key = data_keys.of(connection, row.resident_id)
    secret = person_key.open(row.secret, _SECRET, row.id)
    return Plan(**person_key.open(row.plan, _PLAN, row.id)), DataKey(row.id, secret, data_keys.suite())


# ——— Building it. ———


def _members(connection: Connection, person: UUID) -> list[list[str]]:
    """What the archive will hold: the data of every noun, every file, a page for people, and the list of it all."""
    told = holdings.told()
    members = [["rows", holding.table, f"data/{holding.table}.json", ""] for holding in told]
    for place, row in enumerate(connection.execute(_files(person)), 1):
        suffix = _SUFFIXES.get(row.content_type, "")
        members.append(["upload", str(row.id), f"files/{place:03d}-{_safe(row.material)}{suffix}", row.material])
    for place, row in enumerate(connection.execute(_documents(person)), 1):
        members.append(["result", str(row.submission_id), f"results/{place:03d}.pdf", row.reference])
    return [*members, ["index", "", "index.html", ""], ["manifest", "", "manifest.json", ""]]


_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "application/pdf": ".pdf"}


def _safe(material: str) -> str:
    return PurePath("".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in material)).name[:40]


def _files(person: UUID) -> Any:
    mine = (uploads.c.owner_id == person) & (uploads.c.state == "clean") & uploads.c.removed_at.is_(None)
    return select(uploads).where(mine).order_by(uploads.c.id)


def _documents(person: UUID) -> Any:
    joined = select(results.c.submission_id, results.c.key, submissions.c.reference).join(
        submissions, submissions.c.id == results.c.submission_id
    )
    return joined.where(submissions.c.applicant_id == person, results.c.kind == "document").order_by(submissions.c.id)


@jobs.task("build_copy")
def build(copy_id: str) -> None:
    """Write what is still missing of a copy, member by member. May run twice, and be killed anywhere.

    Raises StorageAway, SealError.
    """
    # Two workers on one copy would be a fault, and harm nothing: each writes under a run of its own.
    run = new_id().hex
    while _build_one(UUID(copy_id), run):
        pass


def _build_one(copy_id: UUID, run: str) -> bool:
    """Write the next member and save it; False when there is none left, or somebody else was faster."""
    with database.reading() as connection:
        row = connection.execute(select(copies).where(copies.c.id == copy_id)).one_or_none()
        if row is None or row.state != "building":
            return False
        plan, key = _opened(connection, row)
    member = plan.members[row.done]

    def put(number: int, content: bytes) -> None:
        sealed = key.seal(content, _PIECE, f"{run}/{number}")
        storage.put(_object(copy_id, run, number), bytes(sealed), "application/octet-stream")

    content = _content_of(row, plan, member)
    if content is None:
        plan.missing.append(member[2])
    else:
        written = archives.write(member[2], content, plan.offset, _PIECES_EACH * (row.done + 1), row.created_at, put)
        plan.entries.append(asdict(written.entry))
        plan.pieces += [[run, number, size] for number, size in written.pieces]
    if row.done + 1 == row.total:
        end = archives.directory([Entry(**entry) for entry in plan.entries], plan.offset, row.created_at)
        put(0, end)
        plan.pieces.append([run, 0, len(end)])
    return _save(row, plan)


def _save(row: Any, plan: Plan) -> bool:
    done = row.done + 1
    state = "ready" if done == row.total else "building"
    with database.work() as work:
        sealed = data_keys.of(work.connection, row.resident_id).seal(asdict(plan), _PLAN, row.id)
        values = {"done": done, "state": state, "size": plan.offset, "plan": sealed}
        mine = (copies.c.id == row.id) & (copies.c.done == row.done) & (copies.c.state == "building")
        return work.run(update(copies).where(mine).values(**values)).rowcount == 1 and state == "building"


def _content_of(row: Any, plan: Plan, member: list[str]) -> Iterator[bytes] | None:
    """The bytes of a member; None when what it was is gone since the copy was asked for."""
    kind, which, _, _ = member
    if kind == "rows":
        holding = next(found for found in holdings.HOLDINGS if found.table == which)
        return pages.json_of(held_rows.all_rows(holding, row.resident_id))
    if kind == "index":
        return _index(row, plan)
    if kind == "manifest":
        return iter([_manifest(row, plan)])
    key = _key_of_file(row.resident_id, kind, UUID(which))
    return None if key is None or storage.size_of(key) is None else storage.chunks(key)


def _key_of_file(person: UUID, kind: str, which: UUID) -> str | None:
    if kind == "upload":
        statement = _files(person).with_only_columns(uploads.c.key).where(uploads.c.id == which)
    else:
        statement = _documents(person).with_only_columns(results.c.key).where(results.c.submission_id == which)
    with database.reading() as connection:
        found: str | None = connection.execute(statement).scalar_one_or_none()
    return found


def _index(row: Any, plan: Plan) -> Iterator[bytes]:
    yield from pages.head(row.created_at)
    inside = {entry["name"] for entry in plan.entries}
    listed = [(name, words) for kind, _, name, words in plan.members if kind in ("upload", "result") and name in inside]
    yield from pages.files(listed)
    for holding in holdings.told():
        yield from pages.section(holding, held_rows.all_rows(holding, row.resident_id))
    yield from pages.left_out(holdings.HOLDINGS)


def _manifest(row: Any, plan: Plan) -> bytes:
    listed = [{name: entry[name] for name in ("name", "size", "sha256")} for entry in plan.entries]
    made = {"law": "个人信息保护法第四十五条", "made_at": row.created_at.astimezone(clock.CHINA).isoformat()}
    return json.dumps({**made, "files": listed, "gone_meanwhile": plan.missing}, ensure_ascii=False, indent=1).encode()


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("sweep_copies", queueing_lock="sweep_copies")
def sweep(timestamp: int) -> None:
    """Have copies built whose job got lost."""
    with database.work() as work:
        for copy_id in work.run_sql(_LOST, {"before": clock.now() - timedelta(minutes=1)}).scalars().all():
            log.warning("copy_swept", copy=str(copy_id))
            work.defer(_job(copy_id))


_LOST = """
SELECT c.id FROM copies c
WHERE c.state = 'building' AND c.created_at < %(before)s
  AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.lock = 'copy:' || c.id AND j.status IN ('todo', 'doing'))
LIMIT 500
"""
