"""Redactions: the last net under the logs. What looks like somebody's identifier is replaced before a line is written.

It is a net, not a licence: names and addresses look like nothing in particular, so the rule stays that only event
names, ids and numbers are logged, and of an error only its type and places (`app/logs.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

_SMALL = (int, float, bool, type(None))

# Every pattern holds one of these, and the lines of an ordinary day hold none: looking once is all they pay for.
_DIGITS = re.compile(r"[\dHMCEGDSP]\d\d[\d -]{6}")
_OPENID = re.compile(r"(?<![A-Za-z0-9_-])o[A-Za-z0-9_-]{27}")
_LONG = 40
"""Characters of the shortest random token."""
# Digits may be full-width (`\d` of a str), and in groups.
_PATTERNS = re.compile(
    r"""
      (?P<kept>(?<![0-9A-Za-z])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![0-9A-Za-z]))
    | (?P<token>
        (?<![A-Za-z])(?i:(?:bearer|basic)\s+)[^\s"',;]+
      | (?<![A-Za-z0-9])eyJ[\w-]{5,}(?:\.[\w-]*){1,4}
      | (?<![A-Za-z0-9])whsec_[\w+/=-]+
      | (?<![A-Za-z0-9])X-Amz-(?:Signature|Credential|Security-Token)=[^&\s"']+
      | (?<![A-Za-z0-9])AKIA[A-Z0-9]{12,}
      | (?<![A-Za-z0-9_-])(?=[\w-]*[A-Z])(?=[\w-]*[\da-z])[A-Za-z0-9_-]{40,}
      | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)
      )
    | (?P<email>[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)
    | (?P<openid>(?<![A-Za-z0-9_-])o(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-]))
    | (?P<document>
        (?<!\d)\d{6}[ -]?\d{8}[ -]?\d{3}[\dXxＸｘ](?!\d)
      | (?<!\d)\d{15}(?!\d)
      | (?<![A-Za-z0-9])[HMCEGDSP]\d{8,10}(?![A-Za-z0-9])
      )
    | (?P<card>(?<!\d)(?:\d{16,19}|\d{4}([ -])\d{4}\g{sep}\d{4}\g{sep}\d{4}(?:\g{sep}\d{1,3})?)(?!\d))
    | (?P<mobile>(?<!\d)(?:(?:\+|00)?86[ -]?)?[1１][3-9３-９]\d[ -]?\d{4}[ -]?\d{4}(?!\d))
    """.replace("([ -])", "(?P<sep>[ -])").replace(r"\g{sep}", "(?P=sep)"),
    re.VERBOSE,
)

_LABELS = {
    "token": "[token]",
    "email": "[e-mail]",
    "openid": "[openid]",
    "document": "[document number]",
    "card": "[card]",
    "mobile": "[mobile]",
}

_NEVER = {
    *(
        "address",
        "answers",
        "authorization",
        "body",
        "cookie",
        "document_number",
        "email",
        "e_mail",
        "id_card",
        "mobile",
    ),
    *("name", "openid", "opinion", "password", "phone", "pin", "query_string", "secret", "session_key", "subject"),
    *("token", "access_token", "refresh_token"),
}
"""Names under which nothing is ever logged, whatever it looks like."""


def of_text(text: str) -> str:
    """The text without what looks like an identifier: `call 19900000002` → `call [mobile]`."""
    return _PATTERNS.sub(_replaced, text) if len(text) >= _LONG or _is_suspicious(text) else text


def of_line(values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The values of one log line. An ordinary one comes back as it is, for a few microseconds."""
    texts = []
    for value in values.values():
        if type(value) is str and len(value) < _LONG:
            texts.append(value)
        elif type(value) not in _SMALL or _is_large(value):
            return of_mapping(values)
    if _are_ordinary(tuple(values)) and not _is_suspicious("\n".join(texts)):
        return values
    return of_mapping(values)


def of_mapping(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """The same for every value, and for the names themselves."""
    return {
        of_text(name) if isinstance(name, str) else of_value(name): (
            "[removed]" if isinstance(name, str) and name.lower() in _NEVER else of_value(value)
        )
        for name, value in values.items()
    }


def of_value(value: Any) -> Any:
    """Any value as JSON can say it. What is no plain value is told as text first; bytes are only counted."""
    if isinstance(value, str):
        return of_text(value)
    if type(value) in _SMALL:
        # A phone number may come as a number, and a label is no number.
        told = of_text(str(value)) if _is_large(value) else ""
        return told if told.startswith("[") else value
    if isinstance(value, Mapping):
        return of_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [of_value(inner) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return of_text(str(value))


@lru_cache(maxsize=256)
def _are_ordinary(names: tuple[str, ...]) -> bool:
    return _NEVER.isdisjoint(names) and not _is_suspicious("\n".join(names))


def _is_suspicious(text: str) -> bool:
    if _DIGITS.search(text) or _OPENID.search(text) or "@" in text or "eyJ" in text:
        return True
    return (
        "earer " in text or "asic " in text or "EARER " in text or "whsec_" in text or "AKIA" in text or "Amz-" in text
    )


def _is_large(number: int | float | None) -> bool:
    return number is not None and not -1e10 < number < 1e10


def _replaced(found: re.Match[str]) -> str:
    kind = found.lastgroup if found.lastgroup != "sep" else "card"
    return found.group() if kind == "kept" else _LABELS[kind or ""]
