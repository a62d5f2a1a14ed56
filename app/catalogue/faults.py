"""Faults: what a validator found, as JSON Pointers (RFC 6901) with words.

A fault never repeats what was typed: its text may end in a log or on a clerk's screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema_rs import ValidationError

from app.catalogue.labels import Labels
from app.catalogue.questions import Place
from app.catalogue.wording import BLANK, FAULTS, FORMAT_FAULTS, GENERAL_FAULT, UNEXPECTED


class Faults(dict[str, list[str]]):
    """JSON Pointer → what is wrong there, in one language."""

    def __init__(self, labels: Labels, language: str) -> None:
        super().__init__()
        self._labels, self._language = labels, language

    def found(self, error: ValidationError) -> None:
        """Take note of what the validator says."""
        kind = error.kind
        if kind.name in UNEXPECTED:
            for unexpected in kind.value:
                self.tell((*error.instance_path, unexpected), FAULTS[kind.name][self._language])
            return
        place = place_of(error)
        self.tell(place, self._words(kind.name, kind.value, place, error.instance))

    def missing(self, place: Place) -> None:
        self.tell(place, self._labels.question(place)[self._language].format(label=self._label(place)))

    def tell(self, place: Place, words: str) -> None:
        """A field that fails twice for one reason is told once."""
        told = self.setdefault(pointer(place), [])
        if words not in told:
            told.append(words)

    def _words(self, kind: str, value: Any, place: Place, instance: Any) -> str:
        names = {"label": self._label(place), "value": value}
        if kind == "required" or (kind in BLANK and not str(instance).strip()):
            return self._labels.question(place)[self._language].format(**names)
        if kind == "format":
            return FORMAT_FAULTS.get(value, FAULTS["format"])[self._language].format(**names)
        return FAULTS.get(kind, GENERAL_FAULT)[self._language].format(**names)

    def _label(self, place: Place) -> str:
        return self._labels.of(place, self._language)


def place_of(error: ValidationError) -> Place:
    """The place of the field an error is about: a missing field's own place, not that of what lacks it."""
    path = tuple(error.instance_path)
    return (*path, error.kind.value) if error.kind.name == "required" else path


def places_of(error: ValidationError) -> Iterator[Place]:
    """Like place_of, with each unexpected field for itself."""
    if error.kind.name in UNEXPECTED:
        yield from ((*error.instance_path, name) for name in error.kind.value)
    else:
        yield place_of(error)


def pointer(place: Place) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)
