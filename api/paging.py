"""Paging by key: a list answers `items` and a `next_cursor` to go on from; no offsets, no totals."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from api.errors import CursorInvalid

LIMIT = 100


class PageQuery(Schema):
    limit = fields.Integer(load_default=20, validate=validate.Range(1, LIMIT))
    cursor = fields.String(load_default=None, validate=validate.Length(1, 200))


def page(items: list[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """A page out of up to `limit + 1` items: the extra one only tells that there is more."""
    more = len(items) > limit
    shown = items[:limit]
    return {"items": shown, "next_cursor": cursor(str(shown[-1][key])) if more else None}


def page_by_place(items: list[dict[str, Any]], places: list[str], limit: int) -> dict[str, Any]:
    """The same where each item has a place in the list that is no part of it."""
    return {"items": items[:limit], "next_cursor": cursor(places[limit - 1]) if len(items) > limit else None}


def after_text(given: str | None) -> str | None:
    """The key in a cursor. Raises CursorInvalid."""
    if given is None:
        return None
    try:
        key = base64.urlsafe_b64decode(given.encode("ascii") + b"==").decode()
    except (binascii.Error, ValueError):
        raise CursorInvalid from None
    # Python's decoder skips what is no base64, and a cursor of our own holds nothing but a code or an id.
    if not key.isprintable() or cursor(key) != given:
        raise CursorInvalid
    return key


def after_id(given: str | None) -> UUID | None:
    """The id in a cursor. Raises CursorInvalid."""
    text = after_text(given)
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise CursorInvalid from None


def cursor(key: str) -> str:
    """The cursor of a list that goes on after this key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
