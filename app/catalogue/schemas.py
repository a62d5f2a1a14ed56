"""Schemas: how the JSON Schema of a form hangs together, and that it ends.

Only references inside the same schema exist (JSON Schema core §8.2.3.1 with a JSON Pointer): nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_NODES = 10_000
"""Nodes of a schema with every `$ref` written out. A form of 100 fields has some 500."""
DEEPEST = 32

_VALUES = frozenset({"const", "enum"})
"""Keywords that hold values, in which `$ref` is no reference."""


def resolved(root: Mapping[str, Any], node: Any) -> dict[str, Any]:
    """A subschema with its `$ref` followed; what stands beside the reference counts too. `true` is `{}`.

    Raises ValueError for a reference that leads nowhere, or in circles.
    """
    kept: dict[str, Any] = {}
    for _ in range(DEEPEST):
        if not isinstance(node, Mapping):
            return kept if node is True or kept else {"not": {}} if node is False else {}
        kept = {**{key: value for key, value in node.items() if key != "$ref"}, **kept}
        if not isinstance(node.get("$ref"), str):
            return kept
        node = target(root, node["$ref"])
    raise ValueError("a $ref leads in circles")


def target(root: Any, reference: str) -> Any:
    """What `#/$defs/name` points at (RFC 6901). Raises ValueError."""
    if reference != "#" and not reference.startswith("#/"):
        raise ValueError("a $ref must point inside this schema")
    node = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        elif isinstance(node, Mapping) and key in node:
            node = node[key]
        else:
            raise ValueError("a $ref points at nothing")
    return node


def check_end(root: Any) -> None:
    """Raises ValueError when a schema is too deep, too large with its references written out, or refers to itself."""
    _size(root, root, {}, set(), 0)


def _size(root: Any, node: Any, known: dict[str, int], open_references: set[str], depth: int) -> int:
    if depth > DEEPEST:
        raise ValueError("the schema is nested too deep")
    total = 1
    for child in _children(node):
        total += _size(root, child, known, open_references, depth + 1)
        _refuse_over(total)
    if isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
        total += _size_of_target(root, node["$ref"], known, open_references, depth)
    return _refuse_over(total)


def _size_of_target(root: Any, reference: str, known: dict[str, int], open_references: set[str], depth: int) -> int:
    if reference in open_references:
        raise ValueError("the schema refers to itself")
    if reference not in known:
        open_references.add(reference)
        known[reference] = _size(root, target(root, reference), known, open_references, depth + 1)
        open_references.remove(reference)
    return known[reference]


def _refuse_over(size: int) -> int:
    if size > MOST_NODES:
        raise ValueError("the schema is too large")
    return size


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        yield from (child for key, child in node.items() if key not in _VALUES)
    elif isinstance(node, list):
        yield from node
