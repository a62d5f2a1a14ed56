"""The command: `onephone api | worker | migrate | keys | rotate-keys | publish | seed | openapi | catalogue`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

import wsgi
from api import specification
from app import jobs, logs, seeds
from app.catalogue import commands as catalogue_commands
from app.crypto import data_keys
from app.crypto.failures import SealError
from app.settings import settings

_HOME = Path(__file__).parent


def api(arguments: argparse.Namespace) -> None:
    """Serve the API until told to stop."""
    settings()
    data_keys.ring()
    Granian(
        "wsgi:create_app",
        factory=True,
        address=arguments.host,
        port=arguments.port,
        interface=Interfaces.WSGI,
        # HTTP/2 ends at the proxy: here it would let bodies in that don't say their length.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=64 * 1024),
        workers=arguments.workers,
        blocking_threads=arguments.threads,
        backlog=2048,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    ).serve()


def worker(arguments: argparse.Namespace) -> None:
    """Run jobs until told to stop."""
    logs.configure()
    data_keys.ring()
    wsgi.connect_rooms()
    jobs.work_forever()


def migrate(arguments: argparse.Namespace) -> None:
    """Bring the database to the newest schema."""
    settings()
    config = Config()
    config.set_main_option("script_location", str(_HOME / "migrations"))
    command.upgrade(config, "head")


def keys(arguments: argparse.Namespace) -> None:
    """Make the key file of a new installation; run after migrate. A file that is there stays as it is.

    Nothing else ever makes one: a service that does not find its keys stops, because new keys open no old data.
    """
    if arguments.add:
        print(f"new master key {data_keys.add_master_key()}; now: onephone rotate-keys")
    else:
        print("new key file" if data_keys.make_file() else "the key file is there already")


def rotate_keys(arguments: argparse.Namespace) -> None:
    """Bring every data key under the current master key; may be stopped and run again at any time."""
    for progress in data_keys.rewrap():
        print(f"{progress.rewrapped} rewrapped, {progress.unusable} unusable", flush=True)
    print(f"done; still under an older master key: {data_keys.count_old()}")


def publish(arguments: argparse.Namespace) -> None:
    """Publish departments and services from the definition files."""
    print(f"{seeds.publish()} new service versions")


def seed(arguments: argparse.Namespace) -> None:
    """Publish, and add the demo's staff; not for production."""
    planted = seeds.plant()
    print(", ".join(f"{count} {noun}" for noun, count in planted.items()))


def openapi(arguments: argparse.Namespace) -> None:
    """Write openapi.yaml, or with --check fail when it is not what the code says."""
    path = _HOME / "openapi.yaml"
    text = specification.as_yaml(wsgi.build())
    if not arguments.check:
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        sys.exit("openapi.yaml is not what the code says: run `make openapi` and commit the change.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onephone", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for run in (api, worker, migrate, keys, rotate_keys, publish, seed, openapi):
        sub = commands.add_parser(run.__name__.replace("_", "-"), help=run.__doc__, description=run.__doc__)
        sub.set_defaults(run=run)
        if run is api:
            _api_options(sub)
        if run is keys:
            sub.add_argument("--add", action="store_true", help="add a master key, which wraps from now on")
        if run is openapi:
            sub.add_argument("--check", action="store_true", help="compare instead of writing")
    words = "Validate, import, review and publish services."
    catalogue_commands.add_to(commands.add_parser("catalogue", help=words, description=catalogue_commands.__doc__))
    return parser


def _api_options(parser: argparse.ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    parser.add_argument("--host", default=os.environ.get("API_HOST", "127.0.0.1"), help="address to listen on")
    parser.add_argument("--port", type=int, default=int(os.environ.get("API_PORT", "8000")), help="port to listen on")
    parser.add_argument("--workers", type=int, default=min(cores, 4), help="server processes")
    parser.add_argument("--threads", type=int, default=4, help="threads a process")


def main() -> None:
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except SealError as error:
        sys.exit(f"The keys cannot be used: {error}")


if __name__ == "__main__":
    main()
