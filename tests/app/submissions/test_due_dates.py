"""Due dates: by when the department must have said what, as the law counts days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock, database
from app.catalogue import calendars
from app.catalogue.editions import ON_THE_SPOT, PROMISED, ServiceVersion
from app.catalogue.working_days import Calendar, Due, add_working_days
from app.submissions import drafts, recounts
from app.submissions.drafts import submissions
from app.submissions.due_dates import DueDates, Event, at_receipt, counted
from app.submissions.history import Actor, Given, Item
from app.submissions.limits import Limits
from app.submissions.pauses import merged
from app.submissions.steps import CLERK, STEPS
from app.submissions.submissions import take_step
from tests import handled
from tests.product import Phone

_LOADED = Calendar.load()

# What was known in the autumn of 2026, whichever years have been published since.
CALENDAR = Calendar(
    days_off=frozenset(day for day in _LOADED.days_off if day.year <= 2026),
    worked=frozenset(day for day in _LOADED.worked if day.year <= 2026),
    published_years=frozenset({2025, 2026}),
)


def service(
    promised: tuple[float, str],
    legal: tuple[float, str] | None = None,
    case_type: int = PROMISED,
    joint: bool = False,
    item_type: str = "20",
    **own: int,
) -> ServiceVersion:
    """A service with these limits, given as value and unit."""

    def limit(pair: tuple[float, str]) -> dict[str, Any]:
        return {"value": pair[0], "unit": f"{pair[1]}_day"}

    limits = {"promised": limit(promised), "legal": legal and limit(legal)}
    limits |= {name: limit((days, "working")) for name, days in own.items()}
    more: dict[str, Any] = {"joint": {"children": []}} if joint else {}
    return ServiceVersion("test", 1, {"case_type": case_type, "limits": limits, "item_type": item_type, **more})


def noon(day: date) -> datetime:
    """Noon in China on that day."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def dates(asked: ServiceVersion, *story: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> DueDates:
    """The dates after a story of (step, month and day of 2026, terms)."""
    events = [Event(one[0], noon(date.fromisoformat(f"2026-{one[1]}")), *one[2:]) for one in story]
    return counted(CALENDAR, Limits.of(asked), events)


def of(due: Due | None) -> date:
    assert due is not None
    return due.date


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


@pytest.mark.parametrize(
    ("received", "acceptance"),
    [
        (date(2026, 11, 23), date(2026, 11, 30)),  # A Monday: the first day is not counted (民法典 第二百零一条).
        (date(2026, 11, 20), date(2026, 11, 27)),  # A Friday: working days only (行政许可法 第八十二条).
        (date(2026, 11, 22), date(2026, 11, 27)),  # A Sunday: filed on a day off, counted from the next day.
        (date(2026, 9, 28), date(2026, 10, 10)),  # Over National Day, to a Saturday that is worked (国办发 notice).
        (date(2026, 2, 12), date(2026, 2, 26)),  # Over Spring Festival: the 14th is a Saturday that is worked.
    ],
)
def test_within_five_working_days_the_department_says_what_is_missing_or_has_accepted(
    received: date, acceptance: date
) -> None:
    """行政许可法 第三十二条第一款第四项."""
    due = at_receipt(CALENDAR, service((20, "working")), noon(received))

    assert due.acceptance == Due(acceptance, provisional=False)


@pytest.mark.parametrize(
    ("promised", "legal", "accepted", "decision"),
    [
        ((5, "working"), (15, "calendar"), date(2026, 11, 23), date(2026, 11, 30)),
        # 优化营商环境条例 第三十六条: a promise never stretches the legal limit.
        ((20, "working"), (15, "calendar"), date(2026, 11, 23), date(2026, 12, 8)),
        ((20, "working"), (20, "working"), date(2026, 11, 23), date(2026, 12, 21)),  # 行政许可法 第四十二条
        ((20, "working"), None, date(2026, 11, 23), date(2026, 12, 21)),
        # Calendar days that end inside National Day end after it (民法典 第二百零三条).
        ((20, "working"), (15, "calendar"), date(2026, 9, 18), date(2026, 10, 8)),
        ((1, "working"), (15, "calendar"), date(2026, 9, 30), date(2026, 10, 8)),
        ((0, "working"), None, date(2026, 11, 22), date(2026, 11, 23)),
    ],
)
def test_the_decision_is_due_by_the_promise_but_never_after_the_legal_limit(
    promised: tuple[int, str], legal: tuple[int, str] | None, accepted: date, decision: date
) -> None:
    events = [Event("receive", noon(date(2026, 9, 17))), Event("accept", noon(accepted))]

    due = counted(CALENDAR, Limits.of(service(promised, legal)), events)

    assert due.decision == Due(decision, provisional=False)


