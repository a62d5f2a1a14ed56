"""Forms: the answers of a resident against the form of a service, with faults told in plain words.

A fault never repeats what was typed: its text may end in a log or on a clerk's screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from app.catalogue.formats import FORMATS
from app.catalogue.wording import (
    BLANK,
    FAULTS,
    FORMAT_FAULTS,
    GENERAL_FAULT,
    PLEASE_CHOOSE,
    PLEASE_FILL_IN,
    THE_FORM,
    UNEXPECTED,
    UNREADABLE,
)

_CHOICE_WIDGETS = frozenset({"radio", "select", "switch", "date", "region"})


class Form:
    """The form of one service version. Building one compiles its schema, so keep it with the version.

    `schema` is JSON Schema 2020-12; `layout` lists the fields with their words, as in the definition files.
    Raises ValueError for a schema that is none.
    """

    def __init__(self, schema: Mapping[str, Any], layout: Sequence[Mapping[str, Any]] = ()) -> None:
        self._validator = Draft202012Validator(dict(schema), validate_formats=True, formats=FORMATS)
        self._fields = {field["field"]: field for field in layout}

    def check(self, answers: Mapping[str, Any], language: str) -> dict[str, list[str]]:
        """JSON Pointer (RFC 6901) → what is wrong there, in `zh` or `en`; empty when all is well."""
        faults: dict[str, list[str]] = {}
        try:
            for error in self._validator.iter_errors(dict(answers)):
                for pointer, words in self._faults(error, language):
                    _add(faults, pointer, words)
        except ValueError:
            # Half a character (a lone surrogate) or a nesting thousands deep: no phone of ours writes that.
            return {"": [UNREADABLE[language]]}
        return faults

    def missing(self, answers: Mapping[str, Any]) -> list[str]:
        """JSON Pointers of the fields that are required, by these answers too, and absent."""
        try:
            errors = list(self._validator.iter_errors(dict(answers)))
        except ValueError:
            return []
        return list(dict.fromkeys(_pointer(_place(e)) for e in errors if e.kind.name == "required"))

    def label(self, field: str, language: str) -> str:
        """What the resident sees as the field's name; its code when the layout does not know it."""
        label: str = self._fields[field]["label"][language] if field in self._fields else field
        return label

    def field(self, name: str) -> Mapping[str, Any]:
        """A field's line of the layout: label, widget, options, `sensitive`; empty when the layout has none."""
        return self._fields.get(name, {})

    def _faults(self, error: ValidationError, language: str) -> Iterator[tuple[str, str]]:
        kind, place = error.kind, _place(error)
        if kind.name in UNEXPECTED:
            for unexpected in kind.value:
                yield _pointer([*error.instance_path, unexpected]), FAULTS[kind.name][language]
            return
        yield _pointer(place), self._words(kind.name, kind.value, place, error.instance, language)

    def _words(self, kind: str, value: Any, place: list[str | int], instance: Any, language: str) -> str:
        field = str(place[-1]) if place else ""
        names = {"label": self.label(field, language) if field else THE_FORM[language], "value": value}
        if kind == "required" or (kind in BLANK and not str(instance).strip()):
            return self._ask(field)[language].format(**names)
        if kind == "format":
            return FORMAT_FAULTS.get(value, FAULTS["format"])[language].format(**names)
        return FAULTS.get(kind, GENERAL_FAULT)[language].format(**names)

    def _ask(self, field: str) -> dict[str, str]:
        chosen = self._fields.get(field, {}).get("widget") in _CHOICE_WIDGETS
        return PLEASE_CHOOSE if chosen else PLEASE_FILL_IN


def _place(error: ValidationError) -> list[str | int]:
    """The path of the field an error is about: a missing field's own path, not that of what lacks it."""
    path = list(error.instance_path)
    return [*path, error.kind.value] if error.kind.name == "required" else path


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _add(faults: dict[str, list[str]], pointer: str, words: str) -> None:
    """A field that fails twice for one reason is told once."""
    told = faults.setdefault(pointer, [])
    if words not in told:
        told.append(words)
