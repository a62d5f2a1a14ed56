"""Migrations: what they build is what the tables say."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from app import database


def test_the_migrated_database_has_exactly_the_tables_of_the_code(product: Flask) -> None:
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
        differences = compare_metadata(context, database.metadata)

    assert differences == []


def _is_ours(name: str | None, kind: str, parents: object) -> bool:
    """procrastinate's tables and Alembic's own stand in no file of ours."""
    return kind != "table" or not str(name).startswith(("procrastinate_", "alembic_"))
