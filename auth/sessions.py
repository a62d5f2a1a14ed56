"""Sessions: one login on one device, alive until its owner, its age or its silence ends it.

Two limits hold (settings): the whole life since the login, and the time without a refresh, or at a desk without a
request. Elder mode makes both longer, because somebody who needs half an hour to photograph a paper must not lose it.
Every access token carries the session's end, so that the client is told it with each answer and nobody asks the
database for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import identities, residents, sign_ins, staff_sign_ins
from app.people.callers import Resident
from app.people.sign_ins import SignIn
from app.people.staff import staff
from app.people.staff_sign_ins import StaffSignIn
from app.refusals import NotFound
from app.settings import settings
from auth import desk_activity, refresh_tokens, tokens
from auth.devices import Device
from auth.secret_hashes import hashed

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id")),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id")),
    Column("level", Integer, nullable=False),
    Column("provider", Text),
    Column("method", Text),
    Column("authenticated_at", DateTime(timezone=True), nullable=False),
    Column("device", Text, nullable=False),
    Column("device_sha256", Text),
    Column("network", Sealed, info=personal(purpose="to show the resident from where about a device logged in")),
    Column("refresh_sha256", Text, nullable=False, unique=True),
    Column("spent_sha256", Text, unique=True),
    Column("spent_at", DateTime(timezone=True)),
    # The last refresh token, for the very device that did not get it: see `rotations.py`.
    Column("answer", Sealed, info=personal(purpose="to repeat an answer that was lost on a weak network")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("refreshed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("idle_until", DateTime(timezone=True), nullable=False),
    Column("tokens_until", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # Access tokens of an older generation are dead although the session lives: what they say is not so any more.
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("outdated_at", DateTime(timezone=True)),
    Column("organisation_id", Uuid(as_uuid=True), ForeignKey("organisations.id")),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("(resident_id IS NULL) <> (staff_id IS NULL)", name="one_person"),
    sealed_only("network"),
    sealed_only("answer"),
    Index(None, "revoked_at"),
    Index(None, "outdated_at"),
    Index(None, "resident_id"),
    Index(None, "expires_at"),
)

NETWORK = "sessions.network"
_MOST_LISTED = 100
_KEPT_AFTER_END = timedelta(days=7)


class SessionNotFound(NotFound):
    """No such session of this person, or it has ended."""


def open_for_resident(
    work: Work,
    resident_id: UUID,
    level: int,
    authenticated_at: datetime,
    device: Device | str,
    provider: str | None = None,
    method: str | None = None,
) -> dict[str, Any]:
    """A new session of a resident, and its line in their sign-in history; the token pair as the client gets it."""
    here = Device(device) if isinstance(device, str) else device
    sign_ins.record(work, SignIn(resident_id, sign_ins.ENTERED, here.name, here.network, provider, method, level))
    session_id = new_id()
    how = {"level": level, "provider": provider, "method": method, "authenticated_at": authenticated_at}
    network = here.network and data_keys.of(work.connection, resident_id).seal(here.network, NETWORK, session_id)
    lives = lives_of_resident(residents.is_elder(work.connection, resident_id))
    return _open(work, session_id, {"resident_id": resident_id, "network": network, **how}, lives, here)


def open_for_staff(
    work: Work, staff_id: UUID, level: int, authenticated_at: datetime, device: Device | str
) -> dict[str, Any]:
    """A new session of a member of staff, and its line in the record of their sign-ins; its token pair."""
    here = Device(device) if isinstance(device, str) else device
    staff_sign_ins.record(work, StaffSignIn(staff_id, staff_sign_ins.ENTERED, here.name, here.network))
    who = {"staff_id": staff_id, "level": level, "authenticated_at": authenticated_at}
    return _open(work, new_id(), who, lives_of_staff(), here)


def _open(
    work: Work, session_id: UUID, who: dict[str, Any], lives: tuple[timedelta, timedelta], device: Device
) -> dict[str, Any]:
    refresh_token, now = refresh_tokens.new(session_id), clock.now()
    life, idle = lives
    statement = insert(sessions).values(
        id=session_id,
        device=device.name,
        device_sha256=device.id_sha256,
        refresh_sha256=hashed(refresh_token),
        created_at=now,
        refreshed_at=now,
        expires_at=now + life,
        idle_until=now + min(idle, life),
        tokens_until=now + settings().access_token_life,
        **who,
    )
    session = work.run(statement.returning(sessions)).one()
    if session.staff_id is not None:
        desk_activity.begin(work, session.id)
    return pair(work, session, refresh_token)


def lives_of_resident(elder: bool) -> tuple[timedelta, timedelta]:
    """How long a session of a resident may last in all, and without a refresh."""
    if elder:
        return settings().elder_session_life, settings().elder_session_idle
    return settings().refresh_token_life, settings().session_idle


def lives_of_staff() -> tuple[timedelta, timedelta]:
    """The same for a member of staff: the age alone. Silence at a desk is counted from the last request and not from
    the last refresh, which `desk_activity.py` does: who worked until a minute ago is not put out."""
    return settings().staff_session_life, settings().staff_session_life


def end_of(session: Any) -> datetime:
    """When a session ends if nobody refreshes it: at its age, or by its silence."""
    ends: datetime = min(session.expires_at, session.idle_until)
    return ends


def _end_if_left_alone(session: Any) -> datetime:
    """What the client is told: when the session ends if nothing is asked in it from now on."""
    if session.staff_id is None:
        return end_of(session)
    return min(end_of(session), clock.now() + settings().staff_session_idle)


def _seconds_until(moment: datetime) -> int:
    return max(0, int((moment - clock.now()).total_seconds()))


def pair(work: Work, session: Any, refresh_token: str) -> dict[str, Any]:
    """The tokens of a session as the client gets them. `refresh_expires_in` is when its silence or age ends it."""
    return {
        **access(work, session),
        "refresh_token": refresh_token,
        "refresh_expires_in": _seconds_until(_end_if_left_alone(session)),
        "session_expires_in": _seconds_until(session.expires_at),
    }


def access(work: Work, session: Any) -> dict[str, Any]:
    """A new access token of a session, which the caller notes in `tokens_until`."""
    life = int(settings().access_token_life.total_seconds())
    return {"access_token": _access_token(work, session), "token_type": "Bearer", "expires_in": life}


def _access_token(work: Work, session: Any) -> str:
    claims: dict[str, Any] = {"gen": session.generation, "sxp": int(_end_if_left_alone(session).timestamp())}
    if session.resident_id is not None:
        claims |= {"lvl": session.level, "auth_time": int(session.authenticated_at.timestamp())}
        claims |= {"org": str(session.organisation_id)} if session.organisation_id else {}
        return tokens.issue(tokens.RESIDENTS, session.resident_id, session.id, claims)
    person = work.run(select(staff).where(staff.c.id == session.staff_id)).one()
    claims |= {"role": person.role, "dept": person.department_code}
    return tokens.issue(tokens.STAFF, session.staff_id, session.id, claims)


# ——— What its owner sees and ends. ———


def listing(connection: Connection, caller: Resident) -> list[dict[str, Any]]:
    """The devices that are logged in now, the one used last first, at most 100. Raises SealError."""
    mine = select(sessions).where(sessions.c.resident_id == caller.id, *_alive())
    rows = connection.execute(mine.order_by(sessions.c.refreshed_at.desc(), sessions.c.id).limit(_MOST_LISTED)).all()
    key = data_keys.of(connection, caller.id) if any(row.network for row in rows) else None
    return [
        {
            "id": row.id,
            "device": row.device,
            "network": key.open_text(row.network, NETWORK, row.id) if key and row.network else None,
            "provider": row.provider,
            "method": row.method,
            "level": row.level,
            "logged_in_at": row.created_at,
            "last_used_at": row.refreshed_at,
            "expires_at": end_of(row),
            "organisation": row.organisation_id,
            "current": row.id == caller.session_id,
        }
        for row in rows
    ]


def has_been_on(work: Work, resident_id: UUID, device: Device) -> bool:
    """Whether this very device is, or was till a week ago, logged in to the account, and nobody logged it out."""
    mine = (sessions.c.resident_id == resident_id) & (sessions.c.device_sha256 == device.id_sha256)
    found = select(sessions.c.id).where(mine, sessions.c.revoked_at.is_(None)).limit(1)
    return device.id_sha256 is not None and work.run(found).one_or_none() is not None


def _alive() -> tuple[Any, ...]:
    now = clock.now()
    return sessions.c.revoked_at.is_(None), sessions.c.expires_at > now, sessions.c.idle_until > now


def end(work: Work, caller: Resident, session_id: UUID) -> None:
    """Log one of my devices out, from all its logins: a step-up was one of its own. This very login stays, unless it
    is the one that is named. Raises SessionNotFound."""
    mine = sessions.c.resident_id == caller.id
    named = work.run(_revoking().where(mine, sessions.c.id == session_id, *_alive()).returning(sessions)).one_or_none()
    if named is None:
        raise SessionNotFound
    if named.device_sha256 is not None:
        same = (sessions.c.device_sha256 == named.device_sha256) & (sessions.c.id != caller.session_id)
        work.run(_revoking().where(mine, same, *_alive()))


def end_others(work: Work, caller: Resident) -> int:
    """Log every device out but this one; how many there were. One tap makes a stolen phone harmless."""
    others = (sessions.c.id != caller.session_id) & (sessions.c.resident_id == caller.id)
    return work.run(_revoking().where(others, *_alive())).rowcount


def unlink(work: Work, caller: Resident, identity_id: UUID) -> None:
    """Take a login from my account, and end what it opened: whoever stole it must not stay in. The device that does
    it stays. Raises StepUpRequired, IdentityNotFound, LastIdentity."""
    provider = identities.remove(work, caller, identity_id)
    opened = (sessions.c.resident_id == caller.id) & (sessions.c.provider == provider)
    work.run(_revoking().where(opened, sessions.c.id != caller.session_id, *_alive()))


def revoke(work: Work, session_id: UUID) -> None:
    """End a session: its refresh token is dead now, its access token within about a second."""
    work.run(_revoking().where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None)))


def end_all_of_staff(work: Work, staff_id: UUID) -> None:
    """Log a member of staff out everywhere."""
    work.run(_revoking().where(sessions.c.staff_id == staff_id, sessions.c.revoked_at.is_(None)))


def _revoking() -> Any:
    return update(sessions).values(revoked_at=clock.now(), answer=None)


def outdate(work: Work, condition: Any, **values: Any) -> int:
    """Change what sessions say of their person: the living access tokens die within about a second, and the client
    gets new ones by its refresh token, which nobody notices."""
    changed = {"generation": sessions.c.generation + 1, "outdated_at": clock.now(), **values}
    return work.run(update(sessions).where(condition).values(**changed)).rowcount


def set_elder_mode(work: Work, caller: Resident, elder: bool) -> dict[str, Any]:
    """Switch elder mode, and with it the life of all my living sessions; what the client should know of its own.

    Switching it off never ends the session that does it: a week is left, unless it would have ended before. Whoever
    switches again and again gains no day.
    """
    residents.set_elder(work, caller.id, elder)
    life, idle = lives_of_resident(elder)
    week = func.least(sessions.c.expires_at, clock.now() + min(life, _KEPT_AFTER_END))
    ends = func.greatest(sessions.c.created_at + life, week)
    mine = update(sessions).where(sessions.c.resident_id == caller.id, *_alive())
    work.run(mine.values(expires_at=ends, idle_until=func.least(sessions.c.refreshed_at + idle, ends)))
    row = work.run(select(sessions).where(sessions.c.id == caller.session_id)).one()
    return {
        "enabled": elder,
        "session_expires_in": _seconds_until(row.expires_at),
        "idle_seconds": int(idle.total_seconds()),
        "refresh_expires_in": _seconds_until(end_of(row)),
    }


@jobs.tasks.periodic(cron="27 * * * *")
@jobs.task("purge_sessions", queueing_lock="purge_sessions")
def purge(timestamp: int) -> None:
    """Forget sessions that ended a week ago; what was a sign-in stays in the history for its own time."""
    before = clock.now() - _KEPT_AFTER_END
    c = sessions.c
    with database.work() as work:
        work.run(delete(sessions).where((c.expires_at < before) | (c.idle_until < before) | (c.revoked_at < before)))
        # No lost answer is asked for any more after the grace.
        late = c.spent_at < clock.now() - settings().refresh_grace
        work.run(update(sessions).where(late, c.answer.is_not(None)).values(answer=None))
