"""Histories to look at, and hands that may do what the service may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg

from app import clock, database
from app.settings import settings
from app.submissions.history import Actor, Given, Item, office
from app.submissions.submissions import take_step
from tests import handled as handled_service
from tests.product import Phone

CLERK = Actor("staff", "clerk", "王小明", UUID(int=7), None)


def filed(phone: Phone) -> UUID:
    """A submission that was received just now."""
    return handled_service.file(phone, handled_service.service("gongan"))


def handled(phone: Phone) -> UUID:
    """One with four rows: received, corrections asked by a clerk, filed again, accepted by an office in words."""
    submission = filed(phone)
    until = handled_service.day_after(8)
    step(submission, "ask_correction", CLERK, Given(items=(Item("/answers/street", "请补正"),), until=until))
    step(submission, "refile", Actor("resident", "applicant", id=phone.resident_id, principal_id=phone.resident_id))
    step(submission, "accept", office("杨志强"), Given("材料齐全"))
    return submission


def step(submission: UUID, name: str, actor: Actor, given: Given | None = None) -> int:
    with database.work() as work:
        return take_step(work, submission, name, actor, clock.now(), given or Given())


def by_force(statement: str, *values: Any) -> list[Any]:
    """What a superuser can do who wants to: every trigger and foreign key is switched off."""
    with psycopg.connect(str(settings().database_owner_url), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


Tamper = Callable[[UUID], object]
