"""Lexemes: what one index holds of a service, so that words and filters meet in it.

Each is a mark that says of which kind it is, and the thing itself. Of a running text there is one lexeme for each
place: the character there and the one after it. A single character is found as a prefix, a longer text as its pairs.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.finding import readings

NAME = "n:"
"""A pair of characters of the name or of a keyword."""
SUMMARY = "s:"
SAID = "p:"
"""Two syllables, as they are typed: `p:gao ling`."""
SOUND = "f:"
"""The same with what sounds alike made one."""
FIRST = "i:"
"""Three first letters of syllables."""
WHOLE = "="
"""A whole name or keyword, cut to WHOLE_LENGTH characters: what begins with a text is found as its prefix."""
ENGLISH = "w:"
REGION = "r:"
LEVEL = "l:"
TOPIC = "t:"
LIFE_EVENT = "e:"
AUDIENCE = "a:"
DEPARTMENT = "d:"
AGED = "aged"
"""The service is for people of certain ages."""

WHOLE_LENGTH = 24


def pairs(text: str) -> Iterable[str]:
    """Each character with the one after it; the last one alone."""
    return (text[place : place + 2] for place in range(len(text)))


def of_names(texts: Iterable[str]) -> set[str]:
    """Everything by which names and keywords, in normal form, are found."""
    found: set[str] = set()
    for text in texts:
        said = readings.of_text(text)
        sounds = tuple(readings.sounding(syllable) for syllable in said)
        letters = readings.initials(said)
        found.add(WHOLE + text[:WHOLE_LENGTH])
        found.update(NAME + pair for pair in pairs(text))
        for place in range(len(text)):
            found.add(f"{SAID}{' '.join(said[place : place + 2])}")
            found.add(f"{SOUND}{' '.join(sounds[place : place + 2])}")
            found.add(FIRST + letters[place : place + 3])
    return found


def of_summary(texts: Iterable[str]) -> set[str]:
    """The pairs of a summary's parts, in normal form; single characters of it find nothing."""
    return {SUMMARY + pair for text in texts for pair in pairs(text) if len(pair) == 2}


def quoted(lexeme: str) -> str:
    """A lexeme as the text forms of tsvector and tsquery take it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def vector(found: Iterable[str]) -> str:
    """The text form of a tsvector."""
    return " ".join(map(quoted, found))
