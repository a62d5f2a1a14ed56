"""Check a public ledger: were the numbers of a queue served in order? Needs the ledger's pages and nothing else.

    for page in pages: GET /v1/open/queues/{department}/{service}/ledger?limit=100&cursor=…  → one JSON a line
    python order_check.py < pages.jsonl

It is a file of its own that imports only Python's standard library, so that anyone can take it along. It finds

- gaps: a turn, an acceptance number or a taking-up number that is missing or there twice;
- who was taken up "in turn" although somebody with a lower number still waited (or, where the number of licences is
  limited, "in the order of acceptance" although somebody accepted earlier did);
- who was taken up out of turn, with the reason that was given: no fault, but countable.

A line that was never in the line (answered on the spot) has no `taken` and does not wait.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]


def faults(entries: Sequence[Entry]) -> list[str]:
    """What is wrong in a whole ledger, in words; empty when everybody was served in order, or a reason stands there."""
    found = _gaps("turn", [entry["turn"] for entry in entries])
    for counter in ("acceptance_turn", "taken"):
        found += _gaps(counter, [entry[counter] for entry in entries if entry[counter] is not None])
    return found + _overtaken(entries)


def reasons(entries: Iterable[Entry]) -> Counter[str]:
    """How many were taken up in which way."""
    return Counter(entry["taken_as"] for entry in entries if entry["taken_as"] is not None)


def _gaps(counter: str, numbers: Iterable[int]) -> list[str]:
    given = sorted(numbers)
    return [
        f"{counter} {expected} is missing, {number} stands in its place"
        for expected, number in enumerate(given, start=1)
        if expected != number
    ][:1]


def _overtaken(entries: Sequence[Entry]) -> list[str]:
    """From the last that was taken up back to the first: who was still there when this one was taken up?"""
    found, there = [], [entry for entry in entries if entry["taken"] is None and entry["state"] == "waiting"]
    first = {order: _lowest(entry[order] for entry in there) for order in _ORDERS.values()}
    for entry in sorted((one for one in entries if one["taken"]), key=lambda one: -int(one["taken"])):
        order = _ORDERS.get(entry["taken_as"])
        if order is not None and (before := first[order]) is not None and before < entry[order]:
            found.append(f"{order} {entry[order]} was taken up as number {entry['taken']} before {order} {before}")
        first = {each: _lowest((number, entry[each])) for each, number in first.items()}
    return found[::-1]


_ORDERS = {"in_turn": "turn", "acceptance_order": "acceptance_turn"}


def _lowest(numbers: Iterable[int | None]) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def main(lines: Iterable[str]) -> int:
    """Read pages, or plain lists of lines, as JSON, one a line; 0 when the order holds."""
    entries = [entry for line in lines if line.strip() for entry in _of_page(json.loads(line))]
    found = faults(entries)
    for words in found:
        print(words)
    print(f"{len(entries)} numbers, taken up {dict(reasons(entries))}: {'in order' if not found else 'NOT in order'}")
    return 1 if found else 0


def _of_page(page: Any) -> list[Entry]:
    return list(page["items"] if isinstance(page, dict) else page)


if __name__ == "__main__":
    sys.exit(main(sys.stdin))
