"""Readings: how Chinese is said, in Hanyu Pinyin without tones, and what of it sounds alike.

The table `pinyin.tsv` is made from pypinyin's (MIT): of each character of GBK up to four readings, and those words of
up to four characters of GB 2312 whose reading does not follow from their characters. pypinyin itself takes 57 MB in
each process, which is more than a third of what our server may take; tests hold it beside this.
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import product
from pathlib import Path

_TABLE = Path(__file__).with_name("pinyin.tsv")
_LONGEST_WORD = 4
_MOST_PARSES = 6

Readings = dict[str, tuple[str, ...]]


@cache
def _table() -> tuple[Readings, Readings]:
    """Character → its readings, commonest first; word → its reading."""
    characters: Readings = {}
    words: Readings = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        said, _, read_so = line.partition("\t")
        syllables = tuple(said.split())
        if read_so.startswith("="):
            words[read_so[1:]] = syllables
        else:
            characters |= dict.fromkeys(read_so, syllables)
    return characters, words


@cache
def syllables() -> frozenset[str]:
    """Every syllable there is."""
    return frozenset(syllable for said in _table()[0].values() for syllable in said)


def of_character(character: str) -> tuple[str, ...]:
    """The readings of a character, commonest first; itself when it has none."""
    return _table()[0].get(character, (character,))


@lru_cache(maxsize=4096)
def of_text(text: str) -> tuple[str, ...]:
    """One syllable for each character, as the words in the text are read; what has no reading stays as it is."""
    words, found, place = _table()[1], list[str](), 0
    while place < len(text):
        length = next((n for n in range(_LONGEST_WORD, 1, -1) if text[place : place + n] in words), 0)
        length = min(length, len(text) - place)
        found += words[text[place : place + length]] if length else (of_character(text[place])[0],)
        place += length or 1
    return tuple(found)


_ALIKE_BEFORE = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("h", "f"))
_ALIKE_AFTER = (("ang", "an"), ("eng", "en"), ("ing", "in"), ("ong", "on"))


@lru_cache(maxsize=2048)
def sounding(syllable: str) -> str:
    """One spelling for syllables that many people do not tell apart: zh z, ch c, sh s, n l, h f, -ang -an, -ing -in."""
    for theirs, ours in _ALIKE_BEFORE:
        if syllable.startswith(theirs) and len(syllable) > len(theirs):
            syllable = ours + syllable[len(theirs) :]
            break
    for theirs, ours in _ALIKE_AFTER:
        if syllable.endswith(theirs):
            return syllable[: -len(theirs)] + ours
    return syllable


def sounds_of(character: str) -> frozenset[str]:
    """Everything a character may sound like."""
    return frozenset(sounding(syllable) for syllable in of_character(character))


def initials(said: tuple[str, ...]) -> str:
    """The first letter of each syllable."""
    return "".join(syllable[:1] for syllable in said)


def parses(typed: str) -> list[tuple[str, ...]]:
    """Ways in which letters can be meant, likeliest first: whole syllables, first letters of syllables, or both.

    `shenfz` is shen-f-z, and less likely she-n-f-z. The last way is always the one in which each letter is a first one.
    """
    # For each place, the best ways to have come there: few parts are likelier than many.
    ways: list[list[tuple[str, ...]]] = [[()], *([] for _ in typed)]
    for end in range(1, len(typed) + 1):
        for start in range(max(0, end - 6), end):
            part = typed[start:end]
            if end - start == 1 or part in syllables() or (end == len(typed) and _begins_one(part)):
                ways[end] += [(*way, part) for way in ways[start]]
        ways[end] = sorted(ways[end], key=len)[:_MOST_PARSES]
    return list(dict.fromkeys([*ways[-1], tuple(typed)]))


@cache
def _beginnings() -> frozenset[str]:
    return frozenset(syllable[:length] for syllable in syllables() for length in range(1, len(syllable) + 1))


def _begins_one(part: str) -> bool:
    return part in _beginnings()


def alike(text: str, most: int = 9) -> list[tuple[str, ...]]:
    """What a text may sound like, up to `most` ways."""
    said = product(*(sorted(sounds_of(character)) for character in text))
    return [way for way, _ in zip(said, range(most), strict=False)]
