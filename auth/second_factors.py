"""Second factors of staff: one-time passwords from an app (TOTP, RFC 6238), and recovery codes on paper.

Passkeys are in passkeys.py. GB/T 22239-2019 8.1.4.1 d asks for two factors, one of them cryptographic: all three are.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Any
from urllib.parse import quote
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, LargeBinary, Table, delete, func, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.crypto import data_keys
from app.crypto.envelopes import SealedBytes
from app.crypto.sealed import require_sealed, sealed_only
from app.database import Work, metadata

# Sealed with the house's key. The columns are not of the type `Sealed`, because those are told to residents as what
# we hold about them, and this is about no resident.
staff_totp = Table(
    "staff_totp",
    metadata,
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    # The last step whose code was used: each is good once (RFC 6238 §5.2).
    Column("last_step", BigInteger, nullable=False),
    Column("enrolled_at", DateTime(timezone=True), nullable=False),
    sealed_only("secret"),
)

staff_recovery_codes = Table(
    "staff_recovery_codes",
    metadata,
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), primary_key=True),
    # A MAC, so that a stolen dump gives nothing to guess from.
    Column("code_mac", LargeBinary, primary_key=True),
    Column("used_at", DateTime(timezone=True)),
)

STEP_SECONDS = 30
_DIGITS = 6
_SECRET_BYTES = 20
# One step before and one after: clocks differ, and typing takes a while (RFC 6238 §5.2 and §6).
_DRIFT = (-1, 0, 1)
_RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
_ISSUER = "OnePhone"
_SEALED_FOR = "staff_totp.secret"


def new_secret() -> bytes:
    """160 random bits (RFC 4226 §4)."""
    return secrets.token_bytes(_SECRET_BYTES)


def sealed(secret: bytes, staff_id: UUID) -> bytes:
    return require_sealed(data_keys.of_the_house().seal(secret.hex(), _SEALED_FOR, str(staff_id)))


def opened(stored: bytes, staff_id: UUID) -> bytes:
    return bytes.fromhex(data_keys.of_the_house().open_text(SealedBytes(stored), _SEALED_FOR, str(staff_id)))


def in_base32(secret: bytes) -> str:
    """As an app takes it when it is typed."""
    return base64.b32encode(secret).decode()


def address(secret: bytes, staff_number: str) -> str:
    """What the QR code holds (Google Authenticator's Key Uri Format)."""
    label = f"{_ISSUER}:{quote(staff_number)}"
    return f"otpauth://totp/{label}?secret={in_base32(secret)}&issuer={_ISSUER}&digits={_DIGITS}&period={STEP_SECONDS}"


def code_at(secret: bytes, step: int, digits: int = _DIGITS) -> str:
    """The code of one step of 30 seconds, by HMAC-SHA-1, which is what every app speaks (RFC 6238 §1.2)."""
    return HOTP(secret, digits, SHA1()).generate(step).decode()


def step_of(secret: bytes, code: str) -> int | None:
    """The step near now whose code this is; None for none."""
    now = int(clock.now().timestamp()) // STEP_SECONDS
    typed = code.strip().encode()
    steps = [now + drift for drift in _DRIFT]
    right = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), typed)]
    return max(right, default=None)


def enrol_totp(work: Work, staff_id: UUID, secret: bytes, step: int) -> None:
    """Take this app as the second factor, after it gave the code of `step`."""
    values = {"secret": sealed(secret, staff_id), "last_step": step, "enrolled_at": clock.now()}
    statement = insert(staff_totp).values(staff_id=staff_id, **values)
    work.run(statement.on_conflict_do_update(index_elements=["staff_id"], set_=values))


def use_totp(work: Work, staff_id: UUID, code: str) -> bool:
    """Whether the code is right and its step was not used before; it is used now."""
    found = work.run(select(staff_totp.c.secret).where(staff_totp.c.staff_id == staff_id)).scalar_one_or_none()
    step = None if found is None else step_of(opened(found, staff_id), code)
    if step is None:
        return False
    fresh = (staff_totp.c.staff_id == staff_id) & (staff_totp.c.last_step < step)
    return work.run(update(staff_totp).where(fresh).values(last_step=step)).rowcount == 1


def new_recovery_codes(work: Work, staff_id: UUID) -> list[str]:
    """Ten codes to print, each good once; those given out before are void."""
    work.run(delete(staff_recovery_codes).where(staff_recovery_codes.c.staff_id == staff_id))
    codes = [_grouped(base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()) for _ in range(_RECOVERY_CODES)]
    rows = [{"staff_id": staff_id, "code_mac": _mac(staff_id, code)} for code in codes]
    work.run(insert(staff_recovery_codes).values(rows))
    return codes


def use_recovery_code(work: Work, staff_id: UUID, code: str) -> bool:
    """Whether this is an unused recovery code; it is used now."""
    unused = (staff_recovery_codes.c.staff_id == staff_id) & staff_recovery_codes.c.used_at.is_(None)
    content = _content(staff_id, code)
    for mac in work.run(select(staff_recovery_codes.c.code_mac).where(unused)).scalars().all():
        if data_keys.is_fingerprint(bytes(mac), _PURPOSE, content):
            mine = unused & (staff_recovery_codes.c.code_mac == mac)
            return work.run(update(staff_recovery_codes).where(mine).values(used_at=clock.now())).rowcount == 1
    return False


def unused_recovery_codes(work: Work, staff_id: UUID) -> int:
    unused = (staff_recovery_codes.c.staff_id == staff_id) & staff_recovery_codes.c.used_at.is_(None)
    return int(work.run(select(func.count()).select_from(staff_recovery_codes).where(unused)).scalar_one())


def has_totp(work: Work, staff_id: UUID) -> bool:
    found: Any = work.run(select(staff_totp.c.staff_id).where(staff_totp.c.staff_id == staff_id)).one_or_none()
    return found is not None


def forget(work: Work, staff_id: UUID) -> None:
    """No app and no paper of this person is a second factor any more."""
    work.run(delete(staff_totp).where(staff_totp.c.staff_id == staff_id))
    work.run(delete(staff_recovery_codes).where(staff_recovery_codes.c.staff_id == staff_id))


_PURPOSE = "recovery code"


def _mac(staff_id: UUID, code: str) -> bytes:
    return data_keys.fingerprint(_PURPOSE, _content(staff_id, code))


def _content(staff_id: UUID, code: str) -> bytes:
    """A code however it was typed: small letters, spaces, dashes."""
    plain = "".join(one for one in code.upper() if one.isalnum())
    return f"{staff_id} {plain}".encode()


def _grouped(code: str) -> str:
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
