"""`python -m bench.token_checks FILE`: what the guard of residents costs a request, in µs of processor time.

FILE holds access tokens as the API gave them out, one a line. Each is checked once, which takes the signature
apart, and then again and again, which finds it remembered; both ask whether its session was revoked meanwhile.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from flask import Request
from werkzeug.test import EnvironBuilder

from auth import guards

_AGAIN = 20


def main() -> None:
    """Print {"first", "again"} as JSON."""
    tokens = Path(sys.argv[1]).read_text().split()
    asked = [_request(token) for token in tokens]
    # The keys are read and the revoked sessions are looked up before anything is measured.
    guards.residents.check(asked.pop())
    print(json.dumps({"first": _cost(asked), "again": _cost(asked * _AGAIN)}))


def _request(token: str) -> Request:
    return Request(EnvironBuilder(headers=[("Authorization", f"Bearer {token}")]).get_environ())


def _cost(asked: Iterable[Request]) -> float:
    requests = list(asked)
    began = time.process_time()
    for request in requests:
        guards.residents.check(request)
    return (time.process_time() - began) / len(requests) * 1e6


if __name__ == "__main__":
    main()
