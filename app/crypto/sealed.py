"""Sealed columns: a type that takes no plain text, and a mark that says which columns are personal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from sqlalchemy import CheckConstraint, Column, Dialect, LargeBinary, MetaData, Table
from sqlalchemy.types import TypeDecorator

from app.crypto.envelopes import FORMAT, OVERHEAD, SealedBytes

_MARK = "personal"


class Unsealed(TypeError):
    """Something that is not sealed was about to be stored in, or compared with, a sealed column."""


class Sealed(TypeDecorator[SealedBytes]):
    """BYTEA that takes nothing but sealed values, and gives them back sealed: opening one needs its owner's key.

    Raises Unsealed when a statement binds anything else, comparisons included: equal plain texts have different
    seals, so a look-up goes through a blind index.
    """

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else require_sealed(value)

    def literal_processor(self, dialect: Dialect) -> NoReturn:
        # Raised here and not on the value, because SQLAlchemy would put that into the error's text.
        raise Unsealed("a sealed column's value is never written into the text of a statement")

    def process_result_value(self, value: Any, dialect: Dialect) -> SealedBytes | None:
        return None if value is None else SealedBytes(value)


def require_sealed(value: object) -> bytes:
    """The value, for hand-written SQL that no column type watches; raises Unsealed without naming what it got."""
    if not isinstance(value, SealedBytes) or not value.well_formed:
        raise Unsealed(f"a {type(value).__name__} that is not sealed may not be stored in a sealed column")
    return value


def sealed_only(column: str) -> CheckConstraint:
    """The same rule in the database: it refuses a text even from psql. By the format byte and the least length."""
    rule = f"octet_length({column}) >= {OVERHEAD} AND get_byte({column}, 0) = {FORMAT}"
    return CheckConstraint(f"{column} IS NULL OR ({rule})", name=f"{column}_sealed")


def place(column: Column[Any]) -> str:
    """What a value is sealed for, beside its row: `residents.name`."""
    return f"{column.table.name}.{column.name}"


def row_name(table: Table, row: Any) -> str:
    """The row that a value is sealed for: the primary key, its parts joined by a slash.

    Every sealed column keeps to this, so that values can be sealed anew without knowing what they are.
    """
    return "/".join(str(getattr(row, column.name)) for column in table.primary_key.columns)


def sealed_columns(table: Table) -> list[Column[Any]]:
    """The sealed columns of a table."""
    return [column for column in table.columns if isinstance(column.type, Sealed)]


def personal(*, purpose: str) -> dict[str, str]:
    """`Column("name", Sealed, info=personal(purpose="to address the resident"))`.

    The purpose is what the register of processing activities says (PIPL art. 6 and 17).
    """
    if not purpose.strip():
        raise ValueError("a personal column says what it is for")
    return {_MARK: purpose}


def personal_columns(metadata: MetaData) -> Iterator[tuple[Column[Any], str]]:
    """Every column marked as personal, and what it is for."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if _MARK in column.info:
                yield column, str(column.info[_MARK])


def plain_personal_columns(metadata: MetaData) -> list[str]:
    """The columns marked as personal that are not sealed, such as `residents.name`: there should be none."""
    return [str(column) for column, _ in personal_columns(metadata) if not isinstance(column.type, Sealed)]


def unmarked_sealed_columns(metadata: MetaData) -> list[str]:
    """The sealed columns that say no purpose, so that the register would miss them: there should be none."""
    columns = (column for table in metadata.sorted_tables for column in table.columns)
    return [str(column) for column in columns if isinstance(column.type, Sealed) and _MARK not in column.info]
