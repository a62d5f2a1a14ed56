"""Conditions: when a part of a form is shown, when a material is needed, and what a cross-field rule demands.

    {field: name, values: […]}          the answer is one of these, or a list that holds one of them
    {situation: code, values: […]}      the same for a situation
    {field: name, filled: true}         there is an answer (false: there is none)
    {any: […]}, {all: […]}, {not: …}
    {compare: [e, op, e]}               two expressions by == != < <= > >=; order is for numbers and for dates

A comparison with something that has no value yet is neither true nor false, and `any`, `all` and `not` keep that
(Kleene's logic of three values): a part is shown only when its condition is true, a rule is broken only when its check
is false. Nobody is told that the end lies before the start while the start is still empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.catalogue.expressions import (
    DEEPEST,
    LARGEST,
    Expression,
    Names,
    NotUnderstood,
    Reader,
    Scope,
    Value,
    as_day,
    is_number,
    understand,
)

Condition = Callable[[Scope], bool | None]

MOST_VALUES = 200
MOST_PARTS = 30

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def condition(spec: Any, names: Names, depth: int = 0) -> Condition:
    """A condition as a function. Raises NotUnderstood."""
    if depth > DEEPEST or not isinstance(spec, dict):
        raise NotUnderstood("a condition must be an object, and not nested too deep")
    names.cost += 1
    keys = frozenset(spec)
    if keys == {"field", "values"}:
        return _one_of(names.reader(spec["field"]), spec["values"])
    if keys == {"situation", "values"}:
        return _one_of(names.situation(spec["situation"]), spec["values"])
    if keys == {"field", "filled"}:
        return _filled(names.reader(spec["field"]), spec["filled"])
    if keys == {"not"}:
        return _not(condition(spec["not"], names, depth + 1))
    if keys == {"any"}:
        return _any(_parts(spec["any"], names, depth))
    if keys == {"all"}:
        return _all(_parts(spec["all"], names, depth))
    if keys == {"compare"}:
        return _compare(spec["compare"], names, depth)
    raise NotUnderstood(f"there is no such condition: {', '.join(sorted(map(str, keys)))[:80]}")


def is_filled(answer: Any) -> bool:
    return answer is not None and answer != "" and answer != []


def _kept(value: Any) -> tuple[bool, Any]:
    """In JSON true is not 1, though in Python it is."""
    return (isinstance(value, bool), value)


def _one_of(reader: Reader, values: Any) -> Condition:
    if not isinstance(values, list) or not 0 < len(values) <= MOST_VALUES:
        raise NotUnderstood(f"between 1 and {MOST_VALUES} values are allowed")
    if not all(isinstance(v, str) or (isinstance(v, int) and abs(v) <= LARGEST) for v in values):
        raise NotUnderstood("values must be texts, whole numbers or truths")
    texts = frozenset(value for value in values if isinstance(value, str))
    others = frozenset(_kept(value) for value in values if not isinstance(value, str))

    def is_one(answer: Any) -> bool:
        if isinstance(answer, str):
            return answer in texts
        return not isinstance(answer, list | dict) and _kept(answer) in others

    def holds(scope: Scope) -> bool:
        answer = reader(scope)
        return any(map(is_one, answer)) if isinstance(answer, list) else is_one(answer)

    return holds


def _filled(reader: Reader, wanted: Any) -> Condition:
    if not isinstance(wanted, bool):
        raise NotUnderstood("filled must be true or false")
    return lambda scope: is_filled(reader(scope)) is wanted


def _parts(specs: Any, names: Names, depth: int) -> list[Condition]:
    if not isinstance(specs, list) or not 0 < len(specs) <= MOST_PARTS:
        raise NotUnderstood(f"between 1 and {MOST_PARTS} conditions are allowed")
    return [condition(spec, names, depth + 1) for spec in specs]


def _not(part: Condition) -> Condition:
    def holds(scope: Scope) -> bool | None:
        verdict = part(scope)
        return None if verdict is None else not verdict

    return holds


def _any(parts: Sequence[Condition]) -> Condition:
    def holds(scope: Scope) -> bool | None:
        known = True
        for part in parts:
            verdict = part(scope)
            if verdict:
                return True
            known = known and verdict is not None
        return False if known else None

    return holds


def _all(parts: Sequence[Condition]) -> Condition:
    def holds(scope: Scope) -> bool | None:
        known = True
        for part in parts:
            verdict = part(scope)
            if verdict is False:
                return False
            known = known and verdict is not None
        return True if known else None

    return holds


def _compare(spec: Any, names: Names, depth: int) -> Condition:
    if not isinstance(spec, list) or len(spec) != 3 or not isinstance(spec[1], str):
        raise NotUnderstood("compare needs an expression, an operator and an expression")
    left, right = understand(spec[0], names, depth + 1), understand(spec[2], names, depth + 1)
    if spec[1] in ("==", "!="):
        return _equal(left, right, spec[1] == "==")
    if spec[1] not in _ORDERS:
        raise NotUnderstood("the operators are == != < <= > >=")
    return _ordered(left, right, _ORDERS[spec[1]])


def _equal(left: Expression, right: Expression, wanted: bool) -> Condition:
    def holds(scope: Scope) -> bool | None:
        one, other = left(scope), right(scope)
        return None if _kind(one) is None or _kind(one) != _kind(other) else (one == other) is wanted

    return holds


def _ordered(left: Expression, right: Expression, in_order: Callable[[Any, Any], bool]) -> Condition:
    def holds(scope: Scope) -> bool | None:
        one, other = left(scope), right(scope)
        if is_number(one) and is_number(other):
            return in_order(one, other)
        first, second = as_day(one), as_day(other)
        return None if first is None or second is None else in_order(first, second)

    return holds


def _kind(value: Value | None) -> str | None:
    if value is None:
        return None
    return "text" if isinstance(value, str) else "truth" if isinstance(value, bool) else "number"
