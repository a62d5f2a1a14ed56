"""Make `.venv` hold exactly one lock file: `python3 -I sandbox/virtualenv.py VENV LOCK`.

Standard library only, because it runs before anything is installed; started with -I, so that no module
beside it can hide one of the standard library. Does nothing when the lock's SHA-256 is the one installed
last. pip's two hundred lines become one line that counts, so that whoever waits sees that something happens
and what.
"""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
QUIET_SECONDS_BETWEEN_LINES = 5.0


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 when the environment holds the lock, 1 with a message on stderr if not."""
    venv, lock = Path(arguments[0]), Path(arguments[1])
    problem = missing_tool()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    stamp = venv / f"{lock.name}.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    python = venv / "bin" / "python"
    if not starts(python):
        print(f"Making {venv} with Python {sys.version.split()[0]} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
    elif stamp.exists() and stamp.read_text() == wanted:
        stamp.touch()
        return 0
    if install(python, lock) != 0:
        return 1
    stamp.write_text(wanted)
    return 0


def missing_tool() -> str | None:
    """Say what this machine's Python lacks and how to get it, or None when it is good enough."""
    if sys.version_info < OLDEST_PYTHON:
        return f"OnePhone needs Python 3.11 or newer; python3 here is {sys.version.split()[0]}."
    probe = subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True)
    if probe.returncode != 0:
        return (
            "This python3 can not make virtual environments (its ensurepip is missing).\n"
            "On Debian or Ubuntu: apt-get install python3-venv    On Fedora: dnf install python3-pip\n"
            "Then run the same make command again."
        )
    return None


def starts(python: Path) -> bool:
    """True when the environment's interpreter runs; an upgraded Python leaves a dead one."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", "import pip"], capture_output=True).returncode == 0


def install(python: Path, lock: Path) -> int:
    """Install the lock with hashes checked, counting aloud; return pip's exit code."""
    total = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    command = [str(python), "-m", "pip", "install", "--require-hashes", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "-r", str(lock)]
    started = time.monotonic()
    counter = Counter(lock.name, total)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        lines = []
        for line in pip.stdout:
            lines.append(line)
            counter.hear(line)
    counter.close()
    if pip.returncode != 0:
        print("".join(lines[-25:]), file=sys.stderr)
        print(f"pip could not install {lock.name}; its last lines are above.", file=sys.stderr)
    else:
        print(f"{total} packages ready in {time.monotonic() - started:.0f} s ({lock.name}).", flush=True)
    return pip.returncode


class Counter:
    """Turns pip's output into one line that is rewritten, or, without a terminal, a line now and then."""

    def __init__(self, lock: str, total: int) -> None:
        self.lock, self.total, self.seen = lock, total, 0
        self.terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.last = 0.0

    def hear(self, line: str) -> None:
        word = line.split(" ", 1)[0]
        if word in ("Collecting", "Requirement"):
            self.seen += 1
            name = line.removeprefix("Requirement already satisfied:").removeprefix("Collecting").split("==")[0]
            self.say(f"Fetching {min(self.seen, self.total)}/{self.total}: {name.strip()}")
        elif line.startswith("Installing collected"):
            self.say(f"Unpacking {self.total} packages …", at_once=True)

    def say(self, text: str, at_once: bool = False) -> None:
        if self.terminal:
            print(f"\r\x1b[2K{text}", end="", flush=True)
        elif at_once or time.monotonic() - self.last > QUIET_SECONDS_BETWEEN_LINES:
            self.last = time.monotonic()
            print(text, flush=True)

    def close(self) -> None:
        if self.terminal:
            print("\r\x1b[2K", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
