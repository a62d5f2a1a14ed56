"""Logins of staff: by password or by single sign-on, then whatever is still needed, one step after the other.

Single sign-on that reached level 3 by itself proved two factors, and is done at once; everything else goes through the
steps of staff_steps.py. Whatever is wrong is told the same way.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app import clock, database
from app.database import Work
from app.people import staff_changes
from app.refusals import InvalidContent
from auth import passkeys, passwords, second_factors, sessions, staff_steps
from auth import staff_credentials as credentials
from auth.devices import Device
from auth.passkeys import PasskeyUnsound
from auth.staff_steps import (
    BY_PASSWORD,
    BY_SIGN_ON,
    DONE,
    ENROL,
    NEW_PASSWORD,
    PASSKEY,
    RECOVERY_CODE,
    SECOND_FACTOR,
    TOTP,
    TWO_FACTORS,
)


def begin_by_password(staff_number: str, password: str, device: Device) -> dict[str, Any]:
    """The first step with a password. Saves by itself, and holds no connection while the password is judged.

    Raises LoginRefused: for nobody, a wrong password, a locked account, somebody who left, the same words and time.
    """
    with database.work() as work:
        found = credentials.account(work, staff_number)
        allowed = found is not None and credentials.begin_try(work, found.id)
    is_right = passwords.is_right(None if found is None else found.password_hash, password)
    wrong = _why_not(found, allowed, is_right)
    if wrong:
        staff_steps.refuse_person("staff_password", wrong, None if found is None else found.id, device)
    with database.work() as work:
        credentials.take_back_try(work, found.id)
        credentials.renew_hash(work, found, password)
        return staff_steps.begin(work, found.id, BY_PASSWORD, clock.now(), device)


def _why_not(found: Any, allowed: bool, is_right: bool) -> str | None:
    """For operators; the answer never says it."""
    if found is None:
        return "unknown"
    if not allowed:
        return "locked"
    if not is_right:
        return "wrong"
    if not found.active:
        return "left"
    return "first_password_too_old" if credentials.has_run_out(found) else None


def enter_by_sign_on(
    work: Work, staff_id: UUID, level: int, authenticated_at: datetime, device: Device
) -> dict[str, Any]:
    """Whoever the government's single sign-on vouches for: in at once if it saw two factors, else asked for one."""
    if level >= TWO_FACTORS:
        return {"next": DONE, **sessions.open_for_staff(work, staff_id, level, authenticated_at, device)}
    return staff_steps.begin(work, staff_id, BY_SIGN_ON, authenticated_at, device)


def challenge(login_id: UUID, ticket: str) -> dict[str, Any]:
    """A challenge for a passkey: `passkey` is the `publicKey` of `navigator.credentials.get`. Raises LoginRefused."""
    with database.work() as work:
        login = staff_steps.held(work, login_id, ticket, SECOND_FACTOR)
        fresh = passkeys.new_challenge()
        staff_steps.change(work, login, challenge=fresh)
        return {"passkey": passkeys.options_to_log_in(work, login.staff_id, fresh)}


def show_second_factor(
    login_id: UUID, ticket: str, kind: str, shown: Any, wish: str | None, device: Device
) -> dict[str, Any]:
    """Judge a second factor; `shown` is a code, or a passkey's answer. Raises LoginRefused."""
    with database.work() as work:
        login = staff_steps.held(work, login_id, ticket, SECOND_FACTOR)
        # Whatever comes of it, a challenge is answered once.
        staff_steps.change(work, login, challenge=None)
        allowed = credentials.begin_try(work, login.staff_id)
        wrong = _judge(work, login, kind, shown) if allowed else "locked"
        if wrong is None:
            credentials.forget_failures(work, login.staff_id)
            answer = staff_steps.go_on(work, staff_steps.change(work, login, factor_shown=True, wish=wish), device)
    if wrong is not None:
        staff_steps.refuse_person("staff_second_factor", wrong, login.staff_id, device)
    return answer


