"""Waiting: nothing can wait for ever without a sweeper that knows of it."""

from __future__ import annotations

from flask import Flask

import wsgi
from app import jobs
from app.submissions.steps import FINAL_STATES, STATES
from app.supervision import waiting
from app.supervision.alarms import WATCHED
from app.supervision.waiting import WAITING


def test_every_state_that_can_wait_has_a_sweeper(product: Flask) -> None:
    assert set(WAITING) == set(STATES) - FINAL_STATES
    assert all(WAITING.values())


def test_every_sweeper_is_started_by_the_workers_clock(product: Flask) -> None:
    started = {periodic.task.name for periodic in jobs.tasks.periodic_registry.periodic_tasks.values()}

    assert waiting in wsgi.KEEPERS
    assert {task.name for tasks in WAITING.values() for task in tasks} <= started


def test_every_state_in_which_a_department_owes_something_has_alarms() -> None:
    watched = {state for one in WATCHED for state in one.states}

    assert watched == set(STATES) - FINAL_STATES - {"draft"}
