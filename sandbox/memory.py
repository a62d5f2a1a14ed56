"""What the sandbox remembers: one SQLite file, so that killing the process loses nothing.

Every module owns its tables (a SCHEMA constant); this file only opens, locks and commits. WAL with
synchronous=NORMAL keeps each committed change through `kill -9` (only a power cut could lose the last ones).
"""

import hmac
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from flask import current_app

SCHEMA = "create table if not exists secret (name text primary key, value blob not null);"


class Memory:
    """One connection per call: the threads of the server and of the sender share no connection."""

    def __init__(self, path: str, schemas: list[str]) -> None:
        self.path = path
        # The last connection to close would write the whole log back into the file and fsync it;
        # this one stays open so that short-lived connections stay cheap.
        self._anchor = self._connect()
        self._anchor.execute("pragma journal_mode = wal")
        for schema in [SCHEMA, *schemas]:
            self._anchor.executescript(schema)

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed at the end of the block, rolled back by any exception."""
        connection = self._connect()
        try:
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")
        finally:
            connection.close()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        connection = self._connect()
        try:
            return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()

    def row(self, sql: str, *values: Any) -> dict[str, Any] | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def execute(self, sql: str, *values: Any) -> int:
        """Run one statement in a transaction of its own; returns how many rows it touched."""
        with self.change() as db:
            return db.execute(sql, values).rowcount

    def pseudonym(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that are always the same for these parts and tell nothing about them (HMAC-SHA-256)."""
        return hmac.digest(self._secret(purpose), "\x1f".join(parts).encode(), "sha256")

    def close(self) -> None:
        self._anchor.close()

    def _secret(self, name: str) -> bytes:
        with self.change() as db:
            db.execute("insert or ignore into secret values (?, ?)", (name, secrets.token_bytes(32)))
            found = db.execute("select value from secret where name = ?", (name,)).fetchone()
            return cast(bytes, found["value"])

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma synchronous = normal")
        return connection


def memory() -> Memory:
    """The memory of the running application."""
    return cast(Memory, current_app.extensions["sandbox.memory"])
