"""Every row of the step table, taken and refused through the real database, read off the table itself; and no sequence
of steps, however long, that leaves the graph, loses a row or moves a date without an event."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app import clock, database
from app.catalogue.services import ServiceVersion
from app.database import Work
from app.people import residents
from app.people.residents import Person
from app.refusals import Refusal
from app.submissions import drafts, steps
from app.submissions.drafts import submissions
from app.submissions.history import Actor, Given, history
from app.submissions.issued_notices import issued_notices
from app.submissions.steps import STATES, STEPS
from app.submissions.submissions import StepForbidden, StepIncomplete, StepNotAllowed, take_step
from tests import handled
from tests.planted import caller_of
from tests.product import Phone

KINDS = {"applicant": "resident", "office": "office", "system": "system"}
ROLES = ("applicant", "clerk", "head", "supervisor", "office", "system")

# How each state is come to, by steps that leave as much as possible open: the decision rests on a commitment.
WAYS: dict[str, tuple[str, ...]] = {
    "received": (),
    "correcting": ("ask_correction",),
    "declined": ("decline",),
    "accepted": ("offer_promise", "promise"),
    "in_review": ("offer_promise", "promise", "review"),
    "suspended": ("offer_promise", "promise", "suspend"),
    "approved": ("approve_on_promise",),
    "refused": ("accept", "refuse"),
    "completed": ("approve_on_promise", "complete"),
    "delivered": ("approve_on_promise", "complete", "deliver"),
    "withdrawn": ("withdraw",),
    "terminated": ("accept", "terminate"),
}


def actor(role: str) -> Actor:
    return Actor(KINDS.get(role, "staff"), role)


def any_actor_of(name: str) -> Actor:
    return actor(sorted(STEPS[name].actors)[0])


@contextmanager
def undone() -> Iterator[Work]:
    """A unit of work that leaves nothing behind."""
    with database.engine().connect() as connection:
        transaction = connection.begin()
        yield Work(connection)
        transaction.rollback()


@contextmanager
def tried(work: Work) -> Iterator[None]:
    """A part of a unit of work that is undone whether it succeeds or not."""
    savepoint = work.connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


def stand(work: Work, case: uuid.UUID) -> tuple[Any, ...]:
    """All there is of a submission: its row, its history and how many notices it has."""
    row = work.run(select(submissions).where(submissions.c.id == case)).one()
    rows = work.run(select(history).where(history.c.submission_id == case).order_by(history.c.number)).all()
    notices = work.run(select(issued_notices.c.kind).where(issued_notices.c.submission_id == case)).all()
    return row, [tuple(one) for one in rows], len(notices)


@pytest.fixture(scope="module")
def somebody(product: Flask) -> Phone:
    with database.work() as work:
        resident_id = residents.enrol(work, Person("李建国", "111", "532399198806150316", "19900000002"))
    return Phone(resident_id, {}, product.test_client())


@pytest.fixture(scope="module")
def service(product: Flask) -> ServiceVersion:
    return handled.service(handled.department())


@pytest.fixture(scope="module")
def cases(somebody: Phone, service: ServiceVersion) -> dict[str, uuid.UUID]:
    """One submission in each state."""
    made = {state: handled.file(somebody, service, commits=True) for state in WAYS}
    with database.work() as work:
        for state, way in WAYS.items():
            for name in way:
                take_step(work, made[state], name, any_actor_of(name), clock.now(), handled.given_for(name))
    with database.work() as work:
        draft = drafts.start(work, caller_of(somebody), service.code, {})
    return {"draft": draft.id, **made}


def test_each_way_leads_to_its_state(cases: dict[str, uuid.UUID], sql: Callable[..., list[Any]]) -> None:
    for state, case in cases.items():
        assert sql("SELECT state FROM submissions WHERE id = %s", case) == [{"state": state}]
    assert set(cases) == set(STATES)


@pytest.mark.parametrize("name", [name for name in STEPS if name != "receive"])
def test_a_row_of_the_table_is_what_happens(name: str, cases: dict[str, uuid.UUID]) -> None:
    """From every state, by everybody: exactly what the table has is done, all else is refused and leaves no trace."""
    step, whole = STEPS[name], handled.given_for(name)
    with undone() as work:
        for state, case in cases.items():
            before = stand(work, case)
            for role in ROLES:
                if role in step.actors and state in step.origins:
                    with tried(work):
                        assert attempt(work, case, name, role, whole) is None
                        check_taken(before, stand(work, case), name, role)
                    continue
                refused = attempt(work, case, name, role, whole)
                assert refused is not None and refused.facts["legal"] == list(steps.legal(state, role))
                assert type(refused) is (StepNotAllowed if role in step.actors else StepForbidden)
                assert role not in step.actors or refused.facts["state"] == state
            assert stand(work, case) == before


def attempt(work: Work, case: uuid.UUID, name: str, role: str, whole: Given) -> Refusal | None:
    try:
        take_step(work, case, name, actor(role), clock.now(), whole)
    except Refusal as refused:
        return refused
    return None


def check_taken(before: tuple[Any, ...], after: tuple[Any, ...], name: str, role: str) -> None:
    step, state = STEPS[name], before[0].state
    assert after[0].state == (step.target or state)
    assert after[0].revision == before[0].revision + 1
    assert after[1][:-1] == before[1] and len(after[1]) == len(before[1]) + 1
    last = dict(zip(history.c.keys(), after[1][-1], strict=True))
    assert (last["step"], last["from_state"], last["state"]) == (name, state, step.target or state)
    assert (last["actor_role"], last["visible"]) == (role, step.visible)
    assert after[2] - before[2] == (0 if step.notice is None else 1)


NEEDS = [(name, need) for name, step in STEPS.items() if name != "receive" for need in sorted(step.needs)]


@pytest.mark.parametrize(("name", "need"), NEEDS)
def test_what_a_step_needs_it_needs(name: str, need: str, cases: dict[str, uuid.UUID]) -> None:
    origin = sorted(STEPS[name].origins)[0]
    with undone() as work:
        before = stand(work, cases[origin])
        with pytest.raises(StepIncomplete) as refused:
            take_step(work, cases[origin], name, any_actor_of(name), clock.now(), handled.given_for(name, but=need))
        assert list(refused.value.errors) == [f"/{need}"]
        assert stand(work, cases[origin]) == before


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if step.kinds])
def test_a_kind_is_one_of_the_steps_own(name: str, cases: dict[str, uuid.UUID]) -> None:
    origin = sorted(STEPS[name].origins)[0]
    strange = replace(handled.given_for(name), kind="because")
    with undone() as work, pytest.raises(StepIncomplete) as refused:
        take_step(work, cases[origin], name, any_actor_of(name), clock.now(), strange)
    assert list(refused.value.errors) == ["/kind"]


@dataclass(frozen=True)
class Move:
    """Something somebody tries: what the table has for the state that stands, or, `wild`, anything by anybody."""

    wild: bool
    name: str
    role: str
    pick: int
    but: str
    hours: int

    def at(self, state: str) -> tuple[str, str]:
        """Which step by whom."""
        fitting = [name for name, step in STEPS.items() if state in step.origins]
        if self.wild or not fitting:
            return self.name, self.role
        name = fitting[self.pick % len(fitting)]
        actors = sorted(STEPS[name].actors)
        return name, actors[self.pick % len(actors)]


MOVES = st.builds(
    Move,
    wild=st.sampled_from([False, False, False, True]),
    name=st.sampled_from([name for name in STEPS if name != "receive"]),
    role=st.sampled_from(ROLES),
    pick=st.integers(0, 1000),
    but=st.sampled_from(["", "", "", "", "items", "reason", "kind"]),
    hours=st.integers(0, 4 * 24),
)
DATES = ("acceptance_due", "decision_due", "due_provisional")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(MOVES, min_size=8, max_size=25))
def test_no_sequence_of_steps_breaks_what_holds(cases: dict[str, uuid.UUID], moves: list[Move]) -> None:
    case = cases["received"]
    with undone() as work:
        at, before = clock.now(), stand(work, case)
        for move in moves:
            at += timedelta(hours=move.hours)
            name, role = move.at(before[0].state)
            savepoint = work.connection.begin_nested()
            refused = moved(work, case, name, role, move.but, at)
            if refused:
                savepoint.rollback()
            after = stand(work, case)
            if refused:
                assert after == before
            else:
                check_taken(before, after, name, role)
                assert before[0].state in STEPS[name].origins and role in STEPS[name].actors
                if [getattr(after[0], date) for date in DATES] != [getattr(before[0], date) for date in DATES]:
                    assert STEPS[name].clocks or name == "recount", f"{name} moved a date and is no event of a clock"
            before = after
        rows = [dict(zip(history.c.keys(), row, strict=True)) for row in before[1]]
        assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
        assert all(earlier["state"] == later["from_state"] for earlier, later in itertools.pairwise(rows))
        assert all(earlier["at"] <= later["at"] for earlier, later in itertools.pairwise(rows))


def moved(work: Work, case: uuid.UUID, name: str, role: str, but: str, at: datetime) -> bool:
    """Try a step; whether it was refused."""
    try:
        take_step(work, case, name, actor(role), at, handled.given_for(name, but=but))
    except Refusal:
        return True
    return False
