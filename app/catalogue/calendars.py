"""Calendars: the working days of each year, as versions that staff can load.

A year's days come with the notice of the State Council's office in about November of the year before. Each loading is
a new version of its year and nothing is ever changed; the highest version of a year counts. The years that come with
the program (`calendar/*.yaml`) are version 1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import structlog
import yaml
from sqlalchemy import ARRAY, CheckConstraint, Column, Connection, Date, DateTime, Integer, Table, Text, func, select
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock, database
from app.catalogue.working_days import FOLDER, NEW_YEARS_SHIFT, Calendar
from app.database import Work, metadata
from app.refusals import InvalidContent, NotFound, Refusal

log = structlog.get_logger()

calendar_years = Table(
    "calendar_years",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("version", Integer, primary_key=True),
    # Weekdays that are free, and Saturdays and Sundays that are worked; other weekends are free by themselves.
    Column("days_off", ARRAY(Date), nullable=False),
    Column("worked", ARRAY(Date), nullable=False),
    Column("title", Text, nullable=False),
    Column("number", Text, nullable=False),
    # `staff:<id>`, or `system:files` for what comes with the program.
    Column("loaded_by", Text, nullable=False),
    Column("loaded_at", DateTime(timezone=True), nullable=False),
    # How far the open submissions have been counted anew by it; see app/submissions/recounts.py.
    Column("recount_after", Uuid(as_uuid=True)),
    Column("recounted", Integer, nullable=False, server_default="0"),
    Column("moved", Integer, nullable=False, server_default="0"),
    Column("recount_ended_at", DateTime(timezone=True)),
    CheckConstraint("version > 0 AND year BETWEEN 2000 AND 2999", name="version"),
)

FILES = "system:files"
_SATURDAY = 5
_FRESH_SECONDS, _STALE_SECONDS = 2.0, 10.0


class CalendarNotFound(NotFound):
    """No calendar of this year, or of this version, was loaded."""


class CalendarUnchanged(Refusal):
    """The newest version of this year says exactly the same; nothing was loaded."""


@dataclass(frozen=True)
class Year:
    """The notice of one year: `title` and `number` are the document's own."""

    year: int
    days_off: tuple[date, ...]
    worked: tuple[date, ...]
    title: str
    number: str

    def faults(self) -> dict[str, list[str]]:
        """What cannot be right, as JSON Pointers into the request with words."""
        found: dict[str, list[str]] = {}
        for name, days, is_right, words in (
            ("days_off", self.days_off, _is_weekday, "周一至周五才需要列出 Only Monday to Friday need be named"),
            ("worked", self.worked, _is_weekend, "调休上班日必须是周六或周日 A make-up day is a Saturday or Sunday"),
        ):
            for place, day in enumerate(days):
                if not is_right(day):
                    found.setdefault(f"/{name}/{place}", []).append(f"{day}: {words}.")
                if not self._is_of_the_year(day):
                    found.setdefault(f"/{name}/{place}", []).append(f"{day}: 不在该年度 Not of this year.")
                if day in days[:place]:
                    found.setdefault(f"/{name}/{place}", []).append(f"{day}: 重复 Named twice.")
        if not self.days_off:
            found["/days_off"] = ["没有放假的工作日 A year without a holiday is none."]
        return found

    def _is_of_the_year(self, day: date) -> bool:
        """The notice of a year may shift days of the last week before it."""
        return day.year == self.year or (day.year == self.year - 1 and (day.month, day.day) >= NEW_YEARS_SHIFT)


def _is_weekday(day: date) -> bool:
    return day.weekday() < _SATURDAY


def _is_weekend(day: date) -> bool:
    return day.weekday() >= _SATURDAY


