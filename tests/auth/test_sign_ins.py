"""Sign-ins: the history that a person reads to see whether somebody else came in under their name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from app import clock
from app.people import sign_ins
from auth.devices import Device
from tests.auth.conftest import Browser, Login

LogIn = Callable[..., Login]
Sql = Callable[..., list[Any]]

purge: Any = sign_ins.purge


def test_a_login_stands_in_the_history_with_how_and_from_where(browser: Browser) -> None:
    tokens = browser.log_in("wang-guilan").json
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    last = browser.client.get("/v1/sign-ins", headers=headers).json["items"][0]

    assert (last["outcome"], last["provider"], last["method"], last["level"]) == ("entered", "sandbox", "oidc", 3)
    assert last["network"] == "127.0.0.0/24"


def test_nobody_reads_anybody_elses(log_in: LogIn) -> None:
    mine, other = log_in(), log_in()

    assert len(mine.get("/v1/sign-ins").json["items"]) == len(other.get("/v1/sign-ins").json["items"]) == 1


def test_the_history_is_read_page_by_page(log_in: LogIn) -> None:
    mine = log_in(device=Device("0"))
    for number in range(1, 5):
        log_in(resident=mine.resident_id, device=Device(str(number)))

    first = mine.get("/v1/sign-ins?limit=3").json
    second = mine.get(f"/v1/sign-ins?limit=3&cursor={first['next_cursor']}").json

    assert [one["device"] for one in first["items"] + second["items"]] == ["4", "3", "2", "1", "0"]
    assert second["next_cursor"] is None
    assert mine.get("/v1/sign-ins?cursor=nonsense").json["code"] == "cursor_invalid"


def test_the_network_is_sealed(log_in: LogIn, sql: Sql) -> None:
    mine = log_in(device=Device("phone", network="198.51.100.0/24"))

    for table in ("sign_ins", "sessions"):
        [row] = sql(f"SELECT {table}::text AS text FROM {table} WHERE resident_id = %s", mine.resident_id)
        assert "198.51" not in row["text"] and b"198.51".hex() not in row["text"]


def test_after_six_months_it_is_forgotten(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    count = "SELECT count(*) AS n FROM sign_ins WHERE resident_id = %s"

    with clock.moved(timedelta(days=180)):
        purge(0)
    assert sql(count, mine.resident_id) == [{"n": 1}]
    with clock.moved(timedelta(days=184)):
        purge(0)

    assert sql(count, mine.resident_id) == [{"n": 0}]


def test_without_a_token_there_is_no_history(client: FlaskClient) -> None:
    assert client.get("/v1/sign-ins").status_code == 401
