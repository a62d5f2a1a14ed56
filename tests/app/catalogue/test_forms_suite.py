"""The official test suite of JSON Schema 2020-12, as far as forms may use it, on the way that answers are checked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.catalogue.expressions import LARGEST
from app.catalogue.forms import Form
from app.catalogue.keywords import ALLOWED_KEYWORDS, keyword_findings
from app.catalogue.schemas import check_end

SUITE = Path(__file__).with_name("json_schema_suite")
GROUPS: list[tuple[str, dict[str, Any]]] = [
    (file.stem, group)
    for file in sorted(SUITE.glob("*.json"))
    for group in json.loads(file.read_text(encoding="utf-8"))
]

LEFT_OUT = {"additionalProperties": 2, "defs": 1, "not": 1, "properties": 1, "ref": 25}
"""File → groups that use what forms may not, mostly `$id`, `$anchor`, remote or circular references and
`patternProperties`. Written down so that a keyword lost from ALLOWED_KEYWORDS shows here."""


def allowed(schema: Any) -> bool:
    if list(keyword_findings(schema)):
        return False
    try:
        check_end(schema)
    except ValueError:
        return False
    return True


def in_a_field(node: Any) -> Any:
    """The same schema one level deeper, as that of the field `f`."""
    if isinstance(node, dict):
        moved = {
            key: value if key in ("const", "enum") else in_a_field(value)
            for key, value in node.items()
            if key != "$schema"
        }
        if isinstance(reference := node.get("$ref"), str):
            moved["$ref"] = "#/properties/f" + reference[1:]
        return moved
    return [in_a_field(value) for value in node] if isinstance(node, list) else node


RUN = [(name, group) for name, group in GROUPS if allowed(group["schema"])]


@pytest.mark.parametrize(("name", "group"), RUN, ids=[f"{name}: {group['description']}" for name, group in RUN])
def test_the_verdict_is_that_of_the_official_suite(name: str, group: dict[str, Any]) -> None:
    form = Form({"type": "object", "properties": {"f": in_a_field(group["schema"])}})
    for case in group["tests"]:
        data = case["data"]
        # Answers are hashed by RFC 8785, which has no whole number beyond this.
        too_large = isinstance(data, int) and abs(data) > LARGEST
        faults = form.check({"f": data}, "en")
        assert (faults == {}) is (case["valid"] and not too_large), case["description"]


def test_nothing_is_left_out_unnoticed() -> None:
    kept = Counter(name for name, _ in RUN)
    assert {
        name: count - kept[name] for name, count in Counter(name for name, _ in GROUPS).items() if count > kept[name]
    } == LEFT_OUT


def test_every_keyword_that_judges_has_its_part_of_the_suite() -> None:
    annotations = {"$schema", "$comment", "title", "description"}
    elsewhere = {"$ref": "ref", "$defs": "ref", "if": "if-then-else", "then": "if-then-else", "else": "if-then-else"}
    elsewhere["format"] = "format-date"
    run = {name for name, _ in RUN}
    assert {
        keyword for keyword in ALLOWED_KEYWORDS - annotations if elsewhere.get(keyword, keyword) not in run
    } == set()
