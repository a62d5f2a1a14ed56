"""Due dates: pure functions of the calendar, the service version and what has happened.

What a step does to which clock stands in the step table (`Step.clocks`); here is how long each clock runs and which
days it counts. A date follows from history alone and never from what time it is, so none moves without an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from app.catalogue.editions import Limit, ServiceVersion
from app.catalogue.working_days import (
    NOON,
    Calendar,
    Due,
    add_working_days,
    due,
    next_working_day,
    working_days_between,
)
from app.clock import CHINA, day_of
from app.submissions.history import Given
from app.submissions.limits import ACCEPTANCE_LIMIT, CALENDAR, WORKING, Limits
from app.submissions.moments import Moment
from app.submissions.pauses import Pause, close, merged
from app.submissions.steps import (
    ACCEPTANCE,
    CORRECTION,
    DECISION,
    DELIVERY,
    END,
    EXTEND,
    PAUSE,
    PROMISE,
    RESUME,
    START,
    STEPS,
)

SUSPENSION: Final = "suspension"
"""No clock of the department's own: how long it said that a special procedure takes (行政许可法 第四十五条)."""

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """A row of history, as far as clocks are concerned. `terms` hold `days` (working days) and `until` (a day)."""

    step: str
    at: datetime
    terms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> date:
        return day_of(self.at)

    @property
    def until(self) -> date | None:
        said = self.terms.get("until")
        return None if said is None else date.fromisoformat(str(said))


@dataclass(frozen=True)
class DueDates:
    """The last day of each clock, None where it never ran, or where nothing is owed any more: a correction that was
    brought, a promise that was kept. The others keep the date by which they ended. `running` names those that run or
    stand still. The dates of a clock that stands still are those for a pause as long as it was announced."""

    acceptance: Due | None = None
    decision: Due | None = None
    delivery: Due | None = None
    correction: Due | None = None
    promise: Due | None = None
    suspension: Due | None = None
    extended: bool = False
    running: frozenset[str] = frozenset()

    @property
    def provisional(self) -> bool:
        """Whether a date that still counts may move without a further step."""
        return any(one.provisional for name in self.running if (one := getattr(self, name)) is not None)


def counted(calendar: Calendar, limits: Limits, events: Iterable[Event]) -> DueDates:
    """Every due date that follows from what happened, in the order in which it happened."""
    story = _Story(calendar, limits)
    for event in events:
        story.take(event)
    return story.dates()


def at_receipt(calendar: Calendar, service: ServiceVersion, received_at: datetime) -> DueDates:
    """The dates on the receipt.

    The decision is counted from the receipt day, because a silent department is deemed to have accepted
    from that day; an explicit acceptance on a later day starts the count anew.
    """
    return counted(calendar, Limits.of(service), (Event("receive", received_at),))