LICENCE = service((60, "working"), item_type="01")
JOINT = service((60, "working"), item_type="01", joint=True)
QUICK = service((5, "working"), (20, "working"))


@pytest.mark.parametrize(
    ("asked", "story", "decision"),
    [
        # 行政许可法 第四十二条第一款: 20 working days from acceptance, 10 more once.
        (LICENCE, [("receive", "03-02"), ("accept", "03-03")], "03-31"),
        (LICENCE, [("receive", "03-02"), ("accept", "03-03"), ("extend", "03-30", {"days": 10})], "04-15"),
        (LICENCE, [("receive", "03-02"), ("accept", "03-03"), ("extend", "03-30", {"days": 3})], "04-03"),
        # Never more than ten, and never twice.
        (LICENCE, [("receive", "03-02"), ("accept", "03-03"), ("extend", "03-30", {"days": 30})], "04-15"),
        (
            LICENCE,
            [
                ("receive", "03-02"),
                ("accept", "03-03"),
                ("extend", "03-30", {"days": 10}),
                ("extend", "04-10", {"days": 10}),
            ],
            "04-15",
        ),
        # 第四十二条第二款: 45 for several departments, to a Saturday that is worked; 15 more.
        (JOINT, [("receive", "03-02"), ("accept", "03-03")], "05-09"),
        (JOINT, [("receive", "03-02"), ("accept", "03-03"), ("extend", "05-06", {"days": 30})], "05-29"),
        # 第三十二条第一款第四项: deemed accepted counts from the day of receipt, an explicit acceptance from its own.
        (LICENCE, [("receive", "03-02")], "03-30"),
        (LICENCE, [("receive", "03-02"), ("deem_accepted", "03-10")], "03-30"),
        # 优化营商环境条例 第三十六条: the promise stands, and an extension adds to it.
        (QUICK, [("receive", "03-02"), ("accept", "03-03")], "03-10"),
        (QUICK, [("receive", "03-02"), ("accept", "03-03"), ("extend", "03-10", {"days": 10})], "03-24"),
        # 行政许可法 第四十五条: a hearing from Thursday to the Tuesday after next takes out its eight working days.
        (
            QUICK,
            [("receive", "03-02"), ("accept", "03-03"), ("suspend", "03-05", {"days": 8}), ("resume", "03-17")],
            "03-20",
        ),
        # It ended sooner than announced: what counts is when it ended.
        (
            QUICK,
            [("receive", "03-02"), ("accept", "03-03"), ("suspend", "03-05", {"days": 8}), ("resume", "03-06")],
            "03-11",
        ),
        # Suspended on its last day: one working day is left, so that nobody resumes overdue.
        (
            QUICK,
            [("receive", "03-02"), ("accept", "03-03"), ("suspend", "03-10", {"days": 3}), ("resume", "03-13")],
            "03-16",
        ),
        # It was over before it was suspended: nothing makes that good.
        (
            QUICK,
            [("receive", "03-02"), ("accept", "03-03"), ("suspend", "03-12", {"days": 3}), ("resume", "03-17")],
            "03-10",
        ),
        # Deemed accepted after a correction: the applicant's days are not the department's.
        (
            QUICK,
            [
                ("receive", "03-02"),
                ("ask_correction", "03-04", {"until": "2026-03-20"}),
                ("refile", "03-11"),
                ("deem_accepted", "03-17"),
            ],
            "03-16",
        ),
        # Reopened by a judgment: from that day, the whole limit.
        (
            QUICK,
            [("receive", "03-02"), ("accept", "03-03"), ("refuse", "03-05"), ("reopen", "06-01")],
            "06-08",
        ),
    ],
)
def test_the_decision_by_the_articles(asked: ServiceVersion, story: list[Any], decision: str) -> None:
    assert dates(asked, *story).decision == Due(day(decision), provisional=False)


