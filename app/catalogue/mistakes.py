"""Faults of a definition: where in it, and why it can not be published, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`pointer` is a JSON Pointer (RFC 6901) into the definition; `code` is short and never changes."""

    pointer: str
    code: str
    zh: str
    en: str

    def words(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Located:
    """A fault in a file, at a line counted from 1."""

    file: str
    line: int
    fault: Fault

    def told(self, language: str) -> str:
        """`permit.yaml:12: /limits/promised: …`, which editors and terminals can jump to."""
        return f"{self.file}:{self.line}: {self.fault.pointer or '/'}: {self.fault.words(language)}"


def located(file: str, lines: Mapping[str, int], faults: Sequence[Fault]) -> list[Located]:
    """Each fault with its line: that of its place, or of the nearest thing around it that is there."""
    found = [Located(file, _line(lines, fault.pointer), fault) for fault in faults]
    return sorted(found, key=lambda one: one.line)


def _line(lines: Mapping[str, int], pointer: str) -> int:
    while pointer and pointer not in lines:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer, 1)
