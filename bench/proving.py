"""`python -m bench.proving`: what chains, trees and proofs cost, on the rows that `bench.plant` wrote.

Runs in the environment of the stage, with the product's own functions. Seconds, and processor seconds of this process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app import clock, database
from app.crypto import data_keys
from app.identifiers import new_id
from app.submissions import chain
from app.supervision import proofs, tree_heads, tree_verification, verification
from app.supervision.tree_heads import tree_leaves
from bench import form

_LINKS, _PROOFS = 5_000, 200


def main() -> None:
    """Print what was measured as JSON."""
    found: dict[str, Any] = {"chains": verification.count(None)}
    with _timed(found, "tree"), clock.moved(timedelta(days=1)):
        assert tree_heads.sweep(clock.now()) == [clock.today() - timedelta(days=1)]
    with _timed(found, "verify chains"):
        assert not any(progress.faults for progress in verification.chains())
    with _timed(found, "verify trees"):
        assert not any(progress.faults for progress in tree_verification.trees())
    found["proof"] = _cost(_proof(), _PROOFS)
    found["link"] = _cost(_link(), _LINKS)
    print(json.dumps(found))


@contextmanager
def _timed(found: dict[str, Any], name: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    found[name] = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}


def _proof() -> Callable[[], None]:
    with database.reading() as connection:
        block = connection.execute(select(tree_leaves).limit(1)).one()
    leaves = iter(tree_heads.unpacked(bytes(block.leaves)) * _PROOFS)

    def once() -> None:
        with database.reading() as connection:
            assert proofs.inclusion(connection, next(leaves).submission_id, [block.day]) is not None

    return once


def _link() -> Callable[[], None]:
    """What a filing does more than before: the digests and the hash of its first row."""
    submission, applicant = new_id(), new_id()
    _, key = data_keys.new()
    more = {"submission_id": submission, "at": clock.now(), "department_code": form.DEPARTMENT}
    facts = chain.RECEIPT | more | {"terms": {"content_sha256": "0" * 64}}
    person = {"actor_id": applicant, "principal_id": applicant}

    def once() -> None:
        chain.link(key, facts, person, None)

    return once


def _cost(once: Callable[[], None], times: int) -> dict[str, float]:
    for _ in range(times // 10):
        once()
    found: dict[str, dict[str, float]] = {}
    with _timed(found, "all"):
        for _ in range(times):
            once()
    return {name: value / times for name, value in found["all"].items()}


if __name__ == "__main__":
    main()
