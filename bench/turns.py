"""`python -m bench.turns`: filing into one queue and into many, and 32 clerks who call the next of one queue.

A gapless turn is a row that stays locked until its commit, so one queue files one at a time: the two filing figures say
what that costs. The line that the clerks call from is 10,000 long at first.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jwt
import psycopg
from rich.console import Console
from rich.table import Table

from bench import form, load, requests, rows
from bench.figures import Figures, medians
from bench.requests import KEY
from bench.stage import Size, Stage, StageError
from sandbox.postgres import PostgresError
from sandbox.program import ProgramError

CLERKS = 32
_QUEUES = 20
_DATA = Path(__file__).resolve().parent.parent / ".data" / "bench-turns"
_QUEUE = form.SERVICE.format(1)

_HIRE = "INSERT INTO staff (id, staff_number, name, role, department_code) VALUES (%s, %s, %s, 'clerk', %s)"
_LINE = "UPDATE submissions SET state = 'received', waiting = true WHERE service_code = %s AND state = 'in_review'"
_GIVEN = """
SELECT count(*) AS given, count(DISTINCT submission_id) AS different,
       count(*) FILTER (WHERE NOT in_turn OR reason_kind IS NOT NULL) AS otherwise
FROM assignments WHERE released_at IS NULL
"""
_DISORDER = """
SELECT count(*) FROM (SELECT turn, lag(turn) OVER (ORDER BY taken) AS before FROM submissions
                      WHERE service_code = %s AND taken_as = 'in_turn') AS t WHERE before > turn
"""


class TurnStage(Stage):
    """The same stage with clerks, who may have as many in hand as they like."""

    def _product_environment(self) -> dict[str, str]:
        return super()._product_environment() | {"UNHANDLED_PER_CLERK": "1000"}

    def _record(self, residents: list[rows.Resident], sampled: list[Any]) -> None:
        api, folder = self.ports.api, self.data
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            clerks = self._hired(connection)
            connection.execute(_LINE, [_QUEUE])
        path = f"/v1/desk/queues/{form.DEPARTMENT}/{_QUEUE}/next"
        recorded = {
            "many queues": (requests.filings(residents, _QUEUES), 201),
            "one queue": (requests.filings(residents, 1), 201),
            "next": ([_post(path, token) for token in clerks], 200),
        }
        self.targets = {
            name: requests.record(api, folder / f"{name.replace(' ', '-')}.requests", sent, status)
            for name, (sent, status) in recorded.items()
        }

    def _hired(self, connection: psycopg.Connection[Any]) -> list[str]:
        """Access tokens of new clerks, signed as the API itself would."""
        entry = json.loads(Path(self.environment["TOKEN_KEYS_FILE"]).read_text())["keys"][0]
        key, now, tokens = jwt.PyJWK(entry, algorithm="ES256"), int(time.time()), []
        claims = {"iss": self.environment["PUBLIC_URL"], "aud": "staff", "iat": now}
        claims |= {"exp": now + rows.TOKEN_LIFE_SECONDS, "role": "clerk", "dept": form.DEPARTMENT}
        for number in range(CLERKS):
            clerk = uuid.uuid4()
            connection.execute(_HIRE, [clerk, f"B{number:03}", "窗口", form.DEPARTMENT])
            own = {"sub": str(clerk), "sid": str(uuid.uuid4()), "jti": str(uuid.uuid4())}
            tokens.append(jwt.encode(claims | own, key.key, algorithm="ES256", headers={"kid": entry["kid"]}))
        return tokens

    def order(self) -> dict[str, int]:
        """What the clerks were given: how many, how many different ones, how many otherwise than in turn or order."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            given = connection.execute(_GIVEN).fetchone()
            disorder = connection.execute(_DISORDER, [_QUEUE]).fetchone()
        assert given is not None and disorder is not None
        return dict(zip(("given", "different", "otherwise", "out of order"), (*given, *disorder), strict=True))


def _post(path: str, token: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    lines += [f"Idempotency-Key: {KEY.decode()}", "Content-Length: 0"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all was measured without an error, and nobody was given twice or out of order; 2 if it could not
    be measured, else 1."""
    options = _options(arguments)
    console = Console(highlight=False)
    size = Size(options.submissions, options.residents, _QUEUES, options.workers, options.threads)
    try:
        stage = TurnStage(options.data, size, console.print)
        with stage:
            measured = _measured(stage, options)
            order = stage.order()
    except (StageError, PostgresError, ProgramError) as problem:
        console.print(str(problem), style="red")
        return 2
    console.print(_table(measured, options))
    console.print("next: " + ", ".join(f"{count:,} {name}" for name, count in order.items()))
    if options.json is not None:
        found = {"figures": {name: asdict(one) for name, one in measured.items()}, "order": order}
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    sound = order["given"] == order["different"] and not order["otherwise"] and not order["out of order"]
    return 0 if sound and not any(one.errors for one in measured.values()) else 1


def _measured(stage: TurnStage, options: argparse.Namespace) -> dict[str, Figures]:
    stage.settle()
    rounds: dict[str, list[Figures]] = {name: [] for name in stage.targets}
    for warmed in ("many queues", "one queue"):
        load.run(stage.targets[warmed], options.connections, min(options.seconds, 2.0))
    for _ in range(options.rounds):
        for name, target in stage.targets.items():
            connections = CLERKS if name == "next" else options.connections
            rounds[name].append(load.run(target, connections, options.seconds))
    return {name: medians(found) for name, found in rounds.items()}


def _table(measured: dict[str, Figures], options: argparse.Namespace) -> Table:
    words = {
        "many queues": f"filing into {_QUEUES} queues, {options.connections} at once",
        "one queue": f"filing into one queue, {options.connections} at once",
        "next": f"the next of one queue, {CLERKS} clerks at once",
    }
    title = f"Medians of {options.rounds} × {options.seconds:g} s, {options.submissions:,} submissions"
    table = Table(title=title, title_justify="left")
    for name in ("workload", "requests/s", "p50 ms", "p99 ms", "errors"):
        table.add_column(name, justify="left" if name == "workload" else "right")
    for name, one in measured.items():
        table.add_row(words[name], f"{one.rps:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", str(one.errors))
    return table


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a round (5)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each workload, in turn (3)")
    parser.add_argument("--connections", type=int, default=64, help="phones that file at once (64)")
    parser.add_argument("--workers", type=int, default=2, help="server processes (2)")
    parser.add_argument("--threads", type=int, default=4, help="threads a process (4)")
    parser.add_argument("--submissions", type=int, default=200_000, help="submissions there are before (200000)")
    parser.add_argument("--residents", type=int, default=1_000, help="residents with tokens (1000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder for everything (.data/bench-turns)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
