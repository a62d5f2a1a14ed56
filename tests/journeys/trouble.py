"""Trouble: offices that are down, and parts of the stack that are killed without a word.

The parts are found by the marks that `make run` keeps under its data folder.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

from tests.journeys.http import Client

PARTS = ("postgres", "objects", "api", "worker")


def kill(data: Path, part: str) -> int:
    """Kill -9 one part; its process id. `make run` starts it again."""
    pid = _pid(data, part)
    os.kill(pid, signal.SIGKILL)
    return pid


def _pid(data: Path, part: str) -> int:
    if part == "postgres":
        return int((data / "postgres" / "files" / "postmaster.pid").read_text().splitlines()[0])
    mark = data / "objects" / "weed.pid" if part == "objects" else data / "pids" / f"{part}.pid"
    return int(json.loads(mark.read_text())["pid"])


def office_down(sandbox: Client, office: str, seconds: float) -> threading.Thread:
    """Take an office down now and let it come back later; the thread ends when it is back."""
    sandbox.send("PUT", f"/office/{office}/control", json={"mode": "down"})

    def come_back() -> None:
        time.sleep(seconds)
        sandbox.send("PUT", f"/office/{office}/control", json={"mode": "ok"})

    thread = threading.Thread(target=come_back, daemon=True)
    thread.start()
    return thread