@pytest.mark.parametrize(
    ("story", "acceptance"),
    [
        # Two of five days were used when something was asked for; three are left after it came.
        ([("receive", "03-02"), ("ask_correction", "03-04", {"until": "2026-03-20"}), ("refile", "03-11")], "03-16"),
        # The whole of it was used: one working day is left.
        ([("receive", "03-02"), ("ask_correction", "03-09", {"until": "2026-03-20"}), ("refile", "03-20")], "03-23"),
        # Two rounds, and both are taken out.
        (
            [
                ("receive", "03-02"),
                ("ask_correction", "03-03", {"until": "2026-03-20"}),
                ("refile", "03-05"),
                ("ask_correction", "03-06", {"until": "2026-03-20"}),
                ("refile", "03-10"),
            ],
            "03-13",
        ),
        # Asked and brought on one day: nothing was lost.
        ([("receive", "03-02"), ("ask_correction", "03-04", {"until": "2026-03-20"}), ("refile", "03-04")], "03-09"),
        # An explicit acceptance ends it; the date stays as the one that was kept.
        ([("receive", "03-02"), ("accept", "03-03")], "03-09"),
    ],
)
def test_a_correction_stops_the_clock_of_acceptance(story: list[Any], acceptance: str) -> None:
    """行政许可法 第三十二条第一款第四项: the time that the applicant takes is the applicant's."""
    assert dates(QUICK, *story).acceptance == Due(day(acceptance), provisional=False)


def test_while_a_clock_stands_still_its_date_is_the_one_announced() -> None:
    correcting = dates(QUICK, ("receive", "03-02"), ("ask_correction", "03-04", {"until": "2026-03-11"}))
    accepted = (("receive", "03-02"), ("accept", "03-03"))
    suspended = dates(QUICK, *accepted, ("suspend", "03-05", {"days": 8}))

    assert correcting.acceptance == Due(day("03-16"), provisional=True)
    assert suspended.decision == Due(day("03-20"), provisional=True)
    assert (suspended.suspension, suspended.provisional) == (Due(day("03-17"), provisional=False), True)
    assert dates(QUICK, *accepted).suspension is None


def test_corrections_and_promises_are_due_on_a_working_day() -> None:
    """民法典 第二百零三条. What was brought is not due any more."""
    asked = (("receive", "03-02"), ("ask_correction", "03-04", {"until": "2026-03-15"}))
    offered = (("receive", "03-02"), ("offer_promise", "03-03", {"until": "2026-05-03"}), ("promise", "03-04"))

    assert of(dates(QUICK, *asked).correction) == day("03-16")
    assert dates(QUICK, *asked, ("refile", "03-11")).correction is None
    assert of(dates(QUICK, *offered).promise) == day("05-06")
    assert of(dates(QUICK, *offered).decision) == day("03-11")
    assert dates(QUICK, *offered, ("keep_promise", "03-20")).promise is None


def test_a_list_that_grows_gives_as_much_time_as_the_first_one() -> None:
    asked = (("receive", "03-02"), ("ask_correction", "03-04", {"until": "2026-03-11"}))

    grown = dates(QUICK, *asked, ("add_to_correction", "03-09"))

    assert of(grown.correction) == day("03-16")
    assert of(dates(QUICK, *asked, ("add_to_correction", "03-09", {"until": "2026-03-20"})).correction) == day("03-20")


def test_the_document_is_delivered_within_ten_working_days() -> None:
    """行政许可法 第四十四条."""
    approved = dates(QUICK, ("receive", "03-02"), ("accept", "03-03"), ("approve", "03-05"))

    assert approved.delivery == Due(day("03-19"), provisional=False)
    assert of(approved.decision) == day("03-10"), "the date that was kept stays"
    assert approved.running == {"delivery"}


# 食品经营许可和备案管理办法 第二十一条: 可以延长五个工作日; 第二十二条: 自作出决定之日起五个工作日内
FOOD = service((5, "working"), (10, "working"), item_type="01", extension=5, delivery=5)


def test_a_services_own_law_shortens_extension_and_delivery() -> None:
    """行政许可法 第四十二条第一款: 但是，法律、法规另有规定的，依照其规定."""
    longest = {"days": 10}
    extended = dates(FOOD, ("receive", "03-02"), ("accept", "03-02"), ("extend", "03-04", longest))
    approved = dates(FOOD, ("receive", "03-02"), ("accept", "03-02"), ("approve", "03-05"))

    assert of(extended.decision) == day("03-16"), "five promised and five more, whatever was asked"
    assert of(approved.delivery) == day("03-12")


