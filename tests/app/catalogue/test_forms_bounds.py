"""Hostile forms and answers: deep, huge, circular. None may take longer than a generous bound, none may crash."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.catalogue.form_definitions import form_faults
from app.catalogue.forms import Form
from app.catalogue.persons import Person
from app.catalogue.wording import TOO_MUCH
from tests.app.catalogue.long_form import PERSON, TODAY, long_answers, long_form
from tests.app.catalogue.random_forms import words

FORM, ANSWERS = Form.of(long_form()), long_answers()

Data = dict[str, Any]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """In the time of this process alone, so that other work on the machine does not count."""
    started = time.process_time()
    yield
    assert time.process_time() - started < seconds


def nested(depth: int, around: Callable[[Any], Any], inner: Any) -> Any:
    for _ in range(depth):
        inner = around(inner)
    return inner


HOSTILE_ANSWERS: dict[str, Data] = {
    "deep objects": {"name": nested(100_000, lambda inner: {"a": inner}, 1)},
    "deep lists": {"children": nested(100_000, lambda inner: [inner], 1)},
    "many fields": {f"x{number}": 1 for number in range(100_000)},
    "many items": {"children": [{"name": "a"}] * 100_000},
    "many words": {"name": "长" * 1_000_000},
    "long names": {"x" * 1_000_000: 1},
    "many situations": {"situations": {f"s{number}": "x" for number in range(100_000)}},
}


@pytest.mark.parametrize("case", HOSTILE_ANSWERS)
def test_endless_answers_are_refused_at_once(case: str) -> None:
    answers = HOSTILE_ANSWERS[case]
    with within(0.3):
        assert FORM.check(answers, "zh", TODAY) == {"": [TOO_MUCH["zh"]]}
        assert FORM.missing(answers, TODAY) == []
        assert FORM.clean(answers, PERSON, TODAY) == answers or "deep" in case
        assert FORM.visible(answers, TODAY) == FORM.visible({}, TODAY)
        assert FORM.carry_over(answers, FORM, TODAY).answers == {}


def test_the_largest_answers_that_are_looked_at_take_milliseconds() -> None:
    items = [{"name": 7, "born": "2015-03-01", "school": "\u2028", "x": 1, "y": None, "z": [1]}] * 200
    for answers in (ANSWERS | {"children": items}, {f"x{number}": 1 for number in range(1999)}):
        with within(0.3):
            faults = FORM.check(FORM.clean(answers, PERSON, TODAY), "zh", TODAY)
        assert faults


@pytest.mark.parametrize("answers", [{"name": "\ud800"}, {"\ud800": 1}, {"total": float("nan")}, {"total": 10**400}])
def test_what_is_no_json_is_a_fault_and_no_crash(answers: Data) -> None:
    assert FORM.check(ANSWERS | answers, "zh", TODAY)
    assert isinstance(FORM.clean(ANSWERS | answers, PERSON, TODAY), dict)


def blown_up() -> Data:
    """Twenty-five definitions, each of which is twice the next: 33 million schemas written out."""
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(25)}
    return {"$defs": {**definitions, "d25": {"type": "string"}}, "properties": {"name": {"$ref": "#/$defs/d0"}}}


HOSTILE_SCHEMAS: dict[str, Data] = {
    "a circle": {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "itself": {"properties": {"name": {"$ref": "#"}}},
    "blown up": blown_up(),
    "deep": {"properties": {"name": nested(1_000, lambda inner: {"not": inner}, {})}},
    "wide": {"properties": {f"x{number}": {"type": "string"} for number in range(20_000)}},
    "many choices": {"anyOf": [{"required": [f"x{number}"]} for number in range(20_000)]},
    "a huge pattern": {"properties": {"name": {"pattern": "(" * 100_000}}},
    "a pattern that grows": {"properties": {"name": {"pattern": "((a{1000}){1000}){1000}"}}},
    "elsewhere": {"properties": {"name": {"$ref": "http://127.0.0.1:9/x"}}},
}


@pytest.mark.parametrize("case", HOSTILE_SCHEMAS)
def test_endless_schemas_are_not_published(case: str) -> None:
    definition = {"form": {"schema": HOSTILE_SCHEMAS[case], "layout": []}}
    with within(0.3):
        assert form_faults(definition, "zh")


@pytest.mark.parametrize("case", sorted(HOSTILE_SCHEMAS.keys() - {"many choices"}))
def test_nor_do_they_become_a_form(case: str) -> None:
    with within(0.5), pytest.raises(ValueError):
        Form(HOSTILE_SCHEMAS[case])


def test_a_pattern_never_goes_back() -> None:
    slow = {"type": "string", "maxLength": 10_000, "pattern": "^(a+)+$"}
    form = Form({"type": "object", "properties": {"name": slow}})
    with within(0.3):
        assert form.check({"name": "a" * 9_999 + "b"}, "zh") == {"/name": ["name的格式不对，请检查"]}


def grown(field: str, logic: Data) -> Data:
    definition = long_form()
    next(entry for entry in definition["form"]["layout"] if entry["field"] == field).update(logic)
    return definition


DEEP_CONDITION = nested(30, lambda inner: {"any": [inner, inner]}, {"field": "kind", "values": ["a"]})
WIDE_CONDITION = {"any": [{"all": [{"field": "kind", "values": ["a"]}] * 30}] * 30}
ENDLESS_SUM = {"sum": [{"sum": [{"items": "children", "field": "amount"}] * 30}] * 30}


def test_endless_logic_is_not_published() -> None:
    for logic in ({"shown_when": DEEP_CONDITION}, {"computed": ENDLESS_SUM}):
        with within(0.3):
            assert form_faults(grown("line9", logic), "en")


def test_the_costliest_logic_that_may_be_published_takes_milliseconds() -> None:
    form = Form.of(grown("line9", {"shown_when": WIDE_CONDITION}))
    summing = {"sum": [{"items": "children", "field": "amount"}] * 30}
    sums = Form.of(grown("line9", {"computed": {"sum": [summing, summing]}}))
    crowded = ANSWERS | {"children": [{"amount": 1, "born": "2015-03-01"}] * 200}
    for costly in (form, sums):
        with within(0.3):
            costly.check(costly.clean(crowded, PERSON, TODAY), "zh", TODAY)


def test_texts_put_together_from_texts_do_not_grow() -> None:
    fields = {f"f{n}": {"type": "string", "maxLength": 1000} for n in range(10)}
    layout: list[Data] = [{"field": name, "label": words(name)} for name in fields]
    for number in range(1, 10):
        layout[number]["computed"] = {"concat": [{"field": f"f{number - 1}"}] * 30}
    form = Form({"type": "object", "properties": fields}, layout)
    with within(0.3):
        kept = form.clean({"f0": "a" * 20}, Person(), TODAY)
    assert len(kept["f1"]) == 600 and "f2" not in kept


def test_a_form_of_thirty_fields_is_checked_in_a_fraction_of_a_millisecond() -> None:
    cleaned = FORM.clean(ANSWERS, PERSON, TODAY)
    # 0.1 ms on an idle machine (python -m tests.app.catalogue.long_form); thirty times that on the busiest.
    with within(0.3):
        for _ in range(100):
            assert FORM.check(cleaned, "zh", TODAY) == {}
