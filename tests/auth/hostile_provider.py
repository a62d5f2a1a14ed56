"""An OpenID provider that says whatever a story wants."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet


class HostileProvider:
    """An OpenID provider in a thread whose every word can be changed. `answers` maps a path to its JSON."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "first"})
        self.nonce = "nonce"
        self.more: dict[str, Any] = {}
        """Further claims of every token."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.answers: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            },
        }
        self.asked: list[str] = []
        self.publish(self.key)
        self.say()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def publish(self, *keys: Any) -> None:
        self.answers["/jwks"] = KeySet(list(keys)).as_dict(private=False)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """True claims with changes; None takes one out."""
        now = int(time.time())
        true = {"iss": self.issuer, "aud": "onephone", "sub": "somebody", "nonce": self.nonce, "acr": "high"}
        times = {"iat": now, "exp": now + 300, "auth_time": now}
        told = {**true, **times, **self.more, **changes}
        return {name: value for name, value in told.items() if value is not None}

    def say(self, key: Any = None, header: dict[str, Any] | None = None, **changes: Any) -> None:
        """Sign an ID token for the next login."""
        signing = key or self.key
        protected = {"alg": "ES256", "kid": signing.kid, **(header or {})}
        self.hand_out(jwt.encode(protected, self.claims(**changes), signing, algorithms=["ES256"]))

    def say_by_hand(self, algorithm: str, sign: Callable[[bytes], bytes]) -> None:
        """An ID token that no library would make."""
        header = {"alg": algorithm, "kid": self.key.kid}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, self.claims()))
        self.hand_out(f"{signed}.{_base64(sign(signed.encode()))}")

    def hand_out(self, id_token: Any) -> None:
        self.answers["/token"] = {"access_token": "x", "token_type": "Bearer", "id_token": id_token}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                status, body = 200, provider.answers.get(self.path)
                if isinstance(body, tuple):
                    status, body = body
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Handler


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
