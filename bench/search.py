"""`python -m bench.search`: import a province's items by command, then search, browse and read guides over HTTP.

The times of one connection are what one phone waits for; those of several say what is left when many ask at once.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from urllib.parse import quote

import psycopg
from rich.console import Console
from rich.table import Table

from bench import load, requests
from bench.figures import Figures
from bench.requests import Target
from bench.stage import Size, Stage, StageError
from sandbox.postgres import PostgresError
from sandbox.program import ProgramError

GOAL_MS = 50.0
_DATA = Path(__file__).resolve().parent.parent / ".data" / "bench-search"
_GUIDES = 2000
# Two administrators of the demo's staff: nobody reviews a draft of their own.
_DRAFTER, _REVIEWER = "S0004", "S0005"

TYPED = (
    "身份证", "身份证丢了怎么办", "社保", "社保卡", "老人补贴", "高龄津贴", "低保", "公积金", "公积金提取",
    "gjj", "sfz", "shenfenzheng", "gaoling", "jzz", "营业执照", "注销公司", "开饭店", "驾照", "驾照到期换证",
    "结婚证", "离婚", "上户口", "户口本", "迁户口", "危房改造", "残疾证", "新农合", "外地看病", "医保报销",
    "退休金", "养老认证", "失业金", "工伤", "高铃津贴", "涉保卡", "身份正", "证", "许可",
    "我要给我妈办老人补贴怎么弄", "没有这样的事情呀",
)  # fmt: skip
"""Forty texts: official and everyday words, fragments, pinyin, first letters, wrong characters, whole sentences."""

# Two counties and a town, a city, and 昆明's heart: forty texts in five places are two hundred queries.
REGIONS = ("532901", "530102", "532901001000", "532300", "532627")
TOPICS = ("social-insurance", "household", "health", "housing", "elderly", "agriculture", "company-setup", "transport")


class SearchStage(Stage):
    """The same stage, filled with a catalogue instead of submissions."""

    def __init__(self, data: Path, items: int, size: Size, console: Console) -> None:
        super().__init__(data, size, console.print)
        self.items = items
        self.took: dict[str, float] = {}

    def _fill(self) -> None:
        folder = self.data / "items"
        catalogue = ["onephone", "catalogue"]
        self._timed("generate", ["bench.catalogue", str(folder), f"--items={self.items}"])
        self._timed("import", [*catalogue, "import", str(folder), "--as", _DRAFTER])
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            key = str(_only(connection, "SELECT key FROM catalogue_imports"))
        self._timed("review", [*catalogue, "review", "--import", key, "--as", _REVIEWER])
        self._timed("publish", [*catalogue, "publish", "--import", key, "--as", _DRAFTER])
        self.settle()
        self._record_reads()

    def _timed(self, name: str, words: list[str]) -> None:
        self.say(f"{name} …")
        started = time.perf_counter()
        self._program(name, words).run_once()
        self.took[name] = time.perf_counter() - started

    def _record_reads(self) -> None:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT service_code FROM service_search ORDER BY md5(service_code) LIMIT %s", [_GUIDES]
            )
            guides = [f"/v1/services/{row[0]}" for row in rows]
        api, folder = self.ports.api, self.data
        reads = {
            "search": [f"/v1/services?q={quote(text)}&region={region}" for text, region in product(TYPED, REGIONS)],
            "search anywhere": [f"/v1/services?q={quote(text)}" for text in TYPED],
            "browse": [f"/v1/services?region={region}&topic={topic}" for region, topic in product(REGIONS, TOPICS)],
            "guide": guides,
        }
        self.targets = {
            name: requests.record(api, folder / f"{name}.requests", requests.reads(paths), 200)
            for name, paths in reads.items()
        }
        unchanged = requests.reads_unchanged(api, guides)
        self.targets["guide 304"] = requests.record(api, folder / "guide-304.requests", unchanged, 304)

    def found(self) -> int:
        """How many versions residents find."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            return int(str(_only(connection, "SELECT count(*) FROM service_search")))


def _only(connection: psycopg.Connection[tuple[object, ...]], sql: str) -> object:
    row = connection.execute(sql).fetchone()
    if row is None:
        raise StageError(f"{sql}: nothing came")
    return row[0]


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all was measured without an error, goals reached or not; 1 with errors, 2 if it could not be."""
    options = _options(arguments)
    console = Console(highlight=False)
    size = Size(0, 0, 0, options.workers, options.threads)
    try:
        stage = SearchStage(options.data, options.items, size, console)
        with stage:
            found = stage.found()
            measured = dict(_measured(stage.targets, options.connections, options.seconds))
            took = stage.took
    except (StageError, PostgresError, ProgramError) as problem:
        console.print(str(problem), style="red")
        return 2
    console.print(_import_table(took, found))
    console.print(_reads_table(measured, options.seconds))
    if options.json is not None:
        content = {"found": found, "took": took, "reads": {name: asdict(one) for name, one in measured.items()}}
        options.json.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any(one.errors for one in measured.values()) else 0


def _measured(targets: dict[str, Target], connections: list[int], seconds: float) -> Iterator[tuple[str, Figures]]:
    random.seed(1)
    for target in targets.values():
        load.run(target, 4, min(seconds, 3.0))
    for (name, target), count in product(targets.items(), connections):
        yield f"{name}, {count} at once", load.run(target, count, seconds)


def _import_table(took: dict[str, float], found: int) -> Table:
    table = Table(title=f"{found:,} services found after an import by command")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for name, seconds in took.items():
        table.add_row(name, f"{seconds:.1f}")
    return table


def _reads_table(measured: dict[str, Figures], seconds: float) -> Table:
    table = Table(title=f"Reads over HTTP, {seconds:g} s each; a search is to take less than {GOAL_MS:g} ms")
    for name in ("workload", "requests/s", "p50 ms", "p99 ms", "errors"):
        table.add_column(name, justify="left" if name == "workload" else "right")
    for name, one in measured.items():
        table.add_row(name, f"{one.rps:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", str(one.errors))
    return table


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--items", type=int, default=165_000, help="items to import (165000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each measurement (10)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8], help="how many ask at once (1 8)")
    parser.add_argument("--workers", type=int, default=2, help="server processes (2)")
    parser.add_argument("--threads", type=int, default=4, help="threads a process (4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder for everything (.data/bench-search)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
