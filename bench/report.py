"""The table: medians, ratios, and the goals beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from bench.figures import Figures, medians

TITLES = {
    "hello": "Flask hello on the same server: the ceiling",
    "W1": "W1 progress of one submission",
    "W1 304": "W1 the same, nothing happened since (304)",
    "pgbench": "the rows of W2 by pgbench, one transaction of statements",
    "W2": "W2 filing a form of 30 fields",
}


@dataclass(frozen=True)
class Goal:
    """A ratio between two figures of the same run, and what it must reach, or stay under."""

    words: str
    ratio: float
    limit: float
    at_least: bool

    @property
    def reached(self) -> bool:
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit


def goals(found: Mapping[str, Figures]) -> list[Goal]:
    """What must hold, from medians. A workload that was not measured has no goal."""
    w1, w2 = found["W1"], found["W2"]
    return [
        Goal("W1 ÷ hello", w1.rps / found["hello"].rps, 0.27, True),
        Goal("W1 p99 ÷ p50", w1.p99 / max(w1.p50, 0.001), 4.0, False),
        Goal("W1 304 ÷ hello", found["W1 304"].rps / found["hello"].rps, 0.40, True),
        Goal("W2 ÷ pgbench", w2.rps / found["pgbench"].rps, 0.50, True),
        Goal("W2 p99 ÷ p50", w2.p99 / max(w2.p50, 0.001), 2.0, False),
    ]


def summary(rounds: Mapping[str, list[Figures]]) -> dict[str, Figures]:
    return {name: medians(measured) for name, measured in rounds.items()}


def figures_table(found: Mapping[str, Figures], title: str) -> Table:
    """One line a workload."""
    table = Table(title=title, title_justify="left")
    table.add_column("workload")
    for column in ("requests/s", "p50 ms", "p99 ms", "errors", "server µs", "database µs"):
        table.add_column(column, justify="right")
    for name, one in found.items():
        errors = f"[red]{one.errors}[/]" if one.errors else "0"
        server = f"{one.server_cpu:,.0f}" if one.server_cpu else "–"
        database = f"{one.database_cpu:,.0f}" if one.database_cpu >= 1 else "–"
        numbers = (f"{one.rps:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", errors, server, database)
        table.add_row(TITLES[name], *numbers)
    return table


def goals_table(reached: list[Goal]) -> Table:
    """One line a goal."""
    table = Table()
    for column in ("goal", "ratio", "must be", ""):
        table.add_column(column, justify="left" if column in ("goal", "") else "right")
    for goal in reached:
        sign = "≥" if goal.at_least else "≤"
        mark = "[green]reached[/]" if goal.reached else "[red]not reached[/]"
        table.add_row(goal.words, f"{goal.ratio:.2f}", f"{sign} {goal.limit:.2f}", mark)
    return table


def sealing_table(found: Mapping[str, Figures], costs: Mapping[str, float]) -> Table:
    """What of a request's processor time, the server's and the database's, is sealing or opening personal data."""
    table = Table()
    for column in ("sealing", "µs", "of the request"):
        table.add_column(column, justify="left" if column == "sealing" else "right")
    for name, cost in costs.items():
        table.add_row(TITLES[name], f"{cost:,.0f}", f"{_share(found[name], cost):.1%}")
    return table


def _share(one: Figures, cost: float) -> float:
    return cost / max(1.0, one.server_cpu + one.database_cpu)


def as_data(
    settings: Mapping[str, Any], rounds: Mapping[str, list[Figures]], sealing: Mapping[str, float]
) -> dict[str, Any]:
    """Everything that was measured, for --json; sealing in µs of processor time and as a share of the request's."""
    found = summary(rounds)
    return {
        "settings": dict(settings),
        "medians": {name: asdict(one) for name, one in found.items()},
        "rounds": {name: [asdict(one) for one in measured] for name, measured in rounds.items()},
        "sealing": {name: {"us": cost, "share": _share(found[name], cost)} for name, cost in sealing.items()},
        "goals": [asdict(goal) | {"reached": goal.reached} for goal in goals(found)],
    }
