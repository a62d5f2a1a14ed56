"""What tests of people share: logins as a provider vouches for them, of people whom nobody else in this run knows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app import clock, database
from app.people import accounts, identities
from app.people.callers import Resident
from app.people.identities import Identity
from app.people.residents import Person


def somebody(name: str = "李建国") -> Person:
    """A person with a passport of their own, so that nobody is joined to anybody by chance."""
    return Person(name, "414", f"E{uuid.uuid4().int % 10**12:012}", "19900000002")


def vouched(person: Person | None = None, level: int = 3, provider: str = "sandbox", **more: Any) -> Identity:
    """A login at a provider; without a person it is one by WeChat or by a phone number."""
    subject = more.pop("subject", uuid.uuid4().hex)
    return Identity(provider, subject, level, more.pop("method", "oidc"), clock.now(), person, **more)


def enter(identity: Identity) -> UUID:
    """Log in with an identity; whose account it is."""
    with database.work() as work:
        return accounts.enter(work, identity)[0]


def link(resident_id: UUID, identity: Identity) -> tuple[UUID, bool]:
    with database.work() as work:
        return accounts.link(work, resident_id, identity)


def caller(resident_id: UUID, level: int = 3) -> Resident:
    return Resident(resident_id, resident_id, level, clock.now())


def ways_in(resident_id: UUID) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return identities.listing(connection, caller(resident_id))


@dataclass
class Inbox:
    """What an account was told, after the jobs ran."""

    run_jobs: Callable[[], None]
    sql: Callable[..., list[Any]]

    def kinds(self, resident_id: UUID) -> list[str]:
        self.run_jobs()
        rows = self.sql("SELECT kind FROM account_notices WHERE resident_id = %s ORDER BY id", resident_id)
        return [row["kind"] for row in rows]


@pytest.fixture
def inbox(product: Flask, run_jobs: Callable[[], None], sql: Callable[..., list[Any]]) -> Inbox:
    return Inbox(run_jobs, sql)
