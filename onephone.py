"""The command: `onephone api`, `worker`, `migrate` and more; `onephone --help` lists them.

Each says its options with `--help`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

import wsgi
from api import specification
from app import clock, database, jobs, logs, seeds
from app.catalogue import commands as catalogue_commands
from app.crypto import data_keys, key_making, resealing
from app.crypto.failures import SealError
from app.privacy import activities, purges
from app.settings import settings
from auth import key_rotations, staff_commands, throttles

_HOME = Path(__file__).parent


def api(arguments: argparse.Namespace) -> None:
    """Serve the API until told to stop."""
    settings()
    data_keys.ring()
    Granian(
        "wsgi:serve",
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
        log_dictconfig=logs.of_server(),
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    ).serve()


def worker(arguments: argparse.Namespace) -> None:
    """Run jobs until told to stop."""
    logs.take_over()
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
    """Make the keys of a new installation, or of a new keeper (MASTER_KEYS); run after migrate. Existing keys stay.

    Nothing else ever makes any: a service that does not find its keys stops, because new keys open no old data.
    """
    if arguments.add:
        print(f"{key_making.add()}; now: onephone rotate-keys")
    else:
        print(key_making.make())


def rotate_keys(arguments: argparse.Namespace) -> None:
    """Bring every data key under the current master key; may be stopped and run again at any time."""
    total = data_keys.count_old()
    for progress in data_keys.rewrap():
        words = f"{progress.rewrapped} rewrapped, {progress.unusable} unusable"
        _tell(progress.rewrapped + progress.changed_meanwhile + progress.unusable, total, words)
    print(f"done; still under an older master key: {data_keys.count_old()}")


def rotate_token_keys(arguments: argparse.Namespace) -> None:
    """Take the next step of putting a new key in the place of the one that signs access tokens; nobody is logged out.

    Run it again when the next step is due, or from a timer; it may be stopped and run again at any time.
    """
    path = Path(settings().token_keys_file)
    try:
        if arguments.stolen:
            step = key_rotations.replace_at_once(path)
        else:
            step = key_rotations.advance(path, timedelta(days=arguments.older_than))
    except (key_rotations.KeysNotWritable, ValueError, OSError) as error:
        sys.exit(f"{settings().token_keys_file}: {error}")
    due = "" if step.next_at is None else f"; next step from {step.next_at:%Y-%m-%d %H:%M:%S} UTC on"
    print(f"{step.name}: {step.key}{due}")


def reseal(arguments: argparse.Namespace) -> None:
    """Seal what the other suite sealed with CRYPTO_SUITE; may be stopped and run again at any time."""
    if arguments.background:
        resealing.defer()
        print("a worker does it; its log tells `resealed`")
        return
    total = resealing.count()
    for progress in resealing.reseal():
        words = f"{progress.resealed} resealed, {progress.unusable} unusable"
        _tell(progress.resealed + progress.changed_meanwhile + progress.unusable, total, words)
    print(f"done; still sealed by the other suite: {resealing.count()}")


def _tell(done: int, total: int, words: str) -> None:
    """The progress of long work: a bar that moves in a terminal, plain lines anywhere else."""
    if not sys.stdout.isatty():
        print(words, flush=True)
        return
    share = min(done / total, 1.0) if total else 1.0
    bar = "█" * round(share * 30)
    print(f"\r{bar:░<30} {share:4.0%} of {total}: {words} ", end="\n" if done >= total else "", flush=True)


def publish(arguments: argparse.Namespace) -> None:
    """Publish departments and services from the definition files."""
    print(f"{seeds.publish()} new service versions")


def seed(arguments: argparse.Namespace) -> None:
    """Publish, and add the demo's staff; not for production."""
    planted = seeds.plant()
    print(", ".join(f"{count} {noun}" for noun, count in planted.items()))


def privacy_register(arguments: argparse.Namespace) -> None:
    """Print the register of processing activities (PIPL art. 56), from the columns and the published services."""
    with database.reading() as connection:
        found = activities.register(connection)
    if arguments.format == "json":
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print(activities.as_markdown(found, arguments.language), end="")


def purge(arguments: argparse.Namespace) -> None:
    """Show what has come to the end of its time, and with --confirm erase it; may be stopped and run again."""
    at = clock.now()
    with database.reading() as connection:
        _print_lines(purges.preview(connection, at))
    if not arguments.confirm:
        print("Nothing was erased. To erase it now: onephone purge --confirm")
        return
    for line in purges.purge(at, "command", arguments.batch):
        print(f"erased: {line.count} {line.kind} {line.retention_class or ''}".rstrip(), flush=True)
    print("done")


def _print_lines(lines: list[purges.Line]) -> None:
    print(f"{'what':<22} {'class':<10} {'count':>10}  oldest")
    for line in lines:
        day = clock.day_of(line.oldest).isoformat()
        print(f"{line.kind:<22} {line.retention_class or '-':<10} {line.count:>10}  {day}")


def doors(arguments: argparse.Namespace) -> None:
    """Print every operation: who may enter, and how often something may be tried."""
    told = [operation for door in wsgi.DOORS for operation in door.operations]
    for one in sorted(told, key=lambda one: (one.path, one.method)):
        limits = "; ".join(limit.told for limit in throttles.THROTTLES[one.throttle]) if one.throttle else "-"
        print(f"{one.method:<7} {one.path.replace(' ', ''):<66} {one.guard:<10} {limits}")
    print(f"{len(told)} operations behind {len(wsgi.DOORS)} doors")


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
    of_keys = (keys, rotate_keys, rotate_token_keys, reseal)
    runs = (api, worker, migrate, *of_keys, publish, seed, privacy_register, purge, openapi, doors)
    for run in runs:
        sub = commands.add_parser(run.__name__.replace("_", "-"), help=run.__doc__, description=run.__doc__)
        sub.set_defaults(run=run)
        if run is api:
            _api_options(sub)
        if run is keys:
            sub.add_argument("--add", action="store_true", help="add a master key, which wraps from now on")
        if run is rotate_token_keys:
            words = "begin only when the key that signs is older than so many days"
            sub.add_argument("--older-than", type=int, default=0, metavar="DAYS", help=words)
            sub.add_argument("--stolen", action="store_true", help="replace all keys at once; clients refresh")
        if run is privacy_register:
            sub.add_argument("--format", choices=("md", "json"), default="md", help="a table, or JSON")
            sub.add_argument("--language", choices=("zh", "en"), default="zh", help="language of the table")
        if run is reseal:
            sub.add_argument("--background", action="store_true", help="let a worker do it")
        if run is purge:
            sub.add_argument("--batch", type=int, default=100, help="rows in one transaction")
            what = sub.add_mutually_exclusive_group()
            what.add_argument("--preview", action="store_true", help="only show it, as without any option")
            what.add_argument("--confirm", action="store_true", help="erase it, after showing it")
        if run is openapi:
            sub.add_argument("--check", action="store_true", help="compare instead of writing")
    words = "Validate, import, review and publish services."
    catalogue_commands.add_to(commands.add_parser("catalogue", help=words, description=catalogue_commands.__doc__))
    words = "Take staff on, or help one of them in, from the machine itself."
    staff_commands.add_to(commands.add_parser("staff", help=words, description=staff_commands.__doc__))
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
