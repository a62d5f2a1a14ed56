"""Throttles: who tries too often waits, whichever process they ask, and nobody waits for somebody else."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import wsgi
from app import clock, database
from app.settings import settings
from auth import addresses, throttles
from auth.throttles import THROTTLES, Throttled
from tests.product import Phone

Sql = Callable[..., list[Any]]

CHECKOUT = Path(__file__).resolve().parents[2]
purge: Any = throttles.purge


@pytest.fixture
def somebody() -> str:
    """An account that nobody else in this run has."""
    return uuid.uuid4().hex


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch, product: Flask) -> Iterator[Callable[..., None]]:
    """limited("login.address", 3, 60): another limit for this story."""

    def to(name: str, most: int, seconds: int) -> None:
        monkeypatch.setitem(settings().throttles, name, (most, seconds))

    yield to


def tries(account: str, times: int) -> list[bool]:
    """Which of so many tries of a staff password were let through."""
    return [is_let(account) for _ in range(times)]


def is_let(account: str) -> bool:
    try:
        throttles.count(throttles.STAFF_PASSWORD, {"address": None, "body:staff_number": account})
    except Throttled:
        return False
    return True


def test_so_many_tries_are_let_and_no_more(limited: Callable[..., None], somebody: str) -> None:
    limited("staff_password.body:staff_number", 5, 60)

    assert tries(somebody, 7) == [True] * 5 + [False] * 2


def test_the_bucket_leaks_evenly(limited: Callable[..., None], somebody: str) -> None:
    limited("staff_password.body:staff_number", 6, 60)
    assert tries(somebody, 7)[-1] is False

    with clock.moved(timedelta(seconds=11)):
        assert tries(somebody, 2) == [True, False]
    with clock.moved(timedelta(seconds=75)):
        assert tries(somebody, 7) == [True] * 6 + [False]


def test_what_is_refused_does_not_make_the_wait_longer(limited: Callable[..., None], somebody: str) -> None:
    limited("staff_password.body:staff_number", 2, 60)
    tries(somebody, 50)

    with clock.moved(timedelta(seconds=31)):
        assert tries(somebody, 1) == [True]


def test_one_account_does_not_use_up_the_tries_of_another(limited: Callable[..., None], somebody: str) -> None:
    limited("staff_password.body:staff_number", 1, 60)
    tries(somebody, 3)

    assert is_let(f"{somebody} another")


def test_twenty_at_once_count_one_by_one(limited: Callable[..., None], somebody: str) -> None:
    limited("staff_password.body:staff_number", 5, 600)
    barrier = Barrier(20)

    def one(_: int) -> bool:
        barrier.wait()
        return is_let(somebody)

    with ThreadPoolExecutor(20) as pool:
        let = list(pool.map(one, range(20)))

    assert let.count(True) == 5


_OTHER_PROCESS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from auth import addresses, throttles
import wsgi
def one(_):
    try:
        throttles.count(throttles.STAFF_PASSWORD, {"address": None, "body:staff_number": sys.argv[1]})
    except throttles.Throttled:
        return 0
    return 1
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(one, range(20))))
"""


