"""Purges: what the preview shows is what is erased, and nothing that is still needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from app import clock, database, events
from app.events import DraftExpiring
from app.people.callers import Clerk
from app.privacy import purges, retention
from app.privacy.purges import Line
from app.submissions import submissions as filing
from app.submissions.drafts import submissions
from app.submissions.history import SYSTEM
from app.supervision import looks
from app.supervision.looks import Look, Reason
from tests.planted import caller_of
from tests.product import Phone

Sql = Callable[..., list[Any]]
ROOT = Path(__file__).parents[3]
YEAR = timedelta(days=366)


@pytest.fixture(autouse=True)
def nothing_of_others(sql: Sql) -> Iterator[None]:
    """Each story starts with nothing due: what earlier ones left is settled."""
    sql("UPDATE submissions SET completed_at = NULL, expires_at = NULL, warned_at = NULL")
    sql("DELETE FROM copies")
    sql("DELETE FROM looks_shown")
    sql("DELETE FROM looks")
    sql("DELETE FROM purges")
    yield


def query(who: Phone, final: bool = True, ago: timedelta = timedelta(0)) -> UUID:
    """A query that was answered so long ago, or that still waits for its answer."""
    with database.work() as work:
        filed = filing.submit_at_once(work, caller_of(who), "housing-fund-balance", {}, "zh")
    if final:
        for step in ("accept", "approve", "complete"):
            with database.work() as work:
                filing.take_step(work, filed["id"], step, SYSTEM, clock.now())
    with database.work() as work:
        values = {"completed_at": clock.now() - ago if final else None, "received_at": clock.now() - ago}
        work.run(update(submissions).where(submissions.c.id == filed["id"]).values(**values))
    return UUID(str(filed["id"]))


def look(ago: timedelta, sql: Sql) -> None:
    staff = sql("SELECT id FROM staff LIMIT 1")[0]["id"]
    with database.work() as work:
        reason, tried = Reason("other", "a reason"), Look("reference", "nothing")
        look_id = looks.record(work, Clerk(staff, staff, "clerk", "gongan"), reason, tried)
        work.run(update(looks.looks).where(looks.looks.c.id == look_id).values(at=clock.now() - ago))


def shown(at: datetime | None = None) -> list[Line]:
    with database.reading() as connection:
        return purges.preview(connection, at or clock.now())


def summed(lines: list[Line]) -> dict[tuple[str, str | None], int]:
    counted: Counter[tuple[str, str | None]] = Counter()
    for line in lines:
        counted[line.kind, line.retention_class] += line.count
    return dict(counted)


def state_of(sql: Sql, submission_id: UUID) -> dict[str, Any]:
    return dict(
        sql("SELECT applicant_id, answers, reference, erased_at FROM submissions WHERE id = %s", submission_id)[0]
    )


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.lists(st.integers(0, 14), max_size=5),
    drafts=st.lists(st.integers(-10, 60), max_size=4),
    looked=st.lists(st.integers(0, 5), max_size=4),
    batch=st.integers(1, 3),
)
def test_the_preview_equals_what_the_purge_does(
    make_phone: Callable[..., Phone], sql: Sql, ages: list[int], drafts: list[int], looked: list[int], batch: int
) -> None:
    who = make_phone()
    kept = query(who, final=False, ago=20 * YEAR)
    for years in ages:
        query(who, ago=years * YEAR)
    for days in drafts:
        expired_draft(who, days)
    for years in looked:
        look(years * YEAR, sql)
    before, recorded = shown(), len(sql("SELECT 1 FROM purges"))

    done = list(purges.purge(clock.now(), "command", batch))

    assert summed(done) == summed(before)
    assert {line.kind: line.oldest for line in reversed(done)} == {line.kind: line.oldest for line in before}
    assert shown() == []
    assert len(sql("SELECT 1 FROM purges")) == recorded + len(done), "every batch has its record"
    assert state_of(sql, kept)["erased_at"] is None, "what was filed and has not ended is never purged"


def expired_draft(who: Phone, days: int) -> UUID:
    """A draft that expired so many days ago and whose warning was a week before."""
    draft = UUID(who.start("residence-permit", {"employer_name": "甲公司"})["id"])
    expired = clock.now() - timedelta(days=days)
    values = {"expires_at": expired, "warned_at": expired - retention.DRAFT_WARNING - timedelta(hours=1)}
    with database.work() as work:
        work.run(update(submissions).where(submissions.c.id == draft).values(**values))
    return draft


def test_what_is_purged_is_a_bare_row_that_statistics_count(phone: Phone, sql: Sql) -> None:
    old, new = query(phone, ago=12 * YEAR), query(phone)

    list(purges.purge(clock.now(), "command"))

    gone = state_of(sql, old)
    assert (gone["applicant_id"], gone["answers"], gone["reference"]) == (None, None, None) and gone["erased_at"]
    assert sql("SELECT count(*) AS n FROM history WHERE submission_id = %s", old) == [{"n": 4}]
    assert sql("SELECT 1 FROM data_keys WHERE owner_id = %s", old) == []
    assert state_of(sql, new)["applicant_id"] == phone.resident_id
    assert [item["id"] for item in phone.get("/v1/submissions").json["items"]] == [str(new)]
    assert phone.get(f"/v1/submissions/{old}").json["code"] == "submission_not_found"
    assert phone.get("/v1/me").json["name"] == "李建国", "the person is still with us"


def test_the_nightly_job_waits_for_the_days_of_grace(phone: Phone, sql: Sql) -> None:
    first_day = retention.last_completion_day(retention.CLASSES["years_10"], clock.today())
    assert first_day is not None
    draft = expired_draft(phone, 20)
    job: Any = purges.nightly

    job(0)
    assert sql("SELECT 1 FROM submissions WHERE id = %s", draft), "it came due twenty days ago"

    with clock.moved(purges.GRACE):
        job(0)
    assert sql("SELECT 1 FROM submissions WHERE id = %s", draft) == []
    assert [row["started_by"] for row in sql("SELECT started_by FROM purges")] == ["nightly"]


def test_a_draft_is_erased_only_after_its_warning(phone: Phone, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[UUID] = []
    listeners = {**events._listeners, DraftExpiring: (lambda work, event: warned.append(event.submission_id),)}
    monkeypatch.setattr(events, "_listeners", listeners)
    draft = UUID(phone.start("residence-permit")["id"])
    sql("UPDATE submissions SET expires_at = now() - interval '1 day' WHERE id = %s", draft)
    assert shown() == [], "nobody was warned yet"

    assert purges.warn(clock.now()) == 1 and purges.warn(clock.now()) == 0
    assert warned == [draft]
    assert shown() == [], "the warning must have time to be read"
    with clock.moved(retention.DRAFT_WARNING + timedelta(minutes=1)):
        assert [line.kind for line in shown()] == [purges.DRAFTS]


def test_who_goes_on_with_a_draft_after_the_warning_keeps_it(phone: Phone, sql: Sql) -> None:
    draft = phone.start("residence-permit")
    sql("UPDATE submissions SET expires_at = now() + interval '1 day' WHERE id = %s", draft["id"])
    purges.warn(clock.now())

    assert phone.patch(f"/v1/submissions/{draft['id']}", {"employer_name": "甲公司"}, '"1"').status_code == 200

    with clock.moved(timedelta(days=30)):
        assert shown() == []
    assert sql("SELECT warned_at FROM submissions WHERE id = %s", draft["id"]) == [{"warned_at": None}]


def test_a_service_of_an_unknown_class_keeps_everything_and_is_named(
    phone: Phone, sql: Sql, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    query(phone, ago=20 * YEAR)
    known = {name: kind for name, kind in retention.CLASSES.items() if name != "short"}
    monkeypatch.setattr(retention, "CLASSES", known)

    assert shown() == []

    assert any("retention_unknown" in line and "housing-fund-balance" in line for line in log)


def test_a_purge_that_is_stopped_anywhere_goes_on_where_it_was(phone: Phone, sql: Sql) -> None:
    for years in (12, 13, 14):
        query(phone, ago=years * YEAR)
    assert sum(line.count for line in shown()) == 3

    assert next(purges.purge(clock.now(), "command", batch=1)).count == 1, "and then it is stopped"

    assert sum(line.count for line in shown()) == 2
    assert sum(line.count for line in purges.purge(clock.now(), "command")) == 2
    assert shown() == []


def onephone(*arguments: str) -> str:
    command = [sys.executable, "-m", "onephone", "purge", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), check=True, capture_output=True, text=True).stdout


def test_the_command_shows_first_and_erases_only_when_told(phone: Phone, sql: Sql) -> None:
    query(phone, ago=12 * YEAR)

    told = onephone()
    assert "finished submissions" in told and "short" in told and "Nothing was erased" in told
    assert onephone("--preview") == told
    assert sum(line.count for line in shown()) == 1

    assert "erased: 1 finished submissions short\ndone\n" in onephone("--confirm")
    assert shown() == []


def test_a_purge_that_is_killed_loses_nothing_and_the_next_one_ends_it(phone: Phone, sql: Sql) -> None:
    # So many that it is still at work when a busy machine lets us end it.
    many = 60
    for _ in range(many):
        query(phone, ago=12 * YEAR)
    command = [sys.executable, "-m", "onephone", "purge", "--confirm", "--batch", "1"]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        while not first.stdout.readline().startswith("erased"):
            pass
        first.send_signal(signal.SIGKILL)

    left, erased = shown()[0].count, sql("SELECT sum(count)::int AS n FROM purges")[0]["n"]
    assert 0 < left < many and left + erased == many
    halves = "(s.erased_at IS NULL) <> EXISTS (SELECT FROM data_keys k WHERE k.owner_id = s.id)"
    assert sql(f"SELECT 1 FROM submissions s WHERE completed_at IS NOT NULL AND {halves}") == [], "none is half erased"

    assert f"{'finished submissions':<22} {'short':<10} {left:>10}" in onephone("--confirm", "--batch", "5")
    assert shown() == [] and sql("SELECT sum(count)::int AS n FROM purges") == [{"n": many}]