def test_half_a_day_is_due_by_noon() -> None:
    half = dates(service((0.5, "working"), (1, "working")), ("receive", "03-02"), ("accept", "03-03"))

    assert half.decision == Due(day("03-04"), provisional=False, half=True)
    extended = dates(
        service((0.5, "working")), ("receive", "03-02"), ("accept", "03-03"), ("extend", "03-04", {"days": 1})
    )
    assert extended.decision == Due(day("03-05"), provisional=False, half=True)


def test_what_was_refused_on_the_spot_and_is_opened_again_is_due_on_that_day_and_not_long_ago() -> None:
    story = [("receive", "03-02"), ("accept", "03-02"), ("refuse", "03-02")]
    spot = service((0, "working"), case_type=ON_THE_SPOT)

    for reopened, due in (("06-01", "06-01"), ("06-06", "06-08")):  # A Monday, and a Saturday.
        assert of(dates(spot, *story, ("reopen", reopened)).decision) == day(due)


def test_what_is_done_on_the_spot_is_due_the_same_day_even_on_a_sunday() -> None:
    sunday = date(2026, 11, 22)

    due = at_receipt(CALENDAR, service((0, "working"), case_type=ON_THE_SPOT), noon(sunday))

    assert (due.acceptance, due.decision) == (Due(sunday, False), Due(sunday, False))


@pytest.mark.parametrize(
    ("received", "acceptance"),
    [
        # In China it was Tuesday, half past midnight.
        (datetime(2026, 11, 23, 16, 30, tzinfo=UTC), date(2026, 12, 1)),
        # Monday, one minute before midnight, is Monday; the count begins on Tuesday.
        (datetime(2026, 11, 23, 15, 59, tzinfo=UTC), date(2026, 11, 30)),
        # In the night of a holiday: the count begins with the first working day after it.
        (datetime(2026, 10, 3, 19, 0, tzinfo=UTC), date(2026, 10, 13)),
    ],
)
def test_the_day_is_the_one_in_china_and_night_is_no_working_time(received: datetime, acceptance: date) -> None:
    assert of(at_receipt(CALENDAR, service((5, "working")), received).acceptance) == acceptance


def test_a_limit_into_a_year_without_published_holidays_is_provisional() -> None:
    due = at_receipt(CALENDAR, service((20, "working"), (60, "calendar")), noon(date(2026, 12, 14)))

    assert due.acceptance == Due(date(2026, 12, 21), provisional=False)
    assert due.provisional, "the decision falls into 2027"
    assert not at_receipt(CALENDAR, service((5, "working")), noon(date(2026, 12, 14))).provisional


def test_a_limit_into_the_last_days_of_december_waits_for_the_next_notice() -> None:
    due = at_receipt(CALENDAR, service((5, "working")), noon(date(2026, 12, 21)))
    loaded = Calendar(CALENDAR.days_off, CALENDAR.worked, CALENDAR.published_years | {2027})

    assert due.acceptance == Due(date(2026, 12, 28), provisional=True)
    assert at_receipt(loaded, service((5, "working")), noon(date(2026, 12, 21))).acceptance == Due(
        date(2026, 12, 28), provisional=False
    )


def test_overlapping_pauses_are_one() -> None:
    pauses = [(day("03-10"), day("03-12")), (day("03-03"), day("03-06")), (day("03-05"), day("03-08"))]
    pauses.append((day("03-08"), day("03-09")))

    assert merged(pauses) == [(day("03-03"), day("03-09")), (day("03-10"), day("03-12"))]


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)),
    st.integers(0, 30),
    st.none() | st.integers(1, 30),
)
def test_dates_never_lie_before_the_receipt_or_on_a_day_off(at: datetime, promised: int, legal: int | None) -> None:
    asked = service((promised, "working"), None if legal is None else (legal, "calendar"))

    due = at_receipt(CALENDAR, asked, at)

    received_on = (at + timedelta(hours=8)).date()
    assert of(due.acceptance) > received_on
    assert of(due.decision) >= received_on
    assert CALENDAR.is_working_day(of(due.acceptance))
    assert CALENDAR.is_working_day(of(due.decision))
    if legal is not None:
        # The longest break of these years is nine days off in a row.
        assert of(due.decision) <= received_on + timedelta(days=legal + 9)


