"""The unit of work: rows and the jobs that they call for are saved together, or neither is there."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import DBAPIError, IntegrityError
from werkzeug.test import TestResponse

from app import database, idempotency
from app.database import Job, Work
from app.events import SubmissionReceived
from app.settings import settings
from auth import revocations
from tests.product import Phone

Sql = Callable[..., list[Any]]


@pytest.fixture
def name(product: Flask) -> str:
    """A name for a row and a job that nobody else uses."""
    return f"test-{uuid.uuid4()}"


def do_something(work: Work, name: str) -> None:
    """Write a row and ask for a job."""
    record = {"scope": name, "key": "1", "request_mac": b"", "status": 200, "headers": "{}", "body": ""}
    idempotency.remember(work, record)
    work.defer(Job("nobody_runs_this", {"for": name}, lock=name))


def kept(sql: Sql, name: str) -> tuple[int, int]:
    """How many rows and jobs of this name there are."""
    rows = sql("SELECT 1 FROM idempotency_records WHERE scope = %s", name)
    jobs = sql("SELECT 1 FROM procrastinate_jobs WHERE lock = %s", name)
    return len(rows), len(jobs)


def test_a_row_and_its_job_are_saved_together(name: str, sql: Sql) -> None:
    with database.work() as work:
        do_something(work, name)
        assert kept(sql, name) == (0, 0), "nobody sees half of it"

    assert kept(sql, name) == (1, 1)


def test_what_raises_leaves_neither_row_nor_job(name: str, sql: Sql) -> None:
    with pytest.raises(RuntimeError), database.work() as work:
        do_something(work, name)
        raise RuntimeError("after everything was done")

    assert kept(sql, name) == (0, 0)


def test_a_row_that_clashes_at_the_end_takes_the_job_with_it(name: str, sql: Sql) -> None:
    with database.work() as work:
        do_something(work, name)

    with pytest.raises(IntegrityError), database.work() as work:
        work.defer(Job("nobody_runs_this", {}, lock=f"{name}-second"))
        do_something(work, name)

    assert kept(sql, name) == (1, 1)
    assert kept(sql, f"{name}-second") == (0, 0)


def test_a_job_that_can_not_be_written_takes_the_row_with_it(name: str, sql: Sql) -> None:
    with pytest.raises(DBAPIError), database.work() as work:
        do_something(work, name)
        work.defer(Job("nobody_runs_this", {"text": "no NUL \x00 in PostgreSQL"}))

    assert kept(sql, name) == (0, 0)


def test_many_jobs_of_one_work_are_all_written_with_their_arguments(name: str, sql: Sql) -> None:
    with database.work() as work:
        for number in range(50):
            work.defer(Job("nobody_runs_this", {"number": number, "text": "李'\"\\%s"}, lock=name, priority=number))

    jobs = sql("SELECT args, priority, queue_name FROM procrastinate_jobs WHERE lock = %s ORDER BY priority", name)
    assert [job["args"] for job in jobs] == [{"number": number, "text": "李'\"\\%s"} for number in range(50)]
    assert {job["queue_name"] for job in jobs} == {"default"}


def test_what_is_announced_becomes_jobs_of_the_same_work(product: Flask, sql: Sql) -> None:
    announced = uuid.uuid4()
    jobs = "SELECT task_name FROM procrastinate_jobs WHERE lock = %s"

    with pytest.raises(RuntimeError), database.work() as work:
        work.announce(SubmissionReceived(announced))
        raise RuntimeError("undone")
    assert sql(jobs, f"handover:{announced}") == []

    with database.work() as work:
        work.announce(SubmissionReceived(announced))
    assert sql(jobs, f"handover:{announced}") == [{"task_name": "handover"}]


def fill_both_pools() -> None:
    """Have as many connections open as there may be, as after a busy minute."""
    with ExitStack() as held:
        for _ in range(settings().database_pool):
            held.enter_context(database.reading()).exec_driver_sql("SELECT 1")
            held.enter_context(database.work()).run_sql("SELECT 1", {})


def test_reads_and_keyed_acts_survive_a_database_that_drops_every_connection(
    client: FlaskClient, phone: Phone, make_clerk: Callable[[str], Phone], sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, clerk = phone.start("housing-fund-balance"), make_clerk("S0001")
    fill_both_pools()
    # Each guard asks the database too, as it does in the first request of a second, and of a clerk's minute.
    monkeypatch.setattr(revocations, "_SECONDS", -1.0)
    cut = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()"""

    acts: list[Callable[[], TestResponse]] = [
        lambda: phone.get(f"/v1/submissions/{draft['id']}"),
        lambda: phone.post(f"/v1/submissions/{draft['id']}/submit"),
        lambda: client.get("/v1/services"),
        lambda: clerk.get("/v1/desk/queues"),
    ]
    for act in acts:
        sql(cut)

        assert act().status_code == 200
    database.close()  # The last cut left dead connections behind, which are nobody else's business.


@pytest.mark.parametrize("again", [database.again_if_undone, database.again_if_away])
def test_of_two_who_wait_for_each_other_the_one_that_is_undone_is_done_again(
    again: Callable[[Callable[[], int]], int], product: Flask
) -> None:
    meeting, tries = threading.Barrier(2), []

    def work_on(first: int, second: int) -> int:
        tries.append(first)
        with database.work() as work:
            work.run_sql("SELECT pg_advisory_xact_lock(%(key)s)", {"key": first})
            if len(tries) <= 2:
                meeting.wait(30)
            work.run_sql("SELECT pg_advisory_xact_lock(%(key)s)", {"key": second})
        return first

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(again, partial(work_on, *keys)) for keys in ((6001, 6002), (6002, 6001))]

        assert [one.result(60) for one in both] == [6001, 6002]
    assert len(tries) == 3, "one of the two was undone"


def test_what_may_have_been_saved_is_not_done_again(product: Flask, sql: Sql) -> None:
    tries = []

    def lose_the_connection() -> None:
        tries.append(1)
        with database.work() as work:
            work.run_sql("SELECT pg_terminate_backend(pg_backend_pid())", {})

    with pytest.raises(DBAPIError):
        database.again_if_undone(lose_the_connection)
    assert len(tries) == 1
