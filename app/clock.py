"""What time it is. The one place that asks, so that a test can move every clock at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")

_shift = timedelta(0)


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC) + _shift


def day_of(instant: datetime) -> date:
    """The legal date of an instant: the calendar day in China."""
    return instant.astimezone(CHINA).date()


def today() -> date:
    return day_of(now())


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Run a block as if it were `by` later (or earlier); for tests and rehearsals."""
    global _shift
    before, _shift = _shift, _shift + by
    try:
        yield
    finally:
        _shift = before
