"""Departments: the government offices that own services and decide submissions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from app.database import Work, metadata

departments = Table(
    "departments",
    metadata,
    Column("code", Text, primary_key=True),
    Column("details", JSONB, nullable=False),
)

_known: dict[str, dict[str, Any]] = {}


def publish(work: Work, details: dict[str, Any]) -> None:
    """Add a department, or bring an existing one up to date."""
    statement = insert(departments).values(code=details["code"], details=details)
    work.run(statement.on_conflict_do_update(index_elements=["code"], set_={"details": details}))


def name(connection: Connection, code: str, language: str) -> str:
    """The department's name in the language; kept in memory, as departments change once in years."""
    if code not in _known:
        _known[code] = connection.execute(select(departments.c.details).where(departments.c.code == code)).scalar_one()
    names: dict[str, str] = _known[code]["name"]
    return names[language]
