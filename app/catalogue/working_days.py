"""Working days: which days count, and when a limit ends.

Pure functions over a calendar that is read from `calendar/<year>.yaml`. The State Council's office announces
the days off of a year in about November of the year before, so a limit can run into a year that nobody knows
yet: its date is then provisional, and is counted anew when the year is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import yaml

_FOLDER = Path(__file__).parent / "calendar"
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True)
class Calendar:
    """`days_off` are weekdays that are free, `worked` are Saturdays and Sundays that are not."""

    days_off: frozenset[date]
    worked: frozenset[date]
    published_years: frozenset[int]

    @classmethod
    def load(cls, folder: Path = _FOLDER) -> Calendar:
        """The calendar of every year that has a file in the folder."""
        years = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))]
        holidays = [holiday for year in years for holiday in year["holidays"]]
        return cls(
            days_off=frozenset(day for holiday in holidays for day in holiday["days_off"]),
            worked=frozenset(day for holiday in holidays for day in holiday["worked"]),
            published_years=frozenset(year["year"] for year in years),
        )

    def is_working_day(self, day: date) -> bool:
        """In an unpublished year only Saturdays and Sundays are known to be free."""
        if day.weekday() >= _SATURDAY:
            return day in self.worked
        return day not in self.days_off


@dataclass(frozen=True)
class Due:
    """The last day of a limit. `provisional` means that some of it lies in a year not yet published."""

    date: date
    provisional: bool


def add_working_days(calendar: Calendar, start: date, days: int) -> Due:
    """The day on which `days` working days (行政许可法 第八十二条) after `start` are over.

    The first day is not counted (民法典 第二百零一条). With 0 days the limit ends on `start` or, if that is a
    day off, on the next working day (第二百零三条). Raises ValueError for a negative number.
    """
    if days < 0:
        raise ValueError("a limit has no negative length")
    day, left = start, days
    while left or not calendar.is_working_day(day):
        day += _ONE_DAY
        if left and calendar.is_working_day(day):
            left -= 1
    return _due(calendar, start, day)


def add_calendar_days(calendar: Calendar, start: date, days: int) -> Due:
    """The day on which `days` calendar days after `start` are over.

    The first day is not counted (民法典 第二百零一条). A last day that is a day off moves to the next working
    day (第二百零三条). Raises ValueError for a negative number.
    """
    if days < 0:
        raise ValueError("a limit has no negative length")
    day = start + timedelta(days=days)
    while not calendar.is_working_day(day):
        day += _ONE_DAY
    return _due(calendar, start, day)


def _due(calendar: Calendar, start: date, end: date) -> Due:
    spanned = range(start.year, end.year + 1)
    return Due(end, provisional=any(year not in calendar.published_years for year in spanned))
