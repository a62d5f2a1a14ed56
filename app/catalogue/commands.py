"""The commands `onephone catalogue …`: validate, import, export, diff, review, publish, withdraw, maintenance."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from app import database
from app.catalogue import (
    availability,
    definition_files,
    departments,
    exchange_rows,
    imports,
    publishing,
    regions,
    services,
    validation,
)
from app.catalogue.differences import differences
from app.catalogue.exchange import BASIC
from app.catalogue.exchange_files import Folder
from app.catalogue.mistakes import Located
from app.catalogue.progress import Progress
from app.catalogue.publishing import DefinitionInvalid
from app.catalogue.validation import Surroundings
from app.database import Work
from app.people import staff
from app.refusals import Refusal

_OWN = Path(__file__).with_name("definitions")
_BESIDE = frozenset({"departments.yaml"})


class CommandRefused(SystemExit):
    """Nothing was done; the text says why."""


def validate(arguments: argparse.Namespace) -> None:
    """Say what is wrong with definition files: file, line, path and why. Needs no database."""
    faults: list[Located] = []
    files = _definition_files(arguments.paths)
    for path in files:
        faults += definition_files.validate(path, _files_around(path))[1]
    for fault in faults:
        print(fault.told(arguments.language))
    if faults:
        raise SystemExit(1)
    print(f"{len(files)} sound · 全部合格")


def import_(arguments: argparse.Namespace) -> None:
    """Take definition files, or a folder of national exchange tables, as drafts. Killed and run again, it goes on."""
    path: Path = arguments.path
    if path.is_dir() and any((path / f"{BASIC}.{kind}").exists() for kind in ("jsonl", "csv")):
        _import_exchange(path, arguments.errors or path / imports.ABNORMAL, arguments.as_)
    else:
        _import_definitions(_definition_files([path]), arguments.as_, arguments.language)


def _import_exchange(path: Path, errors: Path, number: str) -> None:
    with database.work() as work:
        actor = _actor(work, number)
        _take_surroundings(work, path)
    with Folder(path) as folder, Progress("Import · 导入", len(folder)) as progress:
        row = imports.run(folder, actor, progress.at, progress.resume)
    print(f"import {row.key}: {row.kept} drafts, {row.unchanged} unchanged, {row.rejected} rejected")
    if row.rejected:
        with database.reading() as connection:
            imports.write_abnormal(connection, row.key, errors)
        print(f"rejected rows · 退回的数据: {errors}")


def _take_surroundings(work: Work, path: Path) -> None:
    """The regions and departments that come with a folder of exchange tables."""
    for name, publish in (("regions", regions.publish), ("departments", _publish_departments)):
        if (path / f"{name}.csv").exists():
            with (path / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
                publish(work, csv.DictReader(file))


def _publish_departments(work: Work, rows: Any) -> int:
    return departments.publish_all(work, [_department(row) for row in rows])


def _department(row: dict[str, str]) -> dict[str, Any]:
    made = {name: row[name] for name in ("parent", "region", "phone") if row.get(name)}
    return {"code": row["code"].lower(), "name": {"zh": row["name"], "en": row.get("name_en") or row["name"]}, **made}


def _import_definitions(files: list[Path], number: str, language: str) -> None:
    """All or nothing: one broken file, and no draft is kept."""
    with database.work() as work:
        actor, around = _actor(work, number), validation.surroundings(work.connection)
        read = [definition_files.validate(path, around) for path in files]
        faults = [fault for _, found in read for fault in found]
        if faults:
            raise CommandRefused("\n".join(fault.told(language) for fault in faults))
        for definition, _ in read:
            assert definition is not None
            outcome = publishing.save_draft(work, actor, definition, language)
            print(f"{definition['code']} {definition['version']}: {outcome}")


def export(arguments: argparse.Namespace) -> None:
    """Write current services as definition files, or all of them as national exchange tables."""
    folder: Path = arguments.to
    folder.mkdir(parents=True, exist_ok=True)
    with database.work() as work:
        codes = arguments.codes or _all_codes(work)
        with Progress("Export · 导出", len(codes)) as progress, exchange_rows.Writer(folder) as writer:
            for done, code in enumerate(codes, 1):
                edition = services.current(work.connection, code)
                if arguments.format == "exchange":
                    writer.write(edition.definition)
                else:
                    text = definition_files.dump(edition.definition)
                    (folder / f"{code}.yaml").write_text(text, encoding="utf-8")
                progress.at(done)


def _all_codes(work: Work) -> list[str]:
    codes: list[str] = []
    while page := services.listing(work.connection, codes[-1] if codes else None, 1000):
        codes += [edition.code for edition in page]
    return codes


def diff(arguments: argparse.Namespace) -> None:
    """Show what a file changes against the current version, or one version against another."""
    with database.reading() as connection:
        if arguments.file:
            new, faults = definition_files.validate(arguments.file, validation.surroundings(connection))
            if new is None:
                raise CommandRefused("\n".join(fault.told(arguments.language) for fault in faults))
            old = services.current(connection, new["code"]).definition
        else:
            old, new = (publishing.definition_of(connection, arguments.code, one) for one in arguments.versions)
    for one in differences(old, new):
        print(f"{one['change']:8} {one['pointer']}")
        for name, sign in (("before", "-"), ("after", "+")):
            if name in one:
                print(f"  {sign} {one[name]}")


def review(arguments: argparse.Namespace) -> None:
    """Say that a draft, or all drafts of an import, are right; somebody else than who made them."""
    if arguments.import_key:
        _whole_import(arguments, "draft", "Review · 审核", imports.review)
    else:
        _one(arguments, lambda work, actor: publishing.review(work, actor, arguments.code, arguments.version))


def publish(arguments: argparse.Namespace) -> None:
    """Open a reviewed version, or all of an import, to residents from its effective date on."""
    if arguments.import_key:
        _whole_import(arguments, "reviewed", "Publish · 发布", imports.publish)
    else:
        _one(arguments, lambda work, actor: publishing.publish(work, actor, arguments.code, arguments.version))


def withdraw(arguments: argparse.Namespace) -> None:
    """Take a published version back. Submissions that were filed under it go on."""
    _one(
        arguments,
        lambda work, actor: publishing.withdraw(work, actor, arguments.code, arguments.version, arguments.reason),
    )


def maintenance(arguments: argparse.Namespace) -> None:
    """Close a service for a while or open it again, and say which client is the oldest that can file."""
    clients = dict(_client(text) for text in arguments.minimum_client)

    def switch(work: Work, actor: str) -> None:
        if arguments.off:
            publishing.set_maintenance(work, actor, arguments.code, None)
        elif arguments.zh:
            note = {"zh": arguments.zh, "en": arguments.en or arguments.zh}
            publishing.set_maintenance(work, actor, arguments.code, note, arguments.until)
        for platform, version in clients.items():
            publishing.set_minimum_client(work, actor, arguments.code, platform, version)

    _one(arguments, switch)


def _client(text: str) -> tuple[str, str | None]:
    """`wechat=2.3.1`, or `wechat=` for any version."""
    platform, _, version = text.partition("=")
    if platform not in availability.PLATFORMS or (version and not availability.is_version(version)):
        raise CommandRefused(f"{text}: PLATFORM=VERSION is wanted, one of {', '.join(availability.PLATFORMS)}")
    return platform, version or None


def _one(arguments: argparse.Namespace, act: Callable[[Work, str], None]) -> None:
    with database.work() as work:
        act(work, _actor(work, arguments.as_))
    print(f"{arguments.code}: done · 完成")


def _whole_import(
    arguments: argparse.Namespace, state: str, words: str, move: Callable[[str, str, Callable[[int], None]], int]
) -> None:
    with database.work() as work:
        actor = _actor(work, arguments.as_)
        total = imports.count(work.connection, arguments.import_key, state)
    with Progress(words, total) as progress:
        move(arguments.import_key, actor, progress.at)


def _actor(work: Work, number: str) -> str:
    """The name under which somebody's acts are recorded. Raises CommandRefused: only administrators act here."""
    known = staff.active_by_number(work, number)
    if known is None or known.role != "administrator":
        raise CommandRefused(f"{number}: no administrator at work has this staff number · 没有这个工号的管理员")
    return f"staff:{known.id}"


