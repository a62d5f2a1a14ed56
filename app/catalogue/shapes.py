"""Shapes: formats of numbers without a check digit, passports, permits, plates and the like.

Where no public standard gives the exact shape the check is wide: a wrong refusal keeps a person from filing, a number
too many is seen by the office.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_LETTER = "A-HJ-NP-Z"

PATTERNS: dict[str, str] = {
    # Chinese ones are E, G and the like with 8 characters; other countries' differ too much to know them all.
    "passport": r"[A-Z0-9]{5,20}",
    # 港澳居民来往内地通行证: the card of today has 9 characters, two more count the reissues on older ones.
    "hk-macau-permit": r"[HM][0-9]{8}(?:[0-9]{2})?",
    # 台湾居民来往大陆通行证: 8 digits, on older ones 10 and letters that name the edition.
    "taiwan-permit": r"[0-9]{8}|[0-9]{10}(?:[A-Z]{1,2}|\([A-Z]{1,2}\))?",
    "postal-code": r"[0-9]{6}",
    # A mobile or landline number of the mainland, a service number, or a foreign one with its country code (E.164).
    "phone-number": (
        r"1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8}(?:-[0-9]{1,6})?"
        r"|[48]00-?[0-9]{3}-?[0-9]{4}|\+[1-9][0-9]{6,14}"
    ),
    # GA 36: province, letter and five characters, the last of which may name the use; without the letters I and O.
    # New energy cars have six, the first (small) or the last (large) of which is one of A to K. Embassies and
    # consulates have their own.
    "plate": (
        rf"[{_PROVINCES}][{_LETTER}](?:[{_LETTER}0-9]{{4}}[{_LETTER}0-9挂学警港澳]"
        rf"|[A-HJK][{_LETTER}0-9][0-9]{{4}}|[0-9]{{5}}[A-HJK])"
        rf"|[{_PROVINCES}][{_LETTER}][0-9]{{4}}领|[0-9]{{6}}使|使[0-9]{{6}}"
    ),
}
"""Name of a format → regular expression for the whole text, the same in Python and in ECMAScript."""


def _check(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


SHAPES: dict[str, Callable[[str], bool]] = {name: _check(pattern) for name, pattern in PATTERNS.items()}
