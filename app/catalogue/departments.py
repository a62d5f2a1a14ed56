"""Departments: the tree of government offices that own services and decide submissions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from app.catalogue.memory import Memory
from app.catalogue.trees import levels_first
from app.database import Work, metadata

departments = Table(
    "departments",
    metadata,
    Column("code", Text, primary_key=True),
    Column("details", JSONB, nullable=False),
    Column("parent_code", Text, ForeignKey("departments.code"), index=True),
    Column("region_code", Text, ForeignKey("regions.code"), index=True),
)

_AT_ONCE = 1000
_known: Memory[str, dict[str, Any]] = Memory(8192)


def publish(work: Work, details: dict[str, Any]) -> None:
    """Add a department, or bring an existing one up to date. Its region must be known."""
    publish_all(work, [details])


def publish_all(work: Work, listed: Iterable[dict[str, Any]]) -> int:
    """The same for many; how many were given. Each has `code`, `name` {zh, en} and may have `parent` and `region`."""
    values = [
        {"code": one["code"], "details": one, "parent_code": one.get("parent"), "region_code": region_of(one)}
        for one in listed
    ]
    statement = insert(departments)
    changed = {name: statement.excluded[name] for name in ("details", "parent_code", "region_code")}
    statement = statement.on_conflict_do_update(index_elements=["code"], set_=changed)
    ordered = levels_first(values, "code", "parent_code")
    for start in range(0, len(ordered), _AT_ONCE):
        work.connection.execute(statement, ordered[start : start + _AT_ONCE])
    return len(values)


def region_of(details: dict[str, Any]) -> str | None:
    """A file gives a region as its code, or as its code with words."""
    region = details.get("region")
    return region["code"] if isinstance(region, dict) else region


def name(connection: Connection, code: str, language: str) -> str:
    """The department's name in the language."""
    return str(details(connection, code)["name"][language])


def details(connection: Connection, code: str) -> dict[str, Any]:
    """All that its file says of a department; kept in memory, as departments change once in years.

    It may have `document_word` (机关代字: what its notices' numbers begin with), and `review_authority` and
    `review_channel` {zh, en} for what can be done against its decisions.
    """
    found = _known.get(code)
    if found is None:
        found = connection.execute(select(departments.c.details).where(departments.c.code == code)).scalar_one()
        _known.put(code, found)
    return found


def below(connection: Connection, parent: str | None, region: str | None, language: str) -> list[dict[str, Any]]:
    """The departments straight below one; for None those that stand at the top, of one region if it is given."""
    under = departments.alias("under")
    has_more = select(under.c.code).where(under.c.parent_code == departments.c.code).exists()
    statement = select(departments, has_more.label("has_more")).order_by(departments.c.code)
    if region is not None:
        statement = statement.where(departments.c.region_code == region)
    if parent is not None:
        statement = statement.where(departments.c.parent_code == parent)
    elif region is None:
        statement = statement.where(departments.c.parent_code.is_(None))
    return [_shown(row, language) for row in connection.execute(statement.limit(_AT_ONCE))]


def _shown(row: Any, language: str) -> dict[str, Any]:
    details = row.details
    return {
        "code": row.code,
        "name": details["name"][language],
        "parent": row.parent_code,
        "region": row.region_code,
        "phone": details.get("phone"),
        "address": (details.get("address") or {}).get(language),
        "has_more": row.has_more,
    }


def known_codes(connection: Connection) -> set[str]:
    return set(connection.execute(select(departments.c.code)).scalars())
