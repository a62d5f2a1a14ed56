"""The one way to PostgreSQL: the engine, the tables' metadata, and the unit of work.

A domain function flushes and never commits: the edge (one request, one job) opens a `Work`, and saves it
once. What must happen outside is written as job rows in that same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Executable,
    MetaData,
    Table,
    create_engine,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import events
from app.settings import settings

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def append_only(*changeable: str) -> dict[str, tuple[str, ...]]:
    """`Table(…, info=append_only("opinion"))`: the service adds rows, and changes none but in these columns.

    `grants.py` makes that the database's own rule.
    """
    return {_APPEND_ONLY: changeable}


def changeable_columns(table: Table) -> tuple[str, ...] | None:
    """What the service may change in an append-only table; None for a table that is not one."""
    return table.info.get(_APPEND_ONLY)


_APPEND_ONLY = "append_only"

_TRIES = 3
_T = TypeVar("_T")

_engine: Engine | None = None
_reader: Engine | None = None


def engine() -> Engine:
    """The engine of this process for units of work, made at the first call."""
    global _engine
    if _engine is None:
        _engine = _make_engine()
    return _engine


def _reading_engine() -> Engine:
    """The engine for single reads. Its connections stay in autocommit, so that none is switched to and fro."""
    global _reader
    if _reader is None:
        _reader = _make_engine(isolation_level="AUTOCOMMIT", pool_reset_on_return=None, skip_autocommit_rollback=True)
    return _reader


def owner_engine() -> Engine:
    """A new engine of the role that owns the tables, for migrations; the caller disposes of it."""
    return _make_engine(settings().database_owner_url or settings().database_url)


def _make_engine(url: str | None = None, **options: Any) -> Engine:
    # Instants are stored in UTC whatever the session's zone; this one only decides how they are shown.
    return create_engine(
        (url or settings().database_url).replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=settings().database_pool,
        max_overflow=0,
        pool_timeout=5,
        pool_recycle=1800,
        # An error's text would quote the values that the statement was given.
        hide_parameters=True,
        connect_args={"options": "-c timezone=Asia/Shanghai -c lock_timeout=5s", "connect_timeout": 5},
        **options,
    )


def close() -> None:
    """Drop every connection; the next use opens new ones. For tests and for a clean stop."""
    global _engine, _reader
    for opened in (_engine, _reader):
        if opened is not None:
            opened.dispose()
    _engine = _reader = None


@dataclass(frozen=True)
class Job:
    """One piece of work for later, as procrastinate stores it."""

    task: str
    arguments: Mapping[str, Any]
    lock: str | None = None
    queue: str = "default"
    priority: int = 0


# One statement for any number of jobs. procrastinate_defer_jobs_v1 is the function that procrastinate's own
# client calls; its versioned name is kept across releases.
_DEFER = """
SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
    j.queue, j.task, j.priority, j.lock, NULL, j.arguments, NULL)::procrastinate_job_to_defer_v1))
FROM json_to_recordset(%(jobs)s::json)
    AS j(queue text, task text, priority int, lock text, arguments jsonb)
"""


@dataclass
class Work:
    """One unit of work: everything in it is saved together, once, or not at all."""

    connection: Connection
    _jobs: list[Job] = field(default_factory=list)

    def run(self, statement: Executable, values: Mapping[str, Any] | None = None) -> CursorResult[Any]:
        """Execute one Core statement."""
        return self.connection.execute(statement, values)

    def run_sql(self, sql: str, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute hand-written SQL with psycopg's `%(name)s` places."""
        return self.connection.exec_driver_sql(sql, dict(values))

    def row(self, sql: str, values: Mapping[str, Any]) -> Any:
        """The same for hot paths: see `row_of`."""
        return row_of(self.connection, sql, values)

    def defer(self, job: Job) -> None:
        """Have a job run after, and only if, this work is saved."""
        self._jobs.append(job)

    def announce(self, event: object) -> None:
        """Tell the listeners of the switchboard what happened; they may only add jobs."""
        events.tell(self, event)

    def flush_jobs(self, beside: str = "", values: Mapping[str, Any] | None = None) -> None:
        """Write the jobs; an INSERT … RETURNING of the caller's may go `beside` them in the same round trip."""
        if not self._jobs:
            if beside:
                self.row(beside, values or {})
            return
        jobs = [
            {
                "queue": j.queue,
                "task": j.task,
                "priority": j.priority,
                "lock": j.lock,
                "arguments": dict(j.arguments),
            }
            for j in self._jobs
        ]
        sql = f"WITH beside AS ({beside}) {_DEFER}" if beside else _DEFER
        self.row(sql, {**(values or {}), "jobs": json.dumps(jobs, default=str)})
        self._jobs.clear()


