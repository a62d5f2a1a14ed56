"""The stage: PostgreSQL with fsync on, the API as it is delivered, and hello, in a folder and on ports of their own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import psycopg

from bench import requests, rows
from bench.requests import Target
from sandbox import configuration
from sandbox.ports import Ports
from sandbox.postgres import Postgres
from sandbox.program import Program

# More submissions than this would only make the recordings longer: they are drawn from all.
_SAMPLE = 20_000
_SAMPLE_UNCHANGED = 2_000

Say = Callable[[str], None]


class StageError(RuntimeError):
    """The stage can not be set, or a workload does not work; the message says what to do."""


@dataclass(frozen=True)
class Size:
    """How many rows there are to begin with, and how the servers are run."""

    submissions: int
    residents: int
    services: int
    workers: int
    threads: int


class Stage:
    """Started on entering, stopped on leaving; every run begins with fresh data."""

    def __init__(self, data: Path, size: Size, say: Say) -> None:
        self.data = data.absolute()
        self.size = size
        self.say = say
        self.ports = Ports.free()
        self.postgres = Postgres(self.data / "postgres", self.ports.postgres)
        self.environment: dict[str, str] = {}
        self.targets: dict[str, Target] = {}
        self.opened = ExitStack()
        self.api = self._server("api", ["onephone", "api"], self.ports.api, "/health/live")
        self.hello = self._server("hello", ["bench.hello"], self.ports.sandbox, "/")

    def __enter__(self) -> Stage:
        try:
            self._start()
        except BaseException:
            self.opened.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened.close()

    def _server(self, name: str, words: list[str], port: int, path: str) -> Program:
        flags = ["--port", str(port), "--workers", str(self.size.workers), "--threads", str(self.size.threads)]
        return self._program(name, [*words, *flags], (port, path))

    def _program(self, name: str, words: list[str], health: tuple[int, str] | None = None) -> Program:
        return Program(words, self.environment, self.data / f"{name}.log", self.data / f"{name}.pid", health)

    def _take_lock(self) -> None:
        """Two on one folder would end each other's servers. The lock goes away with us, however we end."""
        self.data.mkdir(parents=True, exist_ok=True)
        lock = self.opened.enter_context((self.data / "bench.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError(f"Another bench runs on {self.data}: wait for it, or name another --data.") from None

    def _start(self) -> None:
        self._take_lock()
        self.say("Starting PostgreSQL (fsync on) …")
        self.postgres.end_leftover()
        shutil.rmtree(self.postgres.data, ignore_errors=True)
        self.opened.callback(self.postgres.stop)
        self.postgres.start()
        for log in self.data.glob("*.log"):
            log.unlink()
        self.environment |= os.environ | self._product_environment()
        owner = {"DATABASE_OWNER_URL": self.postgres.url}
        for command, more in (("migrate", owner), ("keys", {}), ("seed", {})):
            program = self._program(command, ["onephone", command])
            program.environment = self.environment | more
            program.run_once()
        for server in (self.api, self.hello):
            self.opened.callback(server.stop)
            server.start()
        self._fill()

    def _product_environment(self) -> dict[str, str]:
        made = configuration.environment(self.data, self.ports)
        # No workload here touches the object store, so there is none.
        store = configuration.store_environment("http://127.0.0.1:9", "none", "none", "us-east-1")
        return made | store | {"DATABASE_URL": self.postgres.service_url}

    def _fill(self) -> None:
        size = self.size
        self.say(f"Filing {size.submissions:,} submissions of {size.residents:,} residents …")
        numbers = [f"--services={size.services}", f"--residents={size.residents}", f"--submissions={size.submissions}"]
        self._program("plant", ["bench.plant", *numbers]).run_once()
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            keys, issuer = Path(self.environment["TOKEN_KEYS_FILE"]), self.environment["PUBLIC_URL"]
            residents = rows.logged_in(connection, keys, issuer)
            sampled = rows.sample(connection, _SAMPLE)
        self.say("Recording the requests …")
        self._record(residents, sampled)

    def _record(self, residents: list[rows.Resident], sampled: list[Any]) -> None:
        tokens = {resident.id: resident.token for resident in residents}
        unchanged = requests.progress_unchanged(self.ports.api, sampled[:_SAMPLE_UNCHANGED], tokens)
        api, hello, folder = self.ports.api, self.ports.sandbox, self.data
        self.targets = {
            "hello": requests.record(hello, folder / "hello.requests", requests.hello(), 200),
            "W1": requests.record(api, folder / "w1.requests", requests.progress(sampled, tokens), 200),
            "W1 304": requests.record(api, folder / "w1-304.requests", unchanged, 304),
            "W2": requests.record(api, folder / "w2.requests", requests.filings(residents, self.size.services), 201),
        }

    def sealing(self) -> dict[str, float]:
        """What sealing costs of one request of each workload, in µs of processor time."""
        measure = self._program("sealing", ["bench.sealing"])
        measure.run_once()
        costs: dict[str, float] = json.loads(measure.log.read_text().splitlines()[-1])
        return costs

    def filed(self) -> dict[str, int]:
        """How many rows of each kind there are: what a filing leaves behind, by the API or by pgbench."""
        tables = (
            "submissions",
            "data_keys",
            "history",
            "idempotency_records",
            "procrastinate_jobs",
            "procrastinate_events",
        )
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables]
        return {table: count[0] for table, count in zip(tables, counts, strict=True) if count}

    def settle(self) -> None:
        """Do now what autovacuum does within a minute.

        Plans that PostgreSQL made while a table was empty, those of foreign keys too, read it from end to end,
        and stay until it is analysed.
        """
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def cpu_seconds(self, name: str) -> tuple[float, float]:
        """Processor time so far, in s: of the server behind a target, and of PostgreSQL."""
        server = self.hello if name == "hello" else self.api
        return _cpu_seconds(server.process.pid if server.process else None), _cpu_seconds(self.postgres.process_id())


def _cpu_seconds(pid: int | None) -> float:
    """Of a process, its children, and those of them that ended."""
    if pid is None:
        return 0.0
    parent = psutil.Process(pid)
    own = parent.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in parent.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total
