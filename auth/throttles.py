"""Throttles: how often something may be tried, counted in the database, where all processes count with the same row.

THROTTLES is the one table of which door has which limits. Doors that are not in it pay nothing.

Each limit is a bucket that leaks evenly (GCRA, ITU-T I.371): `most` tries may come at once, then one every
`within / most`. One row holds one bucket, as the instant at which it will be empty again. A try that is refused does
not fill the bucket, or trying again would keep somebody out for ever. The count is saved by itself, so that it lasts
although the request it belongs to is undone. What is limited by its outcome has its own rule where the outcome is
known: one-time codes in `app/people/code_limits.py`, passwords of staff in `staff_credentials.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask import Request
from sqlalchemy import Boolean, Column, DateTime, Float, LargeBinary, Table, delete

from app import clock, database, jobs
from app.crypto import data_keys
from app.database import metadata
from app.refusals import Refusal
from app.settings import settings
from auth import addresses, refusals

# Unlogged: after a crash of PostgreSQL everybody begins anew, which is nothing to write a log for. And without an
# index of the instant, so that a count changes its row and nothing else: what is not purged yet is little to read.
throttle_buckets = Table(
    "throttle_buckets",
    metadata,
    # A MAC: addresses, phone numbers and accounts are personal data, and counting needs none of them in plain.
    Column("key", LargeBinary, primary_key=True),
    Column("empty_at", DateTime(timezone=True), nullable=False),
    Column("depth_seconds", Float, nullable=False),
    Column("refused", Boolean, nullable=False),
    prefixes=["UNLOGGED"],
)


class Throttled(Refusal):
    """Tried too often: wait `retry_after` seconds. `limit` tries within `window` seconds are allowed."""


ADDRESS = "address"
"""Where the request comes from: see addresses.py."""

DEVICE = "device"
"""What the client says of its device in `OnePhone-Device`; who says nothing is bounded by the address."""

CALLER = "caller"
"""Whoever the guard found: a resident, a member of staff, an office."""


def named(field: str) -> str:
    """The account that the body names in this field, whether it exists or not."""
    return f"body:{field}"


OFFICE = "path:office_code"


@dataclass(frozen=True)
class Limit:
    """At most `most` tries for each value of `per` within `within`."""

    per: str
    most: int
    within: timedelta

    @property
    def told(self) -> str:
        return f"{self.most} per {self.per.removeprefix('body:').removeprefix('path:')} in {_span(self.within)}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


_MINUTE = timedelta(minutes=1)

LOGIN = "login"
LOGIN_ANSWER = "login_answer"
REFRESH = "refresh"
STAFF_LOGIN = "staff_login"
STAFF_PASSWORD = "staff_password"
STAFF_SECOND_FACTOR = "staff_second_factor"
SUBMIT = "submit"
LOOKUP = "lookup"
OFFICE_TOKEN = "office_token"

# Whole towns stand behind one address of a mobile network, so limits per address only stop machines; what stops
# guessing are the limits per account, which hold from however many addresses somebody comes.
THROTTLES: Mapping[str, tuple[Limit, ...]] = {
    LOGIN: (Limit(ADDRESS, 3000, _MINUTE), Limit(DEVICE, 60, 10 * _MINUTE)),
    LOGIN_ANSWER: (Limit(ADDRESS, 3000, _MINUTE), Limit(DEVICE, 60, 10 * _MINUTE)),
    REFRESH: (Limit(ADDRESS, 6000, _MINUTE), Limit(DEVICE, 60, 10 * _MINUTE)),
    STAFF_LOGIN: (Limit(ADDRESS, 300, _MINUTE),),
    STAFF_PASSWORD: (Limit(ADDRESS, 100, 10 * _MINUTE), Limit(named("staff_number"), 20, 30 * _MINUTE)),
    STAFF_SECOND_FACTOR: (Limit(ADDRESS, 200, 10 * _MINUTE),),
    SUBMIT: (Limit(CALLER, 200, 10 * _MINUTE),),
    LOOKUP: (Limit(CALLER, 300, 10 * _MINUTE),),
    OFFICE_TOKEN: (Limit(ADDRESS, 300, _MINUTE), Limit(OFFICE, 120, _MINUTE)),
}


def limits(throttle: str) -> tuple[Limit, ...]:
    """The limits of a throttle, with what the setting THROTTLES changes: `{"login.address": [6000, 60]}`."""
    return _limits(throttle, tuple(settings().throttles.items()))


@cache
def _limits(throttle: str, changes: tuple[tuple[str, tuple[int, int]], ...]) -> tuple[Limit, ...]:
    changed = dict(changes)

    def now(limit: Limit) -> Limit:
        most, seconds = changed.get(f"{throttle}.{limit.per}", (limit.most, int(limit.within.total_seconds())))
        return Limit(limit.per, most, timedelta(seconds=seconds))

    return tuple(now(limit) for limit in THROTTLES[throttle])


def pass_through(throttle: str, request: Request, caller: Any, body: Callable[[], Any]) -> None:
    """Count one try at a throttled door. `body()` gives the JSON of the request. Raises Throttled."""
    count(throttle, {limit.per: _value(limit.per, request, caller, body) for limit in limits(throttle)})


def _value(per: str, request: Request, caller: Any, body: Callable[[], Any]) -> str | None:
    """Who this is in terms of a limit; None where the request does not say."""
    kind, _, field = per.partition(":")
    match kind:
        case "address":
            return addresses.network_of(addresses.of(request))
        case "device":
            return request.headers.get("OnePhone-Device", "")[:200] or None
        case "path":
            return str((request.view_args or {}).get(field, ""))
        case "body":
            content = body()
            said = content.get(field) if isinstance(content, dict) else None
            return said.strip()[:200] if isinstance(said, str) else None
    return None if caller is None else str(caller.scope)


# What is counted is sorted by key, so that two requests with two buckets in common never wait for each other. No
# bucket is fuller than its depth, unless the clock that filled it was wrong: then it begins anew.
_COUNT = """
INSERT INTO throttle_buckets AS b (key, empty_at, depth_seconds, refused)
SELECT key, %(now)s::timestamptz + make_interval(secs => step), depth, false
FROM unnest(%(keys)s::bytea[], %(steps)s::float8[], %(depths)s::float8[]) AS t (key, step, depth) ORDER BY key
ON CONFLICT (key) DO UPDATE SET (empty_at, depth_seconds, refused) = (
    SELECT CASE WHEN fuller > brim THEN b.empty_at ELSE fuller END, excluded.depth_seconds, fuller > brim
    FROM (SELECT %(now)s::timestamptz AS now, excluded.empty_at - %(now)s::timestamptz AS step,
              make_interval(secs => excluded.depth_seconds) AS depth) AS asked,
         LATERAL (SELECT CASE WHEN b.empty_at BETWEEN now AND now + depth + interval '5 seconds'
              THEN b.empty_at ELSE now END + step AS fuller, now + depth + interval '0.5 ms' AS brim) AS found)
