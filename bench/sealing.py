"""`python -m bench.sealing`: what sealing costs of a request, in µs of processor time.

Runs in the environment of the stage, and does with the product's own functions exactly what one request has sealed
or opened: for W2 a new data key, the answers and the stored answer; for W1 the key and the one opinion.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace

from app import idempotency
from app.crypto import data_keys
from app.identifiers import new_id
from app.submissions.drafts import ANSWERS
from app.submissions.history import OPINION
from bench import form
from bench.pgbench import RECEIPT

_TIMES = 5_000


def main() -> None:
    """Print µs for each workload as JSON."""
    print(json.dumps({"W1": _cost(_reading()), "W2": _cost(_filing())}))


def _filing() -> Callable[[], None]:
    answers, receipt = form.answers(), json.dumps(RECEIPT)
    house = data_keys.of_the_house()

    def once() -> None:
        submission = new_id()
        _, key = data_keys.new()
        key.seal(answers, ANSWERS, submission)
        house.seal(receipt, idempotency.BODY, f"resident:{submission} key")

    return once


def _reading() -> Callable[[], None]:
    submission = new_id()
    envelope, key = data_keys.new()
    row = SimpleNamespace(**data_keys.columns(envelope, submission))
    place = f"{submission}/2"
    opinion = key.seal("材料齐全，予以受理。", OPINION, place)

    def once() -> None:
        data_keys.opened(row).open_text(opinion, OPINION, place)

    return once


def _cost(once: Callable[[], None]) -> float:
    for _ in range(_TIMES // 10):
        once()
    began = time.process_time()
    for _ in range(_TIMES):
        once()
    return (time.process_time() - began) / _TIMES * 1e6


if __name__ == "__main__":
    main()
