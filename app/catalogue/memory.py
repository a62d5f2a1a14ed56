"""Memory: what a process keeps of the catalogue, bounded, because a province has 165,000 items."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Up to `most` values; the one that was not asked for longest goes first. Safe between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[K, V] = {}
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            value = self._kept.pop(key, None)
            if value is not None:
                # Put back at the end: a dictionary keeps the order in which its keys came.
                self._kept[key] = value
            return value

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._kept.pop(key, None)
            if len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = value

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
