"""Credentials of staff: their password, and the lock after too many failures.

A try is counted before it is judged, so that tries at the same time cannot outrun the count: after five failures, of
the password or of the second factor, the account is locked for half an hour (GB/T 22239-2019 8.1.4.1 b). A locked
account is told the same words as a wrong password.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Integer, Table, Text, func, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.database import Work, metadata
from app.people.staff import staff
from app.settings import settings
from auth import passwords

staff_credentials = Table(
    "staff_credentials",
    metadata,
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), primary_key=True),
    Column("password_hash", Text),
    Column("password_set_at", DateTime(timezone=True)),
    # Given out by an administrator: must be changed at the first login, which must be soon.
    Column("is_first", Boolean, nullable=False, server_default="false"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("locked_until", DateTime(timezone=True)),
)

_ACCOUNT = select(
    staff.c.id,
    staff.c.staff_number,
    staff.c.active,
    staff_credentials.c.password_hash,
    staff_credentials.c.password_set_at,
    staff_credentials.c.is_first,
).outerjoin(staff_credentials, staff_credentials.c.staff_id == staff.c.id)


def account(work: Work, staff_number: str) -> Any:
    """The account with this number, with its password if it has one; None for nobody."""
    return work.run(_ACCOUNT.where(staff.c.staff_number == staff_number)).one_or_none()


def account_of(work: Work, staff_id: UUID) -> Any:
    """The same by id."""
    return work.run(_ACCOUNT.where(staff.c.id == staff_id)).one()


# A lock that has run out leaves the count at this one try.
_TRY = """
INSERT INTO staff_credentials AS c (staff_id, failures) VALUES (%(staff)s, 1)
ON CONFLICT (staff_id) DO UPDATE SET
    failures = CASE WHEN c.locked_until IS NULL THEN c.failures + 1 ELSE 1 END,
    locked_until = CASE WHEN c.locked_until IS NULL AND c.failures + 1 >= %(most)s THEN %(until)s::timestamptz END
WHERE c.locked_until IS NULL OR c.locked_until <= %(now)s
RETURNING failures
"""


def begin_try(work: Work, staff_id: UUID) -> bool:
    """Count a try as a failure until it is known to be none; False when the account is locked."""
    now = clock.now()
    values = {"staff": staff_id, "now": now, "most": settings().staff_lock_after}
    return work.row(_TRY, {**values, "until": now + settings().staff_lock_life}) is not None


def take_back_try(work: Work, staff_id: UUID) -> None:
    """That try was right, though the login is not over: the failures before it still count."""
    rest = func.greatest(staff_credentials.c.failures - 1, 0)
    work.run(update(staff_credentials).where(_of(staff_id)).values(failures=rest, locked_until=None))


def forget_failures(work: Work, staff_id: UUID) -> None:
    """The login is complete, or an administrator unlocked the account."""
    work.run(update(staff_credentials).where(_of(staff_id)).values(failures=0, locked_until=None))


def is_locked(locked_until: datetime | None) -> bool:
    return locked_until is not None and locked_until > clock.now()


def must_change(found: Any) -> bool:
    """Whether the password is a first one, or older than the setting allows."""
    days = settings().staff_password_days
    return found.is_first or (days > 0 and found.password_set_at < clock.now() - timedelta(days=days))


def has_run_out(found: Any) -> bool:
    """Whether a first password was not used in time."""
    return bool(found.is_first) and found.password_set_at < clock.now() - settings().first_password_life


def set_password(work: Work, staff_id: UUID, hashed: str, *, is_first: bool = False) -> None:
    """Store a hash made by `passwords.hashed`, outside of any transaction: making it takes a while."""
    values = {"password_hash": hashed, "password_set_at": clock.now(), "is_first": is_first}
    statement = insert(staff_credentials).values(staff_id=staff_id, **values)
    work.run(statement.on_conflict_do_update(index_elements=["staff_id"], set_=values))


def renew_hash(work: Work, found: Any, password: str) -> None:
    """Store a right password again when its hash was made with weaker parameters."""
    if passwords.is_outdated(found.password_hash):
        values = {"password_hash": passwords.hashed(password)}
        work.run(update(staff_credentials).where(_of(found.id)).values(**values))


def forget_password(work: Work, staff_id: UUID) -> None:
    """Nobody logs in with the old one any more."""
    values = {"password_hash": None, "password_set_at": None, "is_first": False}
    work.run(update(staff_credentials).where(_of(staff_id)).values(**values))


def _of(staff_id: UUID) -> Any:
    return staff_credentials.c.staff_id == staff_id
