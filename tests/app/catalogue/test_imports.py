"""Imports: a province's items come in by command, whatever dies on the way, and what is broken comes back."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.catalogue import imports
from bench import catalogue

Sql = Callable[..., list[Any]]
ONEPHONE = Path(catalogue.__file__).parent.parent


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `onephone catalogue …`, as an operator does."""
    line = [sys.executable, "-m", "onephone", "catalogue", *map(str, words)]
    return subprocess.run(line, cwd=ONEPHONE, env=os.environ, capture_output=True, text=True, timeout=300)


@pytest.fixture
def items(product: Flask, sql: Sql, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """items(40, broken=3): a folder of exchange tables; what came of it is gone after the story."""

    def made(count: int, broken: int = 0, seed: int = 1) -> Path:
        catalogue.write(tmp_path, count, broken, seed)
        return tmp_path

    yield made
    sql("TRUNCATE catalogue_import_faults, catalogue_imports")
    sql("DELETE FROM service_versions WHERE import_key IS NOT NULL")
    sql("DELETE FROM services WHERE NOT EXISTS (SELECT FROM service_versions WHERE service_code = services.code)")


def key_of(done: subprocess.CompletedProcess[str]) -> str:
    """The key that the command tells for review and publishing."""
    assert done.returncode == 0, done.stderr
    return done.stdout.split("import ")[1].split(":")[0]


def counts(sql: Sql) -> dict[str, int]:
    row: dict[str, int] = sql("SELECT done, kept, unchanged, rejected FROM catalogue_imports")[0]
    return row


def drafts(sql: Sql) -> int:
    return int(sql("SELECT count(*) AS n FROM service_versions WHERE import_key IS NOT NULL")[0]["n"])


def test_items_go_from_exchange_tables_to_residents_by_two_people(
    items: Callable[..., Path], sql: Sql, client: FlaskClient
) -> None:
    key = key_of(command("import", items(60), "--as", "S0004"))
    code = sql("SELECT service_code FROM service_versions WHERE import_key = %s LIMIT 1", key)[0]["service_code"]
    hidden = client.get(f"/v1/services/{code}")

    alone = command("review", "--import", key, "--as", "S0004")
    reviewed = command("review", "--import", key, "--as", "S0005")
    published = command("publish", "--import", key, "--as", "S0004")

    assert hidden.status_code == 404, "a draft is nothing that residents can see"
    assert alone.returncode == 1 and "own_draft" in alone.stderr
    assert (reviewed.returncode, published.returncode) == (0, 0), published.stderr
    guide = client.get(f"/v1/services/{code}").json
    assert guide["name"] and guide["legal_bases"] and guide["steps"] and guide["limits"]["promised"]
    actions = sql("SELECT action FROM catalogue_records WHERE service_code = %s ORDER BY at, id", code)
    assert [row["action"] for row in actions] == ["imported", "reviewed", "published"]


def test_rejected_rows_come_out_with_their_reason(items: Callable[..., Path], sql: Sql) -> None:
    folder = items(40, broken=3)

    done = command("import", folder, "--as", "S0004")

    assert done.returncode == 0, done.stderr
    with (folder / imports.ABNORMAL).open(encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [row["err_type"] for row in rejected] == ["promised_longer"] * 3
    assert all(row["row_guid"] and row["err_pointer"] == "/limits/promised" and row["err_desc"] for row in rejected)
    assert counts(sql) == {"done": 40, "kept": 37, "unchanged": 0, "rejected": 3}


def test_what_is_no_row_at_all_is_rejected_too(items: Callable[..., Path], sql: Sql) -> None:
    folder = items(5)
    with (folder / "up_task_general_basic.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"row_guid": "half a\n[1, 2]\n{"row_guid": "x", "task_version": "abc"}\n')
        file.write(json.dumps({"row_guid": "gone", "cd_operation": "D"}) + "\n")

    command("import", folder, "--as", "S0004")

    faults = sql("SELECT row_guid, err_type FROM catalogue_import_faults ORDER BY number")
    told = [("", "not_json"), ("", "not_json"), ("x", "number"), ("gone", "deletion")]
    assert [tuple(row.values()) for row in faults] == told
    assert counts(sql)["kept"] == 5


def test_killed_in_the_middle_and_run_again_it_goes_on_and_nothing_is_there_twice(
    items: Callable[..., Path], sql: Sql
) -> None:
    folder = items(4 * imports.BATCH)
    line = [sys.executable, "-m", "onephone", "catalogue", "import", str(folder), "--as", "S0004"]
    running = subprocess.Popen(line, cwd=ONEPHONE, env=os.environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not sql("SELECT 1 FROM catalogue_imports WHERE done > 0") and time.monotonic() < deadline:
        time.sleep(0.02)
    running.kill()
    assert running.wait() == -9, "it was killed before its end"
    killed = counts(sql)["done"]

    again = command("import", folder, "--as", "S0004")

    assert 0 < killed < 4 * imports.BATCH
    assert again.returncode == 0, again.stderr
    assert counts(sql) == {"done": 4 * imports.BATCH, "kept": 4 * imports.BATCH, "unchanged": 0, "rejected": 0}
    assert drafts(sql) == 4 * imports.BATCH
    twice = "SELECT 1 FROM catalogue_records WHERE action = 'imported' AND details->>'import' IN "
    twice += "(SELECT key FROM catalogue_imports) GROUP BY service_code, version HAVING count(*) > 1"
    assert sql(twice) == []


def test_the_same_content_in_other_files_changes_nothing(items: Callable[..., Path], sql: Sql) -> None:
    folder = items(20)
    command("import", folder, "--as", "S0004")
    basic = folder / "up_task_general_basic.jsonl"
    basic.write_text("\n".join(reversed(basic.read_text(encoding="utf-8").splitlines())), encoding="utf-8")

    command("import", folder, "--as", "S0005")

    newest = sql("SELECT kept, unchanged FROM catalogue_imports ORDER BY started_at DESC LIMIT 1")
    assert newest == [{"kept": 0, "unchanged": 20}]


def test_csv_is_read_like_json_lines(items: Callable[..., Path], sql: Sql) -> None:
    folder = items(10)
    for path in folder.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [name.upper() for name in rows[0]])
            writer.writeheader()
            writer.writerows([{name.upper(): value for name, value in row.items()} for row in rows])
        path.unlink()

    command("import", folder, "--as", "S0004")

    assert counts(sql)["kept"] == 10
    assert sql("SELECT 1 FROM service_versions WHERE import_key IS NOT NULL AND definition->'materials' <> '[]'")


def test_only_an_administrator_may_import(items: Callable[..., Path], sql: Sql) -> None:
    done = command("import", items(2), "--as", "S0001")

    assert done.returncode == 1 and "S0001" in done.stderr
    assert drafts(sql) == 0
