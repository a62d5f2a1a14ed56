"""`python -m bench.history`: chains walked, a day's tree made, proofs given, over many submissions of one day."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.stage import Size, Stage, StageError
from sandbox.postgres import PostgresError
from sandbox.program import ProgramError

_DATA = Path(__file__).resolve().parent.parent / ".data" / "bench-history"


class HistoryStage(Stage):
    """The same stage, on which one program measures instead of a load from outside."""

    found: dict[str, Any]

    def _fill(self) -> None:
        size = self.size
        self.say(f"Writing {size.submissions:,} submissions with three rows each …")
        numbers = [f"--services={size.services}", f"--residents={size.residents}", f"--submissions={size.submissions}"]
        self._program("plant", ["bench.plant", *numbers]).run_once()
        self.settle()
        self.say("Measuring …")
        measure = self._program("proving", ["bench.proving"])
        measure.run_once()
        self.found = json.loads(measure.log.read_text().splitlines()[-1])


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 2 if it could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--submissions", type=int, default=200_000, help="submissions of one day (200000)")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder for everything (.data/bench-history)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    try:
        stage = HistoryStage(options.data, Size(options.submissions, 1_000, 20, 1, 2), console.print)
        with stage:
            found = stage.found
    except (StageError, PostgresError, ProgramError) as problem:
        console.print(str(problem), style="red")
        return 2
    table = Table(title=f"{found['chains']:,} chains of three rows")
    for name in ("", "seconds", "processor seconds"):
        table.add_column(name, justify="right" if name else "left")
    for name in ("tree", "verify chains", "verify trees", "proof", "link"):
        table.add_row(name, *(f"{found[name][kind]:.6g}" for kind in ("seconds", "processor")))
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