RETURNING key, empty_at, refused
"""


def count(throttle: str, values: Mapping[str, str | None]) -> None:
    """Count one try of each value, by the `per` of its limit; None is not counted. Raises Throttled."""
    told = {_key(throttle, limit.per, values[limit.per]): limit for limit in limits(throttle) if values[limit.per]}
    if not told:
        return
    now = clock.now()
    over = [(told[bytes(key)], empty_at) for key, empty_at, refused in _counted(told, now) if refused]
    if over:
        limit, wait = max(((limit, _wait(limit, empty_at, now)) for limit, empty_at in over), key=lambda one: one[1])
        refusals.count(throttle, f"throttled_by_{limit.per.partition(':')[2] or limit.per}")
        raise Throttled(retry_after=wait, limit=limit.most, window=int(limit.within.total_seconds()))


def _counted(told: Mapping[bytes, Limit], now: datetime) -> list[Any]:
    values = {
        "now": now,
        "keys": list(told),
        "steps": [limit.within.total_seconds() / limit.most for limit in told.values()],
        "depths": [limit.within.total_seconds() for limit in told.values()],
    }
    with database.reading() as connection:
        return database.rows_of(connection, _COUNT, values)


def _wait(limit: Limit, empty_at: datetime, now: datetime) -> int:
    """Whole seconds until one more try fits."""
    step = limit.within / limit.most
    return max(1, math.ceil((empty_at + step - limit.within - now).total_seconds()))


def _key(throttle: str, per: str, value: str | None) -> bytes:
    return data_keys.fingerprint("throttle", f"{throttle} {per} {value}".encode(errors="replace"))


@jobs.tasks.periodic(cron="*/10 * * * *")
@jobs.task("purge_throttles", queueing_lock="purge_throttles")
def purge(timestamp: int) -> None:
    """Forget the buckets that are empty: they limit nobody."""
    with database.work() as work:
        work.run(delete(throttle_buckets).where(throttle_buckets.c.empty_at < clock.now()))
