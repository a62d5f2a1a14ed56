"""Code limits: how often one-time codes are sent and guessed, for one number, one device and one address.

Windows slide: a row keeps the instants of the last day, and one statement looks at them, refuses or adds the new one,
so that of two requests at the same moment only as many get through as are allowed. Numbers are kept by their blind
index, devices and addresses by a fingerprint.

Not the same as `auth/throttles.py`, which stands before doors and counts every knock, whatever becomes of it. Here it
is codes that are counted, by the rule that makes them and in its transaction: a wish that comes to nothing counts for
nobody, several windows hold for one number together and exactly (a bucket that leaks would let nearly twice as many
through in a day, and each costs a message and bothers somebody), and a right code wipes its number's slate.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, DateTime, LargeBinary, Table, Text, delete
from sqlalchemy.dialects.postgresql import ARRAY

from app import clock, database
from app.crypto import blind_indexes, data_keys
from app.database import Work, metadata
from app.refusals import Refusal

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)

SEND_TO_NUMBER = "send_to_number"
SEND_TO_DEVICE = "send_to_device"
SEND_TO_ADDRESS = "send_to_address"
GUESS_OF_NUMBER = "guess_of_number"

LIMITS: dict[str, tuple[tuple[int, timedelta], ...]] = {
    SEND_TO_NUMBER: ((1, timedelta(seconds=60)), (5, _HOUR), (10, _DAY)),
    SEND_TO_DEVICE: ((10, _HOUR), (20, _DAY)),
    # Behind one address of a mobile carrier or of a village's service point there are many people.
    SEND_TO_ADDRESS: ((60, _HOUR), (300, _DAY)),
    # Ten codes a day with five attempts each would be fifty; a person who mistypes needs far fewer, and a right code
    # wipes the slate. Only codes to this number are closed by it, no other way in.
    GUESS_OF_NUMBER: ((15, _DAY),),
}
"""(how many, within how long) of each kind; all of them hold."""

code_limits = Table(
    "code_limits",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("at", ARRAY(DateTime(timezone=True)), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False, index=True),
)

_TAKE = """
INSERT INTO code_limits AS mine (kind, key, at, last_at) VALUES (%(kind)s, %(key)s, ARRAY[%(now)s], %(now)s)
ON CONFLICT (kind, key) DO UPDATE
SET last_at = %(now)s,
    at = ARRAY(SELECT t FROM unnest(mine.at) t WHERE t > %(now)s - interval '1 day') || %(now)s
WHERE NOT EXISTS (
    SELECT FROM unnest(%(limits)s::int[], %(windows)s::interval[]) AS rule (most, within)
    WHERE (SELECT count(*) FROM unnest(mine.at) t WHERE t > %(now)s - rule.within) >= rule.most
)
RETURNING 1
"""


class CodesLimited(Refusal):
    """Too many codes were asked or guessed; `retry_after` says in how many seconds there is another, `limit` how many
    there are in `window` seconds."""


def number_key(phone: str) -> bytes:
    """The key of a number. Raises NothingToIndex."""
    return data_keys.index(blind_indexes.PHONE, phone)


def other_key(text: str) -> bytes:
    """The key of an address or a device."""
    return data_keys.fingerprint("code limits", text.encode(errors="replace"))


def take(work: Work, kind: str, key: bytes) -> None:
    """Count one more, or raise CodesLimited and count nothing."""
    now = clock.now().astimezone()
    rules = LIMITS[kind]
    values = {
        "kind": kind,
        "key": key,
        "now": now,
        "limits": [most for most, _ in rules],
        "windows": [within for _, within in rules],
    }
    if work.row(_TAKE, values) is None:
        raise _limited(work, kind, key, now)


def wipe(work: Work, kind: str, key: bytes) -> None:
    """Begin anew: what was counted proved to be the owner's."""
    work.run(delete(code_limits).where(code_limits.c.kind == kind, code_limits.c.key == key))


def _limited(work: Work, kind: str, key: bytes, now: datetime) -> CodesLimited:
    """The refusal, with the rule that lets go last."""
    row: Any = work.row(
        "SELECT at FROM code_limits WHERE kind = %(kind)s AND key = %(key)s", {"kind": kind, "key": key}
    )
    taken = sorted(row.at, reverse=True) if row is not None else []
    waits = [(taken[most - 1] + within - now, most, within) for most, within in LIMITS[kind] if len(taken) >= most]
    wait, most, within = max(waits, default=(timedelta(seconds=1), *LIMITS[kind][0]))
    seconds = max(1, int(wait.total_seconds()) + 1)
    return CodesLimited(retry_after=seconds, limit=most, window=int(within.total_seconds()))


def purge() -> None:
    """Forget who has not asked for a day."""
    with database.work() as work:
        work.run(delete(code_limits).where(code_limits.c.last_at < clock.now() - _DAY))
