"""The rows that the workloads read, written by SQL: residents with sessions, and many filed submissions."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import psycopg
from psycopg.types.json import Jsonb

from bench import form

TOKEN_LIFE_SECONDS = 6 * 3600
RESIDENT_ID = "('00000000-0000-7000-8000-' || lpad(({})::text, 12, '0'))::uuid"
"""SQL for the id of the n-th resident, so that pgbench can name one without looking."""


@dataclass(frozen=True)
class Resident:
    """Somebody logged in, with an access token."""

    id: uuid.UUID
    token: str


def fill(connection: psycopg.Connection[Any], services: int, residents: int, submissions: int) -> None:
    """Services with the form, residents with sessions, and submissions that have come three steps far."""
    _publish(connection, services)
    connection.execute(_RESIDENTS, {"residents": residents})
    connection.execute(_SESSIONS)
    values = {"submissions": submissions, "residents": residents, "services": services, "code": form.DEPARTMENT}
    connection.execute(_SUBMISSIONS, {**values, "answers": Jsonb(form.answers())})
    connection.execute(_HISTORY)
    connection.execute(_QUEUES)


def _publish(connection: psycopg.Connection[Any], services: int) -> None:
    row = connection.execute(
        "SELECT definition FROM service_versions WHERE service_code = 'residence-permit' ORDER BY version DESC LIMIT 1"
    ).fetchone()
    assert row is not None, "the demo's services are published before"
    for number in range(1, services + 1):
        code = form.SERVICE.format(number)
        connection.execute("INSERT INTO services (code, department_code) VALUES (%s, %s)", [code, form.DEPARTMENT])
        connection.execute(
            _VERSION,
            [code, Jsonb(form.definition(number, row[0]))],
        )


_VERSION = """
INSERT INTO service_versions (service_code, version, definition, state, drafted_by, drafted_at, reviewed_by)
VALUES (%s, 1, %s, 'published', 'bench', now(), 'nobody')
"""

_RESIDENTS = f"""
INSERT INTO residents (id, name, document_type, document_number, phone)
SELECT {RESIDENT_ID.format("i")}, '居民' || i, '111', '53299919900101' || lpad(i::text, 4, '0'), '19900000000'
FROM generate_series(1, %(residents)s) AS i
"""

_SESSIONS = """
INSERT INTO sessions (id, resident_id, level, authenticated_at, device, refresh_sha256, created_at, expires_at)
SELECT gen_random_uuid(), id, 3, now(), 'bench', md5(id::text), now(), now() + interval '1 day' FROM residents
"""

_SUBMISSIONS = f"""
INSERT INTO submissions (
    id, service_code, service_version, department_code, applicant_id, state, revision, answers, content_sha256,
    reference, received_at, turn, acceptance_due, decision_due)
SELECT gen_random_uuid(), '{form.SERVICE.format("")}' || (1 + i %% %(services)s), 1, %(code)s,
       {RESIDENT_ID.format("1 + i %% %(residents)s")}, 'in_review', 3, %(answers)s, repeat('0', 64),
       'bench-' || lpad(i::text, 18, '0'), now(), 1 + i / %(services)s, current_date + 7, current_date + 28
FROM generate_series(1, %(submissions)s) AS i
"""

_HISTORY = """
INSERT INTO history (submission_id, number, at, step, state, actor_kind, actor_name, department_code, opinion)
SELECT s.id, t.number, now(), t.step, t.state, t.kind, t.name, s.department_code, t.opinion
FROM submissions s, (VALUES
    (1, 'receive', 'received', 'resident', NULL, NULL),
    (2, 'accept', 'accepted', 'office', '杨志强', '材料齐全，予以受理。'),
    (3, 'review', 'in_review', 'office', '杨志强', NULL)) AS t (number, step, state, kind, name, opinion)
"""

_QUEUES = """
INSERT INTO queues (department_code, service_code, last_turn)
SELECT department_code, service_code, max(turn) FROM submissions GROUP BY department_code, service_code
"""


def logged_in(connection: psycopg.Connection[Any], keys_file: Path, issuer: str) -> list[Resident]:
    """Every resident with an access token, signed as the API itself would, with the key of this stage."""
    entry = json.loads(keys_file.read_text())["keys"][0]
    key, now = jwt.PyJWK(entry, algorithm="ES256"), int(time.time())
    headers = {"kid": entry["kid"]}
    claims = {"iss": issuer, "aud": "residents", "iat": now, "exp": now + TOKEN_LIFE_SECONDS, "lvl": 3}
    found = connection.execute("SELECT resident_id, id FROM sessions").fetchall()
    return [
        Resident(
            resident_id,
            jwt.encode(
                {**claims, "auth_time": now, "sub": str(resident_id), "sid": str(session), "jti": str(uuid.uuid4())},
                key.key,
                algorithm="ES256",
                headers=headers,
            ),
        )
        for resident_id, session in found
    ]


def sample(connection: psycopg.Connection[Any], count: int) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Random submissions with their applicants."""
    rows = connection.execute("SELECT id, applicant_id FROM submissions ORDER BY random() LIMIT %s", [count])
    return [(row[0], row[1]) for row in rows]
