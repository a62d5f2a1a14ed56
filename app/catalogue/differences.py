"""Differences between two editions of a definition, place by place, for those who review the newer one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.catalogue.faults import pointer
from app.catalogue.questions import Place

ABSENT = object()

# What tells the members of a list apart, so that one put in the middle is not a change of all that follow.
_NAMES = ("code", "field", "value")


def differences(old: Any, new: Any) -> list[dict[str, Any]]:
    """[{pointer, change: added | removed | changed, before?, after?}] in the order of the newer one."""
    return [_told(place, before, after) for place, before, after in _walk(old, new, ())]


def _told(place: Place, before: Any, after: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"pointer": pointer(place)}
    told["change"] = "added" if before is ABSENT else "removed" if after is ABSENT else "changed"
    if before is not ABSENT:
        told["before"] = before
    if after is not ABSENT:
        told["after"] = after
    return told


def _walk(old: Any, new: Any, place: Place) -> Iterator[tuple[Place, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _members(old, new, place)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _members(_named(old), _named(new), place)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield place, old, new


def _members(old: dict[Any, Any], new: dict[Any, Any], place: Place) -> Iterator[tuple[Place, Any, Any]]:
    for name, after in new.items():
        yield from _walk(old.get(name, ABSENT), after, (*place, name))
    for name, before in old.items():
        if name not in new:
            yield (*place, name), before, ABSENT


def _named(listed: list[Any]) -> dict[Any, Any]:
    for name in _NAMES:
        if all(isinstance(one, dict) and isinstance(one.get(name), str) for one in listed):
            made = {one[name]: one for one in listed}
            if len(made) == len(listed):
                return made
    return dict(enumerate(listed))
