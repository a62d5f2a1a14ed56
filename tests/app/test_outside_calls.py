"""Outside calls: whoever answers decides neither how long we wait, nor how much we read, nor where we go."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from flask import Flask

from app import outside_calls
from app.settings import settings

Answer = Callable[[BaseHTTPRequestHandler], None]
HEAD = b"HTTP/1.1 200 OK\r\n"


class Party:
    """Answers byte by byte what a story wants, and remembers who was asked for what."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Answer = lambda _: None
        self.ended = threading.Event()
        party = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                party.asked.append(self.path)
                self.close_connection = True
                try:
                    party.answer(self)
                except OSError:
                    party.ended.set()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def says(self, *pieces: bytes, pause: float = 0) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            for piece in pieces:
                handler.wfile.write(piece)
                handler.wfile.flush()
                threading.Event().wait(pause)

        self.answer = answer

    def call(self) -> requests.Response:
        return outside_calls.call("GET", f"{self.url}/here")


@pytest.fixture
def party(product: Flask) -> Iterator[Party]:
    made = Party()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, product: Flask) -> None:
    """Half a second of silence is too long, a second for a whole answer too."""
    soon = replace(settings(), outside_timeout=timedelta(seconds=0.5))
    monkeypatch.setattr(outside_calls, "settings", lambda: soon)


@pytest.mark.parametrize(
    "pieces",
    [
        (b'Content-Length: 16\r\n\r\n{"found": "\xe6\x9c\x89"}',),
        (b"\r\n", b'{"found"', b': "\xe6\x9c\x89"}'),
        (b"Transfer-Encoding: chunked\r\n\r\n", b'8\r\n{"found"\r\n', b'8\r\n: "\xe6\x9c\x89"}\r\n', b"0\r\n\r\n"),
        (b"Content-Encoding: gzip\r\n\r\n", gzip.compress('{"found": "有"}'.encode())),
    ],
    ids=["whole", "until the end", "in pieces", "packed"],
)
def test_an_answer_is_read_as_it_is_meant(party: Party, pieces: tuple[bytes, ...]) -> None:
    party.says(HEAD, *pieces)

    answer = party.call()

    assert (answer.status_code, outside_calls.read_object(answer)) == (200, {"found": "有"})


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "packed"])
def test_more_than_anybody_has_to_tell_is_not_read(party: Party, packed: bool) -> None:
    """A few kilobytes become gigabytes where somebody means harm."""
    much = bytes(4 * outside_calls.LARGEST)
    party.says(HEAD, b"Content-Encoding: gzip\r\n\r\n" if packed else b"\r\n", gzip.compress(much) if packed else much)

    with pytest.raises(requests.exceptions.ContentDecodingError, match="more than 4194304 bytes"):
        party.call()


def test_what_trickles_is_given_up(party: Party, hasty: None) -> None:
    """Each byte comes in time, and the whole would take a day."""
    party.says(HEAD, b"\r\n", *[b" "] * 1000, pause=0.1)

    with pytest.raises(requests.ReadTimeout, match="too slowly"):
        party.call()
    assert party.ended.wait(30), "the connection was left open"


def test_what_stops_in_the_middle_is_given_up(party: Party, hasty: None) -> None:
    party.says(HEAD + b"Content-Length: 100\r\n\r\n{", pause=2)

    with pytest.raises(requests.ReadTimeout, match="stopped"):
        party.call()


def test_what_never_begins_is_given_up(party: Party, hasty: None) -> None:
    party.says(b"", pause=2)

    with pytest.raises(requests.ReadTimeout):
        party.call()


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ((b"Content-Length: 100\r\n\r\n{}",), requests.exceptions.ChunkedEncodingError),
        ((b"Transfer-Encoding: chunked\r\n\r\n", b"8\r\n{}"), requests.exceptions.ChunkedEncodingError),
        ((b"Content-Encoding: gzip\r\n\r\n", b"no gzip"), requests.exceptions.ContentDecodingError),
    ],
    ids=["cut", "cut in a piece", "not packed"],
)
def test_half_an_answer_is_none(party: Party, pieces: tuple[bytes, ...], error: type[Exception]) -> None:
    party.says(HEAD, *pieces)

    with pytest.raises(error):
        party.call()


def test_nobody_sends_us_elsewhere(party: Party) -> None:
    party.says(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {party.url}/elsewhere\r\n\r\n".encode())

    assert party.call().status_code == 307
    assert party.asked == ["/here"]


@pytest.mark.parametrize(
    "content", [b"", b"no", b"[]", b"null", b"\xff", b'{"a":' * 100_000], ids=["", "no", "list", "null", "utf", "deep"]
)
def test_what_is_no_object_is_a_value_error(party: Party, content: bytes) -> None:
    party.says(HEAD, b"\r\n", content)
    answer = party.call()

    with pytest.raises(ValueError):
        outside_calls.read_object(answer)
