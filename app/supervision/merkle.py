"""Merkle trees, hashed as RFC 9162 §2.1 does: leaves with 0x00 before them, nodes with 0x01.

Everything here is a pure function of leaf hashes; the hash is a suite's. A tree is also made of the roots of blocks of
a power of two of its leaves, so a path through a large one is found from a block and the other blocks' roots.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.crypto.suites import Suite


def leaf(suite: Suite, data: bytes) -> bytes:
    """The hash of a leaf (RFC 9162 §2.1.1)."""
    return suite.digest(b"\x00" + data)


def node(suite: Suite, left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return suite.digest(b"\x01" + left + right)


def root(suite: Suite, hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, in order; of none it is the hash of nothing."""
    if not hashes:
        return suite.digest(b"")
    level = hashes
    while len(level) > 1:
        level = _above(suite, level)
    return level[0]


def path(suite: Suite, hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The inclusion proof of the leaf at `index` (RFC 9162 §2.1.3.1), from the bottom up."""
    found, level = [], hashes
    while len(level) > 1:
        if index ^ 1 < len(level):
            found.append(level[index ^ 1])
        index, level = index >> 1, _above(suite, level)
    return found


def root_by_path(suite: Suite, leaf_hash: bytes, index: int, size: int, steps: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to (RFC 9162 §2.1.3.2); None when the proof is too long or too short."""
    position, last, found = index, size - 1, leaf_hash
    if not 0 <= position <= last:
        return None
    for step in steps:
        if last == 0:
            return None
        if position & 1 or position == last:
            found = node(suite, step, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node(suite, found, step)
        position, last = position >> 1, last >> 1
    return found if last == 0 else None


def _above(suite: Suite, level: Sequence[bytes]) -> list[bytes]:
    """The next level up. An odd one at the end goes up as it is: so the split is at the largest power of two."""
    digest = suite.digest
    found = [digest(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return [*found, level[-1]] if len(level) % 2 else found