def _definition_files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return [path for path in found if path.name not in _BESIDE]


def _files_around(path: Path) -> Surroundings:
    """The departments and regions that lie beside a file, else those that come with the program."""
    known = [_beside(path.parent, "departments.yaml"), _beside(path.parent, "regions.csv")]
    data, _, faults = definition_files.read(known[0])
    if faults:
        raise CommandRefused("\n".join(fault.told("en") for fault in faults))
    with known[1].open(encoding="utf-8", newline="") as file:
        codes = frozenset(row["code"] for row in csv.DictReader(file))
    return Surroundings(frozenset(one["code"] for one in data["departments"]), codes)


def _beside(folder: Path, name: str) -> Path:
    return folder / name if (folder / name).exists() else _OWN / name


def run(arguments: argparse.Namespace) -> None:
    """Do what was asked; a refusal ends it with its words."""
    try:
        arguments.act(arguments)
    except DefinitionInvalid as refusal:
        raise CommandRefused(
            "\n".join(f"{place or '/'}: {' '.join(w)}" for place, w in refusal.errors.items())
        ) from None
    except Refusal as refusal:
        facts = ", ".join(f"{name}: {value}" for name, value in refusal.facts.items())
        why = (type(refusal).__doc__ or "").strip().splitlines()[0]
        raise CommandRefused(f"{refusal.code()} {f'({facts}) ' if facts else ''}- {why}") from None


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options of all of them."""
    parser.set_defaults(run=run)
    commands = parser.add_subparsers(required=True, metavar="command")
    made = {
        act.__name__.rstrip("_"): commands.add_parser(
            act.__name__.rstrip("_"), help=act.__doc__, description=act.__doc__
        )
        for act in _ACTS
    }
    for act in _ACTS:
        made[act.__name__.rstrip("_")].set_defaults(act=act)
    for name in ("validate", "import", "diff"):
        made[name].add_argument("--language", choices=("zh", "en"), default="zh", help="of the faults (zh)")
    for name in ("import", "review", "publish", "withdraw", "maintenance"):
        made[name].add_argument("--as", dest="as_", required=True, metavar="NUMBER", help="your staff number")
    for name in ("review", "publish", "withdraw", "maintenance", "diff"):
        made[name].add_argument("code", nargs="?" if name in ("review", "publish", "diff") else None)
    for name in ("review", "publish", "withdraw"):
        made[name].add_argument("version", type=int, nargs=None if name == "withdraw" else "?")
    for name in ("review", "publish"):
        made[name].add_argument("--import", dest="import_key", metavar="KEY", help="all versions of this import")
    _other_options(made)


def _other_options(made: dict[str, argparse.ArgumentParser]) -> None:
    made["validate"].add_argument("paths", type=Path, nargs="*", default=[_OWN], help="files or folders")
    made["import"].add_argument("path", type=Path, help="a definition file, a folder of them or of exchange tables")
    made["import"].add_argument("--errors", type=Path, metavar="FILE", help=f"for rejected rows ({imports.ABNORMAL})")
    made["export"].add_argument("codes", nargs="*", help="services; all that are open without any")
    made["export"].add_argument("--to", type=Path, required=True, metavar="FOLDER")
    made["export"].add_argument("--format", choices=("yaml", "exchange"), default="yaml")
    made["diff"].add_argument("versions", type=int, nargs="*", help="two versions of the service")
    made["diff"].add_argument("--file", type=Path, help="against the current version")
    made["withdraw"].add_argument("--reason", required=True)
    made["maintenance"].add_argument("--zh", metavar="WORDS", help="close it, and tell residents this")
    made["maintenance"].add_argument("--en", metavar="WORDS", help="the same in English")
    made["maintenance"].add_argument("--until", type=datetime.fromisoformat, metavar="INSTANT", help="RFC 3339")
    made["maintenance"].add_argument("--off", action="store_true", help="open it again")
    made["maintenance"].add_argument("--minimum-client", action="append", default=[], metavar="PLATFORM=VERSION")


_ACTS = (validate, import_, export, diff, review, publish, withdraw, maintenance)
