"""python -m sandbox: serve the stand-ins on 127.0.0.1:SANDBOX_PORT until SIGTERM or SIGINT."""

import signal
import sys
import threading
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.server import create_app
from sandbox.settings import read_port, read_settings


class QuietHandler(WSGIRequestHandler):
    """One short line per request, without the query: codes and tokens travel there."""

    # Headers and body leave in two pieces; without this the second would wait for a delayed ACK (40 ms).
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        path = self.path.split("?", 1)[0].encode("ascii", "replace").decode()
        print(f"{self.command} {path} {int(code)}", file=sys.stderr)

    def version_string(self) -> str:
        """The header Server, without the versions of Werkzeug and Python."""
        return "sandbox"

    def log(self, type: str, message: str, *args: object) -> None:
        """Werkzeug's own remarks about broken requests: nothing that anybody can act on here."""


def main() -> None:
    settings, port = read_settings(), read_port()
    app = create_app(settings)
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)
    sender = app.extensions["sandbox.sender"]

    def stop(signum: int, frame: FrameType | None) -> None:
        # shutdown() waits for the loop below, so it must not run in the loop's own thread.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sender.start()
    print(f"sandbox ready on http://127.0.0.1:{port}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    sender.stop()


if __name__ == "__main__":
    main()
