"""Progress: how far a long command has come. A line that redraws itself on a terminal, one now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_WIDTH = 30
_REDRAWN_AFTER = 0.1
_TOLD_AFTER = 5.0


class Progress:
    """`with Progress("Import · 导入", total) as progress: progress.at(done)`"""

    def __init__(self, words: str, total: int, stream: TextIO | None = None) -> None:
        self._words, self._total, self._stream = words, total, stream or sys.stderr
        self._live = self._stream.isatty()
        self._begun = self._told = time.monotonic()
        self._first = 0
        self._done = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._tell()
        if self._live:
            self._stream.write("\n")
        self._stream.flush()

    def resume(self, done: int) -> None:
        """So many were done by an earlier run, so they say nothing about how fast this one is."""
        self._first = self._done = done

    def at(self, done: int) -> None:
        self._done = done
        if time.monotonic() - self._told > (_REDRAWN_AFTER if self._live else _TOLD_AFTER):
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        share = self._done / self._total if self._total else 1.0
        filled = int(share * _WIDTH)
        seconds = self._told - self._begun
        rate = (self._done - self._first) / seconds if seconds > 0 else 0.0
        left = f", {(self._total - self._done) / rate:,.0f} s left" if rate and self._done < self._total else ""
        bar = "█" * filled + "░" * (_WIDTH - filled)
        line = f"{self._words}  {bar} {share:4.0%}  {self._done:,}/{self._total:,}  {rate:,.0f}/s{left}"
        self._stream.write(f"\r{line}\x1b[K" if self._live else f"{line}\n")
        self._stream.flush()
