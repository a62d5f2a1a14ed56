"""Carrying over: which answers still fit when a draft moves to a newer version of its service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator

from app.catalogue.faults import places_of, pointer
from app.catalogue.questions import Place, Question, Questions
from app.catalogue.settled import copied


class Carried(NamedTuple):
    """`answers` for the new form, and the JSON Pointers of the old answers that were left behind."""

    answers: dict[str, Any]
    dropped: list[str]


def carry_over(answers: Mapping[str, Any], old: Questions, new: Questions, validator: Draft202012Validator) -> Carried:
    """Keep what the new form asks too, means the same, and accepts.

    Computed and prefilled values are neither carried nor missed: the new form sets its own. A chosen option whose
    words have changed is left behind, because the resident agreed to other words.
    """
    kept = copied(old, answers)
    _forget_what_is_set(kept, old, new)
    dropped: list[Place] = []
    for question in old.every:
        for place, holder in list(question.places(kept)):
            if question.name in holder and _means_something_else(holder[question.name], question, new):
                del holder[question.name]
                dropped.append(place)
    dropped += _refused(kept, validator)
    return Carried(kept, [pointer(place) for place in dropped])


def _forget_what_is_set(kept: dict[str, Any], old: Questions, new: Questions) -> None:
    for question in (*old.every, *new.every):
        if question.computed is not None or _read_only(question):
            for _, holder in question.places(kept):
                holder.pop(question.name, None)


def _read_only(question: Question) -> bool:
    return "prefill" in question.entry and question.entry["prefill"].get("editable", False) is not True


def _means_something_else(answer: Any, question: Question, new: Questions) -> bool:
    now = new.by_path.get(question.path)
    chosen = answer if isinstance(answer, list) else [answer]
    if now is None or "options" not in now.entry or "options" not in question.entry:
        return False
    before, after = _options(question), _options(now)
    return any(isinstance(one, str) and one in before and before[one] != after.get(one) for one in chosen)


def _options(question: Question) -> dict[Any, Any]:
    return {option["value"]: option["label"] for option in question.entry["options"]}


_KEPT = frozenset({"required", "minItems", "maxItems"})
"""Faults that call for more or fewer answers, and not for taking away one that was given."""


def _refused(kept: dict[str, Any], validator: Draft202012Validator) -> list[Place]:
    """Take out whatever the new schema refuses, field by field, and say where it was."""
    errors = [error for error in validator.iter_errors(kept) if error.kind.name not in _KEPT]
    places = {_smallest(place) for error in errors for place in places_of(error)}
    return [place for place in sorted(places, key=lambda place: (len(place), pointer(place))) if _take_out(kept, place)]


def _smallest(place: Place) -> Place:
    """The field an error belongs to: the whole list for one of its entries, but only one field of a group's item."""
    if len(place) > 2 and isinstance(place[1], int) and isinstance(place[2], str):
        return place[:3]
    return place[:2] if len(place) > 1 and isinstance(place[1], str) else place[:1]


def _take_out(kept: dict[str, Any], place: Place) -> bool:
    """False when there is nothing to take out, for one because its whole group has gone already."""
    holder: Any = kept
    for step in place[:-1]:
        if isinstance(holder, dict) and step not in holder:
            return False
        holder = holder[step]
    return bool(place) and holder.pop(place[-1], holder) is not holder