@contextmanager
def work() -> Iterator[Work]:
    """A unit of work in one transaction: saved when the block ends, undone when it raises."""
    with engine().begin() as connection:
        unit = Work(connection)
        yield unit
        unit.flush_jobs()


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection for single reads: every statement stands alone, which saves two round trips."""
    with _reading_engine().connect() as connection:
        yield connection


def row_of(connection: Connection, sql: str, values: Mapping[str, Any]) -> Any:
    """The first row, None without one, of hand-written SQL that gives rows, asked of the driver itself.

    For hot paths: SQLAlchemy's own way to a result costs more processor time than PostgreSQL's answer. Errors are
    SQLAlchemy's all the same, so that whoever handles them need not know which way was taken.
    """
    return _asked_of_driver(connection, sql, values).fetchone()


def rows_of(connection: Connection, sql: str, values: Mapping[str, Any]) -> list[Any]:
    """All rows, in the same way as `row_of`."""
    return _asked_of_driver(connection, sql, values).fetchall()


def _asked_of_driver(connection: Connection, sql: str, values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    try:
        return driver.cursor(row_factory=namedtuple_row).execute(sql, values)
    except psycopg.Error as error:
        raise _as_sqlalchemy(connection, driver, sql, error) from error


# The planner knows neither what reading a long value costs nor, in a plan it keeps, which words are rare.
_BY_INDEX = """
SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off;
SET LOCAL statement_timeout = '3s'
"""


def rows_by_index(connection: Connection, statements: Iterator[tuple[str, Mapping[str, Any]]]) -> Iterator[list[Any]]:
    """All rows of each hand-written statement, planned for its very values and through indexes.

    The next statement is asked for when its turn comes, so the caller may look at what the one before found.
    """
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    sql = _BY_INDEX
    try:
        with driver.transaction(), driver.cursor(row_factory=namedtuple_row) as cursor:
            cursor.execute(_BY_INDEX)
            for sql, values in statements:
                yield cursor.execute(sql, values).fetchall()
    except psycopg.Error as error:
        raise _as_sqlalchemy(connection, driver, sql, error) from error


def _as_sqlalchemy(
    connection: Connection, driver: psycopg.Connection[Any], sql: str, error: psycopg.Error
) -> Exception:
    if driver.closed:
        connection.invalidate(error)
        # Whatever cut this connection has most likely cut the others too, and a few tries must be enough.
        connection.engine.dispose()
    return DBAPIError.instance(sql, None, error, psycopg.Error, connection_invalidated=connection.invalidated)


def again_if_away(attempt: Callable[[], _T], *also: type[Exception]) -> _T:
    """Try what is safe to repeat once more when the connection was lost under it, or PostgreSQL undid it."""
    return _again(attempt, lambda error: isinstance(error, also) or _is_cut(error) or _is_undone(error))


def again_if_undone(attempt: Callable[[], _T]) -> _T:
    """Try a unit of work once more when PostgreSQL undid it, to let another one through. After a lost connection nobody
    knows whether it was saved, so that only what may be done twice can be tried again then."""
    return _again(attempt, _is_undone)


def _again(attempt: Callable[[], _T], is_worth_it: Callable[[Exception], bool]) -> _T:
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except Exception as error:
            if not is_worth_it(error):
                raise
    return attempt()


def _is_cut(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _is_undone(error: Exception) -> bool:
    """Two who waited for each other, of whom PostgreSQL chose one (class 40, transaction rollback)."""
    return isinstance(error, DBAPIError) and isinstance(error.orig, psycopg.errors.DeadlockDetected)


def is_away(error: BaseException) -> bool:
    """Whether the error means that the database cannot be reached just now, so that trying again helps."""
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
