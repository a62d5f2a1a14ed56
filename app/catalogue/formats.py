"""Formats: what an ID number, a bank card or a telephone number looks like, by its own check digits.

Pure functions. They say whether a text can be such a number, never whether it exists or whose it is.
Numbers known by their shape alone (passports, permits, plates) are in shapes.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date

from app import clock
from app.catalogue.shapes import SHAPES

_CITIZEN_ID = re.compile(r"[1-9][0-9]{16}[0-9X]")
_CITIZEN_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_ID_CHECKS = "10X98765432"

# Chinese keyboards write U+FF01 to U+FF5E for the ASCII characters 0xFEE0 places lower.
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

# Blanks, no-break and ideographic blanks, line ends, middle dots and hyphens: how people group long numbers.
_PLAINLY: dict[int, int | None] = {
    **dict.fromkeys(map(ord, " \t\r\n\u00a0\u3000·-")),
    **{small: small - 32 for small in range(ord("a"), ord("z") + 1)},
}

_OLD_FOREIGN_RESIDENT_CARD = re.compile(r"[A-Z]{3}[0-9]{12}")
_OLD_CITIZEN_ID = re.compile(r"[1-9][0-9]{14}")

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE = re.compile(rf"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{10}}")
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_BANK_CARD = re.compile(r"[0-9]{12,19}")
_REGION = re.compile(r"[0-9]{6}(?:[0-9]{6})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

# Control characters, lone surrogates, line and paragraph separators. Format characters (Cf) stay allowed:
# Mongolian and Uyghur names are written with them.
_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def normalise_citizen_id(text: str) -> str:
    """`１１010519491231002x ` → `11010519491231002X`: full-width to half-width, trimmed, capital X."""
    return text.translate(_HALF_WIDTH).strip().upper()


def is_citizen_id(text: str, today: date | None = None) -> bool:
    """GB 11643-1999: 6 digits of region, 8 of birth date, 3 of sequence, a check by ISO 7064 mod 11-2.

    The residence permits of Hong Kong, Macau and Taiwan people (810000, 820000, 830000) and the permanent
    resident cards of foreigners issued since 2023 (first digit 9) follow the same rule. The region is not
    looked up: a person keeps the code of the first registration for life, long after the region was renamed
    (居民身份证法 第三条). A birth date after `today` (default: today in China) is refused.

    The text is normalised first, so a small x or full-width digits are no fault.
    """
    number = normalise_citizen_id(text)
    if not _CITIZEN_ID.fullmatch(number):
        return False
    born = _day(number[6:14])
    if born is None or born > (today or clock.today()):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_CITIZEN_ID_WEIGHTS, number[:17], strict=True))
    return _CITIZEN_ID_CHECKS[total % 11] == number[17]


def is_old_citizen_id(text: str) -> bool:
    """The 15 digits issued until 1999: 6 of region, 6 of birth date in the 20th century, 3 of sequence, no check.

    No resident has a valid card with one; old records and certificates are still found by it.
    """
    return _OLD_CITIZEN_ID.fullmatch(text) is not None and _day("19" + text[6:12]) is not None


def is_hmt_residence_permit(text: str) -> bool:
    """港澳台居民居住证: an ID number of region 810000 (Hong Kong), 820000 (Macau) or 830000 (Taiwan)."""
    return is_citizen_id(text) and normalise_citizen_id(text)[:6] in ("810000", "820000", "830000")


def is_foreign_resident_card(text: str) -> bool:
    """外国人永久居留身份证: since 2023 an ID number that starts with 9, before that 3 letters and 12 digits.

    The old one names country, place and birth date, and its last digit's rule was never published.
    """
    if _OLD_FOREIGN_RESIDENT_CARD.fullmatch(text):
        return True
    return is_citizen_id(text) and normalise_citizen_id(text).startswith("9")


def is_social_credit_code(text: str) -> bool:
    """GB 32100-2015: 18 characters of an alphabet without I O S V Z, the last one a check modulo 31.

    Any of the 31 characters can be the check character, not only a digit or X.
    """
    if not _CREDIT_CODE.fullmatch(text):
        return False
    values = [_CREDIT_ALPHABET.index(character) for character in text]
    total = sum(weight * value for weight, value in zip(_CREDIT_WEIGHTS, values[:17], strict=True))
    return (31 - total % 31) % 31 == values[17]


def is_cn_mobile(text: str) -> bool:
    """A mobile number of mainland China: 11 digits, the second one from 3 to 9, without a country code."""
    return _MOBILE.fullmatch(text) is not None


def is_bank_card(text: str) -> bool:
    """ISO/IEC 7812-1: 12 to 19 digits without spaces, the last one by the Luhn algorithm."""
    if not _BANK_CARD.fullmatch(text):
        return False
    digits = [int(digit) for digit in reversed(text)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_region_code(text: str) -> bool:
    """GB/T 2260: 6 digits down to the county, or 12 down to the village by the statistical division codes.

    Codes are not looked up: regions are renamed and merged, and an old code must still be readable.
    """
    return _REGION.fullmatch(text) is not None


def is_past_date(text: str) -> bool:
    """A real day as RFC 3339 writes it, `2026-03-01`, not later than today in China."""
    day = day_of(text)
    return day is not None and day <= clock.today()


def day_of(text: str) -> date | None:
    """`2026-03-01` → that day, or None for any other text. RFC 3339's full-date, of the years 1 to 9999."""
    return _day(text.replace("-", "")) if _DATE.fullmatch(text) else None


def is_text_line(text: str) -> bool:
    """Something readable on one line: not blank, no control characters and no line breaks."""
    if not text.strip():
        return False
    # What Python can print holds none of them; looking at each character is for the few texts left.
    return text.isprintable() or not any(unicodedata.category(char) in _NOT_IN_A_LINE for char in text)


def _day(digits: str) -> date | None:
    """`20260301` → that day, or None for a day that never was."""
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def written_plainly(text: str) -> str:
    """`１３８ 1234-5678` → `13812345678`: half-width, without blanks and hyphens, a to z as capitals."""
    return text.translate(_HALF_WIDTH).translate(_PLAINLY)


FORMATS: dict[str, Callable[[str], bool]] = {
    "citizen-id": is_citizen_id,
    "citizen-id-old": is_old_citizen_id,
    "hmt-residence-permit": is_hmt_residence_permit,
    "foreign-resident-card": is_foreign_resident_card,
    "social-credit-code": is_social_credit_code,
    "cn-mobile": is_cn_mobile,
    "bank-card": is_bank_card,
    "region-code": is_region_code,
    "past-date": is_past_date,
    "text-line": is_text_line,
    **SHAPES,
}
"""Our names for `format` in a service's form (JSON Schema 2020-12, §7.2.3 lets us add some)."""

WRITTEN_PLAINLY = frozenset(
    {
        "citizen-id",
        "citizen-id-old",
        "hmt-residence-permit",
        "foreign-resident-card",
        "social-credit-code",
        "cn-mobile",
        "bank-card",
        "passport",
        "hk-macau-permit",
        "taiwan-permit",
        "plate",
        "postal-code",
    }
)
"""Formats whose texts are kept as `written_plainly`: people group card numbers, keyboards write full width."""
