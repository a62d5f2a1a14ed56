"""Looking for one among many: each search and each list of records goes through an index, never over a whole table.

`LOOKUP_ROWS=200000 pytest -s` on this file measures with so many residents. All rows are undone at the end.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app import clock, database
from app.crypto import data_keys
from app.database import Work
from app.people import residents
from app.people.callers import Clerk, Resident
from app.people.residents import Person
from app.supervision import look_records, lookups
from app.supervision.looks import Reason
from app.supervision.lookups import Search
from tests.product import Phone

ROWS = int(os.environ.get("LOOKUP_ROWS", "5000"))

PERSON = Person("端木千万", "111", "532399196607080010", "13700001111")
REASON = Reason("inquiry", "办事人来电")

# The sealed values are copies: nobody reads them, and only the indexes matter. A hundred share each name.
_RESIDENTS = """
INSERT INTO residents (id, name, name_index, document_type, document_number, document_number_index, phone, phone_index)
SELECT gen_random_uuid(), name, sha256(('n' || i / 100)::bytea), '111', document_number, sha256(('d' || i)::bytea),
       phone, sha256(('p' || i)::bytea)
FROM residents, generate_series(1, %(rows)s) AS i WHERE id = %(someone)s
"""
_SUBMISSIONS = """
INSERT INTO submissions (id, service_code, service_version, department_code, applicant_id, state, answers,
                         content_sha256, reference, received_at, turn)
SELECT gen_random_uuid(), s.service_code, s.service_version, s.department_code, r.id, 'in_review', s.answers,
       s.content_sha256, gen_random_uuid()::text, now(), 1000000 + row_number() OVER ()
FROM residents r, submissions s WHERE s.id = %(submission)s AND r.id <> %(someone)s
"""
_KEYS = """
INSERT INTO data_keys (owner_id, key_id, master_key_id, wrapped)
SELECT r.id, gen_random_uuid(), k.master_key_id, k.wrapped
FROM residents r, data_keys k WHERE k.owner_id = %(someone)s AND r.id NOT IN (SELECT owner_id FROM data_keys)
"""
# Older than every real look, so that a first page holds none of them: their reasons open at no other id.
_LOOKS = """
INSERT INTO looks (id, at, staff_id, role, department_code, kind, outcome, reason_kind, reason)
SELECT ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, l.at - i * interval '1 second', s.id,
       l.role, l.department_code, l.kind, l.outcome,
       l.reason_kind, l.reason
FROM looks l, generate_series(1, %(rows)s) AS i, staff s WHERE l.id = %(look)s AND s.staff_number = 'S0001'
"""
_SHOWN = """
INSERT INTO looks_shown
SELECT l.id, 1, s.applicant_id, s.id
FROM (SELECT id, row_number() OVER () AS i FROM looks WHERE id <> %(look)s) AS l
JOIN (SELECT id, applicant_id, row_number() OVER () AS i FROM submissions
      WHERE id <> %(submission)s) AS s USING (i)
