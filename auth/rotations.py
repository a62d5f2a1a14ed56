"""Rotations: a refresh token is good for one use, on the device that it was given to (RFC 9700 §4.14).

Whatever else is tried with it means that somebody copied it: used again later, however long ago it was spent, or used
on another device. Then the whole session ends for both holders, and its owner is told.

One repetition is harmless, and happens to every phone in a lift: the answer to a refresh is lost, and the phone asks
again. Within 30 seconds the same device gets the very same refresh token again, sealed until then, and an access token
that says what is so now. That stays safe. No second living refresh token comes of it, so a thief gains no session of
their own. They would need the token and the device's id at the same moment. And whoever of the two holders refreshes
next spends the shared token: the other one's try, later than the grace, ends the session as ever. The grace ends at
once when the new token is used.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update

from app import clock, database
from app.crypto import data_keys
from app.database import Work
from app.events import SessionStolen
from app.people import organisations, residents, sign_ins, staff_sign_ins
from app.people.sign_ins import SignIn
from app.people.staff import staff
from app.people.staff_sign_ins import StaffSignIn
from app.refusals import Refusal
from app.settings import settings
from auth import desk_activity, refresh_tokens, refusals, sessions
from auth.devices import Device
from auth.secret_hashes import hashed
from auth.sessions import sessions as rows

_ANSWER = "sessions.answer"


class RefreshTokenInvalid(Refusal):
    """The refresh token is unknown, expired, revoked or already used: log in again."""


def rotate(refresh_token: str, device: Device) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; one that was copied ends its session.

    It saves by itself: ending a session must last although the answer is a refusal. Raises RefreshTokenInvalid.
    """
    with database.work() as work:
        answer = _answer(work, refresh_token, device)
    if isinstance(answer, str):
        refusals.count("refresh", answer)
        raise RefreshTokenInvalid
    return answer


def _answer(work: Work, refresh_token: str, device: Device) -> dict[str, Any] | str:
    """The new pair; or why there is none, for operators only."""
    offered = hashed(refresh_token)
    session = _locked(work, (rows.c.refresh_sha256 == offered) | (rows.c.spent_sha256 == offered))
    if session is None:
        # Perhaps it was spent long ago: our own MAC on it tells it from what somebody made up.
        mine = refresh_tokens.session_of(refresh_token)
        session = None if mine is None else _locked(work, rows.c.id == mine)
    if session is None:
        return "unknown"
    if session.revoked_at is not None or sessions.end_of(session) <= clock.now():
        return "session_ended"
    if _is_dismissed(work, session):
        sessions.revoke(work, session.id)
        return "dismissed"
    if session.refresh_sha256 == offered and _is_bound_to(session, device):
        return _renewed(work, session, offered)
    if session.spent_sha256 == offered and _was_lost(session, device):
        return _repeated(work, session)
    _end_stolen(work, session, device)
    return "copied" if _is_bound_to(session, device) else "copied_to_another_device"


def _locked(work: Work, condition: ColumnElement[bool]) -> Any:
    """The session under its row lock: of two refreshes at once, the second one sees what the first one left."""
    return work.run(select(rows).where(condition).with_for_update()).one_or_none()


def _is_bound_to(session: Any, device: Device) -> bool:
    """Whether this is the device that logged in. A client that sent no id then has a session bound to nothing."""
    if session.device_sha256 is None:
        return True
    return hmac.compare_digest(session.device_sha256, device.id_sha256 or "")


def _was_lost(session: Any, device: Device) -> bool:
    """Whether this may be the phone that never got its answer: only one that has proved to be the same device."""
    if session.answer is None or session.device_sha256 is None or not _is_bound_to(session, device):
        return False
    return bool(session.spent_at > clock.now() - settings().refresh_grace)


def _is_dismissed(work: Work, session: Any) -> bool:
    """Whether the session is of somebody who works here no longer, or has been away from the desk for too long."""
    if session.staff_id is None:
        return False
    if desk_activity.is_idle(work, session.id):
        return True
    return not work.run(select(staff.c.active).where(staff.c.id == session.staff_id)).scalar_one()


def _may_act(work: Work, session: Any) -> bool:
    """Whether the period of an authority has not ended since."""
    return organisations.authority(work.connection, session.resident_id, session.organisation_id) is not None


def _renewed(work: Work, session: Any, offered: str) -> dict[str, Any]:
    now, fresh = clock.now(), refresh_tokens.new(session.id)
    _, idle = _lives(work, session)
    values = {
        "refresh_sha256": hashed(fresh),
        "spent_sha256": offered,
        "spent_at": now,
        "refreshed_at": now,
        "idle_until": min(now + idle, session.expires_at),
        "tokens_until": now + settings().access_token_life,
    }
    if session.organisation_id is not None and not _may_act(work, session):
        values["organisation_id"] = None
    if session.device_sha256 is not None:
        values["answer"] = data_keys.of_the_house().seal({"refresh_token": fresh}, _ANSWER, session.id)
    return sessions.pair(work, _changed(work, session, values), fresh)


def _repeated(work: Work, session: Any) -> dict[str, Any]:
    """The pair of the refresh whose answer was lost. Its access token is made anew: what the lost one said of its
    person may not be so any more."""
    lost: dict[str, str] = data_keys.of_the_house().open(session.answer, _ANSWER, session.id)
    until = clock.now() + settings().access_token_life
    return sessions.pair(work, _changed(work, session, {"tokens_until": until}), lost["refresh_token"])


def _changed(work: Work, session: Any, values: dict[str, Any]) -> Any:
    return work.run(update(rows).where(rows.c.id == session.id).values(**values).returning(rows)).one()


def _lives(work: Work, session: Any) -> tuple[timedelta, timedelta]:
    """Asked behind the lock: whoever switches elder mode changes these lives just now, and was waited for."""
    if session.staff_id is not None:
        return sessions.lives_of_staff()
    return sessions.lives_of_resident(residents.is_elder(work.connection, session.resident_id))


def _end_stolen(work: Work, session: Any, device: Device) -> None:
    sessions.revoke(work, session.id)
    if session.resident_id is None:
        copied = StaffSignIn(session.staff_id, staff_sign_ins.REFUSED, device.name, device.network, "refresh: copied")
        staff_sign_ins.record(work, copied)
        return
    tried = SignIn(session.resident_id, sign_ins.STOLEN, device.name, device.network, session.provider, session.method)
    work.announce(SessionStolen(session.resident_id, sign_ins.record(work, tried)))
