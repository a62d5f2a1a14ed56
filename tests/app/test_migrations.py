"""Migrations: what they build is what the tables say."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import CheckConstraint, inspect

from app import database
from app.crypto.sealed import Sealed


def test_the_migrated_database_has_exactly_the_tables_of_the_code(product: Flask) -> None:
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
        differences = compare_metadata(context, database.metadata)

    assert differences == []


def test_the_migrated_database_has_exactly_the_checks_of_the_code(product: Flask) -> None:
    """Alembic does not compare them."""
    inspector = inspect(database.engine())
    for table in database.metadata.sorted_tables:
        said = {str(rule.name) for rule in table.constraints if isinstance(rule, CheckConstraint)}
        assert {str(rule["name"]) for rule in inspector.get_check_constraints(table.name)} == said, table.name


def test_the_database_itself_refuses_plain_text_in_every_sealed_column(product: Flask) -> None:
    inspector = inspect(database.engine())
    for table in database.metadata.sorted_tables:
        rules = {rule["name"]: str(rule["sqltext"]) for rule in inspector.get_check_constraints(table.name)}
        for column in table.columns:
            if isinstance(column.type, Sealed):
                rule = rules[f"{table.name}_{column.name}_sealed_check"]
                assert f"octet_length({column.name}) >= 47" in rule and f"get_byte({column.name}, 0) = 1" in rule


def _is_ours(name: str | None, kind: str, parents: object) -> bool:
    """procrastinate's tables and Alembic's own stand in no file of ours."""
    return kind != "table" or not str(name).startswith(("procrastinate_", "alembic_"))
