"""Grants: the service's own login, on a real connection, cannot rewrite what happened."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors
from psycopg import sql as quoting

from app import database, grants
from app.privacy import endings
from app.settings import settings
from tests.app.supervision.histories import handled
from tests.product import Phone

Sql = Callable[..., list[Any]]

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def service(phone: Phone) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the service makes them."""
    with psycopg.connect(settings().database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def submission(phone: Phone) -> UUID:
    return handled(phone)


FORBIDDEN = (
    "UPDATE history SET state = 'declined'",
    "UPDATE history SET number = number + 1",
    "UPDATE history SET terms = '{}'",
    "UPDATE history SET row_hash = previous_hash",
    "DELETE FROM history",
    "TRUNCATE history",
    "DROP TABLE history",
    "DROP TRIGGER history_unchanged ON history",
    "ALTER TABLE history DISABLE TRIGGER ALL",
    "ALTER TABLE history DISABLE TRIGGER USER",
    "ALTER TABLE history ADD COLUMN note text",
    "ALTER TABLE history OWNER TO CURRENT_USER",
    "CREATE RULE nothing AS ON INSERT TO history DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION append_only()",
    "CREATE OR REPLACE FUNCTION history_unchanged() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
    "CREATE TABLE public.mine (n int)",
    "SET session_replication_role = replica",
    "COPY history TO PROGRAM 'cat'",
    "COPY history FROM '/etc/hostname'",
    "CREATE ROLE mine SUPERUSER",
    "UPDATE tree_heads SET tree_size = 0",
    "DELETE FROM tree_heads",
    "TRUNCATE tree_heads CASCADE",
    "DELETE FROM tree_leaves",
    "UPDATE time_stamps SET stamped_at = now()",
    "DELETE FROM time_stamps",
    "DELETE FROM signing_keys",
    "UPDATE signing_keys SET public_key = ''",
    "UPDATE alembic_version SET version_num = '0001'",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_service_is_refused(statement: str, service: psycopg.Connection[Any], submission: UUID) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(statement)


def test_the_service_cannot_become_anybody_else(service: psycopg.Connection[Any], sql: Sql) -> None:
    owner = sql("SELECT current_user AS name")[0]["name"]
    for name in (owner, "postgres", "pg_write_server_files"):
        with pytest.raises((errors.InsufficientPrivilege, errors.InvalidParameterValue, errors.UndefinedObject)):
            service.execute(quoting.SQL("SET ROLE {}").format(quoting.Identifier(name)))
    assert service.execute(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
        " FROM pg_roles WHERE rolname = current_user"
    ).fetchone() == (False,)


def test_a_row_can_only_continue_the_last_one(service: psycopg.Connection[Any], submission: UUID) -> None:
    """Neither by INSERT nor by COPY: a gap, a second row of a number, a row after another than the last."""
    names = (
        "submission_id, number, at, step, from_state, state, actor_kind, actor_role, department_code, terms,"
        " visible, previous_hash, personal_digest, row_hash, hash_algorithm"
    )
    for number in (4, 6, 2):
        with pytest.raises((errors.InsufficientPrivilege, errors.UniqueViolation)):
            service.execute(
                f"INSERT INTO history ({names}) SELECT {names.replace('number', '%s', 1)} FROM history"
                " WHERE submission_id = %s AND number = 3",
                [number, submission],
            )
    with pytest.raises(errors.InsufficientPrivilege), service.cursor() as cursor:
        rows = service.execute(
            f"SELECT {names} FROM history WHERE submission_id = %s AND number = 4", [submission]
        ).fetchall()
        with cursor.copy(f"COPY history ({names}) FROM STDIN") as copy:
            copy.write_row([rows[0][0], 9, *rows[0][2:9], "{}", *rows[0][10:]])


CHANGES = {
    "actor_name = '别人'": "a name becomes another",
    "actor_id = gen_random_uuid()": "somebody else did it",
    "principal_id = gen_random_uuid()": "it was for somebody else",
    "opinion = opinion || 'x'::bytea": "a longer seal",
    "opinion = set_byte(opinion, 40, get_byte(opinion, 40) # 1)": "other words by the same suite",
    "opinion = set_byte(set_byte(opinion, 1, 3 - get_byte(opinion, 1)), 5, get_byte(opinion, 5) # 1)": "another key",
    "items = opinion": "a list where there was none",
}


@pytest.mark.parametrize("change", CHANGES, ids=CHANGES.get)
def test_the_columns_that_may_be_blanked_take_no_other_value(
    change: str, service: psycopg.Connection[Any], submission: UUID
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(f"UPDATE history SET {change} WHERE submission_id = %s AND number = 4", [submission])


def test_what_the_law_wants_erased_the_service_blanks(service: psycopg.Connection[Any], submission: UUID) -> None:
    with database.work() as work:
        endings.empty_submissions(work, [submission])
    found = "SELECT count(*) FROM history WHERE submission_id = %s AND opinion IS NULL AND actor_id IS NULL"
    assert service.execute(found, [submission]).fetchone() == (4,)


def test_the_owner_has_to_switch_the_guard_off_before_anything_can_be_rewritten(sql: Sql, submission: UUID) -> None:
    for statement in (
        "UPDATE history SET state = 'x'",
        "DELETE FROM history",
        "TRUNCATE history",
        "UPDATE tree_heads SET tree_size = 0",
        "DELETE FROM tree_leaves",
    ):
        # What others refer to is not even truncated.
        with pytest.raises((errors.InsufficientPrivilege, errors.FeatureNotSupported)):
            sql(statement)


def test_every_append_only_table_is_held_to_it(service: psycopg.Connection[Any]) -> None:
    tables = [one for one in database.metadata.sorted_tables if database.changeable_columns(one) is not None]
    assert {table.name for table in tables} >= {"history", "tree_heads", "tree_leaves", "time_stamps", "signing_keys"}
    for table in tables:
        may = set(database.changeable_columns(table) or ())
        for column in table.columns:
            asked = "SELECT has_column_privilege(%s, %s, 'UPDATE'), has_table_privilege(%s, 'DELETE')"
            found = service.execute(asked, [table.name, column.name, table.name]).fetchone()
            assert found == (column.name in may, False), column


def test_migrating_again_changes_no_right_and_says_who_serves(sql: Sql) -> None:
    rights = (
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'onephone_service' ORDER BY 1, 2"
    )
    before = sql(rights)
    assert grants.apply() == "onephone_api serves in the role onephone_service"
    assert sql(rights) == before and before


def test_a_service_that_is_the_owner_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "onephone", "migrate"]
    monkeypatch.setenv("DATABASE_URL", str(settings().database_owner_url))
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0 and "give the service a login of its own" in done.stdout
