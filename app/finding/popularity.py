"""Popularity: how many people filed which service within the last days. Counted at night, never while somebody asks.

Only services with many applicants are counted, so that nobody is recognisable in what a small place files.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from app import clock, database, jobs
from app.database import Work, metadata

service_popularity = Table(
    "service_popularity",
    metadata,
    Column("service_code", Text, ForeignKey("services.code", ondelete="CASCADE"), primary_key=True),
    # Different people, not submissions: one who files ten times is one.
    Column("applicants", Integer, nullable=False),
)

DAYS = 30
LEAST = 10
"""Applicants that a service must have had to be counted at all."""


@jobs.tasks.periodic(cron="23 2 * * *")
@jobs.task("count_popularity", queueing_lock="count_popularity")
def count(timestamp: int) -> None:
    """Count anew what was filed within the last DAYS days."""
    with database.work() as work:
        count_in(work)


def count_in(work: Work) -> None:
    """The same within a unit of work. What was counted before is gone in the same moment."""
    work.run_sql("DELETE FROM service_popularity", {})
    work.run_sql(_COUNT, {"since": clock.now() - timedelta(days=DAYS), "least": LEAST})


_COUNT = """
INSERT INTO service_popularity (service_code, applicants)
SELECT service_code, count(DISTINCT applicant_id) FROM submissions WHERE received_at >= %(since)s
GROUP BY service_code HAVING count(DISTINCT applicant_id) >= %(least)s
"""
