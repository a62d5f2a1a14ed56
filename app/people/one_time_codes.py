"""One-time codes: six digits that prove that somebody holds a phone number at this moment.

The equal route of whoever has no e-ID and no WeChat (国家网络身份认证公共服务管理办法), by message, or read aloud by a
call for who sees badly. Kept only as a MAC under the house's index key together with the row's id; the
digits themselves lie sealed until the carrier has them. Five minutes, five attempts counted before the comparison.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    LargeBinary,
    SmallInteger,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Job, Work, metadata
from app.identifiers import new_id
from app.people import code_limits
from app.people.code_limits import GUESS_OF_NUMBER, SEND_TO_ADDRESS, SEND_TO_DEVICE, SEND_TO_NUMBER

LIFE = timedelta(minutes=5)
ATTEMPTS = 5
DIGITS = 6
SEND_JOB = "send_code"
"""The job that has the code sent; whoever speaks to a carrier registers it."""

_FIRST = 10
_MAC = "one-time code"
_KEPT = timedelta(hours=1)

one_time_codes = Table(
    "one_time_codes",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("phone", Sealed, nullable=False, info=personal(purpose="to send a one-time code to it")),
    Column("phone_index", LargeBinary, nullable=False, index=True),
    Column("code", Sealed, info=personal(purpose="to be sent; emptied as soon as the carrier has it")),
    Column("mac", LargeBinary, nullable=False),
    Column("voice", Boolean, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    Column("sent_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    sealed_only("phone"),
    sealed_only("code"),
)

_PHONE, _CODE = "one_time_codes.phone", "one_time_codes.code"


@dataclass(frozen=True, repr=False)
class Dispatch:
    """What a carrier is to deliver; `minutes` is how long the code is still good, at least one."""

    id: UUID
    phone: str
    code: str
    voice: bool
    minutes: int


def make(work: Work, phone: str, voice: bool, address: str, device: str) -> UUID:
    """A new code for a number, and the job that sends it; its id.

    Whether anybody is known by this number makes no difference. Raises CodesLimited, NothingToIndex.
    """
    number = code_limits.number_key(phone)
    code_limits.take(work, SEND_TO_NUMBER, number)
    for kind, text in ((SEND_TO_DEVICE, device), (SEND_TO_ADDRESS, address)):
        if text:
            code_limits.take(work, kind, code_limits.other_key(text))
    code_id, code = new_id(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    house = data_keys.of_the_house()
    row = insert(one_time_codes).values(
        id=code_id,
        phone=house.seal(phone, _PHONE, code_id),
        phone_index=number,
        code=house.seal(code, _CODE, code_id),
        mac=data_keys.fingerprint(_MAC, _content(code_id, code)),
        voice=voice,
        attempts=0,
        expires_at=clock.now() + LIFE,
    )
    work.run(row)
    # Somebody is looking at a phone and waiting.
    work.defer(Job(SEND_JOB, {"code_id": str(code_id)}, priority=_FIRST))
    return code_id


def check(code_id: UUID, typed: str) -> str | None:
    """The number, when this is its code: once. None for a wrong, used, old or unknown one, all alike.

    The attempt is saved before anything is compared, so that no crash and no second request gives one for free. Raises
    CodesLimited when the number was guessed at too often.
    """
    with database.work() as work:
        row = _attempted(work, code_id)
        if row is not None:
            code_limits.take(work, GUESS_OF_NUMBER, bytes(row.phone_index))
    stored = _NOTHING if row is None else bytes(row.mac)
    if not _is(stored, code_id, typed) or row is None:
        return None
    with database.work() as work:
        if not _ended(work, code_id):
            return None
        code_limits.wipe(work, GUESS_OF_NUMBER, bytes(row.phone_index))
    return data_keys.of_the_house().open_text(row.phone, _PHONE, code_id)


def asked_for(code_id: UUID) -> tuple[str, bool] | None:
    """The number that a code was made for, and whether by voice; None when it is forgotten."""
    with database.reading() as connection:
        row = connection.execute(select(one_time_codes).where(one_time_codes.c.id == code_id)).one_or_none()
    return row and (data_keys.of_the_house().open_text(row.phone, _PHONE, code_id), row.voice)


def to_send(code_id: UUID) -> Dispatch | None:
    """What is to be sent; None when it was, or when nobody waits for it any more."""
    waiting = select(one_time_codes).where(
        one_time_codes.c.id == code_id,
        one_time_codes.c.code.is_not(None),
        one_time_codes.c.ended_at.is_(None),
        one_time_codes.c.expires_at > clock.now(),
    )
    with database.reading() as connection:
        row = connection.execute(waiting).one_or_none()
    if row is None:
        return None
    house = data_keys.of_the_house()
    phone, code = house.open_text(row.phone, _PHONE, code_id), house.open_text(row.code, _CODE, code_id)
    minutes = max(1, round((row.expires_at - clock.now()).total_seconds() / 60))
    return Dispatch(code_id, phone, code, row.voice, minutes)


def sent(work: Work, code_id: UUID) -> None:
    """The carrier has it, or refused it for good: the digits are forgotten here."""
    work.run(update(one_time_codes).where(one_time_codes.c.id == code_id).values(code=None, sent_at=clock.now()))


def _attempted(work: Work, code_id: UUID) -> Any:
    """The row, with one attempt more; None when there is none to make."""
    mine = update(one_time_codes).where(
        one_time_codes.c.id == code_id,
        one_time_codes.c.attempts < ATTEMPTS,
        one_time_codes.c.ended_at.is_(None),
        one_time_codes.c.expires_at > clock.now(),
    )
    values = {"attempts": one_time_codes.c.attempts + 1}
    return work.run(mine.values(values).returning(one_time_codes)).one_or_none()


def _ended(work: Work, code_id: UUID) -> bool:
    """End it; False when another request with the same code was faster."""
    open_still = (one_time_codes.c.id == code_id) & one_time_codes.c.ended_at.is_(None)
    return work.run(update(one_time_codes).where(open_still).values(ended_at=clock.now(), code=None)).rowcount == 1


# A stored value of no code, to compare with where there is no row: finding nothing must not be faster.
_NOTHING = b""


def _is(stored: bytes, code_id: UUID, typed: str) -> bool:
    content = _content(code_id, _digits(typed))
    stored = stored or data_keys.fingerprint(_MAC, b"")
    return data_keys.is_fingerprint(stored, _MAC, content)


def _content(code_id: UUID, code: str) -> bytes:
    return code_id.bytes + code.encode(errors="replace")


def _digits(typed: str) -> str:
    """What people type: `123 456`, `１２３４５６`, `123-456`."""
    half = unicodedata.normalize("NFKC", typed[:40])
    return "".join(character for character in half if character not in " -\u3000")


@jobs.tasks.periodic(cron="47 * * * *")
@jobs.task("purge_one_time_codes", queueing_lock="purge_one_time_codes")
def purge(timestamp: int) -> None:
    """Forget codes that ended, and who has asked for none lately."""
    with database.work() as work:
        work.run(delete(one_time_codes).where(one_time_codes.c.expires_at < clock.now() - _KEPT))
    code_limits.purge()
