"""The steps of a login of staff: which one comes next, and who may take it.

    password or sign-on → second_factor → new_password → enrol → done

Each step answers `next`, and a new ticket for it: a random secret that only the one who did the last step knows.
What is done at each step is in staff_logins.py.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import Boolean as Bool
from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import staff_sign_ins
from app.people.staff_sign_ins import StaffSignIn
from app.settings import settings
from auth import passkeys, refusals, second_factors, sessions
from auth import staff_credentials as credentials
from auth.devices import Device
from auth.providers.interface import LoginRefused
from auth.secret_hashes import hashed

SECOND_FACTOR, NEW_PASSWORD, ENROL, DONE = "second_factor", "new_password", "enrol", "done"
_STAGES = (SECOND_FACTOR, NEW_PASSWORD, ENROL)
BY_PASSWORD, BY_SIGN_ON = "password", "sign_on"
TOTP, PASSKEY, RECOVERY_CODE = "totp", "passkey", "recovery_code"
TWO_FACTORS = 3
"""The level of a provider that saw two factors; and that of a session of staff who showed two."""

desk_logins = Table(
    "desk_logins",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("ticket_sha256", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("authenticated_at", DateTime(timezone=True), nullable=False),
    Column("stage", Text, nullable=False),
    Column("factor_shown", Bool, nullable=False, server_default="false"),
    # What they want to do before they enter: change the password, or enrol another factor.
    Column("wish", Text),
    Column("challenge", LargeBinary),
    # Sealed; a secret that no app has confirmed yet.
    Column("new_totp", LargeBinary),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"stage IN {_STAGES}", name="stage"),
    CheckConstraint(f"way IN {(BY_PASSWORD, BY_SIGN_ON)}", name="way"),
    Index(None, "expires_at"),
)


def begin(work: Work, staff_id: UUID, way: str, authenticated_at: datetime, device: Device) -> dict[str, Any]:
    values = {"staff_id": staff_id, "way": way, "authenticated_at": authenticated_at, "ticket_sha256": ""}
    expires_at = clock.now() + settings().login_life
    statement = insert(desk_logins).values(id=new_id(), **values, stage=SECOND_FACTOR, expires_at=expires_at)
    return go_on(work, work.run(statement.returning(desk_logins)).one(), device)


def go_on(work: Work, login: Any, device: Device) -> dict[str, Any]:
    """The next step with its ticket, or at the end the tokens of a new session."""
    stage = _next(work, login)
    if stage == DONE:
        work.run(delete(desk_logins).where(desk_logins.c.id == login.id))
        tokens = sessions.open_for_staff(work, login.staff_id, TWO_FACTORS, login.authenticated_at, device)
        return {"next": DONE, **tokens}
    ticket = secrets.token_urlsafe(32)
    values = {"stage": stage, "ticket_sha256": hashed(ticket), "challenge": None, "new_totp": None}
    work.run(update(desk_logins).where(desk_logins.c.id == login.id).values(**values))
    step = {"next": stage, "id": login.id, "ticket": ticket, "expires_at": login.expires_at}
    return {**step, "second_factors": _factors(work, login.staff_id) if stage == SECOND_FACTOR else []}


def _next(work: Work, login: Any) -> str:
    if not login.factor_shown and _factors(work, login.staff_id):
        return SECOND_FACTOR
    if login.way == BY_PASSWORD:
        account = credentials.account_of(work, login.staff_id)
        if login.wish == NEW_PASSWORD or credentials.must_change(account):
            return NEW_PASSWORD
    return ENROL if not login.factor_shown or login.wish == ENROL else DONE


def _factors(work: Work, staff_id: UUID) -> list[str]:
    """What this person can show. A recovery code alone is paper that belongs to one of the others."""
    found = [TOTP] if second_factors.has_totp(work, staff_id) else []
    found += [PASSKEY] if passkeys.has_any(work, staff_id) else []
    if found and second_factors.unused_recovery_codes(work, staff_id):
        found.append(RECOVERY_CODE)
    return found


def held(work: Work, login_id: UUID, ticket: str, stage: str) -> Any:
    """The login under way whose ticket this is, locked, so that its steps come one after the other.

    Raises LoginRefused.
    """
    statement = select(desk_logins).where(desk_logins.c.id == login_id, desk_logins.c.expires_at > clock.now())
    login = work.run(statement.with_for_update()).one_or_none()
    if login is None or not hmac.compare_digest(login.ticket_sha256, hashed(ticket)) or login.stage != stage:
        refuse("staff_login", "no_such_step")
    if not credentials.account_of(work, login.staff_id).active:
        refuse("staff_login", "left")
    return login


def change(work: Work, login: Any, **values: Any) -> Any:
    statement = update(desk_logins).where(desk_logins.c.id == login.id).values(**values)
    return work.run(statement.returning(desk_logins)).one()


def forget(work: Work, staff_id: UUID) -> None:
    """No login of this person that is under way goes on."""
    work.run(delete(desk_logins).where(desk_logins.c.staff_id == staff_id))


def refuse(door: str, reason: str) -> NoReturn:
    refusals.count(door, reason)
    raise LoginRefused


def refuse_person(door: str, reason: str, staff_id: UUID | None, device: Device) -> NoReturn:
    """Refuse whoever says to be this member of staff, or somebody whom nobody knows: that is recorded, by itself."""
    tried = StaffSignIn(staff_id, staff_sign_ins.REFUSED, device.name, device.network, f"{door}: {reason}")
    with database.work() as work:
        staff_sign_ins.record(work, tried)
    refuse(door, reason)


@jobs.tasks.periodic(cron="23 * * * *")
@jobs.task("purge_desk_logins", queueing_lock="purge_desk_logins")
def purge(timestamp: int) -> None:
    """Forget logins that came to nothing."""
    with database.work() as work:
        work.run(delete(desk_logins).where(desk_logins.c.expires_at < clock.now()))
