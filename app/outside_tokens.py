"""Outside tokens: the access token of an outside party, kept once for all processes and sealed at rest.

Parties that count how often they are asked for a token (WeChat getStableAccessToken) or that end the old one with the
new one must be asked by one process only. Whoever is to ask takes the row's lease by one atomic statement; the others
go on with the old token while it lives, or wait. A lease and not an advisory lock, because a lock would hold a
database connection for as long as the outside party takes to answer; a killed process's lease runs out by itself.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Column, DateTime, Integer, LargeBinary, Table, Text, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app import clock, database
from app.crypto import data_keys
from app.crypto.failures import SealError
from app.database import metadata
from app.settings import settings

log = structlog.get_logger()

# A token is nobody's personal data, so the column is no `Sealed` one with a purpose; what lies in it is sealed with
# the house's key all the same, because whoever reads a dump must not be able to call others in our name.
outside_tokens = Table(
    "outside_tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", LargeBinary),
    Column("number", Integer, nullable=False),
    Column("renew_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("leased_until", DateTime(timezone=True), nullable=False),
)

_PLACE = "outside_tokens.token"
_MARGIN = timedelta(minutes=2)
_POLL_SECONDS = 0.05
_LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")

_here: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""One thread of a process looks after a name at a time; the others then find what it fetched."""


class TokenAway(Exception):
    """Another process is asking for the token and has got none for too long; try again later."""


@dataclass(frozen=True)
class OutsideToken:
    """A token in plain, and which one it is: a renewed one has a higher number, even where its text is the same."""

    text: str
    number: int

    def __repr__(self) -> str:
        return f"<outside token {self.number}>"


Fetch = Callable[[], tuple[str, int]]
"""Asks the outside party: the token and its life in seconds. May raise whatever it likes, which reaches the caller."""


def get(name: str, fetch: Fetch) -> OutsideToken:
    """The token of this name, fetched by the first who needs it and renewed before its end by exactly one process.

    No connection is held while `fetch` runs. Raises what `fetch` raises, and TokenAway.
    """
    row = _row(name)
    kept = _opened(row)
    if kept is not None and (row.renew_at > clock.now() or _here[name].locked()):
        return kept
    return _from_one_process(name, 0, fetch)


def renew(name: str, seen: OutsideToken, fetch: Fetch) -> OutsideToken:
    """A token after `seen`, which the outside party refused: fetched once, however many processes were refused.

    Raises as `get` does.
    """
    dropped = update(outside_tokens).where(outside_tokens.c.name == name, outside_tokens.c.number == seen.number)
    with database.work() as work:
        work.run(dropped.values(token=None, expires_at=_LONG_AGO, renew_at=_LONG_AGO))
    return _from_one_process(name, seen.number, fetch)


def _from_one_process(name: str, above: int, fetch: Fetch) -> OutsideToken:
    """A token with a number above this one: what somebody else keeps meanwhile, or what we fetch."""
    give_up = time.monotonic() + 2 * _lease().total_seconds()
    if not _here[name].acquire(timeout=2 * _lease().total_seconds()):
        raise TokenAway
    try:
        while time.monotonic() < give_up:
            row = _row(name)
            kept = _opened(row)
            usable = kept is not None and kept.number > above
            if kept is not None and usable and row.renew_at > clock.now():
                return kept
            until = _leased(name, 0 if row is None else row.number)
            if until is not None:
                return _fetched(name, 1 if row is None else row.number + 1, until, fetch)
            if kept is not None and usable:
                return kept
            time.sleep(_POLL_SECONDS)
        raise TokenAway
    finally:
        _here[name].release()


def _fetched(name: str, number: int, until: datetime, fetch: Fetch) -> OutsideToken:
    """Ask the outside party, as the holder of the lease. Its life counts from before the question."""
    asked_at = clock.now()
    try:
        text, seconds = fetch()
    except BaseException:
        _give_back(name, until)
        raise
    life = timedelta(seconds=seconds)
    token = OutsideToken(text, number)
    values = {
        "token": bytes(data_keys.of_the_house().seal(text, _PLACE, name)),
        "number": number,
        "expires_at": asked_at + life,
        # A party may give a short life, and the same token again until its very last minutes.
        "renew_at": asked_at + life - min(_MARGIN, life / 4),
        "leased_until": _LONG_AGO,
    }
    _save(name, number - 1, values)
    log.info("outside_token_fetched", party=name, seconds=seconds)
    return token


def _leased(name: str, number: int) -> datetime | None:
    """Until when we may fetch the token after this number; None when somebody else is at it, or was meanwhile."""
    now = clock.now()
    lease = {"leased_until": now + _lease()}
    new = {"name": name, "number": 0, "renew_at": _LONG_AGO, "expires_at": _LONG_AGO}
    free = (outside_tokens.c.number == number) & or_(
        outside_tokens.c.leased_until <= now,
        # A clock that was set back, or a rehearsal in the future, must not close a name for years. Twice the lease,
        # because two who ask together read the clock before they write: the later lease is no sign of a wrong clock.
        outside_tokens.c.leased_until > now + 2 * _lease(),
    )
    statement = insert(outside_tokens).values(**new, **lease)
    taken = statement.on_conflict_do_update(index_elements=["name"], set_=lease, where=free)
    with database.work() as work:
        won: datetime | None = work.run(taken.returning(outside_tokens.c.leased_until)).scalar_one_or_none()
    return won


def _give_back(name: str, until: datetime) -> None:
    """End our lease; where it ran out meanwhile, the lease of whoever took over stands."""
    ours = (outside_tokens.c.name == name) & (outside_tokens.c.leased_until == until)
    with database.work() as work:
        work.run(update(outside_tokens).where(ours).values(leased_until=_LONG_AGO))


def _save(name: str, number: int, values: dict[str, Any]) -> None:
    mine = (outside_tokens.c.name == name) & (outside_tokens.c.number == number)
    with database.work() as work:
        work.run(update(outside_tokens).where(mine).values(**values))


def _row(name: str) -> Any:
    with database.reading() as connection:
        return connection.execute(select(outside_tokens).where(outside_tokens.c.name == name)).one_or_none()


def _opened(row: Any) -> OutsideToken | None:
    """The token of a row while it lives; None for what cannot be opened any more, which is simply fetched anew."""
    if row is None or row.token is None or row.expires_at <= clock.now():
        return None
    try:
        return OutsideToken(data_keys.of_the_house().open_text(row.token, _PLACE, row.name), row.number)
    except SealError:
        return None


def _lease() -> timedelta:
    """Longer than one question to the outside party can take."""
    return settings().outside_timeout + timedelta(seconds=5)
