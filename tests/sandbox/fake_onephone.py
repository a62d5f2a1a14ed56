"""A OnePhone that records what it is told, says what a test wants it to say, and holds one small file."""

import json
import threading
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from flask import Request
from werkzeug import Response
from werkzeug.serving import WSGIRequestHandler, make_server

PHOTO = b"\x89PNG a small photo"


class Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: a test's own output matters."""


@dataclass
class Call:
    """A call of the resident or desk API."""

    method: str
    path: str
    token: str | None
    headers: dict[str, str]
    body: Any


class FakeOnePhone:
    """Records the events of offices and answers with the next of `statuses` (202 when none is left).

    `answers` holds, by method and path, the status and JSON of the other calls; those end up in `calls`.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.calls: list[Call] = []
        self.events: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.server = make_server("127.0.0.1", 0, self.answer, threaded=True, request_handler=Silent)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        if request.path == "/photo.png":
            return Response(PHOTO)(environ, start_response)
        if request.path != "/v1/offices/gongan/events":
            return self.answer_call(request)(environ, start_response)
        self.events.append((dict(request.headers), request.get_data()))
        status = self.statuses.pop(0) if self.statuses else 202
        body = json.dumps({"outcome": "applied"})
        return Response(body, status, mimetype="application/json")(environ, start_response)

    def answer_call(self, request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or None
        body = request.get_json(silent=True)
        self.calls.append(Call(request.method, request.path, token, dict(request.headers), body))
        status, content = self.answers.get((request.method, request.path), (404, {"title": "没有找到"}))
        if token == "old token":
            status, content = 401, {"code": "token_expired"}
        return Response(json.dumps(content), status, mimetype="application/json")

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.events]

    def wait_for(self, count: int, seconds: float = 40) -> list[dict[str, Any]]:
        """The events once there are so many; fails when they do not come."""
        end = monotonic() + seconds
        while len(self.events) < count:
            assert monotonic() < end, f"only {len(self.events)} of {count} events came"
            sleep(0.02)
        return self.bodies()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
