"""Keeps parts alive: one thread per part looks whether it runs, and starts it again when it does not."""

import subprocess
import threading
import time
from typing import Protocol

from sandbox import processes
from sandbox.console import Screen
from sandbox.objects import ObjectsError
from sandbox.postgres import PostgresError
from sandbox.program import ProgramError

TITLES = {
    "postgres": "PostgreSQL · 数据库",
    "objects": "S3 files · 文件存储",
    "api": "API · 接口服务",
    "worker": "Worker · 后台任务",
    "sandbox": "Sandbox · 沙箱",
}
WATCH_SECONDS = 0.1
FIRST_DELAY, LONGEST_DELAY = 0.2, 10.0
# A part that ran this long had started well, so its next death is not taken for a loop.
GOOD_RUN_SECONDS = 20.0


class Part(Protocol):
    """What is asked of each part of a stack."""

    process: "subprocess.Popen[bytes] | None"

    def start(self) -> None:
        """Start and return when healthy; after a death, bring it back on the same data."""

    def stop(self, patience: float = ...) -> bool:
        """Stop in good order; after `patience` seconds kill it and return False."""

    def kill(self) -> None:
        """Kill -9."""

    def running(self) -> bool: ...

    def end_leftover(self) -> bool:
        """End what a killed parent left of this part; True when there was something."""


class Keeper:
    """Starts a part again whenever it died, more slowly when it keeps dying, and says so on the screen."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def keep(self, name: str, part: Part) -> None:
        thread = threading.Thread(target=self.watch, args=(name, part), name=f"keep {name}", daemon=True)
        thread.start()
        self.threads.append(thread)

    def leave(self) -> None:
        """Let parts die from now on. The threads may still be in the middle of a start: see `wait`."""
        self.stopping.set()

    def wait(self) -> None:
        for thread in self.threads:
            thread.join()

    def watch(self, name: str, part: Part) -> None:
        delay, born = FIRST_DELAY, time.monotonic()
        while not self.stopping.wait(WATCH_SECONDS):
            if part.running():
                continue
            died = time.monotonic()
            delay = FIRST_DELAY if died - born > GOOD_RUN_SECONDS else min(delay * 2, LONGEST_DELAY)
            why = processes.why_ended(part.process.returncode if part.process else None)
            self.screen.event(f"{TITLES[name]} ended ({why}); starting it again …", "yellow")
            if self.stopping.wait(delay):
                return
            born = time.monotonic()
            self.revive(name, part, died)

    def revive(self, name: str, part: Part, died: float) -> None:
        try:
            part.start()
        except (ProgramError, PostgresError, ObjectsError, OSError) as problem:
            if not self.stopping.is_set():
                self.screen.event(f"{TITLES[name]} did not come back: {problem}", "red")
            return
        self.screen.event(f"{TITLES[name]} is back after {time.monotonic() - died:.1f} s.", "green")
