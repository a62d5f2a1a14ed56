"""Rules: what several answers must fulfil together, such as that an end does not lie before its start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.catalogue.conditions import Condition, condition
from app.catalogue.expressions import ITEMS_COST, Names, NotUnderstood
from app.catalogue.questions import Place, holders
from app.catalogue.settled import Settled


@dataclass(frozen=True)
class Rule:
    """`words` are told at each field of `at` that is shown. With `each` the rule holds for every item of that group."""

    when: Condition | None
    check: Condition
    each: str | None
    at: tuple[str, ...]
    words: Mapping[str, str]
    cost: int

    def broken(self, settled: Settled) -> Iterator[Place]:
        """The places where the rule is broken. What can not be judged yet, or is shown nowhere, is not."""
        for place, holder in holders(self.each, settled.answers, ""):
            told = [spot for spot in self._spots(place) if settled.shows(spot)]
            scope = settled.scope(holder)
            if told and (self.when is None or self.when(scope) is True) and self.check(scope) is False:
                yield from told

    def _spots(self, place: Place) -> Iterator[Place]:
        for name in self.at:
            yield (*place[:-1], name) if not name.startswith("/") else (name[1:],)


def understand_rule(spec: Mapping[str, Any], names: Names) -> Rule:
    """Raises NotUnderstood."""
    each = spec.get("each")
    if each is not None and each not in names.groups:
        raise NotUnderstood(f"the form has no group {each}")
    own = names.at(each)
    when = condition(spec["when"], own) if "when" in spec else None
    check = condition(spec["check"], own)
    for name in spec["at"]:
        own.reader(name)
    return Rule(when, check, each, tuple(spec["at"]), spec["words"], own.cost * (ITEMS_COST if each else 1))
