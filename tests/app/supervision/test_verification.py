"""Verification: one byte changed in history by somebody with every right is found, and named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Boolean, DateTime, Integer, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.crypto.sealed import Sealed
from app.submissions import chain
from app.submissions.history import history
from app.supervision import verification
from app.supervision.verification import PARTS, Fault
from tests.app.supervision.histories import by_force, filed, handled
from tests.product import Phone

Sql = Callable[..., list[Any]]

CHECKOUT = Path(__file__).resolve().parents[3]


def found(with_keys: bool = True) -> list[Fault]:
    return [fault for progress in verification.chains(with_keys=with_keys) for fault in progress.faults]


def of(submission: UUID) -> set[tuple[str, int | None]]:
    return {(fault.part, fault.number) for fault in found() if fault.submission_id == submission}


def flipped(column: Any) -> str:
    """SQL of the same value with the smallest change: one bit or one letter."""
    kind, name = column.type, column.name
    if isinstance(kind, Uuid):
        return "gen_random_uuid()"
    if isinstance(kind, (Sealed, LargeBinary)):
        return f"set_byte({name}, octet_length({name}) - 1, get_byte({name}, octet_length({name}) - 1) # 1)"
    if isinstance(kind, DateTime):
        return f"{name} + interval '1 microsecond'"
    if isinstance(kind, Integer):
        return f"{name} + 10"
    if isinstance(kind, Boolean):
        return f"NOT {name}"
    if isinstance(kind, JSONB):
        return f"{name} || '{{\"days\": 1}}'"
    # The database itself knows the kinds of actors.
    return "'system'" if name == "actor_kind" else f"{name} || 'x'"


@pytest.mark.parametrize("column", history.columns, ids=lambda column: column.name)
def test_one_byte_changed_in_any_column_is_found_and_its_row_named(column: Any, phone: Phone, sql: Sql) -> None:
    submission = handled(phone)
    assert of(submission) == set()
    # A row in the middle that says everything: the second has items, the fourth an opinion.
    number = 4 if column.name in ("opinion", "actor_name") else 2
    number = 3 if column.name == "principal_id" else number
    assert sql(
        f"SELECT {column.name} IS NULL AS none FROM history WHERE submission_id = %s AND number = %s",
        submission,
        number,
    ) == [{"none": False}]

    this = "WHERE submission_id = %s AND number = %s"
    by_force(f"UPDATE history SET {column.name} = {flipped(column)} {this}", submission, number)

    parts = of(submission)
    assert number in {row for _, row in parts}
    expected = "personal" if column.name in chain.PERSONAL else "facts"
    if column.name in ("opinion", "items"):
        expected = "seal"
    if column.name in ("submission_id", "number"):
        expected = "missing"
    assert (expected, number) in parts


@pytest.mark.parametrize("name", chain.PERSONAL)
def test_blanking_what_no_erasure_blanked_is_found_too(name: str, phone: Phone, sql: Sql) -> None:
    submission = handled(phone)
    numbers = {
        row["number"]
        for row in sql(f"SELECT number FROM history WHERE submission_id = %s AND {name} IS NOT NULL", submission)
    }
    sql(f"UPDATE history SET {name} = NULL WHERE submission_id = %s", submission)

    assert of(submission) == {("personal", number) for number in numbers}


def test_a_row_that_was_removed_from_the_middle_is_named(phone: Phone) -> None:
    submission = handled(phone)
    by_force("DELETE FROM history WHERE submission_id = %s AND number = 2", submission)
    assert ("missing", 2) in of(submission)


def test_a_row_that_was_removed_from_the_end_contradicts_the_state(phone: Phone) -> None:
    submission = handled(phone)
    by_force("DELETE FROM history WHERE submission_id = %s AND number = 4", submission)
    assert of(submission) == {("state", 3)}


def test_a_whole_history_that_was_removed_is_named(phone: Phone) -> None:
    submission = handled(phone)
    by_force("DELETE FROM history WHERE submission_id = %s", submission)
    assert of(submission) == {("missing", 1)}


def test_two_rows_that_changed_places_are_both_named(phone: Phone) -> None:
    submission = handled(phone)
    for old, new in ((2, -2), (3, 2), (-2, 3)):
        by_force("UPDATE history SET number = %s WHERE submission_id = %s AND number = %s", new, submission, old)
    parts = of(submission)
    assert {("facts", 2), ("facts", 3), ("link", 2), ("link", 3)} <= parts


def test_a_row_that_was_moved_to_another_submission_is_named_in_both(phone: Phone) -> None:
    source, target = handled(phone), filed(phone)
    by_force("UPDATE history SET submission_id = %s WHERE submission_id = %s AND number = 2", target, source)
    assert ("missing", 2) in of(source)
    assert {("facts", 2), ("link", 2)} <= of(target)


def test_a_row_of_a_submission_that_is_none_is_named(alone: str, phone: Phone) -> None:
    handled(phone)
    nobody = uuid4()
    by_force("UPDATE history SET submission_id = %s WHERE number = 4", nobody)
    assert ("orphan", 4) in of(nobody)


def test_a_chain_that_is_hashed_anew_after_a_change_still_contradicts_the_key(phone: Phone, sql: Sql) -> None:
    """Who has every right in the database and no key cannot make the personal part fit."""
    submission = handled(phone)
    row = sql("SELECT * FROM history WHERE submission_id = %s AND number = 4", submission)[0]
    forged = row | {"actor_name": "别人"}
    link = chain.link_with(row["hash_algorithm"], forged, row["personal_digest"], row["previous_hash"])
    by_force(
        "UPDATE history SET actor_name = '别人', row_hash = %s WHERE submission_id = %s AND number = 4",
        link["row_hash"],
        submission,
    )
    assert of(submission) == {("personal", 4)}


def test_what_was_filed_cannot_be_exchanged_under_the_first_row(phone: Phone, sql: Sql) -> None:
    submission = filed(phone)
    sql("UPDATE submissions SET content_sha256 = %s WHERE id = %s", "0" * 64, submission)
    assert of(submission) == {("content", 1)}


def test_a_key_that_somebody_destroyed_without_an_erasure_is_named(phone: Phone, sql: Sql) -> None:
    submission = handled(phone)
    sql("DELETE FROM data_keys WHERE owner_id = %s", submission)
    parts = of(submission)
    assert ("key", 1) in parts and ("personal", 4) in parts


def test_without_keys_the_facts_are_checked_all_the_same(phone: Phone, sql: Sql) -> None:
    submission = handled(phone)
    sql("UPDATE history SET actor_id = NULL WHERE submission_id = %s", submission)
    assert [fault for fault in found(with_keys=False) if fault.submission_id == submission] == []
    by_force("UPDATE history SET step = 'decline' WHERE submission_id = %s AND number = 2", submission)
    assert ("facts", 2) in {
        (fault.part, fault.number) for fault in found(with_keys=False) if fault.submission_id == submission
    }


def test_the_command_says_what_holds_and_names_what_does_not(alone: str, phone: Phone, sql: Sql) -> None:
    submission = handled(phone)
    sound = verify()
    assert sound.returncode == 0 and sound.stdout.startswith("the service's login cannot remove rows of history")
    assert "Everything holds." in sound.stdout

    by_force("UPDATE history SET state = 'declined' WHERE submission_id = %s AND number = 3", submission)

    broken = verify()
    reference = sql("SELECT reference FROM submissions WHERE id = %s", submission)[0]["reference"]
    assert broken.returncode == 1
    assert f"{reference} row 3: facts: {PARTS['facts']['en']}" in broken.stdout
    assert verify("--since", "2026-01-01").returncode == 1
    assert verify("--since", "2999-01-01").returncode == 0, "nothing moved since"


def verify(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onephone", "verify-history", *options]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
