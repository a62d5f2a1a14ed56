"""The same load by wrk, where it is installed: it costs least."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from bench.figures import Figures
from bench.requests import Target

_SCRIPT = Path(__file__).with_name("wrk.lua")


def is_here() -> bool:
    return shutil.which("wrk") is not None


def run(target: Target, connections: int, seconds: float) -> Figures:
    """Send the recording for `seconds`, at random and without pause, over `connections`.

    wrk takes whole seconds, and counts as errors the statuses from 400 on, broken connections and timeouts.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    command += ["-s", str(_SCRIPT), f"http://127.0.0.1:{target.port}", "--", str(target.recording)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Figures(**json.loads(printed.splitlines()[-1]))
