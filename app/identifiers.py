"""The identifiers that this service gives out."""

from __future__ import annotations

import math
import secrets
from datetime import date, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

_MODULUS = 97


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): unique everywhere, and close together in an index when close in time."""
    return uuid7()


def new_reference(day: date) -> str:
    """A submission's public number, such as `261122-4839-1027-5663-63`.

    Six digits of the filing day, twelve random digits so that nobody can guess a neighbour's number,
    and two check digits (ISO/IEC 7064 MOD 97-10) so that a slip on the phone is noticed. Digits only,
    because people read it aloud.
    """
    body = f"{day:%y%m%d}{secrets.randbelow(10**12):012d}"
    digits = f"{body}{98 - int(body) * 100 % _MODULUS:02d}"
    return "-".join((digits[:6], digits[6:10], digits[10:14], digits[14:18], digits[18:]))


def is_reference(text: str) -> bool:
    """Whether the text is a reference whose check digits fit; spaces and hyphens are free."""
    digits = text.replace("-", "").replace(" ", "")
    return len(digits) == 20 and digits.isascii() and digits.isdigit() and int(digits) % _MODULUS == 1


def normal_reference(text: str) -> str:
    """The reference as it is stored, however a person typed its groups."""
    digits = text.replace("-", "").replace(" ", "")
    return "-".join((digits[:6], digits[6:10], digits[10:14], digits[14:18], digits[18:]))


def first_id_at(instant: datetime, shift: timedelta = timedelta(0)) -> UUID:
    """The smallest id that `new_id` can give from an instant on: its first 48 bits are milliseconds since 1970."""
    milliseconds = math.floor((instant.timestamp() + shift.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)
