"""What a condition speaks of: every field and situation that it names, without working it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]


def names_in(condition: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str, str, list[Any]]]:
    """(where, `field` or `situation`, its name, the values it is compared with) for each name in it."""
    for kind in ("field", "situation"):
        if kind in condition:
            # `/name` is the form's field as seen from inside a group, `group/name` one of a group.
            name = condition[kind].removeprefix("/").partition("/")[0]
            yield path, kind, name, condition.get("values", [])
    for kind in ("any", "all"):
        for place, part in enumerate(condition.get(kind, ())):
            yield from names_in(part, (*path, kind, place))
    if "not" in condition:
        yield from names_in(condition["not"], (*path, "not"))
