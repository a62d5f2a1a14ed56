"""Imports: a province's items from exchange files, as drafts, in batches that are each saved whole or not at all.

How far an import has come is saved with each batch. Killed anywhere and run again it goes on after the last batch, and
nothing is there twice. What can not be taken is kept as faults, and written as rows of `dn_audit_abnormal`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, DateTime, ForeignKey, Integer, Row, Table, Text, select, update
from sqlalchemy.dialects.postgresql import insert

from app import clock, database
from app.catalogue import exchange, services, validation
from app.catalogue.editions import ServiceVersion, sha256_of
from app.catalogue.exchange import DELETION, RowBroken, TaskRows
from app.catalogue.exchange_files import Folder
from app.catalogue.mistakes import Fault
from app.catalogue.publishing import OwnDraft
from app.catalogue.validation import Surroundings
from app.database import Work, metadata
from app.finding import index

catalogue_imports = Table(
    "catalogue_imports",
    metadata,
    Column("key", Text, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("done", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
)

catalogue_import_faults = Table(
    "catalogue_import_faults",
    metadata,
    Column("import_key", Text, ForeignKey("catalogue_imports.key"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("row_guid", Text, nullable=False),
    Column("err_type", Text, nullable=False),
    Column("err_pointer", Text, nullable=False),
    Column("err_desc", Text, nullable=False),
)

BATCH = 500
_MOVED_AT_ONCE = 5000

ABNORMAL = "dn_audit_abnormal.csv"


class ImportRunsElsewhere(SystemExit):
    """Somebody else imports the same files at this moment."""


@dataclass(frozen=True)
class Item:
    """One item that may be kept: `number` counts from 1 in its file."""

    number: int
    row_guid: str
    definition: dict[str, Any]


@dataclass(frozen=True)
class Rejected:
    """One item that can not be taken, with the first reason."""

    number: int
    row_guid: str
    fault: Fault


def run(folder: Folder, actor: str, told: Callable[[int], None], resumed: Callable[[int], None]) -> Row[Any]:
    """Import what is not imported yet; the import's row, with what became of everything.

    `told` hears how many are done. Raises ImportRunsElsewhere.
    """
    with database.work() as work:
        done = _begin(work, folder.key, actor)
        around = validation.surroundings(work.connection)
    resumed(done)
    judge = _judge(around)
    for batch in _batches(folder, done, judge):
        with database.work() as work:
            _save(work, folder.key, actor, done, batch)
        done += len(batch)
        told(done)
    with database.work() as work:
        finished = update(catalogue_imports).where(catalogue_imports.c.key == folder.key)
        return work.run(finished.values(finished_at=clock.now()).returning(catalogue_imports)).one()


def _begin(work: Work, key: str, actor: str) -> int:
    counts = {"done": 0, "kept": 0, "unchanged": 0, "rejected": 0}
    begun = insert(catalogue_imports).values(key=key, actor=actor, started_at=clock.now(), **counts)
    work.run(begun.on_conflict_do_nothing())
    return int(work.run(select(catalogue_imports.c.done).where(catalogue_imports.c.key == key)).scalar_one())


Judge = Callable[[int, str, TaskRows | RowBroken], Item | Rejected]


def _judge(around: Surroundings) -> Judge:
    def judge(number: int, row_guid: str, task: TaskRows | RowBroken) -> Item | Rejected:
        if isinstance(task, RowBroken):
            return Rejected(number, row_guid, task.fault)
        if str(task.basic.get("cd_operation")) == DELETION:
            words = ("删除须由人工下架（withdraw）", "a deletion is done by hand: withdraw")
            return Rejected(number, row_guid, Fault("/cd_operation", "deletion", *words))
        try:
            definition = exchange.definition_of(task)
        except RowBroken as error:
            return Rejected(number, row_guid, error.fault)
        faults = validation.faults(definition, around)
        return Rejected(number, row_guid, faults[0]) if faults else Item(number, row_guid, definition)

    return judge


def _batches(folder: Folder, done: int, judge: Judge) -> Iterator[list[Item | Rejected]]:
    batch: list[Item | Rejected] = []
    for number, (row_guid, task) in enumerate(folder.tasks(done), done + 1):
        batch.append(judge(number, row_guid, task))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


_INCOMING = """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    number int, row_guid text, code text, version int, department text, definition jsonb, sha256 text,
    effective_from date, effective_until date
) ON COMMIT DELETE ROWS
"""

_SERVICES = """
INSERT INTO services (code, department_code)
SELECT DISTINCT ON (code) code, department FROM incoming ORDER BY code, version ON CONFLICT DO NOTHING
"""

# What was reviewed or published with another content stands; a second row for the same version is a fault too.
_REFUSED = """
DELETE FROM incoming USING (
    SELECT i.number, v.state FROM incoming i
    JOIN service_versions v ON v.service_code = i.code AND v.version = i.version
    WHERE v.state <> 'draft' AND v.sha256 IS DISTINCT FROM i.sha256
    UNION ALL
    SELECT i.number, 'twice' FROM incoming i
    WHERE EXISTS (SELECT FROM incoming o WHERE o.code = i.code AND o.version = i.version AND o.number < i.number)
) refused WHERE incoming.number = refused.number
RETURNING incoming.number, incoming.row_guid, refused.state
"""

_VERSIONS = """
WITH kept AS (
    INSERT INTO service_versions AS v (service_code, version, definition, sha256, state, effective_from,
        effective_until, drafted_by, drafted_at, import_key)
    SELECT code, version, definition, sha256, 'draft', effective_from, effective_until,
        %(actor)s, %(now)s, %(key)s FROM incoming
    ON CONFLICT (service_code, version) DO UPDATE SET
        definition = excluded.definition, sha256 = excluded.sha256, effective_from = excluded.effective_from,
        effective_until = excluded.effective_until, drafted_by = excluded.drafted_by,
        drafted_at = excluded.drafted_at, import_key = excluded.import_key
    WHERE v.state = 'draft' AND v.sha256 IS DISTINCT FROM excluded.sha256
    RETURNING v.service_code, v.version, v.sha256
), recorded AS (
    INSERT INTO catalogue_records (id, at, actor, action, service_code, version, details)
    SELECT gen_random_uuid(), %(now)s, %(actor)s, 'imported', service_code, version,
        jsonb_build_object('sha256', sha256, 'import', %(key)s::text) FROM kept
)
SELECT count(*) AS kept FROM kept
"""

_DONE = """
UPDATE catalogue_imports SET done = %(after)s, kept = kept + %(kept)s, unchanged = unchanged + %(unchanged)s,
    rejected = rejected + %(rejected)s
