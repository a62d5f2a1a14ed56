"""`make journey`: play a story against the running OnePhone and tell each step, its answer and its time."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from tests.journeys.http import Exchange, Unexpected
from tests.journeys.services import STORIES
from tests.journeys.stories import Application, Places
from tests.journeys.trouble import PARTS

_HOME = Path(__file__).resolve().parents[2]


def main() -> None:
    options = _parser().parse_args()
    console = Console(highlight=False)
    names = list(STORIES) if options.story == "all" else [options.story]
    for name in names:
        story = STORIES[name](_places(options, console), options.office_down, tuple(options.kill))
        if not play(story, console):
            sys.exit(1)


def play(story: Application, console: Console) -> bool:
    """Play one story to its end; False when a step went wrong."""
    console.print(Panel.fit(f"[bold]{story.title}[/]", border_style="cyan"))
    started = time.monotonic()
    for number, (title, step) in enumerate(story.steps(), 1):
        with console.status(title):
            began = time.monotonic()
            before = [len(client.told) for client in story.clients]
            try:
                answer = step()
            except Unexpected as problem:
                console.print(f"[red]✗ {number:2} {escape(title)}\n     {escape(str(problem))}[/]")
                return False
            seconds = time.monotonic() - began
        told = [exchange for client, seen in zip(story.clients, before, strict=True) for exchange in client.told[seen:]]
        _tell(console, number, title, answer, seconds, told)
    console.print(f"[bold green]✓ all steps in {time.monotonic() - started:.1f} s[/]\n")
    return True


def _tell(console: Console, number: int, title: str, answer: str, seconds: float, told: list[Exchange]) -> None:
    console.print(f"[green]✓[/] {number:2} [bold]{escape(title)}[/] [dim]{seconds * 1000:.0f} ms[/]")
    for line in answer.splitlines():
        console.print(f"     {escape(line)}")
    console.print(f"     [dim]{escape(_in_short(told))}[/]")


def _in_short(told: list[Exchange]) -> str:
    """The requests of a step on one line; what was asked again and again stands once, with its count."""
    counts: dict[str, int] = {}
    for exchange in told:
        path = exchange.path.split("?")[0]
        again = f" ({exchange.tries} tries)" if exchange.tries > 1 else ""
        key = f"{exchange.method} {_short_path(path)} {exchange.status}{again}"
        counts[key] = counts.get(key, 0) + 1
    return " · ".join(f"{key} ×{count}" if count > 1 else key for key, count in counts.items())


def _short_path(path: str) -> str:
    return "/".join("…" if len(part) == 36 and part.count("-") == 4 else part for part in path.split("/"))


def _places(options: argparse.Namespace, console: Console) -> Places:
    api, sandbox = options.api, options.sandbox
    try:
        urls = json.loads((options.data / "urls.json").read_text())
        api, sandbox = api or urls["api"], sandbox or urls["sandbox"].rstrip("/")
    except OSError:
        if not (api and sandbox):
            console.print("[red]OnePhone does not run here yet: start it with `make run` in another terminal.[/]")
            sys.exit(1)
    return Places(api, sandbox, options.data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make journey", description=__doc__)
    parser.add_argument("--story", choices=[*STORIES, "all"], default="all", help="which story (all)")
    parser.add_argument(
        "--office-down",
        type=float,
        nargs="?",
        const=60,
        default=0,
        metavar="SECONDS",
        help="office away (60 s)",
    )
    parser.add_argument(
        "--kill",
        nargs="*",
        choices=PARTS,
        default=[],
        metavar="PART",
        help=f"kill -9 on the way: {', '.join(PARTS)}",
    )
    parser.add_argument("--api", help="address of the API (of the running `make run`)")
    parser.add_argument("--sandbox", help="address of the sandbox (of the running `make run`)")
    parser.add_argument("--data", type=Path, default=_HOME / ".data", help="data folder of `make run`")
    return parser


if __name__ == "__main__":
    main()
