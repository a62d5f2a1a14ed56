"""`python -m bench.plant`: the rows that the workloads read: residents with sessions, and many filed submissions.

The one file of the bench that imports the product: only with the product's own keys can a row be sealed as the API
seals it. Runs in the environment of the stage. Written by COPY, because by filing it would take an hour.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from app import database
from app.catalogue import services
from app.crypto import data_keys
from app.crypto.blind_indexes import DOCUMENT_NUMBER, FULL_NAME, PHONE
from app.identifiers import new_id
from app.settings import settings
from app.submissions.drafts import ANSWERS
from app.submissions.history import OPINION
from bench import form

_NOW = datetime.now(UTC)
# What has come of every submission: received, accepted, in review.
_STEPS = (
    (1, "receive", "received", "resident", None, None),
    (2, "accept", "accepted", "office", "杨志强", "材料齐全，予以受理。"),
    (3, "review", "in_review", "office", "杨志强", None),
)
_BATCH = 10_000


def main(arguments: list[str] | None = None) -> None:
    """Fill the database of the environment, and say after each batch how far it is."""
    parser = argparse.ArgumentParser(prog="python -m bench.plant", description=__doc__)
    for name in ("services", "residents", "submissions"):
        parser.add_argument(f"--{name}", type=int, required=True)
    size = parser.parse_args(arguments)
    # Its key is made by who needs it first; here, so that no workload does.
    data_keys.of_the_house()
    with psycopg.connect(settings().database_url, autocommit=True) as connection:
        _publish(size.services)
        _residents(connection, size.residents)
        connection.execute(_SESSIONS)
        for first in range(1, size.submissions + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, size.submissions + 1))
            _submissions(connection, numbers, size.residents, size.services)
            print(f"{numbers[-1]:,} submissions", flush=True)
        connection.execute(_QUEUES)


def _publish(count: int) -> None:
    """Services with the form of W2; whatever else a definition says is a real service's."""
    with database.work() as work:
        model = services.current(work.connection, "residence-permit").definition
        for number in range(1, count + 1):
            services.publish(work, form.definition(number, model))


def resident_id(number: int) -> UUID:
    """The id of the n-th resident, so that pgbench can name one without looking (`rows.RESIDENT_ID` in SQL)."""
    return UUID(f"00000000-0000-7000-8000-{number:012}")


def _residents(connection: psycopg.Connection[Any], count: int) -> None:
    keys, rows = [], []
    for number in range(1, count + 1):
        owner = resident_id(number)
        envelope, key = data_keys.new()
        keys.append(data_keys.columns(envelope, owner))
        columns: list[Any] = [owner, "111"]
        for name, purpose, plain in (
            ("name", FULL_NAME, f"居民{number}"),
            ("document_number", DOCUMENT_NUMBER, f"53299919900101{number:04}"),
            ("phone", PHONE, f"199{number:08}"),
        ):
            columns += [key.seal(plain, f"residents.{name}", owner), data_keys.index(purpose, plain)]
        rows.append(columns)
    _keys(connection, keys)
    _copy(
        connection,
        "residents (id, document_type, name, name_index, document_number, document_number_index, phone, phone_index)",
        rows,
    )


_SESSIONS = """
INSERT INTO sessions
    (id, resident_id, level, authenticated_at, device, refresh_sha256, created_at, expires_at, idle_until)
SELECT gen_random_uuid(), id, 3, now(), 'bench', md5(id::text), now(), now() + interval '1 day',
    now() + interval '1 day' FROM residents
"""


def _submissions(connection: psycopg.Connection[Any], numbers: range, residents: int, services: int) -> None:
    keys, rows, events = [], [], []
    answers, today = form.answers(), date.today()
    for number in numbers:
        submission, (envelope, key) = new_id(), data_keys.new()
        keys.append(data_keys.columns(envelope, submission))
        applicant, service = resident_id(1 + number % residents), form.SERVICE.format(1 + number % services)
        sealed = key.seal(answers, ANSWERS, submission)
        filed = (f"bench-{number:018}", _NOW, 1 + number // services)
        due = (today + timedelta(days=7), today + timedelta(days=28))
        head = (submission, service, 1, form.DEPARTMENT, applicant, "in_review", 3, sealed, "0" * 64)
        rows.append((*head, *filed, *due))
        for order, step, state, kind, name, opinion in _STEPS:
            words = key.seal(opinion, OPINION, f"{submission}/{order}") if opinion else None
            events.append((submission, order, _NOW, step, state, kind, name, form.DEPARTMENT, words))
    _keys(connection, keys)
    _copy(
        connection,
        "submissions (id, service_code, service_version, department_code, applicant_id, state, revision, answers,"
        " content_sha256, reference, received_at, turn, acceptance_due, decision_due)",
        rows,
    )
    _copy(
        connection,
        "history (submission_id, number, at, step, state, actor_kind, actor_name, department_code, opinion)",
        events,
    )


def _keys(connection: psycopg.Connection[Any], keys: list[dict[str, object]]) -> None:
    _copy(connection, f"data_keys ({', '.join(keys[0])})", [tuple(key.values()) for key in keys])


_QUEUES = """
INSERT INTO queues (department_code, service_code, last_turn)
SELECT department_code, service_code, max(turn) FROM submissions GROUP BY department_code, service_code
"""


def _copy(connection: psycopg.Connection[Any], target: str, rows: Iterable[Iterable[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row([bytes(value) if isinstance(value, bytes) else value for value in row])


if __name__ == "__main__":
    main()
