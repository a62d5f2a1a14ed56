"""Expressions: values that a form works out from its other answers, written as data so that a phone can do the same.

    {value: 5}                                  a constant: text, number or truth
    {field: name}                               another answer; inside a group that of the same item, `/name` the form's
    {situation: code}                           the answer to a situation
    {items: group, field: name}                 that field of every item, as terms of a sum or a text outside groups
    {sum: [e, …]}                               numbers; terms without a value are left out
    {count: name}                               how many items a group or list has
    {concat: [e, …], separator: text}           texts and whole numbers; terms without a value are left out
    {today: true}                               the calendar day in China
    {birth_date: e}                             of a citizen ID number
    {age: e}                                    whole years from a birth date, or from a citizen ID number, to today
    {days: [e, e]}, {months: …}, {years: …}     whole, from the first date to the second, negative when that is earlier

An expression has a value (text, number or truth) or none. Numbers are those that every JSON reader holds exactly or
alike (RFC 8259 §6): beyond ±(2^53 - 1) there is no value. docs/forms.md tells clients the same in detail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeGuard

from app.catalogue.formats import day_of, is_citizen_id, normalise_citizen_id

Value = str | int | float | bool
Path = tuple[str, ...]

SITUATIONS = "situations"
"""The reserved property of the answers that holds what was answered to the situations."""

LARGEST = 2**53 - 1
LONGEST = 1000
"""Characters of a text that is put together."""
MOST_TERMS = 30
DEEPEST = 8
ITEMS_COST = 200
"""What one look through all items of a group is reckoned at, in steps: as many as a list may have entries."""


class NotUnderstood(ValueError):
    """A condition or expression that is none; its text says why, in English, for the author of the definition."""


@dataclass(slots=True)
class Scope:
    """What conditions and expressions look at: all answers, those of the group's item at hand, and the day."""

    answers: Mapping[str, Any]
    item: Mapping[str, Any]
    today: date


Reader = Callable[[Scope], Any]
Expression = Callable[[Scope], Value | None]
Terms = Callable[[Scope], Sequence[Value | None]]


@dataclass
class Names:
    """What a name means at one place of a form. `used` collects the paths that were named, `cost` the steps."""

    top: frozenset[str]
    groups: Mapping[str, frozenset[str]]
    situations: frozenset[str]
    group: str | None = None
    used: set[Path] = field(default_factory=set)
    cost: int = 0

    def at(self, group: str | None) -> Names:
        return Names(self.top, self.groups, self.situations, group)

    def reader(self, name: Any) -> Reader:
        """Raises NotUnderstood for a name that the form does not have."""
        self.cost += 1
        if not isinstance(name, str):
            raise NotUnderstood("the name of a field must be a text")
        if self.group is not None and not name.startswith("/"):
            self._use(name in self.groups[self.group], (self.group, name))
            return lambda scope: scope.item.get(name)
        plain = name.removeprefix("/")
        self._use(plain in self.top, (plain,))
        return lambda scope: scope.answers.get(plain)

    def situation(self, code: Any) -> Reader:
        self.cost += 1
        self._use(code in self.situations, (SITUATIONS, str(code)))

        def read(scope: Scope) -> Any:
            answered = scope.answers.get(SITUATIONS)
            return answered.get(code) if isinstance(answered, dict) else None

        return read

    def items(self, group: Any, name: Any) -> Callable[[Scope], list[Any]]:
        if self.group is not None:
            raise NotUnderstood("inside a group the items can not be looked through: name a field outside that does it")
        self.cost += ITEMS_COST
        self._use(group in self.groups and name in self.groups[group], (str(group), str(name)))

        def read(scope: Scope) -> list[Any]:
            items = scope.answers.get(group)
            return [item.get(name) for item in items if isinstance(item, dict)] if isinstance(items, list) else []

        return read

    def _use(self, known: bool, path: Path) -> None:
        if not known:
            raise NotUnderstood(f"the form has no {'/'.join(path)}")
        self.used.add(path)


def scalar(answer: Any) -> Value | None:
    """An answer as a value: none for lists, objects, empty texts and numbers that readers of JSON disagree about."""
    if isinstance(answer, str):
        return answer or None
    if isinstance(answer, bool):
        return answer
    if isinstance(answer, int | float) and -LARGEST <= answer <= LARGEST:
        return int(answer) if answer == int(answer) else answer
    return None


