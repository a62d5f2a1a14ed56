"""Normal forms: the one way of writing a document number, a phone or a name that all its spellings share.

They exist to be compared, never to be shown, and they check nothing: what is no number stays what it is.
Changing one means computing every blind index anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date

_OLD_CITIZEN_ID = re.compile(r"[1-9][0-9]{14}")
_MAINLAND_MOBILE = re.compile(r"1[3-9][0-9]{9}")

# Between the parts of a name people type, by keyboard and habit: · • ・ . ‧ ∙ ⋅ ⸱ ᛫ ● (NFKC has unified others).
_NAME_DOTS = frozenset("·•・.‧∙⋅⸱᛫●")
_DASHES = frozenset({"Pd"})
_SPACES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})


def document_number(text: str) -> str:
    """` １１０１０５-491231-002 ` and `11010519491231002x` → `11010519491231002X`.

    Half-width, without spaces and hyphens, capitals. An ID number of 15 digits (GB 11643-1989: two digits of the
    year and no check) becomes the one of 18 that GB 11643-1999 made of it, so each finds the other. Its holder is
    taken to be born after 1899.
    """
    number = _composed(_kept(_half_width(text), _SPACES | _DASHES)).upper()
    return _lengthened(number) if _is_old_citizen_id(number) else number


def phone(text: str) -> str:
    """`+86 138-0013-8000`, `0086 13800138000` and `8613800138000` → `13800138000`; `(010) 1234 5678` → `01012345678`.

    Numbers of the mainland lose the country code, landlines get their zero back; others keep it: `+85261234567`.
    """
    number = _composed(char for char in _kept(_half_width(text), _SPACES | _DASHES) if char not in "().")
    number = "+" + number[2:] if number.startswith("00") else number
    national = number.removeprefix("+86") if number.startswith("+86") else None
    if national is not None and not _as_mobile(national):
        return national if national.startswith(("0", "400", "800")) else f"0{national}"
    return _as_mobile(number if national is None else national) or number


def full_name(text: str) -> str:
    """`阿依古丽•买买提`, `阿依古丽．买买提` and `阿依古丽 买买提` → `阿依古丽买买提`; `O’NEIL  Ann` → `o'neilann`.

    Half-width, one case, one apostrophe, without spaces and without the dots between the parts, because people
    leave either out.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _composed(char for char in _kept(folded, _SPACES) if char not in _NAME_DOTS).replace("’", "'")


def _half_width(text: str) -> str:
    """NFKC (Unicode annex 15), and the digits of every script as ASCII: Tibetan and Mongolian have their own."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(char, char)) for char in normal)


def _composed(characters: Iterable[str]) -> str:
    """An accent that stood after a dropped character now stands after a letter, and is one with it."""
    return unicodedata.normalize("NFKC", "".join(characters))


def _kept(text: str, dropped: frozenset[str]) -> list[str]:
    """The characters that are of none of these Unicode categories; the minus sign (Sm) counts as a dash."""
    return [c for c in text if unicodedata.category(c) not in dropped and not (c == "−" and "Pd" in dropped)]


def _is_old_citizen_id(number: str) -> bool:
    if not _OLD_CITIZEN_ID.fullmatch(number):
        return False
    try:
        date(1900 + int(number[6:8]), int(number[8:10]), int(number[10:12]))
    except ValueError:
        return False
    return True


def _lengthened(number: str) -> str:
    """GB 11643-1999 §4: the century, then a check by ISO/IEC 7064 MOD 11-2."""
    body = f"{number[:6]}19{number[6:]}"
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def _as_mobile(number: str) -> str:
    """A mobile number of the mainland without the 86, or the trunk zero, that may stand before it; else nothing."""
    for prefix in ("", "86", "0"):
        bare = number.removeprefix(prefix)
        if number.startswith(prefix) and _MAINLAND_MOBILE.fullmatch(bare):
            return bare
    return ""
