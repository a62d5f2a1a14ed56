"""What the law asks of a step beyond its row in the table, article by article."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.catalogue.services import ServiceVersion
from app.catalogue.working_days import Calendar
from app.refusals import Refusal
from app.submissions import commitments, correction_lists, extensions, promises, step_rules
from app.submissions.commitments import CommitmentMissing, CommitmentNotAllowed, NotDecidedOnCommitment
from app.submissions.correction_lists import DayUnfit, ListComplete, OutsideTheGuide, ReasonRequired
from app.submissions.extensions import ApprovalRequired, ExtensionNotAllowed, ExtensionTooLong, OwnExtension
from app.submissions.history import Actor, Given, Item
from app.submissions.moments import Moment, Past
from app.submissions.step_rules import StepInThePast

# A September of which everything is published: 10-01 to 10-08 are off, 09-20 and 10-10 are worked.
CALENDAR = Calendar.load()
MONDAY = datetime(2026, 9, 14, 2, tzinfo=UTC)
CLERK, OTHER = Actor("staff", "clerk", id=uuid.uuid4()), Actor("staff", "clerk", id=uuid.uuid4())
HEAD, SUPERVISOR, OFFICE = (
    Actor("staff", "head", id=uuid.uuid4()),
    Actor("staff", "supervisor", id=uuid.uuid4()),
    Actor("office", "office"),
)


def service(**changes: Any) -> ServiceVersion:
    """With a field, a material that may be brought later, and one that may not."""
    material = {"name": {"zh": "词", "en": "word"}, "required": True, "accept": [], "max_bytes": 1, "copies": 1}
    material |= {"max_files": 1, "reusable": False}
    made = {
        "case_type": 2,
        "signature": False,
        "form": {"schema": {"properties": {"street": {}, "a/b": {}}}},
        "materials": [
            material | {"code": "photo", "conditional": {"value": 10, "unit": "working_day"}},
            material | {"code": "deed"},
        ],
    }
    return ServiceVersion("test", 1, made | changes)


def past(*steps: Past) -> tuple[Past, ...]:
    return (Past(1, "receive", MONDAY, "applicant"), *steps)


def asked(number: int, *pointers: str, step: str = "ask_correction", until: str = "2026-09-28", **by: Any) -> Past:
    listed = tuple(Item(pointer, "请改正") for pointer in pointers)
    return Past(number, step, MONDAY, by.get("role", "clerk"), None, (("until", until),), listed)


def moment(*steps: Past, of: ServiceVersion | None = None, at: datetime = MONDAY, **row: Any) -> Moment:
    plain = {"state": "received", "decision_due": date(2026, 10, 20), "decision_noon": False}
    stands = SimpleNamespace(**(plain | row))
    return Moment(stands, of or service(), past(*steps), CALENDAR, at)


def wanted(*pointers: str, until: str | None = "2026-09-28", reason: str | None = None) -> Given:
    items = tuple(Item(pointer, "请改正") for pointer in pointers)
    return Given(reason=reason, items=items, until=None if until is None else date.fromisoformat(until))


def refused(kind: type[Refusal], rule: Any, *arguments: Any) -> Refusal:
    with pytest.raises(kind) as told:
        rule(*arguments)
    assert type(told.value) is kind
    return told.value


REFILED = Past(3, "refile", MONDAY, "applicant")


# 行政许可法 第三十二条第一款第四项: 应当当场或者在五日内一次告知申请人需要补正的全部内容


def test_the_first_list_may_ask_for_everything_in_the_guide() -> None:
    for by in (CLERK, HEAD, OFFICE):
        correction_lists.check(moment(), by, wanted("/answers/street", "/materials/photo", "/materials/deed"))


def test_a_later_round_may_repeat_what_was_asked_before() -> None:
    again = moment(asked(2, "/materials/photo", "/materials/deed"), REFILED)
    correction_lists.check(again, CLERK, wanted("/materials/deed"))


def test_what_is_new_in_a_later_round_is_a_supervisors_with_a_reason() -> None:
    again = moment(asked(2, "/materials/photo"), REFILED)
    both = ("/materials/photo", "/materials/deed")
    for by in (CLERK, HEAD, OFFICE):
        told = refused(ListComplete, correction_lists.check, again, by, wanted(*both, reason="遗漏"))
        assert list(told.errors) == ["/items/1"]
    refused(ReasonRequired, correction_lists.check, again, SUPERVISOR, wanted(*both, reason="  "))
    correction_lists.check(again, SUPERVISOR, wanted(*both, reason="首次审查遗漏"))


def test_what_a_supervisor_added_counts_as_asked_for() -> None:
    added = asked(3, "/materials/deed", step="add_to_correction", role="supervisor")
    again = moment(asked(2, "/materials/photo"), added, Past(4, "refile", MONDAY, "applicant"))
    correction_lists.check(again, CLERK, wanted("/materials/deed"))


def test_an_addition_is_new_and_leaves_time_enough() -> None:
    open_list = moment(asked(2, "/materials/photo"))
    correction_lists.check_addition(open_list, SUPERVISOR, wanted("/answers/street", until=None, reason="遗漏"))
    repeated = wanted("/materials/photo", until=None, reason="遗漏")
    refused(ListComplete, correction_lists.check_addition, open_list, SUPERVISOR, repeated)
    earlier = wanted("/answers/street", until="2026-09-25", reason="遗漏")
    refused(DayUnfit, correction_lists.check_addition, open_list, SUPERVISOR, earlier)
    late = moment(asked(2, "/materials/photo"), at=MONDAY + timedelta(days=13))
    new = wanted("/answers/street", until=None, reason="遗漏")
    refused(DayUnfit, correction_lists.check_addition, late, SUPERVISOR, new)
    longer = wanted("/answers/street", until="2026-10-12", reason="遗漏")
    correction_lists.check_addition(late, SUPERVISOR, longer)


# 安阳市政务服务条例 第二十三条: no paper outside the guide


@pytest.mark.parametrize(
    ("pointer", "known"),
    [
        ("/materials/photo", True),
        ("/answers/street", True),
        ("/answers/street/0/name", True),
        ("/answers/a~1b", True),
        ("/materials/marriage-proof", False),
        ("/materials", False),
        ("/materials/photo/x", False),
        ("/answers/salary", False),
        ("/answers/", False),
        ("/signature", False),
        ("photo", False),
        ("", False),
    ],
)
def test_a_list_points_at_what_the_service_has(pointer: str, known: bool) -> None:
    if known:
        correction_lists.check(moment(), CLERK, wanted(pointer))
    else:
        told = refused(OutsideTheGuide, correction_lists.check, moment(), CLERK, wanted("/materials/deed", pointer))
        assert list(told.errors) == ["/items/1"]


def test_a_signature_is_asked_for_where_the_service_has_one() -> None:
    correction_lists.check(moment(of=service(signature=True)), CLERK, wanted("/signature"))


@pytest.mark.parametrize(
    ("until", "fits"),
    [
        ("2026-09-11", False),  # Past.
        ("2026-09-14", False),
        ("2026-09-16", False),  # Two working days.
        ("2026-09-17", True),  # Three.
        ("2026-09-19", False),  # A Saturday.
        ("2026-09-20", True),  # A Sunday that is worked.
        ("2026-10-02", False),  # A holiday.
        ("2026-10-10", True),  # A Saturday that is worked.
    ],
)
def test_the_day_is_a_working_day_that_leaves_time(until: str, fits: bool) -> None:
    if fits:
        correction_lists.check(moment(), CLERK, wanted("/materials/photo", until=until))
    else:
        told = refused(DayUnfit, correction_lists.check, moment(), CLERK, wanted("/materials/photo", until=until))
        assert list(told.errors) == ["/until"]


def test_nobody_is_given_so_long_that_nothing_happens_any_more() -> None:
    """A list until the last day of dates would stop the clock for good, and no calendar reaches so far."""
    for until in ("2027-09-20", "9999-12-31"):
        refused(DayUnfit, correction_lists.check, moment(), CLERK, wanted("/materials/photo", until=until))
    open_list = moment(asked(2, "/materials/photo"))
    farther = wanted("/answers/street", until="9999-12-31", reason="遗漏")
    refused(DayUnfit, correction_lists.check_addition, open_list, SUPERVISOR, farther)


# 安阳市政务服务条例 第二十四条: 容缺受理 is for secondary materials


@pytest.mark.parametrize(
    ("until", "fits"),
    [
        ("2026-09-16", False),  # Two working days: too short for anybody.
        ("2026-09-17", True),
        ("2026-09-28", True),  # The tenth working day, which is the guide's last; 09-20 is worked, 09-25 is off.
        ("2026-09-29", False),
    ],
)
def test_a_paper_is_brought_later_within_the_time_that_the_guide_gives_everybody(until: str, fits: bool) -> None:
    if fits:
        correction_lists.check_offer(moment(), CLERK, wanted("/materials/photo", until=until))
    else:
        told = refused(DayUnfit, correction_lists.check_offer, moment(), CLERK, wanted("/materials/photo", until=until))
        assert list(told.errors) == ["/until"]


def test_only_what_is_secondary_may_be_brought_later() -> None:
    correction_lists.check_offer(moment(), CLERK, wanted("/materials/photo"))
    for pointer in ("/materials/deed", "/answers/street", "/materials/other"):
        refused(OutsideTheGuide, correction_lists.check_offer, moment(), CLERK, wanted(pointer))


# 行政许可法 第四十二条第一款: 经本行政机关负责人批准，可以延长十日; 第二款: 经本级人民政府负责人批准，可以延长十五日

JOINT = service(joint={"children": [{"code": "a", "name": {}, "department": "d", "connector": "none", "limits": {}}]})
# 食品经营许可和备案管理办法 第二十一条: 经市场监督管理部门负责人批准，可以延长五个工作日
FOOD = service(limits={"extension": {"value": 5, "unit": "working_day"}})


@pytest.mark.parametrize(
    ("of", "days", "fits"),
    [
        (None, 1, True),
        (None, 10, True),
        (None, 11, False),
        (JOINT, 15, True),
        (JOINT, 16, False),
        (FOOD, 5, True),
        (FOOD, 6, False),
    ],
)
def test_an_extension_is_no_longer_than_the_law_has_it(of: ServiceVersion | None, days: int, fits: bool) -> None:
    if fits:
        extensions.check(moment(of=of), HEAD, Given(days=days))
    else:
        refused(ExtensionTooLong, extensions.check, moment(of=of), HEAD, Given(days=days))


def test_a_joint_procedure_is_extended_by_the_governments_paper() -> None:
    extensions.check_approval(moment(), HEAD, Given(days=5))
    refused(ApprovalRequired, extensions.check_approval, moment(of=JOINT), HEAD, Given(days=5, document=" "))
    extensions.check_approval(moment(of=JOINT), HEAD, Given(days=5, document="示例政批〔2026〕3号"))


def test_an_extension_is_one_and_comes_before_the_limit_is_over() -> None:
    extensions.allowed(moment(), HEAD)
    extended = Past(2, "extend", MONDAY, "head")
    assert refused(ExtensionNotAllowed, extensions.allowed, moment(extended), HEAD).facts == {"why": "extended_before"}
    over = moment(decision_due=date(2026, 9, 11))
    assert refused(ExtensionNotAllowed, extensions.allowed, over, HEAD).facts == {"why": "overdue"}
    extensions.allowed(moment(decision_due=date(2026, 9, 14)), HEAD)
    extensions.allowed(moment(decision_due=date(2026, 9, 14), decision_noon=True), HEAD)
    late = moment(at=MONDAY.replace(hour=4), decision_due=date(2026, 9, 14), decision_noon=True)
    assert refused(ExtensionNotAllowed, extensions.allowed, late, HEAD).facts == {"why": "overdue"}
    extensions.allowed(moment(extended, Past(3, "reopen", MONDAY, "supervisor")), HEAD)
    spot = moment(of=service(case_type=1))
    assert refused(ExtensionNotAllowed, extensions.allowed, spot, HEAD).facts == {"why": "on_the_spot"}


def test_nobody_approves_what_they_asked_for() -> None:
    asking = Past(2, "ask_extension", MONDAY, "clerk", CLERK.id)
    promoted = Actor("staff", "head", id=CLERK.id)
    refused(OwnExtension, extensions.by_a_second_person, moment(asking), promoted)
    extensions.by_a_second_person(moment(asking), HEAD)
    extensions.by_a_second_person(moment(), promoted)


# 安阳市政务服务条例 第二十四条: 容缺受理


@pytest.mark.parametrize(
    ("names", "stands"),
    [
        (["accept"], False),
        (["offer_promise"], False),
        (["offer_promise", "accept"], False),
        (["offer_promise", "promise"], True),
        (["offer_promise", "promise", "review", "suspend"], True),
        (["offer_promise", "promise", "keep_promise"], False),
        (["offer_promise", "ask_correction", "refile"], False),
    ],
)
def test_only_what_was_promised_and_not_brought_yet_is_brought(names: list[str], stands: bool) -> None:
    then = moment(*(Past(number, name, MONDAY, "clerk") for number, name in enumerate(names, 2)))
    if stands:
        promises.stands(then, CLERK)
    else:
        refused(promises.NothingPromised, promises.stands, then, CLERK)


# 优化营商环境条例 第四十条: 告知承诺


def committed(field: str | None, answers: dict[str, Any]) -> Moment:
    made = moment(of=service() if field is None else service(commitment={"field": field, "basis": {}}))
    made.__dict__["answers"] = answers
    return made


def test_it_is_decided_on_a_commitment_only_where_one_was_made() -> None:
    commitments.stands(committed("commits", {"commits": True}), CLERK)
    for answers in ({}, {"commits": False}, {"commits": "true"}):
        refused(CommitmentMissing, commitments.stands, committed("commits", answers), CLERK)
    refused(CommitmentNotAllowed, commitments.stands, committed(None, {"commits": True}), CLERK)


def test_a_commitment_is_checked_where_the_decision_rested_on_it() -> None:
    on_promise = Past(2, "approve_on_promise", MONDAY, "clerk")
    commitments.was_decided_on(moment(on_promise), CLERK)
    refused(NotDecidedOnCommitment, commitments.was_decided_on, moment(Past(2, "approve", MONDAY, "clerk")), CLERK)
    again = moment(on_promise, Past(3, "revoke", MONDAY, "head"), Past(4, "approve", MONDAY, "clerk"))
    refused(NotDecidedOnCommitment, commitments.was_decided_on, again, CLERK)


# A step is taken when it is taken


def test_a_step_in_the_past_is_refused() -> None:
    late = Past(2, "accept", MONDAY + timedelta(hours=1), "clerk")
    told = refused(StepInThePast, step_rules.time_of, moment(late))
    assert told.facts == {"last": late.at}
    assert step_rules.time_of(moment(late, at=late.at)) == late.at


def test_clocks_of_two_machines_may_be_moments_apart() -> None:
    just_now = Past(2, "accept", MONDAY + timedelta(seconds=4), "clerk")
    assert step_rules.time_of(moment(just_now)) == just_now.at


def test_what_a_rule_forbids_now_is_not_shown_as_legal() -> None:
    extended = Past(2, "extend", MONDAY, "head")
    assert "extend" in step_rules.legal(moment(state="accepted"), HEAD)
    assert "extend" not in step_rules.legal(moment(extended, state="accepted"), HEAD)
    assert "approve_on_promise" not in step_rules.legal(moment(state="accepted"), HEAD)
