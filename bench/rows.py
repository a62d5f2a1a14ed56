"""Who calls and what is asked for: rows that `bench.plant` has planted, read back by SQL."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import psycopg

TOKEN_LIFE_SECONDS = 6 * 3600
RESIDENT_ID = "('00000000-0000-7000-8000-' || lpad(({})::text, 12, '0'))::uuid"
"""SQL for the id of the n-th resident, so that pgbench can name one without looking (`plant.resident_id`)."""


@dataclass(frozen=True)
class Resident:
    """Somebody logged in, with an access token."""

    id: uuid.UUID
    token: str


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
