"""Programs this package starts: found again after their parent was killed, and ended for certain.

A started program leads its own session and process group, so that Ctrl-C in the terminal reaches only the
parent, which then stops its children in order. A mark on disk (process id and moment of birth) lets the
next parent find what a killed one left behind; the moment of birth keeps a recycled process id from being
taken for ours.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# The kernel rounds a process's moment of birth to its clock tick, and psutil adds the boot time to it.
SAME_BIRTH_SECONDS = 2.0


@dataclass(frozen=True)
class Mark:
    """What is written down of a started program: its process id, and its birth in seconds since 1970."""

    pid: int
    born: float

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(json.dumps({"pid": self.pid, "born": self.born}))
        new.replace(file)

    @classmethod
    def read(cls, file: Path) -> "Mark | None":
        """Return the mark, or None when there is none or a crash left half of one."""
        try:
            content = json.loads(file.read_text())
            return cls(int(content["pid"]), float(content["born"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def start(
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str],
    mark: Path | None = None,
    folder: Path | None = None,
    user: str | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program that prints into `log`. Secrets belong in `environment`, never in `command`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            user=user,
            extra_groups=None if user is None else [],
            start_new_session=True,
        )
    if mark is not None:
        Mark(process.pid, born(process.pid)).write(mark)
    return process


def born(pid: int) -> float:
    """Return a process's birth in seconds since 1970; a process that is gone already was born just now."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return time.time()


def lives(pid: int) -> bool:
    """True for a process that runs; one that ended and was never collected by its parent counts as gone."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def family(mark: Mark) -> list[int]:
    """Return the marked program and the members of its process group that still run.

    The kernel gives no new process the id of a group that has members. So when another program bears the
    marked id, nothing of the marked one is left; and when nobody bears it, whoever is in the group belonged
    to it.
    """
    if lives(mark.pid) and abs(born(mark.pid) - mark.born) > SAME_BIRTH_SECONDS:
        return []
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if process.pid == mark.pid or os.getpgid(process.pid) == mark.pid:
                members.append(process.pid)
    return [pid for pid in members if lives(pid) and born(pid) >= mark.born - SAME_BIRTH_SECONDS]


def end_leftovers(file: Path, first: signal.Signals = signal.SIGTERM, patience: float = 5.0) -> list[int]:
    """End the program marked in `file`, and its group, if a killed parent left it; return the ids ended."""
    mark = Mark.read(file)
    if mark is None:
        return []
    pids = family(mark)
    if mark.pid in pids:
        send(mark.pid, first)
        wait_gone([mark.pid], patience)
    for pid in pids:
        send(pid, signal.SIGKILL)
    wait_gone(pids, patience)
    file.unlink(missing_ok=True)
    return pids


def end(process: "subprocess.Popen[bytes]", first: signal.Signals, patience: float, mark: Path | None = None) -> bool:
    """Ask our child to end; kill it and its group after `patience` seconds. True if asking was enough."""
    asked = True
    if process.poll() is None:
        send(process.pid, first)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            asked = False
    # Members of the group that outlived their leader would keep its port.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if mark is not None:
        mark.unlink(missing_ok=True)
    return asked


def send(pid: int, wanted: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, wanted)


def wait_gone(pids: Sequence[int], seconds: float) -> bool:
    """Wait until none of these processes runs; False when one still does after `seconds`."""
    deadline = time.monotonic() + seconds
    while any(lives(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def last_lines(log: Path, count: int = 12) -> str:
    """Return the end of a log for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"


def why_ended(code: int | None) -> str:
    """Put an exit code in words; as subprocess gives them, negative codes are the signal that killed."""
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def command_line(pid: int) -> list[str]:
    """Return the words a process was started with, or nothing when it is gone or not ours to see."""
    try:
        return list(psutil.Process(pid).cmdline()) if lives(pid) else []
    except psutil.Error:
        return []


def listening_ports(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on."""
    connections = psutil.Process(pid).net_connections("tcp")
    return {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}
