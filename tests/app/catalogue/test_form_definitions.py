"""What may not be published, and that the author is told where it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import app.catalogue.forms
from app.catalogue.definition_wording import DEFINITION_FAULTS
from app.catalogue.form_definitions import form_faults
from app.catalogue.forms import Form
from tests.app.catalogue.long_form import long_form
from tests.app.catalogue.random_forms import patient

FOLDER = Path(app.catalogue.forms.__file__).parent / "definitions"

Change = Callable[[dict[str, Any]], Any]


def schema(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition["form"]["schema"]
    return found


def entry(definition: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in definition["form"]["layout"] if entry["field"] == name)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_published_definitions_may_be_published(file: Path) -> None:
    definition = yaml.safe_load(file.read_text(encoding="utf-8"))
    if isinstance(definition, dict) and "form" in definition:
        assert form_faults(definition, "zh") == {}


WRONG: dict[str, tuple[Change, str, str]] = {
    "a keyword that forms may not use": (
        lambda d: schema(d)["properties"]["line9"].update({"$anchor": "x"}),
        "/form/schema/properties/line9/$anchor",
        "keyword $anchor",
    ),
    "a reference to elsewhere": (
        lambda d: schema(d)["properties"].update(line9={"$ref": "https://example.org/x"}),
        "/form/schema/properties/line9/$ref",
        "inside this schema",
    ),
    "a reference to nothing": (
        lambda d: schema(d)["properties"].update(line9={"$ref": "#/$defs/nothing"}),
        "/form/schema",
        "points at nothing",
    ),
    "a schema that refers to itself": (
        lambda d: schema(d).update({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"items": {"$ref": "#/$defs/a"}}}}),
        "/form/schema",
        "refers to itself",
    ),
    "another dialect": (
        lambda d: schema(d).update({"$schema": "http://json-schema.org/draft-07/schema#"}),
        "/form/schema/$schema",
        "2020-12",
    ),
    "an unknown format": (
        lambda d: schema(d)["properties"]["id"].update(format="passport-number"),
        "/form/schema/properties/id/format",
        "passport-number",
    ),
    "a pattern that looks ahead": (
        lambda d: schema(d)["properties"]["line9"].update(pattern="^(?=a)b"),
        "/form/schema/properties/line9/pattern",
        "not every client",
    ),
    "a pattern that is none": (
        lambda d: schema(d)["properties"]["line9"].update(pattern="(("),
        "/form/schema",
        "wrong",
    ),
    "a text without end": (
        lambda d: schema(d)["properties"]["line9"].pop("maxLength"),
        "/form/schema/properties/line9",
        "maxLength",
    ),
    "a list without end": (
        lambda d: schema(d)["properties"]["children"].pop("maxItems"),
        "/form/schema/properties/children",
        "maxItems",
    ),
    "a field of any type": (
        lambda d: schema(d)["properties"].update(line9={"minLength": 1}),
        "/form/schema/properties/line9",
        "type, enum or const",
    ),
    "an open form": (lambda d: schema(d).pop("additionalProperties"), "/form/schema", "additionalProperties"),
    "an open item": (
        lambda d: schema(d)["properties"]["children"]["items"].pop("additionalProperties"),
        "/form/schema/properties/children/items",
        "additionalProperties",
    ),
    "the reserved name": (
        lambda d: schema(d)["properties"].update(situations={"type": "boolean"}),
        "/form/schema/properties/situations",
        "reserved",
    ),
    "a field that nobody is shown": (
        lambda d: schema(d)["properties"].update(extra={"type": "boolean"}),
        "/form/layout",
        "extra",
    ),
    "a field that is nowhere": (lambda d: schema(d)["properties"].pop("line9"), "/form/layout/20/field", "line9"),
    "a field twice": (
        lambda d: d["form"]["layout"].append(entry(d, "line9")),
        "/form/layout/30/field",
        "line9 is there twice",
    ),
    "a field without a purpose": (lambda d: entry(d, "line9").pop("purpose"), "/form/layout/20/purpose", "purpose"),
    "words in one language": (
        lambda d: entry(d, "line9")["label"].pop("en"),
        "/form/layout/20/label/en",
        "fill in en",
    ),
    "a wish that nobody knows": (
        lambda d: entry(d, "line9").update(colour="red"),
        "/form/layout/20",
        "no such field",
    ),
    "options beside the enum": (lambda d: entry(d, "kind")["options"].pop(), "/form/layout/6", "enum"),
    "a group of texts": (
        lambda d: schema(d)["properties"].update(
            children={"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 3}}
        ),
        "/form/layout/29/field",
        "array of objects",
    ),
    "a condition on nothing": (
        lambda d: entry(d, "line9").update(shown_when={"field": "nobody", "values": ["x"]}),
        "/form/layout/20/shown_when",
        "nobody",
    ),
    "a value that can not be computed": (
        lambda d: entry(d, "age").update(computed={"python": "1+1"}),
        "/form/layout/9/computed",
        "python",
    ),
    "a circle": (
        lambda d: entry(d, "line0").update(shown_when={"field": "line7", "filled": True}),
        "/form",
        "circle",
    ),
    "a rule about nothing": (
        lambda d: d["form"]["rules"][0].update(at=["nobody"]),
        "/form/rules/0",
        "nobody",
    ),
    "a rule twice": (lambda d: d["form"]["rules"].append(d["form"]["rules"][0]), "/form/rules/1/code", "twice"),
    "a situation with one option twice": (
        lambda d: d["situations"][0]["options"].append(d["situations"][0]["options"][0]),
        "/situations/0/options/2/value",
        "self",
    ),
    "a material under a condition on nothing": (
        lambda d: d.update(materials=[{}, {"needed_when": {"situation": "nobody", "values": ["x"]}}]),
        "/materials/1/needed_when",
        "nobody",
    ),
    "a date without quotation marks": (
        lambda d: entry(d, "line9").update(hint=date(2026, 1, 1)),
        "",
        "quotation marks",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_this_is_not_published(case: str) -> None:
    change, place, words = WRONG[case]
    definition = long_form()
    assert form_faults(definition, "en") == {}
    # Through text, because parts of the long form are shared between fields.
    definition = json.loads(json.dumps(definition))
    change(definition)
    faults = form_faults(definition, "en")
    assert place in faults, faults
    assert words in " ".join(faults[place])
    assert faults.keys() == form_faults(definition, "zh").keys()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["string", "#/$defs/a", "name"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$ref", "type", "properties", "items", "field", "fields", "layout", "all", "value", "code"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
)
PARTS = ["schema", "layout", "rules", "situations", "materials"]


@patient(100)
@given(part=st.sampled_from(PARTS), name=st.sampled_from(["line9", "children", "kind"]), anything=JSON)
def test_any_definition_gets_an_answer_and_no_crash(part: str, name: str, anything: Any) -> None:
    definition = long_form()
    if part in ("situations", "materials"):
        definition[part] = anything if isinstance(anything, list) else [anything]
    elif part == "schema":
        schema(definition)["properties"][name] = anything
    elif part == "layout":
        entry(definition, name).update(shown_when=anything, computed=anything)
    else:
        definition["form"]["rules"][0]["check"] = anything
    faults = form_faults(definition, "zh")
    if not faults:
        Form.of(definition)


def test_every_finding_has_words_in_both_languages() -> None:
    assert all(words.keys() == {"zh", "en"} for words in DEFINITION_FAULTS.values())
