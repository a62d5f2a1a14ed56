"""Figures of one round, and the medians of several."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """Requests a second, latencies in ms, requests that failed, and processor time in µs a request."""

    rps: float
    p50: float
    p99: float
    errors: int
    server_cpu: float = 0.0
    database_cpu: float = 0.0


def figures(latencies: list[float], errors: int, seconds: float) -> Figures:
    """Figures from the latencies in seconds of everything that was answered."""
    if len(latencies) < 2:
        return Figures(len(latencies) / seconds, 0.0, 0.0, errors + 1)
    ordered = sorted(latencies)
    count = len(ordered)
    return Figures(count / seconds, ordered[count // 2] * 1000, ordered[count * 99 // 100] * 1000, errors)


def medians(rounds: list[Figures]) -> Figures:
    """The median of each figure; errors are added up, because none is allowed."""
    return Figures(
        rps=statistics.median(r.rps for r in rounds),
        p50=statistics.median(r.p50 for r in rounds),
        p99=statistics.median(r.p99 for r in rounds),
        errors=sum(r.errors for r in rounds),
        server_cpu=statistics.median(r.server_cpu for r in rounds),
        database_cpu=statistics.median(r.database_cpu for r in rounds),
    )
