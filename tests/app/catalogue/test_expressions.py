"""Computed values, by hand and by the calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.conditions import condition
from app.catalogue.expressions import Names, NotUnderstood, Scope, understand, years_between

TODAY = date(2026, 11, 22)
FIELDS = frozenset({"a", "b", "c", "children"})
NAMES = Names(FIELDS, {"children": frozenset({"amount", "name"})}, frozenset({"who"}))
CHILDREN = [{"name": "明", "amount": 0.1}, {"name": "红", "amount": 0.2}, "not an item", {"name": ""}]


def value(spec: Any, today: date = TODAY, **answers: Any) -> Any:
    return understand(spec, NAMES.at(None))(Scope(answers, answers, today))


def truth(spec: Any, **answers: Any) -> Any:
    return condition(spec, NAMES.at(None))(Scope(answers, answers, TODAY))


@pytest.mark.parametrize(
    ("spec", "answers", "expected"),
    [
        ({"value": 5.0}, {}, 5),
        ({"field": "a"}, {"a": "云"}, "云"),
        ({"field": "a"}, {"a": ""}, None),
        ({"field": "a"}, {"a": [1]}, None),
        ({"field": "a"}, {"a": 2**53}, None),
        ({"situation": "who"}, {"situations": {"who": "child"}}, "child"),
        ({"situation": "who"}, {"situations": "child"}, None),
        ({"today": True}, {}, "2026-11-22"),
        ({"sum": [{"field": "a"}, {"field": "b"}]}, {"a": 0.1, "b": 0.2}, 0.3),
        ({"sum": [{"field": "a"}, {"field": "b"}]}, {"a": 7, "b": "8"}, 7),
        ({"sum": [{"field": "a"}]}, {"a": True}, None),
        ({"sum": [{"field": "a"}, {"field": "a"}]}, {"a": 2**53 - 1}, None),
        ({"sum": [{"items": "children", "field": "amount"}, {"value": 1}]}, {"children": CHILDREN}, 1.3),
        ({"count": "children"}, {"children": CHILDREN}, 4),
        ({"count": "children"}, {}, 0),
        ({"concat": [{"items": "children", "field": "name"}], "separator": "、"}, {"children": CHILDREN}, "明、红"),
        ({"concat": [{"field": "a"}, {"field": "b"}]}, {"a": 3.0, "b": 0.5}, "3"),
        ({"concat": [{"field": "a"}] * 2}, {"a": "长" * 501}, None),
        ({"birth_date": {"field": "a"}}, {"a": "11010519491231002x"}, "1949-12-31"),
        ({"birth_date": {"field": "a"}}, {"a": "110105194912310021"}, None),
        ({"age": {"field": "a"}}, {"a": "11010519491231002X"}, 76),
        ({"age": {"field": "a"}}, {"a": "2008-11-22"}, 18),
        ({"age": {"field": "a"}}, {"a": "2008-11-23"}, 17),
        ({"age": {"field": "a"}}, {"a": "2026-11-23"}, None),
        ({"age": {"field": "a"}}, {"a": 18}, None),
        ({"days": [{"field": "a"}, {"field": "b"}]}, {"a": "2024-02-28", "b": "2024-03-01"}, 2),
        ({"days": [{"field": "b"}, {"field": "a"}]}, {"a": "2024-02-28", "b": "2024-03-01"}, -2),
        ({"months": [{"field": "a"}, {"field": "b"}]}, {"a": "2026-01-31", "b": "2026-02-28"}, 0),
        ({"months": [{"field": "a"}, {"field": "b"}]}, {"a": "2025-12-15", "b": "2026-02-15"}, 2),
        ({"years": [{"field": "a"}, {"today": True}]}, {"a": "2020-02-30"}, None),
    ],
)
def test_an_expression_has_this_value(spec: Any, answers: dict[str, Any], expected: Any) -> None:
    assert value(spec, **answers) == expected


def test_who_was_born_on_a_leap_day_is_older_on_the_first_of_march() -> None:
    assert value({"age": {"field": "a"}}, date(2026, 2, 28), a="2008-02-29") == 17
    assert value({"age": {"field": "a"}}, date(2026, 3, 1), a="2008-02-29") == 18


@given(st.dates(), st.dates())
def test_years_are_full_when_that_many_birthdays_have_been(one: date, other: date) -> None:
    start, end = min(one, other), max(one, other)
    birthdays = sum(_birthday(start, year) <= end for year in range(start.year + 1, end.year + 1))
    assert years_between(start, end) == birthdays


def _birthday(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 2, 28) + timedelta(days=1)


EARLY = {"compare": [{"field": "a"}, "<=", {"field": "b"}]}


@pytest.mark.parametrize(
    ("spec", "answers", "expected"),
    [
        ({"field": "a", "values": [1]}, {"a": True}, False),
        ({"field": "a", "values": [True]}, {"a": 1}, False),
        ({"field": "a", "values": [1]}, {"a": 1.0}, True),
        ({"field": "a", "values": ["x"]}, {"a": ["y", "x"]}, True),
        ({"field": "a", "values": ["x"]}, {"a": {"x": 1}}, False),
        ({"field": "a", "values": ["x"]}, {}, False),
        ({"field": "a", "filled": True}, {"a": False}, True),
        ({"field": "a", "filled": True}, {"a": []}, False),
        ({"field": "a", "filled": False}, {"a": None}, True),
        (EARLY, {"a": "2024-02-29", "b": "2024-03-01"}, True),
        (EARLY, {"a": "2024-03-02", "b": "2024-03-01"}, False),
        (EARLY, {"a": "2023-02-29", "b": "2024-03-01"}, None),
        (EARLY, {"a": 2, "b": 10}, True),
        (EARLY, {"a": "2", "b": "10"}, None),
        (EARLY, {"a": 2}, None),
        ({"compare": [{"field": "a"}, "==", {"value": 1}]}, {"a": True}, None),
        ({"compare": [{"field": "a"}, "!=", {"value": "x"}]}, {"a": "y"}, True),
        ({"not": EARLY}, {"a": 2}, None),
        ({"any": [EARLY, {"field": "c", "filled": True}]}, {"a": 2, "c": 1}, True),
        ({"any": [EARLY, {"field": "c", "filled": True}]}, {"a": 2}, None),
        ({"all": [EARLY, {"field": "c", "filled": True}]}, {"a": 2}, False),
        ({"all": [EARLY, {"field": "c", "filled": True}]}, {"a": 2, "c": 1}, None),
        ({"all": [{"situation": "who", "values": ["self"]}]}, {"situations": {"who": "self"}}, True),
    ],
)
def test_a_condition_is_true_false_or_unknown(spec: Any, answers: dict[str, Any], expected: bool | None) -> None:
    assert truth(spec, **answers) is expected


DEEP: dict[str, Any] = {"value": 1}
DEEPER: dict[str, Any] = {"field": "a", "filled": True}
for _ in range(50):
    DEEP, DEEPER = {"sum": [DEEP]}, {"not": DEEPER}


@pytest.mark.parametrize(
    "spec",
    [
        None, [], {}, {"value": None}, {"value": {"a": 1}}, {"field": "z"}, {"field": 1}, {"situation": "z"},
        {"today": False},
        {"sum": []}, {"sum": [{"value": 1}] * 31}, {"sum": {"value": 1}}, {"concat": [{"value": 1}], "separator": 1},
        {"items": "children", "field": "amount"}, {"sum": [{"items": "a", "field": "amount"}]},
        {"days": [{"value": 1}]}, {"age": 5}, {"eval": "1"}, {"value": 1, "field": "a"}, DEEP,
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(spec: Any) -> None:
    with pytest.raises(NotUnderstood):
        value(spec)


@pytest.mark.parametrize(
    "spec",
    [
        None, {}, {"field": "z", "values": ["x"]}, {"field": "a", "values": []}, {"field": "a", "values": [None]},
        {"field": "a", "values": [0.5]}, {"field": "a", "values": [2**53]}, {"field": "a", "filled": "yes"},
        {"any": []}, {"all": [{}]}, {"not": []}, {"compare": [{"value": 1}, "=", {"value": 1}]},
        {"compare": [{"value": 1}, "<"]}, DEEPER,
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused(spec: Any) -> None:
    with pytest.raises(NotUnderstood):
        truth(spec)


def test_inside_a_group_the_items_are_not_looked_through_again() -> None:
    with pytest.raises(NotUnderstood, match="inside a group"):
        understand({"sum": [{"items": "children", "field": "amount"}]}, NAMES.at("children"))
