"""A small load generator: keep-alive connections on raw sockets, one request in flight on each.

Used where wrk is not installed. It costs about 20 µs of processor time a request, so on two cores it takes
somewhat more from a fast server than wrk does; ratios to hello come out slightly better with it.
Run as a program of its own (`python -m bench.load`), so that its measuring shares no process with anybody.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import secrets
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figures, figures
from bench.requests import KEY, KEY_LENGTH, RECORD, Target

_PATIENCE_SECONDS = 10.0


@dataclass
class _Connection:
    """One phone: a socket, when its request left, and what has arrived of the answer."""

    socket: socket.socket
    sent_at: float = 0.0
    arrived: bytes = b""


@dataclass
class _Tally:
    latencies: list[float] = field(default_factory=list)
    errors: int = 0


def run(target: Target, connections: int, seconds: float) -> Figures:
    """Send the recording for `seconds`, at random and without pause, over `connections`."""
    command = [sys.executable, "-m", "bench.load", str(target.port), str(target.recording), str(target.expected)]
    command += [str(connections), str(seconds)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Figures(**json.loads(printed))


def drive(target: Target, connections: int, seconds: float) -> Figures:
    """Do it in this process."""
    next_request = _requests(target.recording.read_bytes())
    expected = str(target.expected).encode()
    tally, selector = _Tally(), selectors.DefaultSelector()
    for _ in range(connections):
        opened = _Connection(_open(target.port))
        selector.register(opened.socket, selectors.EVENT_READ, opened)
        _send(opened, next_request())
    started = time.perf_counter()
    end = started + seconds
    now, heard_at = started, started
    while now < end and now - heard_at < _PATIENCE_SECONDS:
        ready = selector.select(0.5)
        now = time.perf_counter()
        heard_at = now if ready else heard_at
        for key, _ in ready:
            connection = key.data
            if not _receive(connection, expected, tally):
                continue
            _send(connection, next_request())
    lasted = time.perf_counter() - started
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    if now - heard_at >= _PATIENCE_SECONDS:
        tally.errors += connections
    return figures(tally.latencies, tally.errors, lasted)


def _requests(recording: bytes) -> Callable[[], bytes]:
    """A function that gives the next request, under a key that nobody used before."""
    recorded = recording.split(RECORD)
    if KEY not in recorded[0]:
        return lambda: random.choice(recorded)
    halves = [tuple(request.split(KEY)) for request in recorded]
    prefix, numbers = secrets.token_hex(8), itertools.count()

    def fresh() -> bytes:
        head, tail = random.choice(halves)
        return b"%b%b%b" % (head, f"{prefix}{next(numbers):0{KEY_LENGTH - 16}d}".encode(), tail)

    return fresh


def _open(port: int) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _send(connection: _Connection, request: bytes) -> None:
    connection.sent_at = time.perf_counter()
    connection.socket.sendall(request)


def _receive(connection: _Connection, expected: bytes, tally: _Tally) -> bool:
    """Take what has arrived; True when the answer is complete and was counted."""
    arrived = connection.socket.recv(65536)
    if not arrived:
        raise ConnectionError("The server closed a connection that was to be kept alive.")
    if connection.arrived:
        arrived = connection.arrived + arrived
    end = arrived.find(b"\r\n\r\n")
    if end < 0 or len(arrived) < end + 4 + _body_length(arrived, end):
        connection.arrived = arrived
        return False
    connection.arrived = b""
    tally.latencies.append(time.perf_counter() - connection.sent_at)
    if arrived[9:12] != expected:
        tally.errors += 1
    return True


def _body_length(arrived: bytes, end: int) -> int:
    """Content-Length of an answer whose head ends at `end`; answers of ours are never chunked."""
    start = arrived.find(b"content-length: ", 0, end + 2)
    if start < 0:
        start = arrived[:end].lower().find(b"content-length: ")
    if start < 0:
        return 0
    return int(arrived[start + 16 : arrived.index(b"\r", start)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("recording", type=Path)
    parser.add_argument("expected", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    target = Target(given.port, given.recording, given.expected)
    print(json.dumps(drive(target, given.connections, given.seconds).__dict__))


if __name__ == "__main__":
    main()
