"""`python -m bench.logins`: many people log in at the same time, at the sandbox's e-ID, over HTTP.

Each login is the whole way: it begins at the API, a person is chosen on the e-ID's page, and the code that comes back
is completed at the API, which redeems it at the e-ID. Then what the access tokens cost at the door, first and
remembered, and how long one still opens anything after its session was logged out.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from rich.console import Console
from rich.table import Table

from bench.figures import Figures, figures
from bench.stage import Size, Stage, StageError
from sandbox.postgres import PostgresError
from sandbox.program import Program, ProgramError

_DATA = Path(__file__).resolve().parent.parent / ".data" / "bench-logins"
_PERSONS = ("wang-guilan", "li-jianguo", "ouyang-xue", "zhang-wei")
_TIMEOUT = 60.0
_REVOKED_WITHIN = 10.0
_SURE = 20

TITLES = {
    "login": "a whole login",
    "start": "POST /v1/logins",
    "choose": "the e-ID's own page (not ours)",
    "complete": "POST /v1/logins/{id}/complete",
}


class LoginStage(Stage):
    """The same stage without submissions, and with the sandbox in the place of hello."""

    def __init__(self, data: Path, size: Size, say: Callable[[str], None]) -> None:
        super().__init__(data, size, say)
        self.hello = self._program("sandbox", ["sandbox"], (self.ports.sandbox, "/health"))

    def _fill(self) -> None:
        self.say("Nothing to file: whoever logs in is new.")

    def program(self, name: str, words: list[str]) -> Program:
        """A program in the environment of the stage."""
        return self._program(name, words)


@dataclass
class Crowd:
    """People with a phone each, as many at once as there are threads."""

    api: str
    sandbox: str
    took: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in TITLES})
    tokens: list[dict[str, Any]] = field(default_factory=list)
    errors: int = 0
    _own: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def log_in(self, number: int) -> None:
        began = time.perf_counter()
        try:
            tokens = self._way(_PERSONS[number % len(_PERSONS)])
        except (requests.RequestException, KeyError, ValueError):
            with self._lock:
                self.errors += 1
            return
        with self._lock:
            self.tokens.append(tokens)
            self.took["login"].append(time.perf_counter() - began)

    def _way(self, person: str) -> dict[str, Any]:
        wish = {"provider": "sandbox", "redirect_uri": f"{self.sandbox}/phone/callback"}
        login = self._send("start", 201, f"{self.api}/v1/logins", json=wish).json()
        page = self._send("choose", 302, login["authorize_url"], data={"person": person})
        back = dict(parse_qsl(urlsplit(page.headers["Location"]).query))
        answer = {"secret": login["secret"]} | {name: back[name] for name in ("code", "state", "iss")}
        done = self._send("complete", 200, f"{self.api}/v1/logins/{login['id']}/complete", json=answer)
        return dict(done.json())

    def _send(self, step: str, status: int, url: str, **content: Any) -> requests.Response:
        """Raises ValueError for any other status."""
        began = time.perf_counter()
        answer = self.session().post(url, timeout=_TIMEOUT, allow_redirects=False, **content)
        with self._lock:
            self.took[step].append(time.perf_counter() - began)
        if answer.status_code != status:
            raise ValueError(answer.status_code)
        return answer

    def session(self) -> requests.Session:
        """This thread's own, which keeps its connections."""
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            self._own.session.trust_env = False
        found: requests.Session = self._own.session
        return found


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when every login succeeded, 1 with errors, 2 if it could not be measured."""
    options = _options(arguments)
    console = Console(highlight=False)
    size = Size(0, 0, 0, options.workers, options.threads)
    try:
        stage = LoginStage(options.data, size, console.print)
        with stage:
            found = _measure(stage, options)
    except (StageError, PostgresError, ProgramError) as problem:
        console.print(str(problem), style="red")
        return 2
    console.print(_table(found, options))
    console.print(_tokens_table(found))
    if options.json is not None:
        options.json.write_text(json.dumps(found | {"settings": vars(options)}, indent=2, default=str) + "\n")
    return 1 if found["errors"] else 0


def _measure(stage: LoginStage, options: argparse.Namespace) -> dict[str, Any]:
    api, sandbox = (f"http://127.0.0.1:{port}" for port in (stage.ports.api, stage.ports.sandbox))
    _run(Crowd(api, sandbox), min(options.logins, 4 * options.at_once), options.at_once)
    crowd = Crowd(api, sandbox)
    before = stage.cpu_seconds("W1")
    seconds = _run(crowd, options.logins, options.at_once)
    server, database = (late - early for late, early in zip(stage.cpu_seconds("W1"), before, strict=True))
    steps = {name: figures(taken, 0, seconds) for name, taken in crowd.took.items()}
    return {
        "errors": crowd.errors,
        "seconds": seconds,
        "steps": {name: asdict(one) for name, one in steps.items()},
        "server_ms": server / options.logins * 1000,
        "database_ms": database / options.logins * 1000,
        "token_checks": _token_checks(stage, crowd),
        "revoked_after": _revocation(crowd),
    }


def _run(crowd: Crowd, logins: int, at_once: int) -> float:
    """Seconds until everybody is in."""
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(crowd.log_in, range(logins)))
    return time.perf_counter() - began


def _token_checks(stage: LoginStage, crowd: Crowd) -> dict[str, float]:
    file = stage.data / "tokens"
    file.write_text("\n".join(tokens["access_token"] for tokens in crowd.tokens))
    checks = stage.program("token-checks", ["bench.token_checks", str(file)])
    try:
        checks.run_once()
    finally:
        file.unlink()
    costs: dict[str, float] = json.loads(checks.log.read_text().splitlines()[-1])
    return costs


def _revocation(crowd: Crowd) -> float:
    """Seconds from logging out until no process of the API lets the access token in any more. Raises StageError."""
    if not crowd.tokens:
        raise StageError("Nobody got in, so nobody can be logged out.")
    headers = {"Authorization": f"Bearer {crowd.tokens[0]['access_token']}"}
    send = crowd.session().request
    send("GET", f"{crowd.api}/v1/me", headers=headers, timeout=_TIMEOUT).raise_for_status()
    send("DELETE", f"{crowd.api}/v1/sessions/current", headers=headers, timeout=_TIMEOUT).raise_for_status()
    began = let_in = time.perf_counter()
    refused = 0
    while refused < _SURE:
        # A new connection each time, so that every process is asked.
        status = requests.get(f"{crowd.api}/v1/me", headers=headers, timeout=_TIMEOUT).status_code
        refused = refused + 1 if status == 401 else 0
        let_in = time.perf_counter() if status != 401 else let_in
        if time.perf_counter() - began > _REVOKED_WITHIN:
            raise StageError(f"A revoked token still opens the door after {_REVOKED_WITHIN:g} s.")
    return let_in - began


def _table(found: dict[str, Any], options: argparse.Namespace) -> Table:
    words = (
        f"{options.logins:,} logins, {options.at_once} at a time, {found['errors']} errors, {found['seconds']:.1f} s"
    )
    table = Table(title=words, title_justify="left")
    table.add_column("step")
    for column in ("a second", "p50 ms", "p99 ms"):
        table.add_column(column, justify="right")
    for name, title in TITLES.items():
        one = Figures(**found["steps"][name])
        table.add_row(title, f"{one.rps:,.0f}", f"{one.p50:.0f}", f"{one.p99:.0f}")
    table.caption = (
        f"{found['server_ms']:.1f} ms of our processor a login, {found['database_ms']:.1f} ms of PostgreSQL's"
    )
    return table


def _tokens_table(found: dict[str, Any]) -> Table:
    table = Table()
    for column in ("access token", ""):
        table.add_column(column, justify="left" if column else "right")
    table.add_row("checked for the first time", f"{found['token_checks']['first']:,.0f} µs")
    table.add_row("checked again (remembered)", f"{found['token_checks']['again']:,.1f} µs")
    table.add_row("refused after its session was logged out", f"{found['revoked_after']:.2f} s")
    return table


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m bench.logins", description=__doc__)
    parser.add_argument("--logins", type=int, default=1_000, help="how many people log in (1000)")
    parser.add_argument("--at-once", type=int, default=50, help="how many at a time (50)")
    parser.add_argument("--workers", type=int, default=2, help="server processes (2)")
    parser.add_argument("--threads", type=int, default=4, help="threads a process (4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder for everything (.data/bench-logins)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
