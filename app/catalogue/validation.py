"""Validation: everything that must be right before residents may see a definition.

First the shape (`definition.schema.yaml`) and the form (`form_definitions.py`), then what no shape can say
(`checks.py`). The last only runs on what has the right shape, so that it may take the shape for granted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema_rs import Draft202012Validator, ValidationError
from sqlalchemy import Connection

from app.catalogue import checks, departments, regions
from app.catalogue.faults import pointer
from app.catalogue.form_definitions import form_faults
from app.catalogue.formats import FORMATS
from app.catalogue.mistakes import Fault

_SCHEMA = Path(__file__).with_name("definition.schema.yaml")

MOST_FAULTS = 100
"""Nobody reads more at once."""


@dataclass(frozen=True)
class Surroundings:
    """What a definition may refer to. None means that it is not known here, so it is not checked."""

    departments: frozenset[str] | None = None
    regions: frozenset[str] | None = None


def surroundings(connection: Connection) -> Surroundings:
    """The departments and regions that are known now."""
    return Surroundings(frozenset(departments.known_codes(connection)), frozenset(regions.known_codes(connection)))


def faults(definition: Any, around: Surroundings) -> list[Fault]:
    """What is wrong with a definition, up to MOST_FAULTS; empty when it can be published."""
    if not isinstance(definition, dict):
        return [Fault("", "type", "应为一份事项定义", "a service definition is wanted")]
    of_form = _form_faults(definition)
    if any(fault.pointer == "" for fault in of_form):
        # Too deep or too large to be looked at any further.
        return of_form
    found = [fault for error in _validator().iter_errors(definition) for fault in _shape_faults(error)] + of_form
    if not found:
        found = list(checks.faults(definition, around.departments, around.regions))
    return list(dict.fromkeys(found))[:MOST_FAULTS]


def _form_faults(definition: dict[str, Any]) -> list[Fault]:
    in_chinese = form_faults(definition, "zh")
    # A form has no faults most of the time, and asking twice costs twice.
    in_english = form_faults(definition, "en") if in_chinese else {}
    return [
        Fault(place, "form", zh, en)
        for place, words in in_chinese.items()
        for zh, en in zip(words, in_english.get(place, words), strict=False)
    ]


@cache
def _validator() -> Draft202012Validator:
    schema = yaml.safe_load(_SCHEMA.read_text(encoding="utf-8"))
    return Draft202012Validator(schema, validate_formats=True, formats=FORMATS)


def _shape_faults(error: ValidationError) -> Iterator[Fault]:
    kind, path = error.kind.name, tuple(error.instance_path)
    if kind == "required":
        yield Fault(pointer((*path, error.kind.value)), kind, "缺少此项", "this is missing")
    elif kind == "additionalProperties":
        for name in error.kind.value:
            yield Fault(
                pointer((*path, name)), kind, "没有这一项，请核对拼写", "there is no such item: check the spelling"
            )
    else:
        zh, en = _WORDS.get(kind, ("不符合格式要求", "this has not the shape that is wanted"))
        value = _listed(error.kind.value)
        yield Fault(pointer(path), kind, zh.format(value=value), en.format(value=value))


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_WORDS: dict[str, tuple[str, str]] = {
    "type": ("类型不对，应为 {value}", "the type is wrong: {value} is wanted"),
    "enum": ("只能是：{value}", "only one of: {value}"),
    "const": ("只能是 {value}", "only {value}"),
    "pattern": ("写法不对，应符合 {value}", "this is not written as wanted: {value}"),
    "format": ("不是有效的 {value}", "no valid {value}"),
    "minLength": ("不能为空", "this can not be empty"),
    "maxLength": ("太长，最多 {value} 个字符", "too long: at most {value} characters"),
    "minimum": ("不能小于 {value}", "not less than {value}"),
    "maximum": ("不能大于 {value}", "not more than {value}"),
    "minItems": ("至少要有 {value} 项", "at least {value}"),
    "maxItems": ("最多 {value} 项", "at most {value}"),
    "maxProperties": ("最多 {value} 项", "at most {value}"),
    "uniqueItems": ("有重复的项", "something is listed twice"),
    "oneOf": ("不是其中任何一种写法", "this is none of the ways to say it"),
    "oneOfNotValid": ("不是其中任何一种写法", "this is none of the ways to say it"),
    "anyOf": ("不是其中任何一种写法", "this is none of the ways to say it"),
}
