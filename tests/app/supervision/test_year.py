"""A year of time, day by day: every deemed acceptance on its day, every alarm once, nothing twice.

Submissions are planted on the day of their receipt; staff answer, ask for corrections, decide, or stay silent; the real
sweepers run in the first minute of every day, and find nothing more to do in the second. What must come of it is told
by an oracle of its own, which counts on its fingers and shares no line with the product. New Year comes with its notice
not loaded, as if everybody had forgotten; the notice of the year after is loaded in November, as it should be.

A few dozen through New Year every time; `make test-year` takes 10,000 through the year.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app import clock, database
from app.catalogue import calendars
from app.catalogue.calendars import Year
from app.catalogue.editions import ServiceVersion
from app.catalogue.progress import Progress
from app.catalogue.working_days import add_working_days
from app.clock import CHINA
from app.crypto import data_keys
from app.identifiers import new_id
from app.settings import settings
from app.submissions import chain, due_dates, recounts
from app.submissions.drafts import ANSWERS
from app.submissions.history import Given, Item, applicant
from app.submissions.submissions import take_step
from app.supervision import alarms, deemed_acceptances, digests, lapses
from tests.clocks import CLERK, LIMITS, at, enrol, publish_service

pytestmark = [pytest.mark.usefixtures("own_world"), pytest.mark.timeout(7200)]

WHOLE_YEAR = "SIMULATED_SUBMISSIONS" in os.environ
COUNT = int(os.environ.get("SIMULATED_SUBMISSIONS", "40"))
FIRST = date(2040, 12, 20)
LAST = date(2042, 1, 31) if WHOLE_YEAR else date(2041, 1, 20)
PROMISED = 10
ONE_DAY = timedelta(days=1)


def days(text: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(one) for one in text.split())


# Invented, in the manner of the notices: make-up Saturdays and Sundays, and a New Year that reaches back into December.
NOTICES = {
    2040: (days("2040-01-02 2040-10-01 2040-10-02"), days("2040-09-29")),
    2041: (
        days(
            "2040-12-31 2041-01-01 2041-01-31 2041-02-01 2041-02-04 2041-02-05 2041-02-06 2041-02-07 2041-04-04"
            " 2041-05-01 2041-05-02 2041-06-03 2041-10-01 2041-10-02 2041-10-03 2041-10-04 2041-10-07"
        ),
        days("2040-12-29 2041-01-26 2041-02-09 2041-04-28 2041-09-28 2041-10-12"),
    ),
    2042: (days("2042-01-01 2042-01-02 2042-01-20 2042-01-21"), days("2042-01-04 2042-01-25")),
}
# The first of them nobody loaded in time.
LOADED = {date(2041, 1, 6): 2041, date(2041, 11, 6): 2042}


class Known:
    """The oracle's calendar: the working days by the notices of these years, each by itself."""

    def __init__(self, years: Iterable[int]) -> None:
        self.years = frozenset(years)
        off = {day for year in self.years for day in NOTICES[year][0]}
        worked = {day for year in self.years for day in NOTICES[year][1]}
        every = [date(2040, 11, 1) + n * ONE_DAY for n in range(600)]
        self.working = [day for day in every if day in worked or (day.weekday() < 5 and day not in off)]

    @cached_property
    def place(self) -> dict[date, int]:
        """How many working days there are up to each day, and with it."""
        found, count, working = {}, 0, set(self.working)
        for n in range(600):
            day = date(2040, 11, 1) + n * ONE_DAY
            count += day in working
            found[day] = count
        return found

    def after(self, day: date, count: int) -> date:
        return self.working[self.place[day] + count - 1]

    def settled(self, day: date) -> bool:
        late = (day.month, day.day) >= (12, 25)
        return day.year in self.years and (not late or day.year + 1 in self.years)


