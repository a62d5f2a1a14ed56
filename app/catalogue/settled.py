"""Settled answers: what counts of the answers, with hidden ones dropped and computed ones set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.catalogue.expressions import LARGEST, SITUATIONS, Scope
from app.catalogue.questions import Place, Question, Questions
from app.catalogue.wording import TOO_LARGE, TOO_MUCH, Words

MOST_NODES = 2_000
DEEPEST = 12
LONGEST = 200_000
LONGEST_LIST = 200
"""What answers may hold: values, levels, characters of all texts together, and entries of one list."""


@dataclass(frozen=True, slots=True)
class Settled:
    """`answers` is a copy; `hidden` are the places that are not asked. A hidden group has no items in it any more."""

    answers: dict[str, Any]
    hidden: frozenset[Place]
    today: date

    def shows(self, place: Place) -> bool:
        return place not in self.hidden

    def scope(self, holder: Mapping[str, Any]) -> Scope:
        return Scope(self.answers, holder, self.today)


def settle(questions: Questions, answers: Mapping[str, Any], today: date) -> Settled:
    """One pass: `questions.active` is ordered so that everything a question looks at is settled before it."""
    if not questions.active:
        return Settled(dict(answers), frozenset(), today)
    kept = copied(questions, answers)
    hidden: set[Place] = set()
    scope = Scope(kept, kept, today)
    for question in questions.active:
        if question.group is None:
            _settle(question, kept, scope, question.path, hidden)
            continue
        for place, holder in question.places(kept):
            scope.item = holder
            _settle(question, holder, scope, place, hidden)
    return Settled(kept, frozenset(hidden), today)


def _settle(question: Question, holder: dict[str, Any], scope: Scope, place: Place, hidden: set[Place]) -> None:
    if question.shown_when is not None and question.shown_when(scope) is not True:
        holder.pop(question.name, None)
        hidden.add(place)
    elif question.computed is not None:
        value = question.computed(scope)
        if value is None:
            holder.pop(question.name, None)
        else:
            holder[question.name] = value


def copied(questions: Questions, answers: Mapping[str, Any]) -> dict[str, Any]:
    """A copy as deep as questions stand: the answers, the situations and the items of groups."""
    kept = dict(answers)
    if isinstance(situations := kept.get(SITUATIONS), dict):
        kept[SITUATIONS] = dict(situations)
    for group in questions.groups:
        if isinstance(items := kept.get(group), list):
            kept[group] = [dict(item) if isinstance(item, dict) else item for item in items]
    return kept


def within_bounds(answers: Any) -> bool:
    return beyond_bounds(answers) is None


def beyond_bounds(answers: Any) -> Words | None:
    """Why answers are not looked at, or None. Walks level by level and stops at the first limit."""
    level, nodes, characters = [answers], 0, 0
    for _ in range(DEEPEST):
        below: list[Any] = []
        for node in level:
            if isinstance(node, str):
                characters += len(node)
            elif isinstance(node, dict):
                characters += sum(map(len, node))
                below.extend(node.values())
            elif isinstance(node, list):
                if len(node) > LONGEST_LIST:
                    return TOO_MUCH
                below.extend(node)
            elif isinstance(node, int) and not -LARGEST <= node <= LARGEST:
                # RFC 8785, by which answers are hashed and signed, knows no such whole number.
                return TOO_LARGE
        nodes += len(below)
        if nodes > MOST_NODES or characters > LONGEST:
            return TOO_MUCH
        if not below:
            return None
        level = below
    return TOO_MUCH
