"""Form definitions: whether the form in a service's definition may be published, and if not, exactly where and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path as FilePath
from typing import Any

import yaml
from jsonschema_rs import Draft202012Validator

from app.catalogue.conditions import condition
from app.catalogue.definition_wording import DEFINITION_FAULTS
from app.catalogue.expressions import SITUATIONS, Names, NotUnderstood, understand
from app.catalogue.faults import place_of, pointer
from app.catalogue.forms import Form
from app.catalogue.keywords import Finding, keyword_findings
from app.catalogue.questions import Place, lay_out
from app.catalogue.rules import understand_rule
from app.catalogue.schemas import check_end, resolved
from app.catalogue.settled import LONGEST_LIST
from app.catalogue.wording import FAULTS, GENERAL_FAULT, PLEASE_FILL_IN, THE_FORM

LONGEST_TEXT = 10_000
MOST_ITEMS = LONGEST_LIST
MOST_NODES = 20_000
DEEPEST = 40

_STRUCTURE = Draft202012Validator(
    yaml.safe_load((FilePath(__file__).parent / "form_structure.yaml").read_text(encoding="utf-8")), offline=True
)


def form_faults(definition: Mapping[str, Any], language: str) -> dict[str, list[str]]:
    """JSON Pointer into the definition → what is wrong there, in `zh` or `en`; empty when the form may be published.

    Looks at `form`, `situations` and the materials' `needed_when`. Never raises, whatever the definition holds.
    """
    if not _is_bounded(definition):
        return {"": [DEFINITION_FAULTS["too_much"][language]]}
    try:
        return _structure_faults(definition, language) or _meaning_faults(definition, language)
    except ValueError:
        return {"": [DEFINITION_FAULTS["not_json"][language]]}


def _structure_faults(definition: Mapping[str, Any], language: str) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    for error in _STRUCTURE.iter_errors({key: definition[key] for key in ("form", SITUATIONS) if key in definition}):
        kind, place = error.kind, place_of(error)
        words = PLEASE_FILL_IN if kind.name == "required" else FAULTS.get(kind.name, GENERAL_FAULT)
        label = str(place[-1]) if place else THE_FORM[language]
        told = words[language].format(label=label, value=getattr(kind, "value", ""))
        faults.setdefault(pointer(place), []).append(told)
    return faults


def _meaning_faults(definition: Mapping[str, Any], language: str) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    for place, code, detail in dict.fromkeys(_findings(definition)):
        faults.setdefault(pointer(place), []).append(DEFINITION_FAULTS[code][language].format(detail=detail))
    return faults


def _is_bounded(definition: Any) -> bool:
    level, nodes = [definition], 0
    for _ in range(DEEPEST):
        below = [child for node in level for child in _inner(node)]
        nodes += len(below)
        if nodes > MOST_NODES:
            return False
        if not below:
            return True
        level = below
    return False


def _inner(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _findings(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """In steps, because each can only look at what passed the one before it."""
    form, schema = definition["form"], definition["form"]["schema"]
    for steps in (_of_schema, _of_layout, _of_meaning):
        found = list(steps(definition))
        yield from found
        if found:
            return
    try:
        Form(schema, form["layout"], form.get("rules", ()), definition.get(SITUATIONS, ()))
    except ValueError as error:
        yield ("form",), "not_understood", str(error).splitlines()[0][:200]


def _of_schema(definition: Mapping[str, Any]) -> Iterator[Finding]:
    schema, at = definition["form"]["schema"], ("form", "schema")
    found = [((*at, *place), code, detail) for place, code, detail in keyword_findings(schema)]
    yield from found
    if found:
        return
    try:
        check_end(schema)
        Draft202012Validator(schema, offline=True)
    except ValueError as error:
        yield at, "schema", str(error).splitlines()[0][:200]
        return
    yield from (((*at, *place), code, detail) for place, code, detail in _open_ends(schema, schema, ()))


def _open_ends(root: Mapping[str, Any], node: Any, place: Place) -> Iterator[Finding]:
    """An answer that may be endless, or anything at all: looked for in the properties and the items of lists."""
    kept = resolved(root, node)
    kinds = kept.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "enum" in kept or "const" in kept:
        return
    if not kinds:
        yield place, "untyped", ""
    if "string" in kinds and not kept.get("maxLength", LONGEST_TEXT + 1) <= LONGEST_TEXT:
        yield place, "unbounded_text", str(LONGEST_TEXT)
    if "array" in kinds:
        if not kept.get("maxItems", MOST_ITEMS + 1) <= MOST_ITEMS:
            yield place, "unbounded_list", str(MOST_ITEMS)
        yield from _open_ends(root, kept.get("items", True), (*place, "items"))
    if "object" in kinds or not place:
        if kept.get("additionalProperties") is not False or "object" not in kinds:
            yield place, "open_object", ""
        for name, child in kept.get("properties", {}).items():
            yield from _open_ends(root, child, (*place, "properties", str(name)))


def _of_layout(definition: Mapping[str, Any]) -> Iterator[Finding]:
    form, schema = definition["form"], definition["form"]["schema"]
    at: Place = ("form", "layout")
    if SITUATIONS in schema.get("properties", {}):
        yield ("form", "schema", "properties", SITUATIONS), "reserved", SITUATIONS
    yield from _entries(schema, schema, form["layout"], at)
    for index, entry in enumerate(form["layout"]):
        if "fields" not in entry:
            continue
        items = resolved(schema, resolved(schema, schema.get("properties", {}).get(entry["field"])).get("items", {}))
        if items.get("type") != "object":
            yield (*at, index, "field"), "no_group", ""
        else:
            yield from _entries(schema, items, entry["fields"], (*at, index, "fields"))
    yield from _twice([rule["code"] for rule in form.get("rules", ())], ("form", "rules"), "code")
    situations = definition.get(SITUATIONS, ())
    yield from _twice([situation["code"] for situation in situations], (SITUATIONS,), "code")
    for index, situation in enumerate(situations):
        values = [option["value"] for option in situation["options"]]
        yield from _twice(values, (SITUATIONS, index, "options"), "value")


def _entries(root: Any, holder: Mapping[str, Any], entries: list[Any], at: Place) -> Iterator[Finding]:
    properties = holder.get("properties", {})
    names = [entry["field"] for entry in entries]
    yield from _twice(names, at, "field")
    for name in properties.keys() - set(names):
        yield at, "not_in_layout", str(name)
    for index, entry in enumerate(entries):
        if entry["field"] not in properties:
            yield (*at, index, "field"), "no_such_field", entry["field"]
            continue
        schema = resolved(root, properties[entry["field"]])
        choice = resolved(root, schema["items"]) if schema.get("type") == "array" and "fields" not in entry else schema
        if [option["value"] for option in entry.get("options", [])] != choice.get("enum", []):
            yield (*at, index), "options", ""


def _twice(names: list[Any], at: Place, key: str) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (*at, index, key), "twice", str(name)[:60]


def _of_meaning(definition: Mapping[str, Any]) -> Iterator[Finding]:
    form, situations = definition["form"], definition.get(SITUATIONS, ())
    bare = [_without_logic(entry) for entry in form["layout"]]
    names = lay_out(form["schema"], bare, [_without_logic(situation) for situation in situations]).names
    for index, entry in enumerate(form["layout"]):
        yield from _logic(entry, names.at(None), ("form", "layout", index))
        for number, inner in enumerate(entry.get("fields", ())):
            yield from _logic(inner, names.at(entry["field"]), ("form", "layout", index, "fields", number))
    for index, situation in enumerate(situations):
        yield from _logic(situation, names.at(None), (SITUATIONS, index))
    for index, rule in enumerate(form.get("rules", ())):
        yield from _understood(partial(understand_rule, rule, names), ("form", "rules", index))
    materials = definition.get("materials")
    for index, material in enumerate(materials if isinstance(materials, list) else ()):
        if isinstance(material, Mapping) and "needed_when" in material:
            wanted, place = material["needed_when"], ("materials", index, "needed_when")
            yield from _understood(partial(condition, wanted, names.at(None)), place)


def _without_logic(entry: Mapping[str, Any]) -> dict[str, Any]:
    bare = {key: value for key, value in entry.items() if key not in ("shown_when", "computed")}
    return bare | {"fields": [_without_logic(inner) for inner in entry["fields"]]} if "fields" in entry else bare


def _logic(entry: Mapping[str, Any], names: Names, place: Place) -> Iterator[Finding]:
    if "shown_when" in entry:
        yield from _understood(partial(condition, entry["shown_when"], names), (*place, "shown_when"))
    if "computed" in entry:
        yield from _understood(partial(understand, entry["computed"], names), (*place, "computed"))


def _understood(attempt: Callable[[], Any], place: Place) -> Iterator[Finding]:
    try:
        attempt()
    except NotUnderstood as error:
        yield place, "not_understood", str(error)[:200]
