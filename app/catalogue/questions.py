"""Questions: the fields and situations of a form, when each is asked, and which must be answered before which.

A question stands at the top of the form, inside the items of a repeating group, or among the situations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from app.catalogue.conditions import Condition, condition
from app.catalogue.expressions import ITEMS_COST, SITUATIONS, Expression, Names, NotUnderstood, Path, understand
from app.catalogue.schemas import resolved

Place = tuple[str | int, ...]
"""Where an answer is: `("children", 0, "name")`."""


@dataclass(frozen=True)
class Question:
    """`entry` is its part of the layout, `schema` that of the JSON Schema with references followed.

    `required`: it must be answered while it is shown. `needed`: and the schema does not say so itself.
    """

    path: Path
    entry: Mapping[str, Any]
    schema: Mapping[str, Any]
    required: bool
    needed: bool
    shown_when: Condition | None
    computed: Expression | None
    depends_on: frozenset[Path]
    cost: int

    @cached_property
    def name(self) -> str:
        return self.path[-1]

    @cached_property
    def group(self) -> str | None:
        return self.path[0] if len(self.path) == 2 else None

    @property
    def active(self) -> bool:
        return self.shown_when is not None or self.computed is not None

    def places(self, answers: Mapping[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
        """Where it is asked in these answers, with the object that holds or will hold its answer."""
        return holders(self.group, answers, self.name)


def holders(group: str | None, answers: Mapping[str, Any], name: str) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each object of the answers that can have `name` in `group`: the answers, the situations, or every item."""
    if group is None:
        yield (name,), answers  # type: ignore[misc]  # the caller's own copy
    elif group == SITUATIONS:
        answered = answers.get(SITUATIONS)
        yield (SITUATIONS, name), answered if isinstance(answered, dict) else {}
    elif isinstance(items := answers.get(group), list):
        yield from (((group, index, name), item) for index, item in enumerate(items) if isinstance(item, dict))


@dataclass(frozen=True)
class Questions:
    """All questions of a form as the layout orders them, and `schema`: what answers must fulfil, situations included.

    `schema` requires what is always asked; what is asked under a condition is `needed` instead, so that any
    validator can judge answers without knowing conditions.
    """

    schema: dict[str, Any]
    every: tuple[Question, ...]
    active: tuple[Question, ...]
    names: Names

    @cached_property
    def by_path(self) -> dict[Path, Question]:
        return {question.path: question for question in self.every}

    @property
    def groups(self) -> frozenset[str]:
        return frozenset(self.names.groups)


def lay_out(
    schema: Mapping[str, Any], layout: Sequence[Mapping[str, Any]], situations: Sequence[Mapping[str, Any]]
) -> Questions:
    """Raises ValueError for names that the form does not have, and for questions that depend on each other."""
    whole: dict[str, Any] = deepcopy(dict(schema))
    entries = {entry["field"]: entry for entry in layout}
    groups = _open_groups(whole, entries)
    top = _properties(whole)
    # A name counts as known when either half of the form has it; publishing demands that both do.
    names = Names(
        frozenset(top) | frozenset(entries),
        {name: frozenset(_properties(items)) | _fields(entries[name]) for name, items in groups.items()},
        frozenset(situation["code"] for situation in situations),
    )
    every = [_situation(situation, names) for situation in situations]
    every += _questions(whole, whole, entries, (), names)
    for name, items in groups.items():
        inner = {entry["field"]: entry for entry in entries[name]["fields"]}
        every += _questions(whole, items, inner, (name,), names.at(name))
    if situations:
        _add_situations(whole, situations)
    return Questions(whole, tuple(every), _in_order(every), names)


def _open_groups(whole: dict[str, Any], entries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Group → the schema of one item, which then stands in `whole` itself, so that it can be changed there alone."""
    opened: dict[str, dict[str, Any]] = {}
    for name in [name for name, entry in entries.items() if "fields" in entry]:
        listed = deepcopy(resolved(whole, _properties(whole).get(name, {})))
        listed["items"] = opened[name] = deepcopy(resolved(whole, listed.get("items", {})))
        whole.setdefault("properties", {})[name] = listed
    return opened


def _fields(entry: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(inner["field"] for inner in entry["fields"])


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return properties if isinstance(properties, dict) else {}


def _questions(
    whole: Mapping[str, Any],
    holder: dict[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    prefix: Path,
    names: Names,
) -> list[Question]:
    """The questions of one object of the answers; takes those from its `required` that are asked under a condition."""
    required = [name for name in holder.get("required", []) if isinstance(name, str)]
    found = []
    for name, schema in {**dict.fromkeys(entries, True), **_properties(holder)}.items():
        entry = entries.get(name, {})
        must = name in required or entry.get("required") is True
        question = _question((*prefix, name), entry, resolved(whole, schema), must, names)
        found.append(question)
        if question.active and name in required:
            required.remove(name)
        elif must and not question.active and name not in required:
            required.append(name)
    if required or "required" in holder:
        holder["required"] = required
    return found


def _question(path: Path, entry: Mapping[str, Any], schema: Mapping[str, Any], must: bool, names: Names) -> Question:
    own = names.at(names.group)
    try:
        shown_when = condition(entry["shown_when"], own) if "shown_when" in entry else None
        computed = understand(entry["computed"], own) if "computed" in entry else None
    except NotUnderstood as error:
        raise NotUnderstood(f"{'/'.join(path)}: {error}") from None
    # Nobody can be asked for a value that the form itself works out.
    required = must and computed is None
    needed = required and (shown_when is not None or path[0] == SITUATIONS)
    cost = own.cost * (ITEMS_COST if names.group else 1)
    return Question(path, entry, schema, required, needed, shown_when, computed, frozenset(own.used), cost)


def _situation(situation: Mapping[str, Any], names: Names) -> Question:
    path = (SITUATIONS, str(situation["code"]))
    return _question(path, {"widget": "radio", **situation}, _choice(situation), True, names)


def _choice(situation: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "string", "enum": [option["value"] for option in situation["options"]]}


def _add_situations(whole: dict[str, Any], situations: Sequence[Mapping[str, Any]]) -> None:
    properties = {str(situation["code"]): _choice(situation) for situation in situations}
    known = {"type": "object", "properties": properties, "additionalProperties": False}
    whole.setdefault("properties", {})[SITUATIONS] = known


def _in_order(every: Sequence[Question]) -> tuple[Question, ...]:
    """The questions with a condition or a computed value, each behind those that decide over it."""
    by_path = {question.path: question for question in every}
    graph = {question.path: set(question.depends_on) for question in every}
    for path in graph:
        if len(path) == 2 and path[0] != SITUATIONS:
            # Where there is no group, nothing of its items is asked.
            graph[path].add(path[:1])
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " → ".join("/".join(path) for path in error.args[1])
        raise NotUnderstood(f"these decide over each other in a circle: {circle}") from None
    return tuple(by_path[path] for path in order if path in by_path and by_path[path].active)