def read_file(path: Path) -> Year:
    """A year from a file of the shape of `calendar/2026.yaml`. Raises InvalidContent when it has another shape."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Year(
            year=int(said["year"]),
            days_off=_days(said, "days_off"),
            worked=_days(said, "worked"),
            title=str(said["notice"]["title"]),
            number=str(said["notice"]["number"]),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise InvalidContent(errors={"": [f"{path.name}: {type(error).__name__}: {error}"]}) from None


def _days(said: Any, name: str) -> tuple[date, ...]:
    days = tuple(day for holiday in said["holidays"] for day in holiday[name])
    if not all(type(day) is date for day in days):
        raise ValueError(f"{name}: a day is written as 2026-01-01")
    return days


def publish_files(work: Work, folder: Path = FOLDER) -> int:
    """Keep each year that comes with the program as version 1, unless the year is there already; how many are new."""
    new = 0
    for path in sorted(folder.glob("*.yaml")):
        year = read_file(path)
        _require_sound(year)
        # What was loaded from a file needs no recounting: there is nothing yet that could have been counted.
        values = _values(year, 1, FILES) | {"recount_ended_at": clock.now()}
        statement = insert(calendar_years).values(**values).on_conflict_do_nothing()
        new += work.run(statement.returning(calendar_years.c.year)).one_or_none() is not None
    return new


def load(work: Work, year: Year, actor: str) -> int:
    """Keep a new version of a year; its number. A worker counts the open submissions anew (recounts.py).

    Raises InvalidContent, CalendarUnchanged.
    """
    _require_sound(year)
    # Two administrators at once get two versions, one after the other.
    work.run_sql("SELECT pg_advisory_xact_lock(hashtext('calendar_years'))", {})
    last = newest(work.connection, year.year)
    if last is not None and _content(year) == (sorted(last.days_off), sorted(last.worked), last.title, last.number):
        raise CalendarUnchanged(version=last.version)
    version = 1 if last is None else last.version + 1
    work.run(insert(calendar_years).values(**_values(year, version, actor)))
    return version


def _require_sound(year: Year) -> None:
    faults = year.faults()
    if faults:
        raise InvalidContent(errors=faults)


def _content(year: Year) -> tuple[list[date], list[date], str, str]:
    return sorted(year.days_off), sorted(year.worked), year.title, year.number


def _values(year: Year, version: int, actor: str) -> dict[str, Any]:
    days = {"days_off": sorted(year.days_off), "worked": sorted(year.worked)}
    said = {"year": year.year, "version": version, "title": year.title, "number": year.number}
    return {**said, **days, "loaded_by": actor, "loaded_at": clock.now()}


def newest(connection: Connection, year: int) -> Any:
    """The version of a year that counts, as a row; None for an unpublished year."""
    c = calendar_years.c
    return connection.execute(
        select(calendar_years).where(c.year == year).order_by(c.version.desc()).limit(1)
    ).one_or_none()


def versions(connection: Connection, year: int) -> Sequence[Any]:
    """All versions of a year, the newest first. Raises CalendarNotFound."""
    c = calendar_years.c
    found = connection.execute(select(calendar_years).where(c.year == year).order_by(c.version.desc())).all()
    if not found:
        raise CalendarNotFound
    return found


def version(connection: Connection, year: int, number: int) -> Any:
    """One version of a year. Raises CalendarNotFound."""
    c = calendar_years.c
    row = connection.execute(select(calendar_years).where(c.year == year, c.version == number)).one_or_none()
    if row is None:
        raise CalendarNotFound
    return row


def counting(connection: Connection) -> Sequence[Any]:
    """The version of each year that counts, the earliest year first."""
    c, others = calendar_years.c, calendar_years.alias()
    highest = select(func.max(others.c.version)).where(others.c.year == c.year).scalar_subquery()
    return connection.execute(select(calendar_years).where(c.version == highest).order_by(c.year)).all()


def stored(connection: Connection) -> Calendar:
    """The calendar as it stands in the database at this moment; before anything was published, that of the program."""
    years = counting(connection)
    return _calendar(years) if years else Calendar.load()


def _calendar(years: Iterable[Any]) -> Calendar:
    rows = list(years)
    return Calendar(
        days_off=frozenset(day for row in rows for day in row.days_off),
        worked=frozenset(day for row in rows for day in row.worked),
        published_years=frozenset(row.year for row in rows),
    )


class _Memory:
    """This process's copy. A busy process re-reads it beside its work, so that no filing waits for it; one that was
    idle so long that its copy could be stale waits once."""

    def __init__(self) -> None:
        self._calendar: Calendar | None = None
        self._read_at = 0.0
        self._reading = threading.Lock()

    def get(self, connection: Connection) -> Calendar:
        age = time.monotonic() - self._read_at
        if self._calendar is None or age > _STALE_SECONDS:
            self.keep(stored(connection))
        elif age > _FRESH_SECONDS and self._reading.acquire(blocking=False):
            threading.Thread(target=self._read, name="calendar", daemon=True).start()
        assert self._calendar is not None
        return self._calendar

    def _read(self) -> None:
        try:
            with database.reading() as connection:
                self.keep(stored(connection))
        # Whatever it is, the next filing that finds the copy stale reads it itself, and is told.
        except Exception as error:
            log.warning("calendar_not_read", error=type(error).__name__)
        finally:
            self._reading.release()

    def keep(self, calendar: Calendar) -> None:
        self._calendar, self._read_at = calendar, time.monotonic()

    def clear(self) -> None:
        self._calendar = None


_memory = _Memory()

SEEN_EVERYWHERE_AFTER = _STALE_SECONDS + 5
"""Seconds after which every process counts by a version that was loaded."""


def current(connection: Connection) -> Calendar:
    """The calendar that counts, at most ten seconds old, from memory."""
    return _memory.get(connection)


def forget() -> None:
    """Empty this process's memory. For tests, and after loading in this process."""
    _memory.clear()
