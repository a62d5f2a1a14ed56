"""Revocations: the access tokens that must not open a door any more although their time has not come.

A token is checked without the database, so every process keeps the sessions whose tokens died early, and reads them
anew at most once a second. The set stays small by itself: it holds a session only while a token of it could still be
alive, which is a quarter of an hour, and idle devices that are logged out all at once have none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError

from app import clock, database
from app.people.callers import Clerk, Resident
from app.settings import settings
from auth.sessions import sessions

_SECONDS, _STALE_SECONDS = 1.0, 5.0
_NONE = -1
"""No generation of tokens is good any more."""


class Revocations:
    """Re-read at most once a second, by whichever request comes first. The others do not wait for it, unless the
    process has just started, or was idle so long that what it knows could let in who was logged out."""

    def __init__(self) -> None:
        self._least: Mapping[UUID, int] = {}
        self._read_at = float("-inf")
        self._failed_at, self._failure = float("-inf"), Exception()
        self._lock = threading.Lock()

    def bars(self, caller: Resident | Clerk) -> bool:
        """Whether this caller's access token died before its time."""
        age, asked_at = self._age(), time.monotonic()
        if age > _SECONDS and self._lock.acquire(blocking=age > _STALE_SECONDS):
            try:
                # Whoever waited may find that it has been read.
                if self._age() > _SECONDS:
                    self._renew(asked_at)
            finally:
                self._lock.release()
        least = self._least.get(caller.session_id)
        return least is not None and (least == _NONE or caller.generation < least)

    def __len__(self) -> int:
        return len(self._least)

    def _renew(self, asked_at: float) -> None:
        """Read, unless somebody tried since we asked, and the database was away: each would wait as long in turn."""
        if self._failed_at >= asked_at:
            raise self._failure.with_traceback(None)
        try:
            # A request that the door would try again must not fail before it, at the guard.
            database.again_if_away(self._read)
        except SQLAlchemyError as failure:
            self._failed_at, self._failure = time.monotonic(), failure
            raise

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _read(self) -> None:
        # Older ones need no look: their access tokens have expired by themselves.
        oldest, c = clock.now() - 2 * settings().access_token_life, sessions.c
        lately = or_(c.revoked_at > oldest, c.outdated_at > oldest)
        statement = select(c.id, c.generation, c.revoked_at).where(lately, c.tokens_until > clock.now())
        with database.reading() as connection:
            self._least = {
                row.id: row.generation if row.revoked_at is None else _NONE for row in connection.execute(statement)
            }
        self._read_at = time.monotonic()


revoked = Revocations()
