"""The ceiling: a Flask application that says hello, on the same server with the same flags as the API."""

from __future__ import annotations

import argparse

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels


def create_app() -> Flask:
    """One route, one word: what Flask and the server cost before any work is done."""
    app = Flask("hello")
    app.add_url_rule("/", "hello", lambda: "hello")
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    Granian(
        "bench.hello:create_app",
        factory=True,
        address="127.0.0.1",
        port=arguments.port,
        interface=Interfaces.WSGI,
        workers=arguments.workers,
        blocking_threads=arguments.threads,
        backlog=2048,
        log_access=False,
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    main()
