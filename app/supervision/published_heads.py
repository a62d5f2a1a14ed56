"""Published heads: the signed, time-stamped heads of the daily trees, as anyone may read them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from app.crypto import signing_keys
from app.crypto.signing_keys import PublicKey
from app.refusals import NotFound
from app.supervision.time_stamps import time_stamps
from app.supervision.tree_heads import statement, tree_heads


class TreeHeadNotFound(NotFound):
    """There is no head of this day: nothing was filed yet, or the day has not ended."""


def listing(connection: Connection, before: date | None, limit: int) -> list[dict[str, Any]]:
    """Heads, the latest first, before the given day."""
    found = _with_stamps()
    if before is not None:
        found = found.where(tree_heads.c.day < before)
    rows = connection.execute(found.order_by(tree_heads.c.day.desc()).limit(limit)).mappings()
    keys = signing_keys.public(connection)
    return [_told(row, keys) for row in rows]


def of_day(connection: Connection, day: date) -> dict[str, Any]:
    """One day's head as it is published. Raises TreeHeadNotFound."""
    row = connection.execute(_with_stamps().where(tree_heads.c.day == day)).mappings().one_or_none()
    if row is None:
        raise TreeHeadNotFound
    return _told(row, signing_keys.public(connection))


def _with_stamps() -> Any:
    stamps = time_stamps
    beside = tree_heads.outerjoin(stamps, stamps.c.day == tree_heads.c.day)
    return select(tree_heads, stamps.c.token, stamps.c.stamped_at).select_from(beside)


def _told(row: RowMapping, keys: Mapping[str, PublicKey]) -> dict[str, Any]:
    stamp = None
    if row["token"] is not None:
        stamp = {"token": _base64(row["token"]), "at": row["stamped_at"]}
    said = statement(row)
    return {
        "day": row["day"],
        "tree_size": row["tree_size"],
        "root": row["root"].hex(),
        "previous_hash": row["previous_hash"].hex(),
        "head_hash": row["head_hash"].hex(),
        "hash_algorithm": row["hash_algorithm"],
        "signed": said.decode(),
        "signature": {"value": _base64(row["signature"]), "key": keys[row["key_id"]].told()},
        "time_stamp": stamp,
        "made_at": row["made_at"],
    }


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