def _judge(work: Work, login: Any, kind: str, shown: Any) -> str | None:
    """Why it does not hold, for operators; None when it does."""
    if kind == TOTP:
        return None if second_factors.use_totp(work, login.staff_id, shown) else "wrong_or_used_code"
    if kind == RECOVERY_CODE:
        return None if second_factors.use_recovery_code(work, login.staff_id, shown) else "wrong_or_used_recovery_code"
    if login.challenge is None:
        return "no_challenge"
    try:
        passkeys.use(work, login.staff_id, bytes(login.challenge), shown)
    except PasskeyUnsound:
        return "unsound_passkey"
    return None


def set_new_password(login_id: UUID, ticket: str, password: str, language: str, device: Device) -> dict[str, Any]:
    """Take a new password in place of a first or an old one. Raises LoginRefused, InvalidContent (a weak one)."""
    with database.work() as work:
        account = credentials.account_of(work, staff_steps.held(work, login_id, ticket, NEW_PASSWORD).staff_id)
    faults = passwords.faults(password, account.staff_number, language)
    if not faults and passwords.is_right(account.password_hash, password):
        faults = [{"zh": "不能与原密码相同。", "en": "It is the old one."}[language]]
    if faults:
        raise InvalidContent(errors={"/password": faults})
    hashed = passwords.hashed(password)
    with database.work() as work:
        login = staff_steps.held(work, login_id, ticket, NEW_PASSWORD)
        credentials.set_password(work, login.staff_id, hashed)
        staff_changes.record(work, login.staff_id, login.staff_id, "own_password_changed", {})
        # Whoever knew the old one may be in by it.
        sessions.end_all_of_staff(work, login.staff_id)
        rest = None if login.wish == NEW_PASSWORD else login.wish
        return staff_steps.go_on(work, staff_steps.change(work, login, wish=rest), device)


def begin_enrolment(login_id: UUID, ticket: str, kind: str) -> dict[str, Any]:
    """What an app or an authenticator needs to become a second factor. Raises LoginRefused."""
    with database.work() as work:
        login = staff_steps.held(work, login_id, ticket, ENROL)
        account = credentials.account_of(work, login.staff_id)
        if kind == PASSKEY:
            fresh = passkeys.new_challenge()
            staff_steps.change(work, login, challenge=fresh, new_totp=None)
            return {"passkey": passkeys.options_to_enrol(work, account, fresh)}
        secret = second_factors.new_secret()
        staff_steps.change(work, login, challenge=None, new_totp=second_factors.sealed(secret, login.staff_id))
        address = second_factors.address(secret, account.staff_number)
        return {"totp": {"secret": second_factors.in_base32(secret), "address": address}}


def confirm_enrolment(login_id: UUID, ticket: str, kind: str, shown: Any, device: Device) -> dict[str, Any]:
    """Take the new factor once it has worked; with the first one come recovery codes. Raises LoginRefused."""
    with database.work() as work:
        login = staff_steps.held(work, login_id, ticket, ENROL)
        # A challenge is answered once; an app's code may be mistyped, and is asked for again.
        staff_steps.change(work, login, challenge=None)
        wrong = _enrol(work, login, kind, shown)
        if wrong is None:
            codes = [] if second_factors.unused_recovery_codes(work, login.staff_id) else _codes(work, login)
            staff_changes.record(work, login.staff_id, login.staff_id, "own_factor_enrolled", {"kind": kind})
            answer = staff_steps.go_on(work, staff_steps.change(work, login, factor_shown=True, wish=None), device)
    if wrong is not None:
        staff_steps.refuse_person("staff_enrolment", wrong, login.staff_id, device)
    return {**answer, "recovery_codes": codes}


def _codes(work: Work, login: Any) -> list[str]:
    return second_factors.new_recovery_codes(work, login.staff_id)


def _enrol(work: Work, login: Any, kind: str, shown: Any) -> str | None:
    if kind == PASSKEY:
        if login.challenge is None:
            return "no_challenge"
        try:
            passkeys.enrol(work, login.staff_id, bytes(login.challenge), shown)
        except PasskeyUnsound:
            return "unsound_passkey"
        return None
    if login.new_totp is None:
        return "not_begun"
    secret = second_factors.opened(bytes(login.new_totp), login.staff_id)
    step = second_factors.step_of(secret, shown)
    if step is None:
        return "wrong_code"
    second_factors.enrol_totp(work, login.staff_id, secret, step)
    return None
