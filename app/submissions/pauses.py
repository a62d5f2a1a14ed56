"""Pauses: while the applicant corrects, or a special procedure runs, a clock stands still."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass
class Pause:
    """A clock stands still from `start` to `end`. By 民法典 第二百零一条 neither a clock nor a pause counts its first
    day: the day of the pause is still the department's, the day of the resumption is not. `expected` stands in for an
    end that has not come."""

    start: date
    expected: date
    end: date | None = None

    @property
    def last(self) -> date:
        return self.expected if self.end is None else self.end


def close(pauses: list[Pause], day: date) -> None:
    """End the last pause, if it still runs."""
    if pauses and pauses[-1].end is None:
        pauses[-1].end = day


def merged(pauses: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """Overlapping and touching pauses as one, in order, so that no day is taken out twice."""
    found: list[tuple[date, date]] = []
    for first, last in sorted(pauses):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
