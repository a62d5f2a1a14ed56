"""`python -m bench`: measure W1 and W2 beside their ceilings, in turn, and print one table.

Ratios within one run count; absolute figures drift with whatever else the machine does.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import load, pgbench, report, wrk
from bench.figures import Figures
from bench.requests import Target
from bench.stage import Size, Stage, StageError
from sandbox.postgres import PostgresError
from sandbox.program import ProgramError

Generator = Callable[[Target, int, float], Figures]

_DATA = Path(__file__).resolve().parent.parent / ".data" / "bench"
_WARM_UP_SECONDS = 3.0


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all was measured without an error, goals reached or not; 1 with errors, 2 if it could not be."""
    options = _options(arguments)
    console = Console(highlight=False)
    send = wrk.run if options.load == "wrk" else load.run
    size = Size(options.submissions, options.residents, options.services, options.workers, options.threads)
    try:
        with Stage(options.data, size, console.print) as stage:
            rounds = _measure(stage, send, options, console)
            sealing = stage.sealing()
    except (StageError, PostgresError, ProgramError) as problem:
        console.print(str(problem), style="red")
        return 2
    found = report.summary(rounds)
    console.print(report.figures_table(found, _title(options)))
    console.print(report.goals_table(report.goals(found)))
    console.print(report.sealing_table(found, sealing))
    if options.json is not None:
        content = report.as_data({**vars(options), "at": datetime.now(UTC)}, rounds, sealing)
        options.json.write_text(json.dumps(content, indent=2, default=str) + "\n")
    return 1 if any(one.errors for one in found.values()) else 0


def _measure(stage: Stage, send: Generator, options: argparse.Namespace, console: Console) -> dict[str, list[Figures]]:
    workloads: dict[str, Callable[[float], Figures]] = {
        name: _by_http(stage, name, send, options.connections) for name in ("hello", "W1", "W1 304")
    }
    size, clients = stage.size, options.clients
    workloads["pgbench"] = lambda seconds: pgbench.run(stage.postgres, size.residents, size.services, clients, seconds)
    workloads["W2"] = _by_http(stage, "W2", send, options.connections)
    _warm_up(stage, options, console)
    rounds: dict[str, list[Figures]] = {name: [] for name in workloads}
    for number in range(1, options.rounds + 1):
        for name, run in workloads.items():
            measured = _with_cpu(stage, name, run, options.seconds)
            rounds[name].append(measured)
            console.print(_line(f"round {number} of {options.rounds}  {name}", measured))
    return rounds


def _by_http(stage: Stage, name: str, send: Generator, connections: int) -> Callable[[float], Figures]:
    return lambda seconds: send(stage.targets[name], connections, seconds)


def _warm_up(stage: Stage, options: argparse.Namespace, console: Console) -> None:
    """Every workload once, unmeasured, by our own generator: it looks at the status of each answer."""
    for name, target in stage.targets.items():
        warm = load.run(target, options.connections, min(options.seconds, _WARM_UP_SECONDS))
        console.print(_line(f"warm-up  {name}", warm))
        if warm.errors:
            raise StageError(f"{name}: {warm.errors} answers were not {target.expected}. See {stage.data}/api.log")
    stage.settle()


def _with_cpu(stage: Stage, name: str, run: Callable[[float], Figures], seconds: float) -> Figures:
    before = stage.cpu_seconds(name)
    measured = run(seconds)
    after = stage.cpu_seconds(name)
    requests = max(1.0, measured.rps * seconds)
    server, database = ((late - early) / requests * 1e6 for late, early in zip(after, before, strict=True))
    return dataclasses.replace(measured, server_cpu=0.0 if name == "pgbench" else server, database_cpu=database)


def _line(words: str, measured: Figures) -> str:
    return f"{words:<28} {measured.rps:8,.0f}/s  p50 {measured.p50:6.1f} ms  p99 {measured.p99:6.1f} ms"


def _title(options: argparse.Namespace) -> str:
    return (
        f"Medians of {options.rounds} × {options.seconds:g} s, {options.connections} connections by {options.load}, "
        f"{options.workers} processes × {options.threads} threads, {options.submissions:,} submissions"
    )


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="length of a round (15)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each workload, in turn (5)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 3 s: a first impression in a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--load", choices=("wrk", "python"), help="load generator (wrk where it is installed)")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections (64)")
    parser.add_argument("--clients", type=int, default=8, help="connections of pgbench (8, as many as the API opens)")
    parser.add_argument("--workers", type=int, default=2, help="server processes (2)")
    parser.add_argument("--threads", type=int, default=4, help="threads a process (4)")
    parser.add_argument("--submissions", type=int, default=200_000, help="submissions there are before (200000)")
    parser.add_argument("--residents", type=int, default=1_000, help="residents with tokens (1000)")
    parser.add_argument("--services", type=int, default=20, help="services, each with its own queue (20)")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder for everything (.data/bench)")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 3, 3.0
    options.load = options.load or ("wrk" if wrk.is_here() else "python")
    return options


if __name__ == "__main__":
    sys.exit(main())
