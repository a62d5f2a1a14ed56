"""One of the product's own programs as a part of the stack: API, worker, sandbox, migrate, seed."""

import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox import processes

CHECKOUT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
# Who has no address to ask, and says no word, is taken for healthy when it has not failed for this long.
SETTLE_SECONDS = 3.0


class ProgramError(RuntimeError):
    """A program ended or gave no sign of health; the message shows the end of its log."""


class Program:
    """`python -m` + words, in the checkout; `health` is (port, path) of a GET that answers 200 when ready."""

    def __init__(
        self,
        words: list[str],
        environment: Mapping[str, str],
        log: Path,
        mark: Path,
        health: tuple[int, str] | None = None,
        ready_word: str | None = None,
    ) -> None:
        self.words = words
        self.environment = environment
        self.log = log
        self.mark = mark
        self.health = health
        self.ready_word = ready_word
        self.printed_before = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.end_leftover()
        self.launch()
        self.wait_healthy(time.monotonic() + READY_SECONDS)

    def run_once(self) -> None:
        """Start, wait for the end, and raise ProgramError unless it ended well."""
        self.end_leftover()
        self.launch()
        assert self.process is not None
        code = self.process.wait()
        self.mark.unlink(missing_ok=True)
        if code != 0:
            raise ProgramError(f"{self.name} failed ({processes.why_ended(code)}). Its last lines:\n{self.tail()}")

    def stop(self, patience: float = STOP_SECONDS) -> bool:
        """Ask with SIGTERM, so that what is being done is finished; True unless it had to be killed."""
        if self.process is None:
            return True
        clean = processes.end(self.process, signal.SIGTERM, patience, self.mark)
        self.process = None
        return clean

    def kill(self) -> None:
        """Do to the program what a crash does: kill -9, no farewell."""
        if self.process is not None:
            processes.send(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end_leftover(self) -> bool:
        """End what a killed parent or a killed leader left behind; True when there was something."""
        return bool(processes.end_leftovers(self.mark))

    @property
    def name(self) -> str:
        return "python -m " + " ".join(self.words)

    def tail(self) -> str:
        return processes.last_lines(self.log)

    def launch(self) -> None:
        command = [sys.executable, "-m", *self.words]
        self.printed_before = self.log.stat().st_size if self.log.exists() else 0
        self.process = processes.start(command, self.log, self.environment, self.mark, folder=CHECKOUT)

    def wait_healthy(self, deadline: float) -> None:
        settled = time.monotonic() + SETTLE_SECONDS
        while not (self.answers() if self.health else self.said_ready() or time.monotonic() > settled):
            process = self.process
            if process is None or process.poll() is not None:
                why = processes.why_ended(None if process is None else process.returncode)
                raise ProgramError(f"{self.name} ended while starting ({why}). Its last lines:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ProgramError(f"{self.name} is not healthy. Its last lines:\n{self.tail()}")
            time.sleep(0.05)

    def said_ready(self) -> bool:
        """True when the log has the word with which the program says that it works now."""
        if self.ready_word is None:
            return False
        return self.ready_word.encode() in self.log.read_bytes()[self.printed_before :]

    def answers(self) -> bool:
        """True when the health address answers 200."""
        assert self.health is not None
        port, path = self.health
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
