"""Field shapes that several schemas share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.clock import CHINA

_HEX = "64 lower-case hexadecimal digits."
# The pattern is published, so it keeps to what every language reads alike; `$` alone would let a newline follow.
SHA256 = [validate.Regexp("^[0-9a-f]{64}$", error=_HEX), validate.Length(equal=64, error=_HEX)]

_MAX_DEPTH = 6
_MAX_NODES = 2000
_MAX_NAME = 100
_MAX_NUMBER = 2**53 - 1


class Answers(fields.Dict):
    """Answers to a form: any JSON object, bounded in depth and size before anybody looks inside."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=_bounded, **options)


def _bounded(answers: dict[str, object]) -> None:
    if not all(1 <= len(name) <= _MAX_NAME for name in answers):
        raise ValidationError(f"A field's name has 1 to {_MAX_NAME} characters.")
    nodes: int = 0
    layer: list[object] = [answers]
    for _ in range(_MAX_DEPTH):
        layer = [inner for outer in layer for inner in _inside(outer)]
        nodes += len(layer)
        if nodes > _MAX_NODES:
            raise ValidationError("Too many values.")
    if layer:
        raise ValidationError("Nested too deeply.")
    _check_values(answers)


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_values(value: object) -> None:
    """PostgreSQL stores neither NUL characters nor half surrogate pairs, and only numbers that every reader
    understands alike (RFC 7493 §2.2) can be hashed and signed."""
    if isinstance(value, str):
        check_text(value)
    if isinstance(value, int | float) and not abs(value) <= _MAX_NUMBER:
        raise ValidationError("Too large a number.")
    for inner in _inside(value):
        _check_values(inner)
    if isinstance(value, dict):
        for name in value:
            check_text(name)


def check_text(text: str) -> None:
    if "\x00" in text:
        raise ValidationError("Contains a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("Contains half a character.") from None


class Instant(fields.AwareDateTime):
    """An instant as RFC 3339, always told in China's time; one that has none there, hours before the year 1 or after
    9999, is not taken."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        try:
            return super()._deserialize(value, attr, data, **options).astimezone(CHINA)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> Any:
        shown = None if value is None else value.astimezone(CHINA)
        return super()._serialize(shown, attr, obj, **options)


def text(low: int, high: int, **options: Any) -> fields.String:
    """Words of bounded length; where there must be some, spaces alone are none."""
    said = [_check_said] if low else []
    return fields.String(validate=[validate.Length(low, high), check_text, *said], **options)


def _check_said(text: str) -> None:
    if not text.strip():
        raise ValidationError("Holds nothing but spaces.")


class Flag(fields.Boolean):
    """true or false; Python alone would take 0 and 1 for them too."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class WordsSchema(Schema):
    """Words in both languages."""

    zh = fields.String(required=True)
    en = fields.String(required=True)
