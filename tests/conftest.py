"""One real PostgreSQL and one real S3 for a whole test run, started by its first process, used by all.

With pytest-xdist the first process only hands out work, so it is the one that starts and stops the servers;
the others learn the addresses from it. Ports and folder are a run's own: a running `make run` is not
disturbed. Each process has a database of its own, cloned from one that was migrated once, and a bucket of
its own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from psycopg import sql

from sandbox import configuration, objects
from sandbox.objects import Objects
from sandbox.ports import Ports
from sandbox.postgres import Postgres

pytest_plugins = ["tests.product", "tests.planted", "tests.alone", "tests.clocks", "tests.lines"]

# A busy machine takes its time for an example, or for making one up, and that is no fault of what is tested.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

TEMPLATE = "template_onephone"
CHECKOUT = Path(__file__).resolve().parent.parent


class Servers:
    """The run's PostgreSQL and S3, started on first use and stopped, without ceremony, at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="onephone-tests-"))
        self.ports = Ports.free()
        self.postgres = Postgres(self.folder / "postgres", self.ports.postgres, fast=True)
        self.objects = Objects(self.folder / "objects", self.ports.objects, "tests")

    def start(self) -> dict[str, Any]:
        """Return what a process needs to reach them, as plain values that travel between processes."""
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(self.objects.start), pool.submit(self.postgres.start)]:
                started.result()
        self.postgres.ensure_database(TEMPLATE)
        reached = {
            "folder": str(self.folder),
            "postgres": self.postgres.service_url_of("{database}"),
            "owner": self.postgres.url_of("{database}"),
            "store": [self.objects.url, *self.objects.keys()],
        }
        for command in ("migrate", "keys"):
            run_command(command, settings_for(reached, TEMPLATE))
        return reached

    def stop(self) -> None:
        self.postgres.kill()
        self.objects.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def settings_for(reached: dict[str, Any], name: str, ports: Ports | None = None) -> dict[str, str]:
    """Return every variable of the product for one database and bucket, with these ports or some that are free now."""
    url, access_key, secret_key = reached["store"]
    folder = Path(reached["folder"]) / name
    folder.mkdir(parents=True, exist_ok=True)
    made = configuration.environment(folder, ports or Ports.free())
    made |= configuration.store_environment(url, access_key, secret_key, objects.REGION)
    return made | {
        "DATABASE_URL": reached["postgres"].format(database=name),
        # The product itself never gets this; stories plant and look with it, as a superuser could.
        "DATABASE_OWNER_URL": reached["owner"].format(database=name),
        "KEY_FILE": str(folder / "keys.json"),
        "CRYPTO_SUITE": os.environ.get("CRYPTO_SUITE", "international"),
        "S3_BUCKET": name.replace("_", "-"),
    }


def run_command(name: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "onephone", name]
    done = subprocess.run(command, cwd=CHECKOUT, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise pytest.UsageError(f"onephone {name} failed:\n{done.stdout}{done.stderr}")


SERVERS = pytest.StashKey[Servers]()
REACHED = pytest.StashKey[dict[str, Any]]()


def is_first_process(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if not is_first_process(config):
        config.stash[REACHED] = json.loads(config.workerinput["servers"])  # type: ignore[attr-defined]
    elif not config.option.collectonly:
        servers = config.stash[SERVERS] = Servers()
        config.add_cleanup(servers.stop)
        config.stash[REACHED] = servers.start()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a new xdist process where the servers are."""
    node.workerinput["servers"] = json.dumps(node.config.stash[REACHED])


@pytest.fixture(scope="session")
def reached(pytestconfig: pytest.Config) -> dict[str, Any]:
    return pytestconfig.stash[REACHED]


@pytest.fixture(scope="session")
def process_name() -> str:
    """A name that no other process of this run has; it names the process's database and bucket."""
    return f"onephone_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


@dataclass(frozen=True)
class HeldPorts:
    """Ports that nobody else can take: sockets are bound to those that this process will listen on, some time later."""

    ports: Ports
    api: socket.socket
    sandbox: socket.socket

    @classmethod
    def pick(cls) -> HeldPorts:
        while True:
            # Without SO_REUSEADDR, so that these ports are taken in the eyes of who looks for free ones.
            held = cls(Ports.free(), socket.socket(), socket.socket())
            try:
                held.api.bind(("127.0.0.1", held.ports.api))
                held.sandbox.bind(("127.0.0.1", held.ports.sandbox))
            except OSError:
                held.close()
            else:
                return held

    def close(self) -> None:
        self.api.close()
        self.sandbox.close()


@pytest.fixture(scope="session")
def held_ports() -> Iterator[HeldPorts]:
    """The ports of this process's own API and sandbox, held from the moment its settings name them until it listens:
    meanwhile every other process of the run picks ports at random."""
    held = HeldPorts.pick()
    yield held
    held.close()


@pytest.fixture(scope="session")
def settings_environment(reached: dict[str, Any], process_name: str, held_ports: HeldPorts) -> Iterator[dict[str, str]]:
    """All environment variables of the product; its database is migrated, its bucket empty, both its own."""
    environment = settings_for(reached, process_name, held_ports.ports)
    # Its own copy, because a master key that one story adds would be the current one of every process.
    shutil.copy(settings_for(reached, TEMPLATE)["KEY_FILE"], environment["KEY_FILE"])
    url, access_key, secret_key = reached["store"]
    objects.ensure_bucket(objects.client(url, objects.REGION, access_key, secret_key), environment["S3_BUCKET"])
    clone(reached, process_name)
    yield environment


def clone(reached: dict[str, Any], name: str, template: str = TEMPLATE) -> None:
    """Copy the migrated database, or another; file_copy is the fastest way for a small one."""
    words = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with psycopg.connect(reached["owner"].format(database="postgres"), autocommit=True) as connection:
        connection.execute(words.format(sql.Identifier(name), sql.Identifier(template)))
