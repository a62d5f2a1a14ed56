"""Exchange files: a folder with one file for each exchange table, put together item by item.

`up_task_general_basic.jsonl` and the other tables of `exchange.py`, each as JSON lines or as CSV with a head, column
names in lower case. The rows of an item may stand anywhere in their files: where they are is looked up once, and memory
holds places, never rows, so that 165,000 items need some hundred megabytes and not gigabytes.
"""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from app.catalogue.exchange import BASIC, ITEM_CONDITION, MATERIAL_CONDITION, OF_TASK, Row, RowBroken, TaskRows
from app.catalogue.mistakes import Fault

LONGEST_LINE = 1024 * 1024

Places = dict[str, list[int]]


class FolderIncomplete(SystemExit):
    """There is no file of the table that everything else hangs on."""


class Folder:
    """The items in a folder of exchange files. Use as a context: it keeps files open, and may write temporary ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found = {table: file for table in (BASIC, *OF_TASK, MATERIAL_CONDITION) if (file := _file(path, table))}
        if BASIC not in self._found:
            raise FolderIncomplete(f"{path}: there is no {BASIC}.jsonl or {BASIC}.csv")
        self.key = _key(self._found)
        """The same for the same content, so that a run that was killed is known again."""
        self._files: dict[str, BinaryIO] = {}
        self._places: dict[str, Places] = {}
        self._tasks: list[int] = []

    def __enter__(self) -> Folder:
        self._stack = ExitStack()
        spare = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="onephone-import-")))
        for table, file in self._found.items():
            lines = file if file.suffix == ".jsonl" else _as_json_lines(file, spare / f"{table}.jsonl")
            self._files[table] = self._stack.enter_context(lines.open("rb"))
        self._tasks = _starts(self._files[BASIC])
        for table, opened in self._files.items():
            if table != BASIC:
                self._places[table] = _places(opened, "condition_guid" if table == MATERIAL_CONDITION else "task_guid")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return len(self._tasks)

    def tasks(self, after: int) -> Iterator[tuple[str, TaskRows | RowBroken]]:
        """(row_guid, its rows or why there are none) for each item after the first `after`, in the file's order."""
        for start in self._tasks[after:]:
            try:
                basic = _row(self._files[BASIC], start)
                yield str(basic.get("row_guid", "")), self._task(basic)
            except RowBroken as error:
                yield "", error

    def _task(self, basic: dict[str, Any]) -> TaskRows:
        guid = str(basic.get("row_guid", ""))
        rows: dict[str, list[Row]] = {table: self._rows(table, guid) for table in OF_TASK if table in self._files}
        conditions = [str(row.get("row_guid")) for row in rows.get(ITEM_CONDITION, ())]
        asked = {one: self._rows(MATERIAL_CONDITION, one) for one in conditions if MATERIAL_CONDITION in self._files}
        return TaskRows(
            basic, rows, {one: [str(row.get("material_guid")) for row in found] for one, found in asked.items()}
        )

    def _rows(self, table: str, guid: str) -> list[Row]:
        return [_row(self._files[table], start) for start in self._places[table].get(guid, ())]


def _file(path: Path, table: str) -> Path | None:
    return next((file for kind in ("jsonl", "csv") if (file := path / f"{table}.{kind}").is_file()), None)


def _key(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for table in sorted(files):
        with files[table].open("rb") as file:
            digest.update(f"{table} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:32]


def _as_json_lines(source: Path, target: Path) -> Path:
    """A CSV value may hold line breaks, so that its rows can not be found by counting lines."""
    with source.open(encoding="utf-8-sig", newline="") as rows, target.open("w", encoding="utf-8") as lines:
        for row in csv.DictReader(rows):
            json.dump({str(name).lower(): value for name, value in row.items() if name}, lines, ensure_ascii=False)
            lines.write("\n")
    return target


def _starts(file: BinaryIO) -> list[int]:
    starts, place = [], 0
    for line in file:
        if line.strip():
            starts.append(place)
        place += len(line)
    return starts


def _places(file: BinaryIO, key: str) -> Places:
    """What does not even name its item belongs to none."""
    found: Places = {}
    for start in _starts(file):
        try:
            guid = str(_row(file, start).get(key, ""))
        except RowBroken:
            continue
        found.setdefault(guid, []).append(start)
    return found


def _row(file: BinaryIO, start: int) -> dict[str, Any]:
    """Raises RowBroken."""
    file.seek(start)
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise RowBroken(Fault("", "too_long", "一行超过 1 MB", "a line is longer than 1 MB"))
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise RowBroken(Fault("", "not_json", "这一行不是 JSON 对象", "this line is no JSON object"))
    return row
