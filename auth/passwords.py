"""Passwords of staff: how they are kept, and which are taken.

Kept as Argon2id (RFC 9106) with the parameters of OWASP's cheat sheet: 19 MiB, two passes, about 20 ms. Length counts
first (NIST SP 800-63B-4 §3.1.1.2); what everybody uses is refused; how many classes of characters and how many days a
password lasts are settings, because assessors of MLPS level 3 ask for four and ninety.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.settings import settings

LONGEST = 128
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_COMMON = Path(__file__).with_name("common_passwords.txt")
_LEET = str.maketrans("@4301!5$7", "aaeoiisst")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn")
# Without the ones that are mistaken for one another, because it is read from a slip of paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def hashed(password: str) -> str:
    """The password as it is stored, with its own salt and parameters."""
    return _hasher.hash(_one_form(password))


def is_right(stored: str | None, password: str) -> bool:
    """Whether it is the password. Where there is none, as much time is spent on nothing."""
    try:
        return _hasher.verify(stored or _nobodys(), _one_form(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether it was stored with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _one_form(password: str) -> str:
    """The same characters however a keyboard composes them (NIST SP 800-63B-4 §3.1.1.2), and not without end."""
    return unicodedata.normalize("NFKC", password[:LONGEST])


@cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))


def faults(password: str, staff_number: str, language: str) -> list[str]:
    """Why this password is not taken, in the person's words; an empty list when it is."""
    found = [words for words, is_so in _rules(password, staff_number) if is_so]
    return [words[language] for words in found]


def _rules(password: str, staff_number: str) -> list[tuple[dict[str, str], bool]]:
    length, classes = settings().staff_password_length, settings().staff_password_classes
    # What is guessed at is the form that is kept: a common password in full-width letters is a common one.
    kept = _one_form(password)
    return [
        ({"zh": f"至少{length}个字符。", "en": f"At least {length} characters."}, len(kept) < length),
        ({"zh": f"最多{LONGEST}个字符。", "en": f"At most {LONGEST} characters."}, len(password) > LONGEST),
        (
            {
                "zh": f"须含大写、小写、数字、符号中的{classes}类。",
                "en": f"{classes} of: capital letters, small letters, digits, signs.",
            },
            _classes(kept) < classes,
        ),
        ({"zh": "不能包含工号。", "en": "It holds your staff number."}, staff_number.lower() in kept.lower()),
        ({"zh": "太常见，容易被猜到。", "en": "Too common: it would be guessed."}, is_common(kept)),
    ]


def _classes(password: str) -> int:
    # Characters without capitals, such as Chinese ones, count with the small letters.
    kinds = (str.isupper, lambda one: one.isalpha() and not one.isupper(), str.isdigit, lambda one: not one.isalnum())
    return sum(any(kind(one) for one in password) for kind in kinds)


def is_common(password: str) -> bool:
    """Whether it is one of the known ones with decoration, a run along the keyboard, or a few characters repeated."""
    plain = password.lower()
    core = plain.strip("0123456789!@#$%^&*()_+-=.,?~ ")
    known = {plain, core, plain.translate(_LEET), core.translate(_LEET)} & _common()
    is_repeated = plain in (plain + plain)[1:-1]
    return len(set(plain)) < 5 or bool(known) or is_repeated or _is_run(plain)


def _is_run(plain: str) -> bool:
    """Whether nearly all of it goes along a row of the keyboard, the alphabet or the digits."""
    steps = list(pairwise(plain))
    along = sum(any(a + b in row or b + a in row for row in _ROWS) for a, b in steps)
    return bool(steps) and along >= 0.8 * len(steps)


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split())


def new_first() -> str:
    """A first password to hand over: 16 random characters, good for a few days, and changed at the first login."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
