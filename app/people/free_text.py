"""Identifiers inside running text, such as an office's opinion or a clerk's reason: masked by their pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.people import masks

_EMAIL = re.compile(r"[\w.+%-]+[@＠][\w-]+(?:\.[\w-]+)+")
# Passports, permits of Hong Kong, Macau and Taiwan, residence cards of foreigners.
_LETTERED = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,3}\d{7,15}(?!\d)")
_PLATE = re.compile(r"[\u4e00-\u9fff][A-HJ-NP-Z][·•.\- ]?[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳](?![A-Za-z0-9])")
# Spaces, dashes, dots and invisible characters, with which people group the digits of a number.
_GAP = r"[\s\-‐‑‒–—―－−./_·()（）\u200b-\u200d\u2060\ufeff]{0,2}"
_DIGITS = re.compile(rf"\d(?:{_GAP}\d){{6,}}(?:{_GAP}[XxＸｘ](?![A-Za-z]))?")
_DATE = re.compile(r"(?:19|20)\d\d[\s\-－./]{1,2}\d{1,2}[\s\-－./]{1,2}\d{1,2}")
# As they are said aloud and sometimes written.
_SPOKEN = re.compile(r"[〇零一二三四五六七八九幺]{7,}")


def masked(text: str, people: Iterable[str] = ()) -> str:
    """The text with every ID number, phone, bank card, plate and e-mail address in it masked.

    A pattern finds no names: those of the `people` whom the reader's page is about are masked where they stand.
    `请致电138 1234 5678核实` → `请致电*********5678核实`. Dates written with separators stay readable.
    """
    for person in people:
        if len(person) > 1:
            text = text.replace(person, masks.name(person))
    text = _EMAIL.sub(lambda found: masks.email(found[0].replace("＠", "@")), text)
    text = _PLATE.sub(lambda found: masks.plate(found[0]), text)
    text = _LETTERED.sub(lambda found: masks.document_number(found[0]), text)
    text = _SPOKEN.sub(lambda found: "*" * len(found[0]), text)
    return _DIGITS.sub(lambda found: _number(found[0]), text)


def _number(written: str) -> str:
    """A run of at least seven digits: four are left of a long one, none of a short one."""
    digits = sum(character.isdecimal() for character in written)
    if digits <= 8 and _DATE.fullmatch(written):
        return written
    return "*" * (len(written) - 4) + written[-4:] if digits >= 11 else "*" * len(written)
