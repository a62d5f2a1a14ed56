"""Refusals at the door, counted: what operators see of attacks and of broken clients.

`count` costs a dictionary's addition. Every process adds what it counted to the database two seconds later, so that
`/metrics` tells the same whichever process it asks. Labels are names from our code, never anything that was sent.

Prometheus' own client is not used: to sum over processes it needs a folder that all of them share and somebody
empties, and it does not sum over machines.
"""

from __future__ import annotations

import threading
from collections import Counter

import structlog
from flask import g, has_request_context
from sqlalchemy import BigInteger, Column, Connection, Table, Text
from sqlalchemy.exc import SQLAlchemyError

from app import database
from app.database import metadata

log = structlog.get_logger()

entrance_counts = Table(
    "entrance_counts",
    metadata,
    Column("door", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

ANSWERS = "answers"
"""The `door` under which `api/errors.py` counts every problem it tells, by its code."""

_SAVE_AFTER_SECONDS = 2.0

_SAVE = """
INSERT INTO entrance_counts AS c (door, reason, count)
SELECT door, reason, more FROM unnest(%(doors)s::text[], %(reasons)s::text[], %(more)s::bigint[])
    AS t (door, reason, more) ORDER BY door, reason
ON CONFLICT (door, reason) DO UPDATE SET count = c.count + excluded.count
"""


class _Pending:
    """What this process counted and has not saved yet."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def add(self, door: str, reason: str) -> None:
        with self._lock:
            self._counts[door, reason] += 1
            self._wake()

    def save(self) -> None:
        """Add everything to the database; what cannot be saved now is kept for later."""
        with self._lock:
            taken, self._counts, self._timer = self._counts, Counter(), None
        if not taken:
            return
        try:
            _save(taken)
        except SQLAlchemyError:
            with self._lock:
                self._counts.update(taken)
                self._wake()

    def _wake(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(_SAVE_AFTER_SECONDS, self.save)
            self._timer.daemon = True
            self._timer.start()


_pending = _Pending()


def count(door: str, reason: str) -> None:
    """Count one thing that happened at a door, such as ("staff_password", "locked"), and log it."""
    request_id = str(g.request_id) if has_request_context() and "request_id" in g else None
    log.warning("at_the_door", door=door, reason=reason, request_id=request_id)
    _pending.add(door, reason)


def count_answer(code: str) -> None:
    """Count a problem that was told; the line `request` of the log has its status already."""
    _pending.add(ANSWERS, code)


def as_prometheus(connection: Connection) -> str:
    """All counts of all processes, in Prometheus' text format 0.0.4."""
    _pending.save()
    found = connection.exec_driver_sql("SELECT door, reason, count FROM entrance_counts ORDER BY door, reason")
    answers, doors = [], []
    for door, reason, count in found:
        if door == ANSWERS:
            answers.append(f'onephone_refusals_total{{code="{_label(reason)}"}} {count}')
        else:
            labels = f'door="{_label(door)}",reason="{_label(reason)}"'
            doors.append(f"onephone_entrance_events_total{{{labels}}} {count}")
    return "\n".join(
        (
            "# HELP onephone_refusals_total Problems told to clients, by their code.",
            "# TYPE onephone_refusals_total counter",
            *answers,
            "# HELP onephone_entrance_events_total What was refused or noticed at an entrance, and why.",
            "# TYPE onephone_entrance_events_total counter",
            *doors,
            "",
        )
    )


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _save(counts: Counter[tuple[str, str]]) -> None:
    values = {
        "doors": [door for door, _ in counts],
        "reasons": [reason for _, reason in counts],
        "more": list(counts.values()),
    }
    with database.reading() as connection:
        connection.exec_driver_sql(_SAVE, values)
