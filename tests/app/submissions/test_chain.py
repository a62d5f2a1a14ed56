"""The chain: rows that carry the hash of the one before, whatever is erased or sealed anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from app import database
from app.crypto import data_keys, resealing, suites
from app.crypto.suites import INTERNATIONAL, NATIONAL, Suite
from app.privacy import endings
from app.settings import settings
from app.submissions import chain, chaining, history
from app.supervision import verification
from tests.app.supervision.histories import by_force, filed, handled
from tests.product import Phone

Sql = Callable[..., list[Any]]

WHOLE = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"\A[a-z_]{1,12}\Z"), inner, max_size=4),
    max_leaves=12,
)


@given(content=PLAIN)
def test_what_is_hashed_is_canonical_json(content: Any) -> None:
    assert chain.canonical(content) == rfc8785.dumps(content)


def test_every_column_of_history_is_hashed_or_is_the_link_itself() -> None:
    assert sorted(history.history.columns.keys()) == sorted((*chain.FACTS, *chain.PERSONAL, *chain.LINK))


def test_an_instant_is_hashed_as_postgresql_keeps_it(sql: Sql) -> None:
    at = datetime(2026, 11, 22, 16, 0, 0, 1, tzinfo=timezone(timedelta(hours=8)))
    assert chain.instant(at) == "2026-11-22T08:00:00.000001Z"
    assert chain.instant(sql("SELECT %s::timestamptz AS at", at)[0]["at"]) == chain.instant(at.astimezone(UTC))


def test_terms_with_fractions_have_no_canonical_form_and_are_refused() -> None:
    with pytest.raises(TypeError):
        chain.facts_of({name: None for name in chain.FACTS} | {"terms": {"days": 1.5}})


def test_each_row_carries_the_hash_of_the_one_before_and_the_first_one_names_what_was_filed(
    phone: Phone, sql: Sql
) -> None:
    submission = handled(phone)

    rows = rows_of(sql, submission)
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert [bytes(row["previous_hash"]) for row in rows] == [bytes(32), *(bytes(row["row_hash"]) for row in rows[:-1])]
    assert {row["hash_algorithm"] for row in rows} == {data_keys.suite().hash_name}
    content = sql("SELECT content_sha256 FROM submissions WHERE id = %s", submission)[0]["content_sha256"]
    assert rows[0]["terms"] == {"content_sha256": content}
    assert faults_of(submission) == []


def test_a_hash_can_be_made_again_from_the_row_with_nothing_but_json_and_the_hash(phone: Phone, sql: Sql) -> None:
    row = rows_of(sql, handled(phone))[3]
    said = {
        "submission_id": str(row["submission_id"]),
        "number": 4,
        "at": row["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "step": "accept",
        "from_state": "received",
        "state": "accepted",
        "actor_kind": "office",
        "actor_role": "office",
        "department_code": row["department_code"],
        "terms": {},
        "visible": True,
        "personal_digest": row["personal_digest"].hex(),
        "previous_hash": row["previous_hash"].hex(),
        "hash_algorithm": row["hash_algorithm"],
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert suites.hashing(row["hash_algorithm"]).digest(text) == row["row_hash"]


def test_nobody_guesses_who_or_what_from_the_digest_without_the_key(phone: Phone, sql: Sql) -> None:
    """Two rows that say the same have digests that say nothing of it (decision 0015)."""
    first, second = rows_of(sql, filed(phone))[0], rows_of(sql, filed(phone))[0]
    assert first["actor_id"] == second["actor_id"] and first["personal_digest"] != second["personal_digest"]


def test_a_purged_submission_names_nobody_and_its_chain_still_holds(phone: Phone, sql: Sql) -> None:
    submission = handled(phone)
    before = rows_of(sql, submission)

    with database.work() as work:
        endings.empty_submissions(work, [submission])

    after = rows_of(sql, submission)
    assert [[row[name] for name in chain.PERSONAL] for row in after] == [[None] * 5] * 4
    assert [row["row_hash"] for row in after] == [row["row_hash"] for row in before]
    assert sql("SELECT 1 FROM data_keys WHERE owner_id = %s", submission) == []
    assert faults_of(submission) == []


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    """use(NATIONAL): seal and hash with it in this process, until the story ends."""

    def change(suite: Suite) -> None:
        changed = replace(settings(), crypto_suite=suite.name)
        monkeypatch.setattr(data_keys, "settings", lambda: changed)
        data_keys.forget()

    yield change
    monkeypatch.undo()
    data_keys.forget()


def test_resealing_writes_the_words_anew_and_the_chain_holds_with_hashes_of_both_suites(
    alone: str, phone: Phone, sql: Sql, use: Callable[[Suite], None]
) -> None:
    first, second = data_keys.suite(), NATIONAL if data_keys.suite() is INTERNATIONAL else INTERNATIONAL
    submission = handled(phone)
    before = rows_of(sql, submission)

    use(second)
    assert [progress.unusable for progress in resealing.reseal()][-1] == 0
    after = rows_of(sql, submission)
    assert after[3]["opinion"][1] == second.number != before[3]["opinion"][1]
    assert after[1]["items"][1] == second.number
    assert after[3]["row_hash"] == before[3]["row_hash"]

    other = handled(phone)
    assert {row["hash_algorithm"] for row in rows_of(sql, other)} == {second.hash_name}
    assert {row["hash_algorithm"] for row in after} == {first.hash_name}
    assert faults_of(submission) == faults_of(other) == []


def test_rows_of_an_older_release_are_chained_in_batches_and_go_on_where_a_kill_left_them(
    alone: str, phone: Phone, sql: Sql
) -> None:
    old = [handled(phone) for _ in range(3)]
    with database.work() as work:
        endings.empty_submissions(work, [old[2]])
    as_before_the_chain(sql)
    assert chaining.count() == 3

    killed = chaining.chain_all(batch=1)
    assert next(killed) == 1
    killed.close()
    assert chaining.count() == 2
    assert list(chaining.chain_all(batch=1)) == [1, 2]

    assert chaining.count() == 0
    assert [faults_of(one) for one in old] == [[], [], []]
    nullable = "SELECT column_name FROM information_schema.columns WHERE table_name = 'history' AND is_nullable = 'YES'"
    assert not {row["column_name"] for row in sql(nullable)} & set(chain.LINK)


def as_before_the_chain(sql: Sql) -> None:
    """What the migration finds in a database of an older release."""
    for name in chain.LINK:
        sql(f"ALTER TABLE history ALTER COLUMN {name} DROP NOT NULL")
        by_force(f"UPDATE history SET {name} = NULL")


def rows_of(sql: Sql, submission: UUID) -> list[dict[str, Any]]:
    return sql("SELECT * FROM history WHERE submission_id = %s ORDER BY number", submission)


def faults_of(submission: UUID) -> list[verification.Fault]:
    found = [fault for progress in verification.chains() for fault in progress.faults]
    return [fault for fault in found if fault.submission_id == submission]
