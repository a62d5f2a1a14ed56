"""What people type: brought into one form, and what the maintained file `words.yaml` knows about it.

Everything here works on normal text: NFKC, lower case, letters, digits and Chinese characters only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from app.finding import readings

_WORDS = Path(__file__).with_name("words.yaml")
_LETTERS = re.compile("[a-z]+")
LONGEST = 48
"""Characters of a query that are looked at; nobody who searches writes more to good effect."""


def normal(text: str) -> str:
    """Without spaces and punctuation, in lower case, full-width and half-width forms made one (NFKC)."""
    return "".join(chunks(text))


def chunks(text: str) -> list[str]:
    """The same, cut where spaces and punctuation were."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(mark if mark.isalnum() else " " for mark in folded).split()


def is_han(mark: str) -> bool:
    return "\u3400" <= mark <= "\u9fff" or "\U00020000" <= mark <= "\U0003ffff"


def has_letters(text: str) -> bool:
    return _LETTERS.search(text) is not None


@dataclass(frozen=True)
class Term:
    """A word of the file, how it is said, and every word that means the same, itself included."""

    text: str
    said: tuple[str, ...]
    sounds: tuple[frozenset[str], ...]
    meaning: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """What `words.yaml` says. `terms` by text, `by_said` by how they are typed in letters."""

    terms: dict[str, Term]
    by_said: dict[str, tuple[Term, ...]]
    fillers: tuple[str, ...]
    common: frozenset[str]
    look_alikes: dict[str, str]
    longest: int


@cache
def vocabulary() -> Vocabulary:
    """Read once in each process."""
    content = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    meanings: dict[str, list[str]] = {}
    for group in content["synonyms"]:
        words = [normal(word) for word in group]
        for word in words:
            meanings[word] = list(dict.fromkeys([*meanings.get(word, [word]), *words]))
    terms = {word: _term(word, tuple(same)) for word, same in meanings.items()}
    by_said: dict[str, tuple[Term, ...]] = {}
    for term in terms.values():
        for letters in {"".join(term.said), readings.initials(term.said)}:
            if len(letters) > 1:
                by_said[letters] = (*by_said.get(letters, ()), term)
    fillers = tuple(sorted({normal(one) for one in content["fillers"]}, key=lambda one: (-len(one), one)))
    common = frozenset(same for word in content["common"] for same in meanings[word])
    return Vocabulary(terms, by_said, fillers, common, _look_alikes(content["look_alikes"]), max(map(len, terms)))


def _term(word: str, meaning: tuple[str, ...]) -> Term:
    return Term(word, readings.of_text(word), tuple(readings.sounds_of(mark) for mark in word), meaning)


def _look_alikes(groups: list[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in groups:
        for mark in group:
            found[mark] = "".join(dict.fromkeys(found.get(mark, "") + group.replace(mark, "")))
    return found


def without_fillers(text: str) -> str:
    """The text without what says nothing about what is wanted; as it is if nothing else would be left.

    Words of the file are kept whole: 要 goes out of 我要低保, 办 stays in 办公司.
    """
    known, kept, place = vocabulary(), "", 0
    while place < len(text):
        term = _term_at(text, place)
        filler = next((one for one in known.fillers if text.startswith(one, place)), "")
        if term is not None and len(term.text) >= len(filler) and term.text != filler:
            kept += term.text
            place += len(term.text)
        else:
            kept += "" if filler else text[place]
            place += len(filler) or 1
    return kept or text


def without_common(text: str) -> str:
    """The text without the words that many services share; empty if nothing else is in it."""
    return "".join(piece for piece, term in pieces(text) if term is None or term.text not in vocabulary().common)


def pieces(text: str) -> Iterator[tuple[str, Term | None]]:
    """The text in pieces: words of the file, the longest first, and what stands between them."""
    between, place = "", 0
    while place < len(text):
        term = _term_at(text, place)
        if term is None:
            between += text[place]
            place += 1
            continue
        if between:
            yield between, None
            between = ""
        yield term.text, term
        place += len(term.text)
    if between:
        yield between, None


def _term_at(text: str, place: int) -> Term | None:
    known = vocabulary()
    for length in range(min(known.longest, len(text) - place), 1, -1):
        term = known.terms.get(text[place : place + length])
        if term is not None:
            return term
    return None


def corrected(text: str) -> str:
    """The text with what sounds like a word of the file, at least two characters long, written as that word."""
    made, place = "", 0
    heard = [readings.sounds_of(mark) for mark in text]
    while place < len(text):
        term = _term_at(text, place) or _heard_at(heard, place)
        made += term.text if term else text[place]
        place += len(term.text) if term else 1
    return made


def _heard_at(heard: list[frozenset[str]], place: int) -> Term | None:
    known = vocabulary()
    for length in range(min(known.longest, len(heard) - place), 1, -1):
        for term in _terms_of_length(length):
            if all(said & typed for said, typed in zip(term.sounds, heard[place : place + length], strict=True)):
                return term
    return None


@cache
def _terms_of_length(length: int) -> tuple[Term, ...]:
    return tuple(term for term in vocabulary().terms.values() if len(term.text) == length)
