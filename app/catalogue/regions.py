"""Regions: the tree of GB/T 2260 codes, province → city → county → town → village."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Integer, Table, Text, select
from sqlalchemy.dialects.postgresql import insert

from app.catalogue.trees import levels_first
from app.database import Work, metadata

regions = Table(
    "regions",
    metadata,
    Column("code", Text, primary_key=True),
    Column("parent_code", Text, ForeignKey("regions.code"), index=True),
    Column("level", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text),
)

_AT_ONCE = 1000


def level_of(code: str) -> int:
    """2 province, 3 city, 4 county, 5 town, 6 village, as in GB/T 39046-2020 table A.2."""
    if len(code) == 12 and code[6:] != "000000":
        return 5 if code.endswith("000") else 6
    if code[2:6] == "0000":
        return 2
    return 3 if code[4:6] == "00" else 4


def parent_of(code: str, known: set[str]) -> str | None:
    """The nearest region above that is known: counties straight under a province have no city between."""
    above = [code[:9] + "000", code[:6]] if len(code) == 12 else []
    above += [code[:4] + "00", code[:2] + "0000"]
    return next((one for one in above if one != code and one in known), None)


def publish(work: Work, listed: Iterable[dict[str, str]]) -> int:
    """Add regions, or bring existing ones up to date; how many were given.

    Each has `code` and `name`, and may have `name_en` and `parent` (default: by the digits of its code).
    """
    rows = list(listed)
    known = {row["code"] for row in rows} | set(work.run(select(regions.c.code)).scalars())
    values = [
        {
            "code": row["code"],
            "parent_code": row.get("parent") or parent_of(row["code"], known),
            "level": level_of(row["code"]),
            "name": row["name"],
            "name_en": row.get("name_en") or None,
        }
        for row in rows
    ]
    ordered = levels_first(values, "code", "parent_code")
    statement = insert(regions)
    changed = {name: statement.excluded[name] for name in ("parent_code", "level", "name", "name_en")}
    statement = statement.on_conflict_do_update(index_elements=["code"], set_=changed)
    for start in range(0, len(ordered), _AT_ONCE):
        work.connection.execute(statement, ordered[start : start + _AT_ONCE])
    return len(rows)


def below(connection: Connection, parent: str | None, language: str) -> list[dict[str, Any]]:
    """The regions straight below one, the provinces for None, each with whether it has any below itself."""
    under = regions.alias("under")
    has_more = select(under.c.code).where(under.c.parent_code == regions.c.code).exists()
    statement = select(regions, has_more.label("has_more")).order_by(regions.c.code)
    statement = statement.where(regions.c.parent_code.is_(None) if parent is None else regions.c.parent_code == parent)
    return [
        {
            "code": row.code,
            "name": (row.name_en or row.name) if language == "en" else row.name,
            "level": row.level,
            "parent": row.parent_code,
            "has_more": row.has_more,
        }
        for row in connection.execute(statement)
    ]


def known_codes(connection: Connection) -> set[str]:
    return set(connection.execute(select(regions.c.code)).scalars())
