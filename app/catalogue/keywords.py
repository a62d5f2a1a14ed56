"""Keywords: the part of JSON Schema 2020-12 that the form of a service may use.

Left out is what a form does not need and what makes it slow or different on each phone: references to other documents
and dynamic ones, `unevaluated…`, `patternProperties`, `default`, and whatever describes encoded content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.catalogue.formats import FORMATS
from app.catalogue.questions import Place
from app.catalogue.schemas import DEEPEST

_ONE = frozenset({"additionalProperties", "items", "contains", "propertyNames", "not", "if", "then", "else"})
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "$defs", "dependentSchemas"})
_PLAIN = frozenset(
    {
        "$schema",
        "$comment",
        "$ref",
        "title",
        "description",
        "type",
        "enum",
        "const",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "required",
        "dependentRequired",
    }
)

ALLOWED_KEYWORDS = _ONE | _LISTED | _NAMED | _PLAIN

ALLOWED_FORMATS = frozenset(FORMATS) | {"date"}

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_LONGEST_PATTERN = 300

# Escapes and groups that the engine here and ECMAScript's (with its flag u) do not read alike, or that one lacks.
_UNLIKE = re.compile(r"\\[^dDnrt\\/.*+?^$|(){}\[\]-]|\(\?(?!:)|&&|~~|--|\[\[|\[:")

Finding = tuple[Place, str, str]
"""Where in the schema, which words of `definition_wording.py`, and what they are about."""


def keyword_findings(schema: Any) -> Iterator[Finding]:
    """Everything in a schema that a form may not use. Stops at the depth that a form may have."""
    yield from _findings(schema, ())


def _findings(node: Any, place: Place) -> Iterator[Finding]:
    if isinstance(node, bool):
        return
    if not isinstance(node, Mapping) or len(place) > 2 * DEEPEST:
        yield place, "not_a_schema", ""
        return
    for keyword, value in node.items():
        here = (*place, keyword)
        if keyword not in ALLOWED_KEYWORDS:
            yield here, "keyword", str(keyword)[:40]
            continue
        yield from _of_value(keyword, value, here)
        for step, child in _children(keyword, value):
            yield from _findings(child, (*here, *step))


def _of_value(keyword: str, value: Any, here: Place) -> Iterator[Finding]:
    if keyword == "$schema" and (value != DIALECT or len(here) > 1):
        yield here, "dialect", ""
    if keyword == "$ref" and not (isinstance(value, str) and (value == "#" or value.startswith("#/"))):
        yield here, "reference", ""
    if keyword == "format" and value not in ALLOWED_FORMATS:
        yield here, "format", str(value)[:40]
    if keyword == "pattern" and not _is_portable(value):
        yield here, "pattern", ""


def _is_portable(pattern: Any) -> bool:
    return isinstance(pattern, str) and len(pattern) <= _LONGEST_PATTERN and not _UNLIKE.search(pattern)


def _children(keyword: str, value: Any) -> Iterator[tuple[Place, Any]]:
    if keyword in _ONE:
        yield (), value
    elif keyword in _LISTED and isinstance(value, list):
        yield from (((index,), child) for index, child in enumerate(value))
    elif keyword in _NAMED and isinstance(value, Mapping):
        yield from (((str(name),), child) for name, child in value.items())