def test_two_processes_with_threads_count_in_the_same_bucket(
    limited: Callable[..., None], somebody: str, settings_environment: dict[str, str]
) -> None:
    limited("staff_password.body:staff_number", 12, 6000)
    environment = os.environ | settings_environment
    environment |= {"THROTTLES": '{"staff_password.body:staff_number": [12, 6000]}'}
    command = [sys.executable, "-c", _OTHER_PROCESS, somebody]

    runs = [
        subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    let = [int(run.communicate(timeout=300)[0].splitlines()[-1]) for run in runs]

    assert sum(let) == 12, let
    assert not is_let(somebody), "this process counts with them"


def test_a_count_lasts_although_the_request_is_undone(limited: Callable[..., None], somebody: str) -> None:
    limited("staff_password.body:staff_number", 1, 60)
    with pytest.raises(ZeroDivisionError), database.work() as work:
        work.run_sql("SELECT 1", {})
        assert is_let(somebody)
        raise ZeroDivisionError

    assert not is_let(somebody)


def test_the_answer_says_when_to_come_again(client: FlaskClient, limited: Callable[..., None], log: list[str]) -> None:
    device = {"OnePhone-Device": uuid.uuid4().hex}
    limited("refresh.device", 2, 60)
    for _ in range(2):
        assert client.post("/v1/tokens/refresh", json={"refresh_token": "x"}, headers=device).status_code == 401

    refused = client.post("/v1/tokens/refresh", json={"refresh_token": "x"}, headers=device)

    assert (refused.status_code, refused.json["code"]) == (429, "throttled")
    assert 25 <= int(refused.headers["Retry-After"]) <= 30
    assert refused.json["retry_after"] == int(refused.headers["Retry-After"])
    assert refused.headers["RateLimit-Policy"] == '"throttled";q=2;w=60'
    assert refused.headers["RateLimit"] == f'"throttled";r=0;t={refused.json["retry_after"]}'
    assert any("throttled_by_device" in line for line in log)
    assert client.post("/v1/tokens/refresh", json={"refresh_token": "x"}).status_code == 401, "others go on"


def test_a_body_that_is_none_is_told_its_faults_and_not_counted_for_an_account(client: FlaskClient) -> None:
    for body in ("[]", "7", "{broken", '{"phone": 7}', "[" * 100_000):
        answer = client.post("/v1/logins", data=body, content_type="application/json")
        assert answer.status_code in (400, 422), answer.text


def test_nobody_is_named_in_the_buckets(client: FlaskClient, sql: Sql) -> None:
    device = uuid.uuid4().hex
    client.post("/v1/tokens/refresh", json={"refresh_token": "x"}, headers={"OnePhone-Device": device})

    keys = [bytes(row["key"]) for row in sql("SELECT key FROM throttle_buckets")]

    assert keys and not any(word in key for key in keys for word in (device.encode(), b"127.0.0.1"))


def test_empty_buckets_are_forgotten(somebody: str, sql: Sql) -> None:
    is_let(somebody)
    key = throttles._key(throttles.STAFF_PASSWORD, "body:staff_number", somebody)
    assert len(sql("SELECT key FROM throttle_buckets WHERE key = %s", key)) == 1

    with clock.moved(timedelta(days=1)):
        purge(timestamp=0)

    assert sql("SELECT key FROM throttle_buckets WHERE key = %s", key) == []


def test_buckets_write_no_log_of_the_database(sql: Sql) -> None:
    assert sql("SELECT relpersistence AS kind FROM pg_class WHERE relname = 'throttle_buckets'") == [{"kind": "u"}]


def test_reads_ask_no_throttle(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(throttles, "pass_through", lambda throttle, *rest: asked.append(throttle))

    assert phone.get("/v1/me").status_code == 200
    assert phone.get("/v1/services").status_code == 200
    assert asked == []


def test_every_throttle_stands_at_a_door_and_in_the_specification(product: Flask) -> None:
    hung = {operation.throttle for door in wsgi.DOORS for operation in door.operations if operation.throttle}
    paths = product.extensions["onephone_specification"].to_dict()["paths"]
    operations = [one for path in paths.values() for one in path.values() if isinstance(one, dict)]
    told = [one for one in operations if "`throttled`" in one["responses"].get("429", {}).get("description", "")]

    assert hung == set(THROTTLES)
    assert len(told) == sum(1 for door in wsgi.DOORS for operation in door.operations if operation.throttle)


@pytest.mark.parametrize(
    ("connection", "forwarded", "origin"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "192.0.2.66, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "nonsense", "10.0.0.5"),
        ("10.0.0.5", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", "unknown"),
    ],
)
def test_only_our_own_proxy_is_believed(
    product: Flask, monkeypatch: pytest.MonkeyPatch, connection: str, forwarded: str, origin: str
) -> None:
    monkeypatch.setattr("auth.addresses.settings", lambda: type("", (), {"trusted_proxies": ("10.0.0.0/8",)}))
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    with product.test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": connection}) as context:
        found = addresses.of(context.request)

    assert addresses.network_of(found) == origin
