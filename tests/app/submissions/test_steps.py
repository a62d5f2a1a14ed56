"""Steps: the one table of what may follow what, read out state by state."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock, database
from app.submissions import notice_words
from app.submissions.history import SYSTEM
from app.submissions.step_rules import StepInThePast
from app.submissions.steps import FINAL_STATES, LABELS, STATES, STEPS, is_ahead
from app.submissions.submissions import StepNotAllowed, take_step
from app.supervision.handling import HANDLERS, OTHER_DOORS
from tests.product import Phone

OPEN = ("received", "correcting", "accepted", "in_review", "suspended")
ALLOWED = {
    ("draft", "receive"): "received",
    ("received", "accept"): "accepted",  # 行政许可法 第三十二条第一款第五项
    ("received", "decline"): "declined",  # 第三十二条第一款第一、二项
    ("accepted", "review"): "in_review",  # 第三十四条
    ("accepted", "approve"): "approved",  # 第三十四条第二款: decided at once where that can be done
    ("accepted", "refuse"): "refused",
    ("in_review", "approve"): "approved",  # 第三十八条第一款
    ("in_review", "refuse"): "refused",  # 第三十八条第二款
    ("approved", "complete"): "completed",  # 第四十四条: delivery of the document
    ("received", "deem_accepted"): "accepted",  # 第三十二条第一款第四项
    ("received", "ask_correction"): "correcting",  # 第三十二条第一款第四项: once, and everything
    ("correcting", "add_to_correction"): None,
    ("correcting", "refile"): "received",
    ("received", "offer_promise"): None,  # 安阳市政务服务条例 第二十四条
    ("received", "promise"): "accepted",
    ("accepted", "keep_promise"): None,
    ("in_review", "keep_promise"): None,
    ("suspended", "keep_promise"): None,
    ("accepted", "lapse"): "withdrawn",  # 第二十四条
    ("in_review", "lapse"): "withdrawn",
    ("suspended", "lapse"): "withdrawn",
    ("accepted", "suspend"): "suspended",  # 行政许可法 第四十五条
    ("in_review", "suspend"): "suspended",
    ("suspended", "resume"): "in_review",
    ("accepted", "ask_extension"): None,
    ("in_review", "ask_extension"): None,
    ("accepted", "extend"): None,  # 第四十二条
    ("in_review", "extend"): None,
    ("received", "approve_on_promise"): "approved",  # 优化营商环境条例 第四十条第三款
    ("accepted", "approve_on_promise"): "approved",
    ("in_review", "approve_on_promise"): "approved",
    ("completed", "deliver"): "delivered",  # 行政许可法 第四十四条
    ("completed", "check_promise"): None,  # 安阳市政务服务条例 第二十七条
    ("delivered", "check_promise"): None,
    **{(state, "withdraw"): "withdrawn" for state in ["received", "correcting", "accepted", "in_review", "suspended"]},
    **{
        (state, "terminate"): "terminated" for state in ["received", "correcting", "accepted", "in_review", "suspended"]
    },
    ("approved", "revoke"): "terminated",  # 行政许可法 第六十九条: from the decision on
    **{
        (state, step): None
        for state in ("received", "accepted", "in_review")
        for step in ("take", "take_out_of_turn", "give_back")
    },
    **{(state, "hand_over"): None for state in OPEN},
    ("completed", "revoke"): "terminated",  # 第六十九条
    ("delivered", "revoke"): "terminated",
    ("declined", "reopen"): "accepted",  # 行政复议法 第六十四、六十六条
    ("refused", "reopen"): "accepted",
    ("terminated", "reopen"): "accepted",
    ("withdrawn", "reopen"): "accepted",  # What counts as withdrawn can be disputed.
    **{(state, "remind"): None for state in ["correcting", "accepted", "in_review", "suspended"]},
    ("correcting", "lapse_correction"): "withdrawn",
    **{(state, "recount"): None for state in [*OPEN, "approved"]},
}


@pytest.mark.parametrize(("state", "step"), list(itertools.product(STATES, STEPS)))
def test_a_step_is_allowed_exactly_where_the_law_has_it(state: str, step: str) -> None:
    allowed = state in STEPS[step].origins

    assert allowed == ((state, step) in ALLOWED)
    if allowed:
        assert STEPS[step].target == ALLOWED[state, step]


_AFTER_THE_END = {"deliver", "check_promise", "revoke", "reopen"}
_ROUNDS = {"ask_correction", "refile", "suspend", "resume"}


def test_no_ordinary_step_leads_back_or_leaves_a_final_state() -> None:
    for name, step in STEPS.items():
        assert not step.origins & FINAL_STATES or name in _AFTER_THE_END
        if step.target is not None and name not in _ROUNDS and not step.by_law_only:
            assert all(not is_ahead(step.target, origin) for origin in step.origins)


@pytest.mark.parametrize(
    ("state", "target", "ahead"),
    [
        ("received", "accepted", True),
        ("received", "completed", True),
        ("accepted", "in_review", True),
        ("accepted", "declined", False),  # Once accepted it is too late to decline.
        ("in_review", "accepted", False),
        ("in_review", "in_review", False),  # What it already is does not lie ahead.
        ("approved", "refused", False),
        ("refused", "approved", False),
        ("completed", "approved", False),
        ("declined", "accepted", False),
    ],
)
def test_what_lies_ahead_tells_early_from_late(state: str, target: str, ahead: bool) -> None:
    assert is_ahead(state, target) is ahead


def test_every_state_can_be_reached_and_reaches_an_end() -> None:
    for state in STATES:
        assert state == "draft" or is_ahead("draft", state)
        assert state in FINAL_STATES or any(is_ahead(state, end) for end in FINAL_STATES)


def test_every_state_and_step_has_words_in_both_languages() -> None:
    kinds = [words for step in STEPS.values() for words in (step.kinds or {}).values()]
    for words in [*STATES.values(), *(step.text for step in STEPS.values()), *LABELS.values(), *kinds]:
        assert words["zh"] and words["en"]


def test_every_step_that_a_desk_takes_by_name_has_a_label() -> None:
    for name, step in STEPS.items():
        at_the_desk = bool(step.actors & HANDLERS) and name not in OTHER_DOORS
        assert at_the_desk == (name in LABELS), name


def test_every_notice_that_a_step_makes_has_words() -> None:
    assert {step.notice for step in STEPS.values()} - {None} == set(notice_words.templates())


def test_a_step_out_of_order_names_the_state_that_stands_and_changes_nothing(
    phone: Phone, sql: Callable[..., list[Any]]
) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    case = uuid.UUID(receipt["id"])
    before = sql("SELECT * FROM submissions WHERE id = %s", case)

    for step in ("approve", "complete"):
        with pytest.raises(StepNotAllowed) as refused, database.work() as work:
            take_step(work, case, step, SYSTEM, clock.now())
        assert refused.value.facts == {"state": "received", "legal": ["accept", "deem_accepted", "recount"]}

    assert sql("SELECT * FROM submissions WHERE id = %s", case) == before
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 1


def test_a_step_in_the_past_is_refused_and_changes_nothing(phone: Phone, sql: Callable[..., list[Any]]) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    case = uuid.UUID(receipt["id"])
    before = sql("SELECT * FROM submissions WHERE id = %s", case)

    with pytest.raises(StepInThePast), database.work() as work:
        take_step(work, case, "accept", SYSTEM, clock.now() - timedelta(minutes=1))

    assert sql("SELECT * FROM submissions WHERE id = %s", case) == before
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 1
