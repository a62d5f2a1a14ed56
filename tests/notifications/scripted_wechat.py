"""A WeChat in a thread that answers what a story tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OK = {"errcode": 0, "errmsg": "ok", "msgid": 7}


class ScriptedWechat:
    """`script` is a list of answers to messages, used one after the other: JSON, an HTTP status, or bytes.

    The last one is repeated. `"hang up"` closes the connection without an answer, and any other text is an address
    that is said to be the right one.
    """

    def __init__(self) -> None:
        self.script: list[Any] = [OK]
        self.token_answer: Any = None
        self.messages: list[dict[str, Any]] = []
        self.tokens_used: list[str] = []
        self.tokens_given = 0
        self.logins: list[Any] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, path: str, query: dict[str, list[str]], body: bytes) -> Any:
        if path == "/sns/jscode2session":
            return self.logins.pop(0)
        if path == "/cgi-bin/stable_token":
            self.tokens_given += 1
            return self.token_answer or {"access_token": f"token-{self.tokens_given}", "expires_in": 7200}
        self.messages.append(json.loads(body))
        self.tokens_used.append(query["access_token"][0])
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wechat = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                address = urlsplit(self.path)
                answer = wechat._answer(address.path, parse_qs(address.query), body)
                if answer == "hang up":
                    self.close_connection = True
                    return
                status = answer if isinstance(answer, int) else 307 if isinstance(answer, str) else 200
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", answer)
                # As on the real thing, where the type is not to be relied on.
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Handler
