"""The bench works from one command, counts what goes wrong, and compares like with like."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import load, logins, pgbench, search
from bench.figures import figures
from bench.requests import record
from bench.stage import Size, Stage, StageError

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = Size(submissions=200, residents=20, services=2, workers=1, threads=2)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("bench"), SMALL, lambda words: None) as opened:
        yield opened


def settled(stage: Stage) -> dict[str, int]:
    """What was filed once nothing more comes: what was on its way when the load ended is still filed."""
    seen: dict[str, int] = {}
    while (now := stage.filed()) != seen:
        seen = now
        time.sleep(0.5)
    return now


def rows_of_one(stage: Stage, before: dict[str, int]) -> dict[str, float]:
    """How many rows of each table came with one submission since `before`."""
    came = {table: count - before[table] for table, count in settled(stage).items()}
    return {table: count / came["submissions"] for table, count in came.items()}


def test_pgbench_leaves_the_same_rows_as_the_api(stage: Stage) -> None:
    before = stage.filed()
    measured = load.run(stage.targets["W2"], 2, 1.0)
    by_api = rows_of_one(stage, before)
    before = stage.filed()
    floor = pgbench.run(stage.postgres, SMALL.residents, SMALL.services, 2, 1)
    by_pgbench = rows_of_one(stage, before)

    assert (measured.errors, floor.errors) == (0, 0)
    assert by_api == by_pgbench
    assert by_api["procrastinate_jobs"] == 2


def test_two_on_one_folder_do_not_end_each_other(stage: Stage) -> None:
    with pytest.raises(StageError, match="--data"), Stage(stage.data, SMALL, lambda words: None):
        pass

    assert stage.api.running()


def test_an_answer_that_is_not_the_expected_one_is_an_error(stage: Stage) -> None:
    forged = [b"GET /v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer forged\r\n\r\n"]
    target = record(stage.ports.api, stage.data / "forged.requests", forged, 200)

    measured = load.run(target, 1, 2.0)

    assert measured.errors > 0


def test_percentiles_are_of_all_answers() -> None:
    measured = figures([n / 1000 for n in range(1, 101)], 0, 2.0)

    assert (measured.rps, measured.p50, measured.p99) == (50.0, 51.0, 100.0)


@pytest.mark.timeout(300)
def test_one_command_measures_everything_and_prints_a_table(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    command = [sys.executable, "-m", "bench", "--seconds", "1", "--rounds", "1", "--load", "python"]
    command += ["--submissions", "200", "--residents", "20", "--services", "2", "--connections", "4", "--clients", "2"]
    command += ["--workers", "1", "--threads", "2", "--data", str(tmp_path / "data"), "--json", str(found)]

    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=280)

    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("Flask hello", "W1 progress", "304", "pgbench", "W2 filing", "W1 ÷ hello", "W2 p99 ÷ p50"):
        assert words in done.stdout
    written = json.loads(found.read_text())
    medians, sealing = written["medians"], written["sealing"]
    assert sealing.keys() == {"W1", "W2"} and all(0 < one["share"] < 1 for one in sealing.values())
    assert all(one["errors"] == 0 and one["rps"] > 0 for one in medians.values())


def test_the_search_bench_imports_by_command_and_finds_everything(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    sizes = ["--items", "60", "--seconds", "0.5", "--connections", "2", "--workers", "1", "--threads", "2"]

    assert search.main([*sizes, "--data", str(tmp_path / "data"), "--json", str(told)]) == 0

    content = json.loads(told.read_text())
    assert content["found"] >= 60
    assert set(content["took"]) == {"generate", "import", "review", "publish"}
    assert all(one["rps"] > 0 and one["errors"] == 0 for one in content["reads"].values())


@pytest.mark.timeout(300)
def test_the_bench_of_logins_lets_everybody_in_and_somebody_out(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    sizes = ["--logins", "12", "--at-once", "4", "--workers", "1", "--threads", "2"]

    assert logins.main([*sizes, "--data", str(tmp_path / "data"), "--json", str(told)]) == 0

    found = json.loads(told.read_text())
    assert found["errors"] == 0
    assert all(step["p99"] > 0 for step in found["steps"].values())
    assert found["token_checks"]["again"] < found["token_checks"]["first"], "a token that was checked is remembered"
    assert found["revoked_after"] < 5, "and all the same it is dead within seconds of logging out"
