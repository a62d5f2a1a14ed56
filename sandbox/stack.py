"""The whole of OnePhone on one machine: `python -m sandbox.stack`, which is what `make run` runs.

Starts a real PostgreSQL and a real S3, brings the database up to date, then starts API, worker and sandbox,
and keeps all five alive: a part that dies, by kill -9 too, is back within a second or two. Everything lies
in one folder (.data), and what a killed stack left running is found there and ended before the next start.
Tests and journeys use it as `with Stack(data, Ports.free(), fast=True) as stack:`.
"""

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

from sandbox import configuration, given, objects, ports, processes
from sandbox.console import Screen
from sandbox.given import GivenError
from sandbox.keeper import TITLES, Keeper, Part
from sandbox.objects import Objects, ObjectsError
from sandbox.ports import Ports
from sandbox.postgres import Postgres, PostgresError
from sandbox.program import CHECKOUT, Program, ProgramError

# New work stops first; then what was begun is finished while its servers are still there; the stores go last.
STOP_ORDER = (("api",), ("worker",), ("sandbox",), ("objects", "postgres"))
HURRY_SECONDS = 2.0
OWNER = "DATABASE_OWNER_URL"


class StackError(RuntimeError):
    """The stack can not start; the message says what to do."""


PROBLEMS = (StackError, GivenError, ProgramError, PostgresError, ObjectsError)


