"""Queries: what somebody typed, as questions to the index, the likeliest meaning first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise, product
from typing import Any

from app.finding import lexemes, readings, typed
from app.finding.lexemes import quoted
from app.finding.typed import Term

WORDS, ENGLISH, SAID, UNITS = "words", "english", "said", "units"
_MOST_CHUNKS, _MOST_VARIANTS, _MOST_UNITS, _MOST_MEANT = 8, 24, 12, 6
_TERM_WEIGHT, _PAIR_WEIGHT = 2, 1
ENOUGH = 0.4
"""The share of what was typed, by weight, that a service must hold to be offered when nothing holds all of it."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One question: a tsquery, how what it finds is ranked, and what the ranking needs.

    `only_if_nothing`: it guesses, so it is only asked when the stages before found nothing at all.
    """

    ranking: str
    query: str
    only_if_nothing: bool = False
    values: dict[str, Any] = field(default_factory=dict)


def stages(text: str) -> list[Stage]:
    """The questions for a text, none for a text without a letter, digit or character."""
    parts = _parts(text)
    whole = "".join(parts)
    if not whole:
        return []
    asked = [_words(parts)]
    core = [typed.without_fillers(part) for part in parts]
    if typed.has_letters(whole):
        asked += _in_letters(parts, whole)
    elif core != parts:
        asked.append(_words(core))
    if not typed.has_letters(whole):
        asked += _guesses(core)
    return _each_once(asked)


def _parts(text: str) -> list[str]:
    kept: list[str] = []
    room = typed.LONGEST
    for chunk in typed.chunks(text)[:_MOST_CHUNKS]:
        kept.append(chunk[:room])
        room -= len(kept[-1])
    return [part for part in kept if part]


def _each_once(asked: Iterable[Stage]) -> list[Stage]:
    different: dict[str, Stage] = {}
    for stage in asked:
        different.setdefault(stage.query, stage)
    return list(different.values())


def both(*queries: str) -> str:
    return " & ".join(queries) if len(queries) == 1 else "(" + " & ".join(queries) + ")"


def either(queries: Iterable[str]) -> str:
    different = list(dict.fromkeys(queries))
    return different[0] if len(different) == 1 else "(" + " | ".join(different) + ")"


def begins(lexeme: str) -> str:
    return quoted(lexeme) + ":*"


def _words(parts: list[str], only_if_nothing: bool = False) -> Stage:
    """Every part is in the name, a keyword or the summary, as it was typed or in other words."""
    asked = [list(typed.pieces(part)) for part in parts]
    query = both(*(either(_text(word) for word in _meaning(*piece)) for pieces in asked for piece in pieces))
    whole = "".join(parts)
    choices = product(*(_meaning(*piece) for pieces in asked for piece in pieces))
    variants = ["%" + "".join(choice) + "%" for choice in islice(choices, _MOST_VARIANTS)]
    # As it stands, a text that begins a name is never lost among the many that only hold it.
    return Stage(WORDS, query, only_if_nothing, {"whole": whole, "begin": whole + "%", "variants": variants})


def _meaning(text: str, term: Term | None) -> tuple[str, ...]:
    return (text,) if term is None else (text, *(word for word in term.meaning if word != text))


def _text(text: str) -> str:
    if len(text) == 1:
        return begins(lexemes.NAME + text)
    inside = [pair for pair in lexemes.pairs(text) if len(pair) == 2]
    return both(*(either([quoted(lexemes.NAME + pair), quoted(lexemes.SUMMARY + pair)]) for pair in inside))


def _in_letters(parts: list[str], whole: str) -> list[Stage]:
    """Pinyin in whole or by first letters, words of the file so typed, and English."""
    asked = []
    if whole.isascii():
        words = [part for part in parts if len(part) > 1] or parts
        asked.append(Stage(ENGLISH, both(*(begins(lexemes.ENGLISH + word) for word in words)), values=_english(words)))
    asked += [_words([term.text]) for term in typed.vocabulary().by_said.get(whole, ())[:_MOST_MEANT]]
    return [*asked, _said(whole)]


def _english(words: list[str]) -> dict[str, Any]:
    return {"english": " ".join(words)}


_RUNS = re.compile(r"[a-z]+|[^a-z]")


def _said(whole: str) -> Stage:
    """Letters as pinyin; characters between them as they are read."""
    runs = [readings.parses(run) if run[0].isascii() else [readings.of_text(run)] for run in _RUNS.findall(whole)]
    ways = [tuple(part for run in way for part in run) for way in islice(product(*runs), 12)]
    ways = list(dict.fromkeys([*ways, *(tuple(part for run in runs for part in run[-1]),)]))
    pattern = "|".join(" ".join(_part_pattern(part, last) for part, last in _with_last(way)) for way in ways)
    values = {"pattern": rf"(^|[ \n])({pattern})", "begin_pattern": rf"\n({pattern})"}
    return Stage(SAID, either(_way(way) for way in ways), values=values)


def _with_last(way: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    return ((part, place == len(way)) for place, part in enumerate(way, 1))


def _is_whole(part: str) -> bool:
    return len(part) > 1 and part in readings.syllables()


def _part_pattern(part: str, last: bool) -> str:
    """A whole syllable is itself, except that the last one may go on; a beginning is any that begins so."""
    return part if _is_whole(part) and not last else part + "[a-z]*"


def _way(way: tuple[str, ...]) -> str:
    first = readings.initials(way)
    asked = [quoted(lexemes.FIRST + first[place : place + 3]) for place in range(len(first) - 2)]
    if len(first) < 3:
        asked = [begins(lexemes.FIRST + first)]
    for place, (one, other) in enumerate(pairwise(way), 2):
        if _is_whole(one) and (_is_whole(other) or place == len(way)):
            pair = f"{lexemes.SAID}{one} {other}"
            asked.append(begins(pair) if place == len(way) else quoted(pair))
    if len(way) == 1 and len(way[0]) > 1:
        asked.append(begins(lexemes.SAID + way[0]))
    return both(*asked)


def _guesses(parts: list[str]) -> list[Stage]:
    """What was perhaps meant: a word that sounds so, characters that sound or look alike, a part of the words."""
    right = [typed.corrected(part) for part in parts]
    telling = [part for part in map(typed.without_common, right) if part]
    guesses = [_words(tried, only_if_nothing=True) for tried in (right, telling) if tried and tried != parts]
    if any(len(part) > 1 for part in parts):
        whole = "".join(parts)
        ranked = {"whole": whole, "begin": whole + "%", "variants": [f"%{whole}%"]}
        guesses.append(Stage(WORDS, both(*map(_alike, parts)), True, ranked))
    units = list(islice(_units(telling), _MOST_UNITS))
    if units:
        values: dict[str, Any] = {
            "units": [pattern for pattern, _, _ in units],
            "weights": [weight for _, weight, _ in units],
            "least": max(2.0, ENOUGH * sum(weight for _, weight, _ in units)),
        }
        guesses.append(Stage(UNITS, either(query for _, _, query in units), True, values))
    return guesses


def _alike(part: str) -> str:
    if len(part) == 1:
        return begins(lexemes.NAME + part)
    return both(*(_pair_alike(pair) for pair in lexemes.pairs(part) if len(pair) == 2))


def _pair_alike(pair: str) -> str:
    """Two characters, either of which may be another that looks so, or both others that sound so."""
    alike, one, other = typed.vocabulary().look_alikes, pair[0], pair[1]
    seen = [pair, *(mark + other for mark in alike.get(one, "")), *(one + mark for mark in alike.get(other, ""))]
    heard = [quoted(lexemes.SOUND + " ".join(way)) for way in readings.alike(pair)]
    return either([*(quoted(lexemes.NAME + text) for text in seen), *heard])


def _units(parts: list[str]) -> Iterator[tuple[str, int, str]]:
    """What may be found by itself: pattern, weight, and question."""
    for part in parts:
        for text, term in typed.pieces(part):
            if term is not None:
                yield (
                    "|".join(_meaning(text, term)),
                    _TERM_WEIGHT * (len(text) - 1),
                    either(map(_text, _meaning(text, term))),
                )
            else:
                for pair in lexemes.pairs(text):
                    if len(pair) == 2:
                        yield pair, _PAIR_WEIGHT, quoted(lexemes.NAME + pair)