def understand(spec: Any, names: Names, depth: int = 0) -> Expression:
    """An expression as a function. Raises NotUnderstood."""
    if depth > DEEPEST or not isinstance(spec, dict):
        raise NotUnderstood("an expression must be an object, and not nested too deep")
    names.cost += 1
    keys = frozenset(spec)
    if keys == {"value"}:
        return _constant(spec["value"])
    if keys == {"field"}:
        return _read(names.reader(spec["field"]))
    if keys == {"situation"}:
        return _read(names.situation(spec["situation"]))
    if keys == {"today"} and spec["today"] is True:
        return lambda scope: scope.today.isoformat()
    if keys == {"count"}:
        return _count(names.reader(spec["count"]))
    if keys == {"sum"}:
        return _sum(_terms(spec["sum"], names, depth))
    if "concat" in keys and keys <= {"concat", "separator"}:
        return _concat(_terms(spec["concat"], names, depth), spec.get("separator", ""))
    if len(keys) == 1 and (kind := next(iter(keys))) in _OF_ONE:
        return _of_one(_OF_ONE[kind], understand(spec[kind], names, depth + 1))
    if len(keys) == 1 and (kind := next(iter(keys))) in _OF_TWO_DAYS:
        first, second = _pair(spec[kind])
        return _between(_OF_TWO_DAYS[kind], understand(first, names, depth + 1), understand(second, names, depth + 1))
    raise NotUnderstood(f"there is no such expression: {', '.join(sorted(map(str, keys)))[:80]}")


def _constant(value: Any) -> Expression:
    kept = scalar(value)
    if kept is None:
        raise NotUnderstood("a constant must be a text, a number or a truth")
    return lambda scope: kept


def _read(reader: Reader) -> Expression:
    return lambda scope: scalar(reader(scope))


def _count(reader: Reader) -> Expression:
    def count(scope: Scope) -> Value:
        answer = reader(scope)
        return len(answer) if isinstance(answer, list) else 0

    return count


def _terms(specs: Any, names: Names, depth: int) -> Terms:
    if not isinstance(specs, list) or not 0 < len(specs) <= MOST_TERMS:
        raise NotUnderstood(f"between 1 and {MOST_TERMS} terms are allowed")
    terms = [_term(spec, names, depth) for spec in specs]
    return lambda scope: [value for term in terms for value in term(scope)]


def _term(spec: Any, names: Names, depth: int) -> Terms:
    if isinstance(spec, dict) and spec.keys() == {"items", "field"}:
        every = names.items(spec["items"], spec["field"])
        return lambda scope: [scalar(answer) for answer in every(scope)]
    one = understand(spec, names, depth + 1)
    return lambda scope: (one(scope),)


def _sum(terms: Terms) -> Expression:
    def add(scope: Scope) -> Value | None:
        numbers = [float(term) for term in terms(scope) if is_number(term)]
        # Left to right in double precision, then to six places: 0.1 + 0.2 is 0.3 on every phone.
        return scalar(_to_six_places(sum(numbers, 0.0))) if numbers else None

    return add


def _to_six_places(number: float) -> float:
    if number == math.floor(number) or abs(number) > LARGEST / 1e6:
        return number
    return math.floor(number * 1e6 + 0.5) / 1e6


def _concat(terms: Terms, separator: Any) -> Expression:
    if not isinstance(separator, str) or len(separator) > 20:
        raise NotUnderstood("a separator must be a short text")

    def join(scope: Scope) -> Value | None:
        # Fractions are left out: programming languages do not agree on how to write them.
        values = [term for term in terms(scope) if isinstance(term, str) or (is_number(term) and term == int(term))]
        text = separator.join(map(str, values))
        return text if 0 < len(text) <= LONGEST else None

    return join


def is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _pair(specs: Any) -> tuple[Any, Any]:
    if not isinstance(specs, list) or len(specs) != 2:
        raise NotUnderstood("two dates are needed")
    return specs[0], specs[1]


def _of_one(rule: Callable[[str, date], Value | None], inner: Expression) -> Expression:
    def work_out(scope: Scope) -> Value | None:
        value = inner(scope)
        return rule(value, scope.today) if isinstance(value, str) else None

    return work_out


def _between(rule: Callable[[date, date], int], first: Expression, second: Expression) -> Expression:
    def measure(scope: Scope) -> Value | None:
        start, end = as_day(first(scope)), as_day(second(scope))
        if start is None or end is None:
            return None
        return rule(start, end) if start <= end else -rule(end, start)

    return measure


def as_day(value: Value | None) -> date | None:
    """`2026-03-01` → that day, none for anything else."""
    return day_of(value) if isinstance(value, str) else None


def _birth_date(number: str, today: date) -> str | None:
    if not is_citizen_id(number, today):
        return None
    digits = normalise_citizen_id(number)
    return f"{digits[6:10]}-{digits[10:12]}-{digits[12:14]}"


def _age(text: str, today: date) -> int | None:
    born = as_day(text) or as_day(_birth_date(text, today))
    return years_between(born, today) if born is not None and born <= today else None


def years_between(start: date, end: date) -> int:
    """Whole years; who was born on 29 February becomes a year older on 1 March of a year without one."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def _months(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)


def _days(start: date, end: date) -> int:
    return (end - start).days


_OF_ONE: dict[str, Callable[[str, date], Value | None]] = {"birth_date": _birth_date, "age": _age}
_OF_TWO_DAYS: dict[str, Callable[[date, date], int]] = {"days": _days, "months": _months, "years": years_between}
