"""The key file: master keys and index keys of an installation without KMS or HSM, as JSON of mode 600.

    {"format": 1,
     "master_keys": [{"id": "2026-11-22-5f0c…", "suite": "international", "key": "<base64>"}, …],
     "index_keys": [{"version": 1, "suite": "international", "key": "<base64>"}, …]}

The first master key and the index key with the highest version are current. Whoever loses this file loses
every sealed value: it belongs in the backup plan, apart from the database.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from app import clock
from app.crypto import suites
from app.crypto.failures import KeyFileMissing, KeyFileUnsafe
from app.crypto.suites import Suite, SuiteSecret

FORMAT = 1
SECRET_SIZE = 32

# A service without root reads a secret mounted by Kubernetes through its group, so reading is left to the group.
_FORBIDDEN_MODE = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO


@dataclass(frozen=True)
class KeyFile:
    """What a key file holds: master keys by id, the current one first, and index keys by version."""

    master_keys: Mapping[str, SuiteSecret]
    index_keys: Mapping[int, SuiteSecret]


def create(path: Path, suite: Suite, index_keys: Mapping[int, SuiteSecret] | None = None) -> None:
    """Write a new file with one master key, and a new index key or the given ones; raises FileExistsError."""
    kept = [_entry(version, key) for version, key in (index_keys or {}).items()] or [_new_index(suite, 1)]
    with _alone(path.parent):
        if path.exists():
            raise FileExistsError(f"{path} holds keys already")
        _write(path, {"format": FORMAT, "master_keys": [_new_master(suite)], "index_keys": kept})


def add_master_key(path: Path, suite: Suite) -> str:
    """Put a new master key first, so that it wraps from now on; the old ones still unwrap. Returns its id."""
    with _alone(path.parent):
        content = _read_json(path)
        content["master_keys"].insert(0, _new_master(suite))
        _write(path, content)
    return str(content["master_keys"][0]["id"])


def add_index_key(path: Path, suite: Suite) -> int:
    """Add an index key that new indexes are made with; returns its version."""
    with _alone(path.parent):
        content = _read_json(path)
        version = max(entry["version"] for entry in content["index_keys"]) + 1
        content["index_keys"].append(_new_index(suite, version))
        _write(path, content)
    return int(version)


def read(path: Path) -> KeyFile:
    """Raises KeyFileMissing when there is none, KeyFileUnsafe when others may use it or it is no key file."""
    content = _read_json(path)
    try:
        master_keys = {str(entry["id"]): _secret(entry) for entry in content["master_keys"]}
        index_keys = {int(entry["version"]): _secret(entry) for entry in content["index_keys"]}
        if not _complete(master_keys, content["master_keys"]) or not _complete(index_keys, content["index_keys"]):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        # The cause would carry the content, and the content is keys.
        raise KeyFileUnsafe(f"{path} is not a complete key file") from None
    return KeyFile(master_keys, index_keys)


def stamp(path: Path) -> tuple[int, int, int]:
    """Something that changes when the file is replaced, or others may use it; raises KeyFileMissing."""
    try:
        found = path.stat()
    except OSError:
        raise KeyFileMissing(f"there is no key file at {path}") from None
    return found.st_ino, found.st_mtime_ns, found.st_mode


def _complete(held: Mapping[Any, SuiteSecret], entries: list[Any]) -> bool:
    """Whether there is at least one, and none shares its id or version with another."""
    return 0 < len(held) == len(entries)


def _read_json(path: Path) -> dict[str, Any]:
    with _opened(path) as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & _FORBIDDEN_MODE:
            raise KeyFileUnsafe(f"{path} may be used by others (mode {stat.S_IMODE(mode):o}): chmod 600 it")
        try:
            content = json.load(file)
        except ValueError:
            raise KeyFileUnsafe(f"{path} is not JSON") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise KeyFileUnsafe(f"{path} is not a key file of format {FORMAT}")
    return content


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise KeyFileMissing(f"there is no key file at {path}") from None
    except OSError as error:
        raise KeyFileUnsafe(f"{path} cannot be read: {error.strerror}") from None


def _secret(entry: Mapping[str, Any]) -> SuiteSecret:
    secret = base64.b64decode(entry["key"], validate=True)
    if len(secret) != SECRET_SIZE:
        raise ValueError
    return SuiteSecret(suites.named(entry["suite"]), secret)


def _new_master(suite: Suite) -> dict[str, Any]:
    return {"id": f"{clock.today()}-{secrets.token_hex(8)}", "suite": suite.name, "key": _new_secret()}


def _new_index(suite: Suite, version: int) -> dict[str, Any]:
    return {"version": version, "suite": suite.name, "key": _new_secret()}


def _entry(version: int, key: SuiteSecret) -> dict[str, Any]:
    return {"version": version, "suite": key.suite.name, "key": base64.b64encode(key.value).decode()}


def _new_secret() -> str:
    return base64.b64encode(secrets.token_bytes(SECRET_SIZE)).decode()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second writer out: of two keys added at once, neither may be lost."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file in one step that survives a power cut: a half-written key file would be the end of all data."""
    written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