ON CONFLICT DO NOTHING
"""


class Crowd:
    """One known person among many, with a submission and a look at it, in a unit of work that is never saved."""

    def __init__(self, work: Work, clerk: Clerk, caller: Resident, submission: dict[str, Any]) -> None:
        self.work, self.clerk, self.caller = work, clerk, caller
        self.submission, self.reference = uuid.UUID(submission["id"]), submission["reference"]
        look = lookups.look_up(work, clerk, Search("reference", self.reference), REASON, "zh")
        values = {"someone": caller.id, "submission": self.submission, "look": look["id"], "rows": ROWS}
        for statement in (_RESIDENTS, _KEYS, _SUBMISSIONS, _LOOKS, _SHOWN):
            work.run_sql(statement, values)
        for table in ("residents", "submissions", "data_keys", "looks", "looks_shown"):
            work.run_sql(f"ANALYZE {table}", {})

    def rows_read(self, act: Callable[[], Any]) -> dict[str, int]:
        """Rows of the large tables that `act` read, by walking or by an index; its milliseconds are printed."""
        tables = ("residents", "submissions", "data_keys", "looks", "looks_shown", "unmaskings")
        asked = """SELECT relname, seq_tup_read + idx_tup_fetch AS read FROM pg_stat_xact_user_tables
                   WHERE relname = ANY(%(tables)s)"""

        def counts() -> dict[str, int]:
            rows = self.work.run_sql(asked, {"tables": list(tables)})
            return {row.relname: int(row.read) for row in rows}

        before, started = counts(), time.perf_counter()
        act()
        print(f"{(time.perf_counter() - started) * 1000:6.1f} ms", end="  ")
        return {
            table: count - before.get(table, 0) for table, count in counts().items() if count != before.get(table, 0)
        }


@pytest.fixture
def among_many(enrol: Callable[[Person], Phone], make_clerk: Callable[[str], Phone]) -> Iterator[Crowd]:
    phone = enrol(PERSON)
    filed = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    adviser = make_clerk("S0003").resident_id
    clerk = Clerk(adviser, adviser, "adviser", "gongan")
    # Only the owner of a table may have it analysed.
    engine = database.owner_engine()
    with engine.connect() as connection:
        caller = Resident(phone.resident_id, phone.resident_id, 3, None)  # type: ignore[arg-type]
        yield Crowd(Work(connection), clerk, caller, dict(filed or {}))
        connection.rollback()
    # What was undone still lies in the tables.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("residents", "data_keys", "submissions", "looks", "looks_shown"):
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
    engine.dispose()


def test_each_search_and_each_list_goes_through_an_index(among_many: Crowd) -> None:
    crowd = among_many
    terms = {
        "reference": crowd.reference,
        "document_number": PERSON.document_number,
        "phone": str(PERSON.phone),
        "name": PERSON.name,
        "submission": str(crowd.submission),
    }

    def searching(kind: str, term: str) -> Callable[[], Any]:
        return lambda: lookups.look_up(crowd.work, crowd.clerk, Search(kind, term), REASON, "zh")

    acts = {kind: searching(kind, term) for kind, term in terms.items()}
    auditor = Clerk(crowd.clerk.id, crowd.clerk.id, "auditor", "gongan")

    def listing(limit: int = 21, **filters: Any) -> Callable[[], Any]:
        return lambda: look_records.listing(crowd.work.connection, auditor, filters, limit, "zh")

    acts["looks by staff"] = listing(staff_number="S0003")
    acts["looks by submission"] = listing(submission=crowd.submission)
    acts["looks of today"] = listing(since=clock.now() - timedelta(hours=1))
    acts["the latest looks"] = listing(limit=1)
    acts["own looks"] = lambda: look_records.of_own(
        crowd.work.connection, crowd.caller, crowd.submission, None, 21, "zh"
    )

    for name, act in acts.items():
        read = crowd.rows_read(act)
        print(name, read)
        assert sum(read.values()) < 200, f"{name} reads {read}"


def test_a_search_by_a_common_name_stays_bounded(among_many: Crowd) -> None:
    """A hundred people share a name: too many to list, and quickly known to be."""
    crowd = among_many
    index = data_keys.index(residents.SEARCHES["name"][0], "张伟")
    some = "SELECT id FROM residents WHERE name_index IS NOT NULL ORDER BY id LIMIT 1000"
    crowd.work.run_sql(f"UPDATE residents SET name_index = %(index)s WHERE id IN ({some})", {"index": index})

    found = lookups.look_up(crowd.work, crowd.clerk, Search("name", "张伟"), REASON, "zh")

    assert found["outcome"] == "too_many"


def test_the_plan_of_a_search_by_phone(among_many: Crowd) -> None:
    crowd = among_many
    values = {
        "terms": data_keys.candidates(residents.SEARCHES["phone"][0], str(PERSON.phone)),
        **{"most": 501, "departments": None, "before": None, "limit": 21},
    }
    statement = "EXPLAIN (ANALYZE, BUFFERS) " + lookups.OF_PEOPLE.format(column="phone_index")

    plan = "\n".join(row[0] for row in crowd.work.run_sql(statement, values))

    print(plan)
    assert "residents_phone_index_idx" in plan and "submissions_applicant_id_id_idx" in plan
    assert "Seq Scan" not in plan