class Stack:
    """All parts of one OnePhone in one folder.

    `given` holds variables that win over what is made here: DATABASE_URL and S3_ENDPOINT_URL (with the
    other S3 variables) name servers to use instead of our own. `fast` trades PostgreSQL's safety at a power
    cut for speed.
    """

    def __init__(
        self,
        data: Path,
        ports: Ports | None = None,
        fast: bool = False,
        given: Mapping[str, str] | None = None,
        screen: Screen | None = None,
    ) -> None:
        self.data = data.absolute()
        self.ports = ports or Ports()
        self.fast = fast
        self.given = dict(given or {})
        self.screen = screen or Screen(quiet=True)
        self.logs = self.data / "logs"
        self.environment: dict[str, str] = {}
        self.parts: dict[str, Part] = {}
        self.once: list[Program] = []
        self.keeper = Keeper(self.screen)
        self.pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="start")
        self.lock: IO[str] | None = None
        self.complete = False

    @property
    def urls(self) -> dict[str, str]:
        """Addresses of what a person or a test may want to open; also in `<data>/urls.json` while it runs."""
        api, sandbox = f"http://127.0.0.1:{self.ports.api}", f"http://127.0.0.1:{self.ports.sandbox}"
        return {
            "api": api,
            "docs": f"{api}/docs",
            "sandbox": f"{sandbox}/",
            "eid": f"{sandbox}/eid",
            "office": f"{sandbox}/office/gongan",
            "phone": f"{sandbox}/phone",
            "clerk": f"{sandbox}/clerk",
        }

    def __enter__(self) -> "Stack":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def kill(self, name: str) -> None:
        """Kill -9 one part: postgres, objects, api, worker or sandbox. It comes back by itself."""
        self.parts[name].kill()

    # -- starting -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every part, the independent ones side by side, and return when all are healthy."""
        started = time.monotonic()
        self.take_lock()
        self.lay_out()
        self.clear_the_way()
        self.environment.update(self.first_environment())
        with self.screen.live():
            stores = [self.begin(name) for name in ("postgres", "objects") if name in self.parts]
            sandbox = self.begin("sandbox")
            wait_for(stores)
            self.environment.update(self.store_environment())
            self.run_once("migrate", "Database up to date · 数据库迁移")
            self.run_once("keys", "Keys · 密钥")
            seed = self.pool.submit(self.run_once, "seed", "Demo data · 演示数据")
            wait_for([sandbox, seed, self.begin("api"), self.begin("worker")])
        self.complete = True
        (self.data / "urls.json").write_text(json.dumps(self.urls, indent=2))
        for name, part in self.parts.items():
            self.keeper.keep(name, part)
        self.screen.places(self.urls, self.logs, time.monotonic() - started)

    def take_lock(self) -> None:
        """Make sure that no other stack runs on this folder; the lock goes away with us, however we end."""
        self.data.mkdir(parents=True, exist_ok=True)
        lock = (self.data / "stack.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            raise StackError(
                f"OnePhone already runs on {self.data} (process {pid}).\n"
                f"Stop it with Ctrl-C in its terminal or with: kill {pid}\n"
                f"Or start a second one beside it: make run ARGS='--data .data2 --ports-from 9000'"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self.lock = lock

    def lay_out(self) -> None:
        """Decide which parts there are: a server that is given is not started here."""
        data, logs, ports = self.data, self.logs, self.ports
        for private in ("logs", "objects", "pids", "sandbox"):
            (data / private).mkdir(mode=0o700, exist_ok=True)
        if "DATABASE_URL" not in self.given:
            self.parts["postgres"] = Postgres(data / "postgres", ports.postgres, self.fast, logs / "postgres.log")
        if "S3_ENDPOINT_URL" in self.given:
            given.check(self.given)
        else:
            bucket, log = configuration.BUCKET, logs / "objects.log"
            self.parts["objects"] = Objects(data / "objects", ports.objects, bucket, log)
        self.parts["sandbox"] = self.program("sandbox", ["sandbox"], health=(ports.sandbox, "/health"))
        self.parts["api"] = self.program("api", ["onephone", "api"], health=(ports.api, "/health/ready"))
        self.parts["worker"] = self.program("worker", ["onephone", "worker"], ready_word="worker_started")

    def program(
        self,
        name: str,
        words: list[str],
        health: tuple[int, str] | None = None,
        ready_word: str | None = None,
    ) -> Program:
        log, mark = self.logs / f"{name}.log", self.data / "pids" / f"{name}.pid"
        return Program(words, self.environment, log, mark, health, ready_word)

    def clear_the_way(self) -> None:
        """End what a killed stack left, then make sure that the ports are free, naming all that are not."""
        marks = sorted((self.data / "pids").glob("*.pid"))
        ended = [mark.stem for mark in marks if processes.end_leftovers(mark)]
        ended += [name for name, part in self.parts.items() if part.end_leftover()]
        if ended:
            self.screen.line(f"Ended what a killed stack had left running: {', '.join(ended)}.")
        taken = [(name, port) for name in self.parts for port in self.ports.of_part(name) if not ports.is_free(port)]
        if taken:
            lines = [f"Port {port} ({TITLES[name]}) is taken by {ports.holder(port)}." for name, port in taken]
            lines += ["Stop that program, or use other ports: make run ARGS='--ports-from 9000'"]
            lines += ["(or one of API_PORT, SANDBOX_PORT, PG_PORT, S3_PORT in the environment)."]
            raise StackError("\n".join(lines))

    def first_environment(self) -> dict[str, str]:
        """Return the environment of the programs, as far as it is known before the stores run."""
        made = configuration.environment(self.data, self.ports)
        found = os.environ | {"PYTHONUNBUFFERED": "1"} | made | self.given
        # Whoever serves does not hold the key of those who own the tables.
        return {name: value for name, value in found.items() if name != OWNER}

    def owner_environment(self) -> dict[str, str]:
        """Return what `migrate` alone is given: the owner of the tables."""
        database = self.parts.get("postgres")
        if isinstance(database, Postgres):
            return {OWNER: database.url}
        return {OWNER: self.given[OWNER]} if OWNER in self.given else {}

    def store_environment(self) -> dict[str, str]:
        """Return the variables that name the stores, our own or given ones."""
        database, store = self.parts.get("postgres"), self.parts.get("objects")
        found = {"DATABASE_URL": database.service_url} if isinstance(database, Postgres) else {}
        if isinstance(store, Objects):
            return found | configuration.store_environment(store.url, *store.keys(), objects.REGION)
        return found | given.store(self.given)

    def begin(self, name: str) -> "Future[None]":
        """Start a part in the background."""

        def start() -> None:
            with self.screen.step(TITLES[name]):
                self.parts[name].start()

        return self.pool.submit(start)

    def run_once(self, command: str, title: str) -> None:
        program = self.program(command, ["onephone", command])
        if command == "migrate":
            program.environment = self.environment | self.owner_environment()
        self.once.append(program)
        with self.screen.step(title):
            program.run_once()

    # -- stopping -----------------------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        return self.keeper.stopping.is_set()

    def stop(self) -> None:
        """Stop every part, in the order of STOP_ORDER; safe to call at any moment of a start."""
        self.keeper.leave()
        self.stop_parts(self.screen.line)
        self.keeper.wait()
        self.pool.shutdown(wait=True, cancel_futures=True)
        # Parts that were just being started when the first round passed by.
        self.stop_parts(lambda text: None)
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def stop_parts(self, say: Callable[[str], None]) -> None:
        for program in self.once:
            program.stop()
        for group in STOP_ORDER:
            stopping = [threading.Thread(target=self.stop_part, args=(name, say)) for name in group]
            for thread in stopping:
                thread.start()
            for thread in stopping:
                thread.join()

    def stop_part(self, name: str, say: Callable[[str], None]) -> None:
        part = self.parts.get(name)
        if part is None or not part.running():
            return
        started = time.monotonic()
        # What is still starting has nothing to finish, and may not listen yet.
        clean = part.stop() if self.complete else part.stop(patience=HURRY_SECONDS)
        how = "stopped" if clean else "had to be killed"
        say(f"■ {TITLES[name]} {how}  {time.monotonic() - started:.1f} s")

    def kill_all(self) -> None:
        """Do not wait any longer for anybody: what was asked to stop is killed."""
        for part in self.parts.values():
            part.kill()


def wait_for(futures: "Iterable[Future[None]]") -> None:
    """Wait for parts begun before; the first failure ends the start, whatever the others do."""
    waiting = list(futures)
    while waiting:
        for future in [future for future in waiting if future.done()]:
            future.result()
            waiting.remove(future)
        time.sleep(0.01)


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; return 0 after that, 1 if the stack could not start, 130 if stopped before."""
    options = parse(arguments)
    screen = Screen()
    wanted = Ports.starting_at(options.ports_from) if options.ports_from else Ports.of(os.environ)
    stack = Stack(options.data, wanted, given=given.variables(os.environ), screen=screen)
    listen_to_signals(stack)
    code = 130
    try:
        stack.start()
        code = 0
        while not options.check:
            signal.pause()
    except KeyboardInterrupt:
        screen.line("Stopping … (Ctrl-C again: at once)   正在停止……（再按一次立即停止）")
    except PROBLEMS as problem:
        screen.line(f"OnePhone did not start. 启动失败。\n{problem}", "red")
        code = 1
    finally:
        stack.stop()
    if code == 0:
        screen.line("Everything answered and is stopped." if options.check else "Everything is stopped. 已全部停止。")
    return code


def listen_to_signals(stack: Stack) -> None:
    """Ctrl-C, kill and a closed terminal stop the stack in order; asked a second time, it stops at once."""

    def hear(number: int, frame: FrameType | None) -> None:
        if stack.stopping:
            stack.kill_all()
        else:
            stack.keeper.leave()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hear)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make run",
        description="Start OnePhone on this machine: PostgreSQL, S3, API, worker and sandbox.",
        epilog="DATABASE_URL, or S3_ENDPOINT_URL with its keys, in the environment names a server to use "
        "instead of our own. API_PORT, SANDBOX_PORT, PG_PORT and S3_PORT move one part each. Pass options to "
        "make like this: make run ARGS='--ports-from 9000'",
    )
    parser.add_argument("--data", type=Path, default=CHECKOUT / ".data", help="folder for everything (.data)")
    parser.add_argument("--ports-from", type=int, metavar="N", help="API on N, sandbox on N+100, … (8000)")
    parser.add_argument("--check", action="store_true", help="start, see that every part answers, stop again")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