class _Story:
    """What has happened to the clocks of one submission so far."""

    def __init__(self, calendar: Calendar, limits: Limits) -> None:
        self._calendar, self._limits = calendar, limits
        self._received: date | None = None
        self._accepted: date | None = None
        self._reopened: date | None = None
        self._approved: date | None = None
        self._corrections: list[Pause] = []
        self._suspensions: list[Pause] = []
        self._extension: int | None = None
        self._correction: Due | None = None
        self._offered: date | None = None
        self._promise: date | None = None
        self._running: set[str] = set()

    def take(self, event: Event) -> None:
        if event.step == "offer_promise":
            self._offered = event.until
        for clock, move in STEPS[event.step].clocks:
            if move == START:
                self._start(clock, event)
            elif move == PAUSE:
                self._pause(clock, event)
            elif move == RESUME:
                close(self._pauses_of(clock), event.day)
            elif move == EXTEND and self._extension is None:
                # Once, and never for longer than the law allows, whatever a row of history says.
                self._extension = min(int(event.terms.get("days", 0)), self._limits.longest_extension)
            elif move == END:
                close(self._pauses_of(clock), event.day)
                self._running.discard(clock)
                if clock == ACCEPTANCE and self._accepted is None:
                    self._running.discard(DECISION)

    def _start(self, clock: str, event: Event) -> None:
        self._running.add(clock)
        if clock == ACCEPTANCE:
            self._received = event.day
            # Nobody answers for longer than the law allows: the count of a silent acceptance runs from here.
            self._running.add(DECISION)
        elif clock == DECISION:
            deemed = event.step == "deem_accepted" and self._received is not None
            self._accepted = self._received if deemed else event.day
            self._reopened = event.day if event.step == "reopen" else self._reopened
            self._extension = None
        elif clock == DELIVERY:
            self._approved = event.day
        elif clock == CORRECTION:
            self._correction = self._correction_due(event)
        elif clock == PROMISE:
            self._promise = event.until or self._offered

    def _pause(self, clock: str, event: Event) -> None:
        if clock == ACCEPTANCE:
            end = self._until(event)
        else:
            end = add_working_days(self._calendar, event.day, event.terms.get("days", 0)).date
        self._pauses_of(clock).append(Pause(event.day, max(end, event.day)))

    def _pauses_of(self, clock: str) -> list[Pause]:
        return {ACCEPTANCE: self._corrections, DECISION: self._suspensions}.get(clock, [])

    def _until(self, event: Event) -> date:
        """The last day that was given, or the next working day if it is a day off (民法典 第二百零三条)."""
        return next_working_day(self._calendar, event.until or event.day)

    def _correction_due(self, event: Event) -> Due:
        """A list that grows gives as many working days anew as the first one gave."""
        before, pause = self._correction, self._corrections[-1] if self._corrections else None
        end = self._until(event)
        if before is not None and event.until is None:
            length = working_days_between(self._calendar, pause.start, before.date) if pause else 0
            end = max(before.date, add_working_days(self._calendar, event.day, length).date)
        if pause is not None and pause.end is None:
            pause.expected = max(pause.expected, end)
        return due(self._calendar, event.day, end)

    def dates(self) -> DueDates:
        if self._received is None:
            return DueDates()
        running = frozenset(self._running)
        return DueDates(
            acceptance=self._acceptance_due(self._received),
            decision=self._decision_due(self._accepted or self._received),
            delivery=None if self._approved is None else self._after(self._approved, self._limits.delivery, []),
            correction=self._correction if CORRECTION in running else None,
            promise=self._promise_due() if PROMISE in running else None,
            suspension=self._suspension_due(),
            extended=self._extension is not None,
            running=running,
        )

    def _acceptance_due(self, received: date) -> Due:
        if self._limits.on_the_spot:
            return Due(received, False)
        return self._after(received, ACCEPTANCE_LIMIT, self._corrections)

    def _decision_due(self, start: date) -> Due:
        """The promised limit, never later than the legal one; an extension adds to both.

        优化营商环境条例 第三十六条第二款: a promised limit may be shorter than the legal limit, never longer. Both
        kinds of pause count: who is deemed to have accepted from the receipt day is not charged with the applicant's
        time.
        """
        if self._limits.on_the_spot and self._reopened is not None:
            # Nobody stands at the counter any more: it is decided as soon as it is there again.
            return due(self._calendar, self._reopened, next_working_day(self._calendar, self._reopened))
        if self._limits.on_the_spot and self._received is not None:
            return Due(self._received, False)
        limits = [limit for limit in (self._limits.promised, self._limits.legal) if limit is not None]
        ends = [
            self._after(start, limit, self._corrections + self._suspensions, self._extension or 0) for limit in limits
        ]
        return min(ends, key=lambda end: (end.date, not end.half))

    def _promise_due(self) -> Due | None:
        if self._promise is None or self._accepted is None:
            return None
        return due(self._calendar, self._accepted, next_working_day(self._calendar, self._promise))

    def _suspension_due(self) -> Due | None:
        last = self._suspensions[-1] if self._suspensions else None
        if last is None or last.end is not None:
            return None
        return due(self._calendar, last.start, last.expected)

    def _after(self, start: date, limit: Limit, pauses: list[Pause], extension: int = 0) -> Due:
        """When a limit from `start` is over, with its pauses taken out and working days of an extension added."""
        stops = merged((pause.start, pause.last) for pause in pauses)
        count = add_working_days(self._calendar, start, limit.value) if limit.unit == WORKING and not stops else None
        end = count.date if count is not None else self._walk(start, limit, stops)
        if extension:
            end = self._walk(end, Limit(extension, WORKING), stops)
        for first, last in stops:
            # Whose last day was the day of the pause is left one working day, so that nobody resumes overdue.
            if first == end != start and last > first:
                end = self._walk(last, Limit(1, WORKING), stops)
        ended = due(self._calendar, start, end, half=limit.unit == WORKING and limit.value % 1 != 0)
        still = any(pause.end is None and start < pause.last for pause in pauses)
        return Due(ended.date, ended.provisional or still, ended.half)

    def _walk(self, start: date, limit: Limit, stops: list[tuple[date, date]]) -> date:
        def stands(day: date) -> bool:
            return any(first < day <= last for first, last in stops)

        day, left = start, limit.value
        while left > 0:
            day += _ONE_DAY
            if not stands(day) and (limit.unit == CALENDAR or self._calendar.is_working_day(day)):
                left -= 1
        # A last day that is a day off moves (民法典 第二百零三条), and not into a pause.
        while not self._calendar.is_working_day(day) or (limit.value and stands(day)):
            day += _ONE_DAY
        return day


COLUMNS: Final[Mapping[str, str]] = {
    ACCEPTANCE: "acceptance_due",
    DECISION: "decision_due",
    DELIVERY: "delivery_due",
    CORRECTION: "correction_due",
    PROMISE: "promise_due",
    SUSPENSION: "suspension_due",
}
"""Where each date is kept for lists, sweepers and what the resident sees; history is what they follow from."""

_KEEPING = frozenset({ACCEPTANCE, DECISION, DELIVERY})
"""Clocks whose date stays once they have ended, as the day by which it had to be."""


def columns(dates: DueDates) -> dict[str, Any]:
    """The dates as columns of `submissions`."""
    days = {column: one and one.date for name, column in COLUMNS.items() for one in [getattr(dates, name)]}
    noon = dates.decision is not None and dates.decision.half
    return {**days, "due_provisional": dates.provisional, "decision_noon": noon, "extended": dates.extended}


def decision_is_over(row: Any, at: datetime) -> bool:
    """Whether the day of the decision is over; a limit in half days is, from noon of its last day on."""
    day, due = day_of(at), row.decision_due
    at_noon = row.decision_noon and at.astimezone(CHINA).time() >= NOON
    return due is not None and (day > due or (day == due and at_noon))


def moved(moment: Moment, step: str, given: Given) -> dict[str, Any]:
    """The dates that a step changes, as columns of its submission's row. A clock that has ended keeps its date."""
    events = [Event(one.step, one.at, dict(one.terms)) for one in moment.past]
    dates = counted(moment.calendar, Limits.of(moment.service), (*events, Event(step, moment.at, given.terms)))
    return {name: new for name, (_, new) in changes(moment.row, dates).items()}


def changes(row: Any, dates: DueDates) -> dict[str, tuple[Any, Any]]:
    """The columns of a submission's row that these dates change, as (old, new)."""
    values = columns(dates)
    for name in _KEEPING - dates.running:
        if getattr(row, COLUMNS[name]) is not None:
            del values[COLUMNS[name]]
    pairs = {name: (getattr(row, name), new) for name, new in values.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