NAMES = ("acceptance", "decision", "delivery", "correction", "promise", "suspension")


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """A way through the step table, on days that go forward, with terms as staff might give them."""
    at = draw(st.datetimes(datetime(2025, 1, 1), datetime(2026, 6, 1), timezones=st.just(UTC)))
    state, events = "received", [Event("receive", at)]
    for _ in range(draw(st.integers(0, 8))):
        name = draw(st.sampled_from(sorted(name for name, step in STEPS.items() if state in step.origins)))
        at += timedelta(hours=draw(st.integers(0, 200)))
        until = (at + timedelta(days=draw(st.integers(0, 40)))).date().isoformat()
        terms = {"days": draw(st.integers(0, 20)), "until": until}
        events.append(Event(name, at, {key: terms[key] for key in terms if key in STEPS[name].needs}))
        state = STEPS[name].target or state
        if not any(state in step.origins for step in STEPS.values()):
            break
    return events


SERVICES = st.builds(
    service,
    st.tuples(st.sampled_from([0, 0.5, 1, 5, 20, 40]), st.just("working")) | st.just((15, "calendar")),
    st.none() | st.just((20, "working")) | st.just((30, "calendar")),
)


@given(stories(), SERVICES)
def test_no_date_moves_without_an_event_that_is_about_its_clock(story: list[Event], asked: ServiceVersion) -> None:
    before = counted(CALENDAR, Limits.of(asked), story[:-1])
    after = counted(CALENDAR, Limits.of(asked), story)

    clocks = {clock for clock, _ in STEPS[story[-1].step].clocks}
    if clocks & {"acceptance", "correction"}:
        clocks |= {"acceptance", "decision"}
    if "decision" in clocks:
        clocks.add("suspension")
    for name in NAMES:
        assert name in clocks or getattr(before, name) == getattr(after, name), name


@given(stories(), SERVICES)
def test_every_date_is_a_working_day_after_what_it_counts_from(story: list[Event], asked: ServiceVersion) -> None:
    found = counted(CALENDAR, Limits.of(asked), story)

    for name in NAMES:
        due = getattr(found, name)
        assert due is None or due.date >= story[0].day
        assert due is None or CALENDAR.is_working_day(due.date), name


@given(
    st.dates(date(2025, 1, 1), date(2026, 6, 1)),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 15)), max_size=4),
    st.tuples(st.integers(0, 30), st.integers(0, 15)),
    st.sampled_from([1.0, 2.5, 5.0, 20.0]),
)
def test_one_more_pause_never_makes_anything_due_sooner(
    start: date, pauses: list[tuple[int, int]], more: tuple[int, int], days: float
) -> None:
    def after(each: list[tuple[int, int]]) -> date:
        story = [Event("receive", noon(start)), Event("accept", noon(start))]
        for first, length in sorted(each):
            story.append(Event("suspend", noon(start + timedelta(days=first)), {"days": 0}))
            story.append(Event("resume", noon(start + timedelta(days=first + length))))
        return of(counted(CALENDAR, Limits.of(service((days, "working"))), story).decision)

    assert after([*pauses, more]) >= after(pauses) >= add_working_days(CALENDAR, start, days).date


CLERK_AT_WORK = Actor("staff", CLERK, "陈静")


def test_every_step_brings_the_dates_of_the_submission_in_line(phone: Phone, sql: Callable[..., list[Any]]) -> None:
    case = handled.file(phone, handled.service("gongan"))

    with database.work() as work:
        until = handled.A_DAY
        asked = Given(items=(Item("/answers/street", "请补"),), until=until)
        take_step(work, case, "ask_correction", CLERK_AT_WORK, clock.now(), asked)
        row = work.run(drafts.with_key().where(submissions.c.id == case)).one()
        assert recounts.recount(work, row, calendars.current(work.connection)) == {}, "a second count changes nothing"
    with database.work() as work:
        take_step(
            work,
            case,
            "terminate",
            Actor("office", "office"),
            clock.now(),
            Given(reason="申请人死亡", kind="applicant_died"),
        )

    assert row.correction_due >= until
    assert [one["correction_due"] for one in sql("SELECT correction_due FROM submissions WHERE id = %s", case)] == [
        None
    ]