@dataclass
class Case:
    """One submission: what happens to it by hand, and what the oracle makes of it."""

    id: UUID
    received: datetime
    accepted: date | None = None
    asked: date | None = None
    refiled: date | None = None
    decided: date | None = None
    deemed: date | None = None
    state: str = "received"
    pause: tuple[date, date] | None = None
    alarms: dict[tuple[str, date, str], date] = field(default_factory=dict)

    @cached_property
    def day(self) -> date:
        return self.received.astimezone(CHINA).date()

    def due(self, known: Known, start: date, count: int) -> date:
        """The last of `count` working days, those between asking and refiling left out; one day at least is left."""
        if self.pause is None:
            return known.after(start, count)
        asked, refiled = self.pause
        used = known.place[asked] - known.place[start]
        if used > count or refiled == asked:
            return known.after(start, count)
        return known.after(refiled, max(count - used, 1))

    def acceptance(self, known: Known) -> date:
        return self.due(known, self.day, 5)

    def decision(self, known: Known) -> date:
        by_hand = self.accepted is not None and self.deemed is None
        return self.due(known, self.accepted if by_hand and self.accepted else self.day, PROMISED)

    def morning(self, today: date, known: Known) -> None:
        """What the first minute of a day must bring."""
        if self.state == "received":
            due = self.acceptance(known)
            if due < today and known.settled(due):
                self.state, self.deemed = "accepted", today
                self.alarms.setdefault(("acceptance", due, "yellow"), today)
            else:
                self._alarm("acceptance", due, today, known)
        if self.state == "accepted":
            self._alarm("decision", self.decision(known), today, known)

    def _alarm(self, name: str, due: date, today: date, known: Known) -> None:
        if today <= due <= known.after(today, 1):
            self.alarms.setdefault((name, due, "near"), today)
        if due < today:
            self.alarms.setdefault((name, due, "yellow"), today)
        if due < today and known.after(due, 3) <= today:
            self.alarms.setdefault((name, due, "red"), today)


def invented(every: Known) -> list[Case]:
    """Submissions at every hour of the day, and what people do with them: always the same ones."""
    chance, cases = random.Random(2041), []
    span = int(0.8 * (LAST - FIRST) / timedelta(minutes=1))
    for _ in range(COUNT):
        minute = timedelta(minutes=chance.randrange(span))
        case = Case(new_id(), datetime.combine(FIRST, time(), CHINA) + minute)
        fate = chance.random()
        if fate < 0.4:
            case.accepted = every.after(case.day, chance.randint(1, 4))
        elif fate < 0.6:
            case.asked = every.after(case.day, chance.randint(1, 4))
            case.refiled = case.asked + chance.randint(0, 9) * ONE_DAY
        case.decided = every.after(case.day, chance.randint(22, 26))
        if case.accepted and chance.random() < 0.5:
            case.decided = every.after(case.accepted, chance.randint(1, 14))
        cases.append(case)
    return sorted(cases, key=lambda case: case.received)


def test_every_deemed_acceptance_on_its_day_and_every_alarm_once(sql: Callable[..., list[Any]]) -> None:
    service = publish_service(limits=LIMITS | {"promised": {"value": PROMISED, "unit": "working_day"}})
    person, cases = enrol(), invented(Known(NOTICES))
    _load(2040, FIRST)
    known, loaded = Known({2040}), {2040}
    with Progress("Simulated · 模拟", (LAST - FIRST).days) as progress:
        for today in _days():
            with at(f"{today} 00:00"):
                if today in LOADED:
                    loaded.add(LOADED[today])
                    known = Known(loaded)
                    _load(LOADED[today], today)
                _sweep(datetime.combine(today, time(0, 1), CHINA))
                for case in cases:
                    if case.day < today:
                        case.morning(today, known)
                _plant(service, person, [case for case in cases if case.day == today])
                for case in cases:
                    _by_hand(case, person, today)
            progress.at((today - FIRST).days)
            sql("DELETE FROM procrastinate_jobs")

    _compare(sql, cases)


def _days() -> Iterator[date]:
    for n in range((LAST - FIRST).days + 1):
        yield FIRST + n * ONE_DAY


def _sweep(now: datetime) -> None:
    deemed_acceptances.sweep(now)
    lapses.sweep(now)
    alarms.sweep(now)
    digests.sweep(now + timedelta(hours=8, minutes=30))
    if not WHOLE_YEAR and now.weekday() and now.date() not in LOADED:
        return
    again = now + timedelta(minutes=1)
    assert deemed_acceptances.sweep(again) == 0
    assert set(lapses.sweep(again).values()) == {0}
    assert set(alarms.sweep(again).values()) == {0}


def _load(year: int, today: date) -> None:
    days_off, worked = NOTICES[year]
    with at(f"{today} 00:00"), database.work() as work:
        calendars.load(work, Year(year, days_off, worked, f"关于{year}年的通知", "1号"), "staff:test")
    calendars.forget()
    with at(f"{today} 00:00"):
        recounts.sweep(clock.now() + timedelta(seconds=calendars.SEEN_EVERYWHERE_AFTER))


