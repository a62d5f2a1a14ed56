"""Working days: which days count, and when a limit ends.

Pure functions over a calendar. The State Council's office announces the days off of a year in about November of the
year before, so a limit can run into a year that nobody knows yet: its date is then provisional, and is counted anew
when the year is published. Which years are published stands in `calendars.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "calendar"
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5

NOON = time(12)
"""In China: when a limit in half days ends on its last day."""

NEW_YEARS_SHIFT = (12, 25)
"""From this day of December on, the notice of the next year may move days off: that of 2019 had 29 December 2018, a
Saturday, worked and Monday the 31st off (国办发明电〔2018〕15号)."""


@dataclass(frozen=True)
class Calendar:
    """`days_off` are weekdays that are free, `worked` are Saturdays and Sundays that are not."""

    days_off: frozenset[date]
    worked: frozenset[date]
    published_years: frozenset[int]

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Calendar:
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

    def is_settled(self, day: date) -> bool:
        """Whether nothing that is published later can make this day a day off, or a working day."""
        if day.year not in self.published_years:
            return False
        return (day.month, day.day) < NEW_YEARS_SHIFT or day.year + 1 in self.published_years


@dataclass(frozen=True)
class Due:
    """The last day of a limit. `provisional` means that it may still move without anybody's doing: some of it lies
    where no notice has been published, or the clock stands still. `half` means that it ends at noon of that day."""

    date: date
    provisional: bool
    half: bool = False


def add_working_days(calendar: Calendar, start: date, days: float) -> Due:
    """The day on which `days` working days (行政许可法 第八十二条) after `start` are over.

    The first day is not counted (民法典 第二百零一条). With 0 days the limit ends on `start` or, if that is a
    day off, on the next working day (第二百零三条). Half a day ends at noon: of the next working day, for it is a limit
    in days and not in hours, and its first day is not counted either. Raises ValueError for a negative number, or one
    that is no multiple of a half.
    """
    whole = _whole(days)
    day, left = start, whole
    while left or not calendar.is_working_day(day):
        day += _ONE_DAY
        if left and calendar.is_working_day(day):
            left -= 1
    return due(calendar, start, day, half=whole != days)


def add_calendar_days(calendar: Calendar, start: date, days: int) -> Due:
    """The day on which `days` calendar days after `start` are over.

    The first day is not counted (民法典 第二百零一条). A last day that is a day off moves to the next working
    day (第二百零三条). Raises ValueError for a negative number.
    """
    day = start + timedelta(days=_whole(days))
    return due(calendar, start, next_working_day(calendar, day))


def next_working_day(calendar: Calendar, day: date) -> date:
    """This day, or the first working day after it."""
    while not calendar.is_working_day(day):
        day += _ONE_DAY
    return day


def working_days_back(calendar: Calendar, day: date, days: int) -> date:
    """The last day from which a limit of `days` working days has run out by the end of `day`."""
    left = days
    while left:
        if calendar.is_working_day(day):
            left -= 1
        day -= _ONE_DAY
    return day


def working_days_between(calendar: Calendar, start: date, end: date) -> int:
    """How many working days lie after `start`, up to `end` and with it; 0 when `end` is not later."""
    days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    return sum(map(calendar.is_working_day, days))


def due(calendar: Calendar, start: date, end: date, half: bool = False) -> Due:
    """The end of a count that began on `start`, told whether it is certain."""
    unpublished = any(year not in calendar.published_years for year in range(start.year, end.year + 1))
    return Due(end, provisional=unpublished or not calendar.is_settled(end), half=half)


def _whole(days: float) -> int:
    """Days rounded up, so that half a day ends on the day in which it lies."""
    if days < 0:
        raise ValueError("a limit has no negative length")
    if days * 2 != int(days * 2):
        raise ValueError("a limit has no smaller parts than half a day")
    return math.ceil(days)