WHERE key = %(key)s AND done = %(before)s RETURNING done
"""


def _save(work: Work, key: str, actor: str, before: int, batch: Sequence[Item | Rejected]) -> None:
    items = [one for one in batch if isinstance(one, Item)]
    rejected = [one for one in batch if isinstance(one, Rejected)]
    _copy(work, items)
    work.run_sql(_SERVICES, {})
    rejected += [Rejected(row.number, row.row_guid, _taken(row.state)) for row in work.run_sql(_REFUSED, {})]
    kept: int = work.run_sql(_VERSIONS, {"actor": actor, "now": clock.now(), "key": key}).one().kept
    if rejected:
        _keep_faults(work, key, rejected)
    counts = {"kept": kept, "rejected": len(rejected), "unchanged": len(batch) - kept - len(rejected)}
    values = {**counts, "key": key, "before": before, "after": before + len(batch)}
    if work.run_sql(_DONE, values).one_or_none() is None:
        raise ImportRunsElsewhere("These files are being imported by another process.")


def _copy(work: Work, items: Sequence[Item]) -> None:
    work.run_sql(_INCOMING, {})
    driver: Any = work.connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("COPY incoming FROM STDIN") as copy:
        for item in items:
            copy.write_row(_row(item))


def _row(item: Item) -> tuple[Any, ...]:
    edition = ServiceVersion(item.definition["code"], item.definition["version"], item.definition)
    content = json.dumps(item.definition, ensure_ascii=False)
    days: tuple[date | None, date | None] = (edition.effective_from, edition.effective_until)
    head = (item.number, item.row_guid, edition.code, edition.version, edition.department_code)
    return (*head, content, sha256_of(item.definition), *days)


def _taken(state: str) -> Fault:
    if state == "twice":
        return Fault("/task_version", "twice", "同一版本出现两次", "this version is there twice")
    words = (f"该版本已是 {state} 状态，内容不同，请提高版本号", f"this version is {state} already: raise task_version")
    return Fault("/task_version", "version_taken", *words)


def _keep_faults(work: Work, key: str, rejected: Sequence[Rejected]) -> None:
    rows = [
        {
            "import_key": key,
            "number": one.number,
            "row_guid": one.row_guid[:100],
            "err_type": one.fault.code,
            "err_pointer": one.fault.pointer,
            "err_desc": f"{one.fault.zh} · {one.fault.en}",
        }
        for one in rejected
    ]
    work.connection.execute(insert(catalogue_import_faults), rows)


def latest(connection: Connection, limit: int) -> list[Row[Any]]:
    """The imports that began last, newest first."""
    return list(
        connection.execute(select(catalogue_imports).order_by(catalogue_imports.c.started_at.desc()).limit(limit))
    )


def write_abnormal(connection: Connection, key: str, path: Path) -> int:
    """Write the rejected rows of an import as `dn_audit_abnormal`; how many."""
    columns = ("row_guid", "err_type", "err_pointer", "err_desc")
    statement = select(*(catalogue_import_faults.c[name] for name in columns))
    rows = connection.execute(
        statement.where(catalogue_import_faults.c.import_key == key).order_by(catalogue_import_faults.c.number)
    ).all()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([columns, *map(tuple, rows)])
    return len(rows)


_MOVE = """
WITH wanted AS (
    SELECT service_code, version FROM service_versions WHERE import_key = %(key)s AND state = %(state)s
    ORDER BY service_code, version LIMIT %(limit)s FOR UPDATE
), moved AS (
    UPDATE service_versions v SET {values} FROM wanted w
    WHERE v.service_code = w.service_code AND v.version = w.version RETURNING v.service_code, v.version, v.sha256
), recorded AS (
    INSERT INTO catalogue_records (id, at, actor, action, service_code, version, details)
    SELECT gen_random_uuid(), %(now)s, %(actor)s, %(action)s, service_code, version,
        jsonb_build_object('sha256', sha256, 'import', %(key)s::text) FROM moved
)
SELECT count(*) AS moved, coalesce(array_agg(service_code), '{{}}') AS codes FROM moved
"""

_REVIEW = _MOVE.format(values="state = 'reviewed', reviewed_by = %(actor)s, reviewed_at = %(now)s")
_PUBLISH = _MOVE.format(values="state = 'published', published_by = %(actor)s, published_at = %(now)s")


def review(key: str, actor: str, told: Callable[[int], None]) -> int:
    """Say of all drafts of an import that they are right; how many. Raises OwnDraft."""
    return _move(key, actor, told, _REVIEW, "draft", "reviewed")


def publish(key: str, actor: str, told: Callable[[int], None]) -> int:
    """Open all reviewed versions of an import to residents; how many. They were checked when they were imported."""
    moved = _move(key, actor, told, _PUBLISH, "reviewed", "published")
    services.forget()
    return moved


def _move(key: str, actor: str, told: Callable[[int], None], sql: str, state: str, action: str) -> int:
    """In steps that are each saved, so that it can be killed and run again like the import itself."""
    done = 0
    while True:
        with database.work() as work:
            if action == "reviewed" and _drafted_any(work, key, actor):
                raise OwnDraft
            values = {"key": key, "actor": actor, "now": clock.now(), "limit": _MOVED_AT_ONCE}
            row = work.run_sql(sql, {**values, "state": state, "action": action}).one()
            moved: int = row.moved
            if action == "published":
                index.refresh(work, row.codes)
        done += moved
        told(done)
        if not moved:
            return done


def _drafted_any(work: Work, key: str, actor: str) -> bool:
    versions = services.service_versions.c
    mine = select(versions.version).where(
        versions.import_key == key, versions.state == "draft", versions.drafted_by == actor
    )
    return work.run(mine.limit(1)).one_or_none() is not None


def count(connection: Connection, key: str, state: str) -> int:
    """How many versions of an import are in a state."""
    versions = services.service_versions.c
    found = select(versions.version).where(versions.import_key == key, versions.state == state)
    return len(connection.execute(found).all())
