"""Outside tokens: one for all processes, renewed before its end by one of them, and never in plain at rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import clock, database, outside_tokens
from app.outside_tokens import OutsideToken, TokenAway

Sql = Callable[..., list[Any]]
CHECKOUT = Path(__file__).resolve().parents[2]


class Party:
    """An outside party in this process: gives `secret-1`, `secret-2`, …, and can be made to wait or to fail."""

    def __init__(self, life: int = 7200) -> None:
        self.life = life
        self.asked = 0
        self.answering = threading.Event()
        self.answering.set()
        self.entered = threading.Event()
        self.away = False

    def fetch(self) -> tuple[str, int]:
        self.asked += 1
        number = self.asked
        self.entered.set()
        assert self.answering.wait(60)
        if self.away:
            raise ConnectionError
        return f"secret-{number}", self.life


@pytest.fixture
def name(product: Flask) -> str:
    return f"party:{uuid.uuid4()}"


def test_the_first_who_needs_it_fetches_it_and_the_others_find_it(name: str) -> None:
    party = Party()

    assert [outside_tokens.get(name, party.fetch).text for _ in range(3)] == ["secret-1"] * 3
    assert party.asked == 1


def test_many_threads_at_once_ask_the_party_once(name: str) -> None:
    party = Party()
    with ThreadPoolExecutor(12) as pool:
        found = [pool.submit(outside_tokens.get, name, party.fetch) for _ in range(12)]

    assert {one.result().text for one in found} == {"secret-1"}
    assert party.asked == 1


def test_no_database_connection_is_held_while_the_party_is_asked(name: str) -> None:
    held: list[int] = []

    def fetch() -> tuple[str, int]:
        held.append(database.engine().pool.checkedout())  # type: ignore[attr-defined]
        return "secret", 7200

    outside_tokens.get(name, fetch)

    assert held == [0]


@pytest.mark.parametrize(("life", "margin"), [(7200, 120), (300, 75), (60, 15)])
def test_it_is_renewed_before_its_end_whatever_life_it_was_given(name: str, life: int, margin: int) -> None:
    party = Party(life)
    first = outside_tokens.get(name, party.fetch)

    with clock.moved(timedelta(seconds=life - margin - 5)):
        assert outside_tokens.get(name, party.fetch) == first
    with clock.moved(timedelta(seconds=life - margin + 1)):
        second = outside_tokens.get(name, party.fetch)

    assert (second.text, second.number, party.asked) == ("secret-2", 2, 2)


def test_while_one_renews_it_the_others_go_on_with_the_old_one(name: str) -> None:
    party = Party()
    outside_tokens.get(name, party.fetch)
    party.answering.clear()
    party.entered.clear()
    with ThreadPoolExecutor(1) as pool, clock.moved(timedelta(seconds=7200 - 60)):
        renewing = pool.submit(outside_tokens.get, name, party.fetch)
        assert party.entered.wait(60)

        assert outside_tokens.get(name, party.fetch).text == "secret-1"

        party.answering.set()
        assert renewing.result().text == "secret-2"
    assert party.asked == 2


def test_a_refused_token_is_fetched_anew_once_however_many_were_refused(name: str) -> None:
    party = Party()
    refused = outside_tokens.get(name, party.fetch)
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(outside_tokens.renew, name, refused, party.fetch) for _ in range(8)]

    assert {one.result().text for one in found} == {"secret-2"}
    assert party.asked == 2


def test_the_same_text_given_again_is_a_new_token_all_the_same(name: str) -> None:
    asked = []

    def fetch() -> tuple[str, int]:
        asked.append(1)
        return "the same", 7200

    first = outside_tokens.get(name, fetch)
    again = [outside_tokens.renew(name, first, fetch) for _ in range(3)]

    assert [one.number for one in again] == [2, 2, 2] and len(asked) == 2


def test_what_the_party_raises_reaches_the_caller_and_the_next_one_may_ask_at_once(name: str) -> None:
    party = Party()
    party.away = True
    with pytest.raises(ConnectionError):
        outside_tokens.get(name, party.fetch)
    party.away = False

    assert outside_tokens.get(name, party.fetch).text == "secret-2"


def test_a_refused_token_is_not_used_again_although_no_new_one_could_be_had(name: str) -> None:
    party = Party()
    refused = outside_tokens.get(name, party.fetch)
    party.away = True
    for _ in range(2):
        with pytest.raises(ConnectionError):
            outside_tokens.renew(name, refused, party.fetch)
    with pytest.raises(ConnectionError):
        outside_tokens.get(name, party.fetch)


def test_the_lease_of_a_killed_process_runs_out(name: str, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party()
    outside_tokens.get(name, party.fetch)
    held = "UPDATE outside_tokens SET token = NULL, leased_until = %s WHERE name = %s"
    # A whole lease is far longer than what is left of this one: who waits must not give up on a busy machine.
    monkeypatch.setattr(outside_tokens, "_lease", lambda: timedelta(seconds=20))
    sql(held, clock.now() + timedelta(seconds=0.15), name)

    assert outside_tokens.get(name, party.fetch).text == "secret-2"


def test_who_fails_after_its_lease_ran_out_leaves_the_lease_of_whoever_took_over(name: str) -> None:
    longer = outside_tokens._lease() + timedelta(seconds=1)

    def fail_at_last() -> tuple[str, int]:
        with clock.moved(longer):
            assert outside_tokens._leased(name, 0) is not None
        raise ConnectionError

    with clock.moved(-longer), pytest.raises(ConnectionError):
        outside_tokens.get(name, fail_at_last)

    assert outside_tokens._leased(name, 0) is None


def test_a_clock_a_little_behind_that_of_the_holder_is_no_reason_to_ask_as_well(name: str) -> None:
    with clock.moved(timedelta(seconds=1)):
        assert outside_tokens._leased(name, 0) is not None

    assert outside_tokens._leased(name, 0) is None


def test_the_lease_of_a_clock_that_was_set_back_long_does_not_close_the_name(name: str) -> None:
    with clock.moved(timedelta(days=400)):
        assert outside_tokens._leased(name, 0) is not None

    assert outside_tokens._leased(name, 0) is not None


def test_who_waits_too_long_for_another_process_is_told_to_come_again(
    name: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside_tokens, "_lease", lambda: timedelta(seconds=0.1))
    monkeypatch.setattr(outside_tokens, "_leased", lambda name, number: None)

    with pytest.raises(TokenAway):
        outside_tokens.get(name, Party().fetch)


def test_at_rest_and_in_a_traceback_it_is_not_in_plain(name: str, sql: Sql) -> None:
    party = Party()
    token = outside_tokens.get(name, party.fetch)
    [row] = sql("SELECT * FROM outside_tokens WHERE name = %s", name)

    assert b"secret-1" not in bytes(row["token"]) and "secret-1" not in repr(token)
    assert token == OutsideToken("secret-1", 1)


def test_a_token_that_cannot_be_opened_is_fetched_anew(name: str, sql: Sql) -> None:
    party = Party()
    outside_tokens.get(name, party.fetch)
    sql("UPDATE outside_tokens SET token = set_byte(token, 40, get_byte(token, 40) # 1) WHERE name = %s", name)

    assert outside_tokens.get(name, party.fetch).text == "secret-2"


@pytest.fixture
def counted() -> Iterator[tuple[str, list[int]]]:
    """A WeChat that counts how often it is asked for a token, over HTTP, and takes its time to answer."""
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(1)
            threading.Event().wait(0.3)
            body = json.dumps({"access_token": f"token-{len(asked)}", "expires_in": 7200}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


# Each process waits for the line that starts it, so that both ask at the same moment, with four threads each.
ASKING = """
import sys, requests
from concurrent.futures import ThreadPoolExecutor
from app import outside_tokens
name, url = sys.argv[1:]
def fetch():
    answer = requests.post(url, json={}, timeout=60).json()
    return answer["access_token"], answer["expires_in"]
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(4) as pool:
    found = [pool.submit(outside_tokens.get, name, fetch) for _ in range(4)]
print(",".join(sorted({one.result().text for one in found})))
"""


def test_two_processes_that_need_it_at_the_same_moment_ask_wechat_once(
    name: str, counted: tuple[str, list[int]], settings_environment: dict[str, str]
) -> None:
    url, asked = counted
    command = [sys.executable, "-c", ASKING, name, url]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | settings_environment
    processes = [subprocess.Popen(command, cwd=CHECKOUT, env=environment, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    # The line before it is the log's, in the process that asked.
    assert [process.communicate(timeout=300)[0].splitlines()[-1] for process in processes] == ["token-1"] * 2
    assert [process.returncode for process in processes] == [0, 0]
    assert len(asked) == 1
