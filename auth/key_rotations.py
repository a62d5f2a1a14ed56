"""Key rotations: another key takes over the signing of access tokens, and nobody is logged out.

Three steps, each of them safe where it stands, done when its time has come:

1. *publish*: the new key stands last in the file. Nothing is signed with it, but every process and everybody who caches
   our published keys learns to verify it.
2. *sign*: a little later than all caches, it stands first and signs. Tokens of the old key still hold.
3. *drop*: when the last token of the old key has expired by itself, the old key leaves the file.

`advance` looks at the file, takes the step that is due, and says so; called again, it goes on. The file is written
beside itself and put in its place, so a reader sees the old one or the new one; killed anywhere, it is one of the two.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from app import clock
from app.settings import settings
from auth import token_keys

# Processes look once a second; others may keep what we published for five minutes.
_SPREAD = timedelta(seconds=token_keys.CACHE_SECONDS + 60)
_PUBLISHED, _SIGNING, _RETIRED = "onephone_published", "onephone_signing", "onephone_retired"
"""When each step was taken, in seconds since 1970, as members of the key itself (RFC 7517 §4: others ignore them)."""


class KeysNotWritable(Exception):
    """The file or its folder cannot be written by this user: keys that another tool provides are rotated by it."""


@dataclass(frozen=True)
class Step:
    """What was done: `published`, `signing`, `dropped`, `waiting` or `nothing`; `key` is a key's id, `next_at` when
    the next step is due."""

    name: str
    key: str
    next_at: datetime | None = None


def advance(path: Path, oldest: timedelta = timedelta(0)) -> Step:
    """Take the step that is due, or say when it will be. A new rotation begins when the signing key is older.

    Raises ValueError for a file that holds no keys, KeysNotWritable.
    """
    with _alone(path):
        entries = _entries(path)
        step, changed = _next(entries, clock.now(), oldest)
        if changed is not None:
            _write(path, changed)
    return step


def replace_at_once(path: Path) -> Step:
    """A key was stolen: another one signs at once, and nothing else is believed any more.

    Every access token dies within about a second; clients get another one by their refresh tokens, which no key of
    this file has signed. Raises ValueError, KeysNotWritable.
    """
    with _alone(path):
        _entries(path)
        fresh = _new_entry() | {_SIGNING: _seconds(clock.now())}
        _write(path, [fresh])
    return Step("replaced", fresh["kid"])


def _next(entries: list[dict[str, Any]], now: datetime, oldest: timedelta) -> tuple[Step, list[dict[str, Any]] | None]:
    """The step that is due, and the entries after it; None for no change."""
    signing, *others = entries
    retired = [entry for entry in others if _RETIRED in entry]
    waiting = [entry for entry in others if _RETIRED not in entry]
    if waiting:
        return _sign(signing, waiting[0], entries, now)
    if retired:
        return _drop(retired[0], entries, now)
    if _at(signing.get(_SIGNING, 0)) + oldest > now:
        return Step("nothing", signing["kid"], _at(signing[_SIGNING]) + oldest), None
    fresh = _new_entry() | {_PUBLISHED: _seconds(now)}
    return Step("published", fresh["kid"], now + _SPREAD), [*entries, fresh]


def _sign(
    old: dict[str, Any], new: dict[str, Any], entries: list[dict[str, Any]], now: datetime
) -> tuple[Step, list[dict[str, Any]] | None]:
    # One that somebody put into the file by hand counts from now on.
    published = new.get(_PUBLISHED)
    if published is None:
        noted = [entry | {_PUBLISHED: _seconds(now)} if entry is new else entry for entry in entries]
        return Step("published", new["kid"], now + _SPREAD), noted
    if _at(published) + _SPREAD > now:
        return Step("waiting", new["kid"], _at(published) + _SPREAD), None
    rest = [entry for entry in entries if entry is not new and entry is not old]
    changed = [new | {_SIGNING: _seconds(now)}, old | {_RETIRED: _seconds(now)}, *rest]
    return Step("signing", new["kid"], now + _lifetime()), changed


def _drop(
    old: dict[str, Any], entries: list[dict[str, Any]], now: datetime
) -> tuple[Step, list[dict[str, Any]] | None]:
    due = _at(old[_RETIRED]) + _lifetime()
    if due > now:
        return Step("waiting", old["kid"], due), None
    return Step("dropped", old["kid"]), [entry for entry in entries if entry is not old]


def _lifetime() -> timedelta:
    """After this long nothing alive is signed by a key that signs no more: tokens, and a slow process."""
    return settings().access_token_life + timedelta(minutes=1)


def _new_entry() -> dict[str, Any]:
    entry: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    return entry | {"kid": f"{clock.now():%Y%m%d}-{secrets.token_hex(4)}", "use": "sig", "alg": token_keys.ALGORITHM}


def _entries(path: Path) -> list[dict[str, Any]]:
    token_keys.read(path)
    entries: list[dict[str, Any]] = json.loads(path.read_text())["keys"]
    return entries


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two operators, or two machines that share the folder, must not rotate at once. Raises KeysNotWritable."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise KeysNotWritable(str(error)) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(path: Path, entries: list[dict[str, Any]]) -> None:
    """Put the new file in the old one's place, with its owner and rights, safe on the disk before it counts."""
    try:
        before = path.stat()
        # Made with mode 600 from the first byte on.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise KeysNotWritable(str(error)) from None
    try:
        with os.fdopen(handle, "w") as file:
            json.dump({"keys": entries}, file, indent=1)
            file.flush()
            os.fchmod(file.fileno(), before.st_mode & 0o777)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise KeysNotWritable(str(error)) from None
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
