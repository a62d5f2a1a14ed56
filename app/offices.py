"""Offices: with which keys an approval system and we recognise each other, and from when until when.

A key of the setting OFFICES is a text, which always holds, or `{"secret": …, "since": …, "until": …}` with instants in
RFC 3339. So the next key is written down before it is used, the old one runs out by itself, and nothing needs to
be restarted in the right minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import clock
from app.settings import settings


@dataclass(frozen=True, repr=False)
class Key:
    """One secret. `is_old` tells that a newer one holds already, so the office ought to have changed to that."""

    secret: str
    since: datetime | None
    until: datetime | None
    is_old: bool = False


def signing_keys(office_code: str) -> list[Key]:
    """The secrets that hold now: the first is the one we sign with; none for an office that nobody configured."""
    return _current(settings().offices.get(office_code, {}).get("secrets", ()))


def client_secrets(office_code: str) -> list[Key]:
    """The OAuth2 client secrets that hold now."""
    return _current(settings().offices.get(office_code, {}).get("client_secrets", ()))


def public_keys(office_code: str) -> list[dict[str, Any]]:
    """The public keys (RFC 7517) by which this office proves who it is when it asks for a token."""
    return list(settings().offices.get(office_code, {}).get("keys", ()))


def _current(entries: Sequence[str | Mapping[str, str]]) -> list[Key]:
    now = clock.now()
    keys = [_key(entry) for entry in entries]
    holding = [
        key for key in keys if (key.since is None or key.since <= now) and (key.until is None or now < key.until)
    ]
    # What is about to end is old as soon as something stands beside it that is not.
    lasting = any(key.until is None for key in holding)
    marked = [Key(key.secret, key.since, key.until, key.until is not None and lasting) for key in holding]
    return sorted(marked, key=lambda key: key.is_old)


def _key(entry: str | Mapping[str, str]) -> Key:
    if isinstance(entry, str):
        return Key(entry, None, None)
    return Key(entry["secret"], _instant(entry.get("since")), _instant(entry.get("until")))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