_SUBMISSION = """
INSERT INTO submissions (id, service_code, service_version, department_code, applicant_id, state, answers,
    content_sha256, reference, received_at, turn, acceptance_due, decision_due, due_provisional)
VALUES (%s, %s, 1, %s, %s, 'received', %s, %s, %s, %s, (SELECT count(*) + 1 FROM submissions), %s, %s, %s)
"""
_HISTORY = """
INSERT INTO history (submission_id, number, at, step, from_state, state, actor_kind, actor_role, department_code,
    terms, previous_hash, personal_digest, row_hash, hash_algorithm)
VALUES (%s, 1, %s, 'receive', 'draft', 'received', 'resident', 'applicant', %s, %s, %s, %s, %s, %s)
"""


def _plant(service: ServiceVersion, person: UUID, cases: list[Case]) -> None:
    """What filing would have stored that day, by the calendar that was known then."""
    with database.reading() as connection:
        calendar = calendars.stored(connection)
    with psycopg.connect(settings().database_url) as straight, straight.cursor() as cursor:
        for case in cases:
            envelope, key = data_keys.new()
            wrapped = data_keys.columns(envelope, case.id)
            places = ", ".join(["%s"] * len(wrapped))
            cursor.execute(f"INSERT INTO data_keys ({', '.join(wrapped)}) VALUES ({places})", list(wrapped.values()))
            due = due_dates.columns(due_dates.at_receipt(calendar, service, case.received))
            head = (case.id, service.code, service.department_code, person, bytes(key.seal({}, ANSWERS, case.id)))
            dates = (due["acceptance_due"], due["decision_due"], due["due_provisional"])
            cursor.execute(_SUBMISSION, (*head, "0" * 64, f"year-{case.id}", case.received, *dates))
            about = {"submission_id": case.id, "at": case.received, "department_code": service.department_code}
            link = chain.link(key, chain.RECEIPT | about | {"terms": {}}, {}, None)
            hashes = [link[name] for name in ("previous_hash", "personal_digest", "row_hash", "hash_algorithm")]
            cursor.execute(_HISTORY, (*about.values(), Jsonb({}), *hashes))


def _by_hand(case: Case, person: UUID, today: date) -> None:
    """What staff and the applicant do that day, at ten in the morning or later, as far as it is still possible."""
    if today not in (case.accepted, case.asked, case.refiled, case.decided):
        return
    moment = max(datetime.combine(today, time(10), CHINA), case.received)
    with database.work() as work:
        if case.accepted == today and case.state == "received":
            take_step(work, case.id, "accept", CLERK, moment)
            case.state = "accepted"
        if case.asked == today and case.state == "received":
            asked = Given(
                items=(Item("/answers/street", "请更正"),),
                until=add_working_days(calendars.current(work.connection), today, 28).date,
            )
            take_step(work, case.id, "ask_correction", CLERK, moment, asked)
            case.state = "correcting"
        if case.refiled == today and case.state == "correcting":
            take_step(work, case.id, "refile", applicant(person), moment)
            case.state, case.pause = "received", (case.asked or today, today)
        if case.decided == today and case.state == "accepted":
            for step in ("approve", "complete"):
                take_step(work, case.id, step, CLERK, moment)
            case.state = "completed"


def _compare(sql: Callable[..., list[Any]], cases: list[Case]) -> None:
    ids = [case.id for case in cases]
    states = sql("SELECT id, state FROM submissions WHERE id = ANY(%s)", ids)
    assert {row["id"]: row["state"] for row in states} == {case.id: case.state for case in cases}

    deemed = sql("SELECT submission_id, at FROM history WHERE step = 'deem_accepted' AND submission_id = ANY(%s)", ids)
    expected = {case.id: datetime.combine(case.deemed, time(0, 1), CHINA) for case in cases if case.deemed}
    assert len(deemed) == len(expected) >= COUNT / 4
    assert {row["submission_id"]: row["at"] for row in deemed} == expected

    columns = "submission_id, clock, due_date, level, raised_at"
    rows = sql(f"SELECT {columns} FROM alarms WHERE submission_id = ANY(%s)", ids)
    raised = {(row["submission_id"], row["clock"], row["due_date"], row["level"]): row["raised_at"] for row in rows}
    wanted = {
        (case.id, *key): datetime.combine(day, time(0, 1), CHINA) for case in cases for key, day in case.alarms.items()
    }
    assert len(rows) == len(raised) > COUNT
    assert raised == wanted
