"""Sealed columns on a real PostgreSQL: nothing plain gets in, and a forgotten one is found."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, Text, Uuid, create_engine, insert, literal, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from app.crypto.envelopes import DataKey, SealedBytes
from app.crypto.sealed import (
    Sealed,
    Unsealed,
    personal,
    personal_columns,
    plain_personal_columns,
    require_sealed,
    sealed_only,
    unmarked_sealed_columns,
)
from app.crypto.suites import INTERNATIONAL

METADATA = MetaData(naming_convention={"ck": "%(table_name)s_%(constraint_name)s_check"})
PEOPLE = Table(
    "sealed_people",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("name", Sealed, info=personal(purpose="to address the resident")),
    sealed_only("name"),
    prefixes=["TEMPORARY"],
)
KEY = DataKey(UUID(int=1), b"s" * 32, INTERNATIONAL)
NAME = "阿依古丽·买买提"


@pytest.fixture
def connection(settings_environment: dict[str, str]) -> Iterator[Connection]:
    engine = create_engine(
        settings_environment["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1), hide_parameters=True
    )
    with engine.connect() as opened:
        METADATA.create_all(opened)
        yield opened
    engine.dispose()


def test_a_sealed_value_comes_back_sealed_and_opens(connection: Connection) -> None:
    row = uuid4()
    connection.execute(insert(PEOPLE).values(id=row, name=KEY.seal(NAME, "sealed_people.name", row)))
    stored = connection.execute(select(PEOPLE.c.name)).scalar_one()
    assert isinstance(stored, SealedBytes)
    assert KEY.open(stored, "sealed_people.name", row) == NAME


def test_many_rows_at_once_and_none_at_all(connection: Connection) -> None:
    rows = [{"id": uuid4(), "name": None if n % 2 else KEY.seal(NAME, "p", str(n))} for n in range(10)]
    connection.execute(insert(PEOPLE), rows)
    assert len(connection.execute(select(PEOPLE.c.name).where(PEOPLE.c.name.is_(None))).all()) == 5


@pytest.mark.parametrize("value", [NAME, NAME.encode(), SealedBytes(NAME.encode()), SealedBytes(b"\1" * 10), b"", 7])
def test_nothing_plain_is_bound(connection: Connection, value: Any) -> None:
    for statement in (
        insert(PEOPLE).values(id=uuid4(), name=value),
        update(PEOPLE).values(name=value),
        select(PEOPLE.c.id).where(PEOPLE.c.name == value),
        select(PEOPLE.c.id).where(PEOPLE.c.name.in_([value])),
    ):
        with pytest.raises(StatementError) as refused:
            connection.execute(statement)
        assert isinstance(refused.value.orig, Unsealed) and NAME not in str(refused.value)


def test_nothing_is_written_into_a_statements_text() -> None:
    for value in (NAME, KEY.seal(NAME, "p", "r")):
        with pytest.raises(Unsealed, match="never written into") as refused:
            select(literal(value, Sealed)).compile(compile_kwargs={"literal_binds": True})
        assert NAME not in str(refused.value)


def test_hand_written_sql_has_the_same_rule() -> None:
    sealed = KEY.seal(NAME, "p", "r")
    assert require_sealed(sealed) is sealed
    with pytest.raises(Unsealed) as refused:
        require_sealed(NAME)
    assert NAME not in str(refused.value)


@pytest.mark.parametrize("value", [NAME.encode(), b"", b"\1", b"\2" * 100])
def test_the_database_refuses_it_too(connection: Connection, value: bytes) -> None:
    with pytest.raises(IntegrityError, match="sealed_people_name_sealed_check"):
        connection.exec_driver_sql(
            "INSERT INTO sealed_people VALUES (%(id)s, %(name)s)", {"id": uuid4(), "name": value}
        )


def test_a_forgotten_column_is_found() -> None:
    metadata = MetaData()
    Table(
        "people",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("name", Sealed, info=personal(purpose="to address the resident")),
        Column("phone", Text, info=personal(purpose="to call back")),
        Column("bank_account", Sealed),
    )
    assert plain_personal_columns(metadata) == ["people.phone"]
    assert unmarked_sealed_columns(metadata) == ["people.bank_account"]
    purposes = {column.name: purpose for column, purpose in personal_columns(metadata)}
    assert purposes == {"name": "to address the resident", "phone": "to call back"}
    assert plain_personal_columns(METADATA) == unmarked_sealed_columns(METADATA) == []


def test_a_mark_without_a_purpose_is_none() -> None:
    with pytest.raises(ValueError, match="what it is for"):
        personal(purpose=" ")
