"""Sessions: one login on one device, kept alive by refresh tokens that are good for one use (RFC 9700 §4.14).

A refresh token used twice means that somebody copied it: the whole session ends.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
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

from app import clock, database
from app.database import Work, metadata
from app.identifiers import new_id
from app.people.staff import staff
from app.refusals import Refusal
from app.settings import settings
from auth import desk_activity, tokens

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id")),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id")),
    Column("level", Integer, nullable=False),
    Column("authenticated_at", DateTime(timezone=True), nullable=False),
    Column("device", Text, nullable=False),
    Column("refresh_sha256", Text, nullable=False, unique=True),
    Column("spent_sha256", Text, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("(resident_id IS NULL) <> (staff_id IS NULL)", name="one_person"),
    Index(None, "revoked_at"),
)


class RefreshTokenInvalid(Refusal):
    """The refresh token is unknown, expired, revoked or already used: log in again."""


def open_for_resident(
    work: Work, resident_id: UUID, level: int, authenticated_at: datetime, device: str
) -> dict[str, Any]:
    """A new session of a resident; its token pair as the client gets it."""
    return _open(work, {"resident_id": resident_id}, level, authenticated_at, device)


def open_for_staff(work: Work, staff_id: UUID, level: int, authenticated_at: datetime, device: str) -> dict[str, Any]:
    """A new session of a member of staff; its token pair."""
    return _open(work, {"staff_id": staff_id}, level, authenticated_at, device)


def _open(work: Work, person: dict[str, UUID], level: int, authenticated_at: datetime, device: str) -> dict[str, Any]:
    refresh_token, now = secrets.token_urlsafe(32), clock.now()
    life = settings().staff_session_life if "staff_id" in person else settings().refresh_token_life
    statement = insert(sessions).values(
        id=new_id(),
        level=level,
        authenticated_at=authenticated_at,
        device=device,
        refresh_sha256=_hash(refresh_token),
        created_at=now,
        expires_at=now + life,
        **person,
    )
    session = work.run(statement.returning(sessions)).one()
    if session.staff_id is not None:
        desk_activity.begin(work, session.id)
    return _pair(work, session, refresh_token)


def rotate(refresh_token: str) -> dict[str, Any]:
    """Exchange a refresh token for a new pair. A spent one ends its session.

    It saves by itself: ending a session must last although the answer is a refusal. Raises RefreshTokenInvalid.
    """
    offered = _hash(refresh_token)
    with database.work() as work:
        statement = select(sessions).where(
            (sessions.c.refresh_sha256 == offered) | (sessions.c.spent_sha256 == offered)
        )
        session = work.run(statement.with_for_update()).one_or_none()
        pair = _rotated(work, session, offered) if session is not None else None
    if pair is None:
        raise RefreshTokenInvalid
    return pair


def _rotated(work: Work, session: Any, offered: str) -> dict[str, Any] | None:
    if session.revoked_at is not None or session.expires_at <= clock.now():
        return None
    if session.spent_sha256 == offered or _is_dismissed(work, session):
        revoke(work, session.id)
        return None
    fresh = secrets.token_urlsafe(32)
    values = {"refresh_sha256": _hash(fresh), "spent_sha256": offered}
    work.run(update(sessions).where(sessions.c.id == session.id).values(**values))
    return _pair(work, session, fresh)


def _is_dismissed(work: Work, session: Any) -> bool:
    """Whether the session is of somebody who works here no longer, or has been away from the desk for too long."""
    if session.staff_id is None:
        return False
    if desk_activity.is_idle(work, session.id):
        return True
    return not work.run(select(staff.c.active).where(staff.c.id == session.staff_id)).scalar_one()


def revoke(work: Work, session_id: UUID) -> None:
    """End a session: its refresh token is dead now, its access token within about a second."""
    work.run(update(sessions).where(sessions.c.id == session_id).values(revoked_at=clock.now()))


def _pair(work: Work, session: Any, refresh_token: str) -> dict[str, Any]:
    return {
        "access_token": _access_token(work, session),
        "token_type": "Bearer",
        "expires_in": int(settings().access_token_life.total_seconds()),
        "refresh_token": refresh_token,
        "refresh_expires_in": max(0, int((session.expires_at - clock.now()).total_seconds())),
    }


def _access_token(work: Work, session: Any) -> str:
    if session.resident_id is not None:
        claims = {"lvl": session.level, "auth_time": int(session.authenticated_at.timestamp())}
        return tokens.issue(tokens.RESIDENTS, session.resident_id, session.id, claims)
    person = work.run(select(staff).where(staff.c.id == session.staff_id)).one()
    claims = {"role": person.role, "dept": person.department_code}
    return tokens.issue(tokens.STAFF, session.staff_id, session.id, claims)


def _hash(token: str) -> str:
    # The token is 256 random bits, so a plain hash keeps it secret: there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()


class _Revocations:
    """The sessions revoked lately, re-read at most once a second by whichever request comes first."""

    def __init__(self) -> None:
        self._ids: frozenset[UUID] = frozenset()
        self._read_at = 0.0
        self._lock = threading.Lock()

    def __contains__(self, session_id: UUID) -> bool:
        if time.monotonic() - self._read_at > 1.0 and self._lock.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._lock.release()
        return session_id in self._ids

    def _read(self) -> None:
        # Older revocations need no look: their access tokens have expired by themselves.
        oldest = clock.now() - 2 * settings().access_token_life
        with database.reading() as connection:
            found = connection.execute(select(sessions.c.id).where(sessions.c.revoked_at > oldest)).scalars()
            self._ids = frozenset(found)
        self._read_at = time.monotonic()


revoked = _Revocations()
