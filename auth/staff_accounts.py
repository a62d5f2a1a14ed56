"""Accounts of staff as administrators manage them: taking on, changing, letting go, and helping out.

Every act is recorded in staff_changes.py, which also says when it needs a second administrator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, exists, select

from app.catalogue.departments import departments
from app.database import Work
from app.people import staff, staff_changes
from app.refusals import InvalidContent, NotFound, Refusal
from auth import passkeys, passwords, second_factors, sessions, staff_steps
from auth import staff_credentials as credentials
from auth.passkeys import staff_passkeys
from auth.second_factors import staff_totp
from auth.staff_credentials import staff_credentials

WAITING = "awaiting_second_administrator"
DONE = "done"


class StaffNumberTaken(Refusal):
    """Somebody who works here has this number."""


class StaffNotFound(NotFound):
    """Nobody has this staff number."""


def hire(work: Work, actor_id: UUID | None, wish: dict[str, Any]) -> dict[str, Any]:
    """Take somebody on, with a first password to hand over in person: `{"state", "first_password"}`.

    Raises StaffNumberTaken, InvalidContent (no such department).
    """
    _require_department(work, wish["department"])
    before = staff.locked(work, wish["staff_number"])
    if before is not None and before.active:
        raise StaffNumberTaken
    facts = {"name": wish["name"], "role": wish["role"], "department": wish["department"]}
    args = (work, wish["staff_number"], wish["name"], wish["role"], wish["department"])
    if before is None:
        staff.hire(*args, active=False)
        before = staff.locked(work, wish["staff_number"])
    if not staff_changes.decide(work, actor_id, before, "hired", facts):
        return {"state": WAITING}
    _forget_everything(work, staff.hire(*args))
    return {"state": DONE, "first_password": _first_password(work, before)}


def change(work: Work, actor_id: UUID | None, staff_number: str, act: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Do one act on an account: `{"state"}`, after `password_reset` with the `first_password`.

    `act` is a key of ACTS; `facts` are role and department for `moved`. Raises StaffNotFound, OwnAccount,
    InvalidContent.
    """
    target = staff.locked(work, staff_number)
    if target is None:
        raise StaffNotFound
    if "department" in facts:
        _require_department(work, facts["department"])
    if not staff_changes.decide(work, actor_id, target, act, facts):
        return {"state": WAITING}
    return {"state": DONE, **(ACTS[act](work, target, facts) or {})}


def _move(work: Work, target: Any, facts: dict[str, Any]) -> None:
    """Another role or department; tokens that name the old ones end."""
    staff.change(work, target.id, role=facts["role"], department_code=facts["department"])
    _end_sessions(work, target)


def _let_go(work: Work, target: Any, facts: dict[str, Any]) -> None:
    """They left: out within a second, and nothing that they knew or held opens anything."""
    staff.change(work, target.id, active=False)
    _end_sessions(work, target)
    _forget_everything(work, target.id)


def _reset_password(work: Work, target: Any, facts: dict[str, Any]) -> dict[str, Any]:
    _end_sessions(work, target)
    return {"first_password": _first_password(work, target)}


def _reset_factors(work: Work, target: Any, facts: dict[str, Any]) -> None:
    """They lost their telephone: the next login enrols a new one."""
    _end_sessions(work, target)
    second_factors.forget(work, target.id)
    passkeys.forget(work, target.id)


def _unlock(work: Work, target: Any, facts: dict[str, Any]) -> None:
    credentials.forget_failures(work, target.id)


ACTS: dict[str, Callable[[Work, Any, dict[str, Any]], dict[str, Any] | None]] = {
    "moved": _move,
    "left": _let_go,
    "password_reset": _reset_password,
    "factors_reset": _reset_factors,
    "unlocked": _unlock,
}


def _first_password(work: Work, target: Any) -> str:
    first = passwords.new_first()
    credentials.set_password(work, target.id, passwords.hashed(first), is_first=True)
    credentials.forget_failures(work, target.id)
    return first


def _forget_everything(work: Work, staff_id: UUID) -> None:
    credentials.forget_password(work, staff_id)
    second_factors.forget(work, staff_id)
    passkeys.forget(work, staff_id)


def _end_sessions(work: Work, target: Any) -> None:
    """Out everywhere. First no login that is under way goes on, which what was stolen may have begun: one that is just
    at its last step is waited for, and its session ended with the others."""
    staff_steps.forget(work, target.id)
    sessions.end_all_of_staff(work, target.id)


def _require_department(work: Work, code: str) -> None:
    if work.run(select(departments.c.code).where(departments.c.code == code)).one_or_none() is None:
        raise InvalidContent(errors={"/department": ["No such department."]})


def listing(connection: Connection, after: str | None, limit: int) -> list[dict[str, Any]]:
    """Everybody who works or worked here, by staff number, and what they prove themselves with."""
    person = staff.staff
    statement = select(
        person.c.staff_number,
        person.c.name,
        person.c.role,
        person.c.department_code.label("department"),
        person.c.active,
        exists().where(staff_totp.c.staff_id == person.c.id).label("has_totp"),
        exists().where(staff_passkeys.c.staff_id == person.c.id).label("has_passkey"),
        staff_credentials.c.password_hash.is_not(None).label("has_password"),
        staff_credentials.c.locked_until,
    ).outerjoin(staff_credentials, staff_credentials.c.staff_id == person.c.id)
    if after is not None:
        statement = statement.where(person.c.staff_number > after)
    found = connection.execute(statement.order_by(person.c.staff_number).limit(limit)).mappings()
    return [{**row, "locked": credentials.is_locked(row["locked_until"])} for row in found]
