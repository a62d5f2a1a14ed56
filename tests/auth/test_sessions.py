"""Sessions: a refresh token is good for one use, and a stolen one ends everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.identifiers import new_reference
from app.settings import settings
from tests.product import Phone

Sql = Callable[..., list[Any]]


def refresh(client: FlaskClient, token: str) -> Any:
    return client.post("/v1/tokens/refresh", json={"refresh_token": token})


def me(client: FlaskClient, access_token: str) -> int:
    return client.get("/v1/me", headers={"Authorization": f"Bearer {access_token}"}).status_code


def assert_refused(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (401, "refresh_token_invalid"), response.text


def test_a_refresh_gives_a_new_pair(client: FlaskClient, phone: Phone) -> None:
    pair = refresh(client, phone.tokens["refresh_token"]).json

    assert pair["refresh_token"] != phone.tokens["refresh_token"]
    assert pair["access_token"] != phone.tokens["access_token"]
    assert me(client, pair["access_token"]) == 200
    assert pair["expires_in"] == 15 * 60


def test_a_refresh_does_not_make_a_session_longer(client: FlaskClient, phone: Phone) -> None:
    with clock.moved(timedelta(days=20)):
        pair = refresh(client, phone.tokens["refresh_token"]).json

    assert pair["refresh_expires_in"] == pytest.approx(timedelta(days=10).total_seconds(), abs=60)


def test_a_clerk_gets_a_clerks_token_again(client: FlaskClient, make_clerk: Callable[[str], Phone]) -> None:
    clerk = make_clerk("S0001")

    clerk.tokens = refresh(client, clerk.tokens["refresh_token"]).json

    wish = {"reference": new_reference(clock.today()), "reason": "来电询问"}
    assert clerk.post("/v1/desk/lookups", wish).status_code == 201


def test_a_spent_token_ends_the_session_for_both_holders(client: FlaskClient, phone: Phone) -> None:
    stolen = phone.tokens["refresh_token"]
    honest = refresh(client, stolen).json

    assert_refused(refresh(client, stolen))

    assert_refused(refresh(client, honest["refresh_token"]))
    time.sleep(1.1)
    assert me(client, honest["access_token"]) == 401
    assert me(client, phone.tokens["access_token"]) == 401


def test_of_two_refreshes_at_once_only_one_wins(product: Flask, phone: Phone, sql: Sql) -> None:
    start = Barrier(2)

    def race(_: int) -> int:
        start.wait()
        return int(refresh(product.test_client(), phone.tokens["refresh_token"]).status_code)

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(race, range(2)))

    assert statuses == [200, 401]
    # The server can not tell a hasty phone from a thief, so what one of them won is dead as well.
    [session] = sql("SELECT revoked_at FROM sessions WHERE resident_id = %s", phone.resident_id)
    assert session["revoked_at"] is not None


def test_a_session_ends_by_itself(client: FlaskClient, phone: Phone) -> None:
    with clock.moved(settings().refresh_token_life + timedelta(seconds=1)):
        assert_refused(refresh(client, phone.tokens["refresh_token"]))


def test_logging_out_ends_the_refresh_token(client: FlaskClient, phone: Phone) -> None:
    phone.send("DELETE", "/v1/sessions/current")

    assert_refused(refresh(client, phone.tokens["refresh_token"]))


@pytest.mark.parametrize("token", ["x", "'; DROP TABLE sessions; --", "令牌"])
def test_a_token_of_nobody_is_refused(client: FlaskClient, token: str) -> None:
    assert_refused(refresh(client, token))


def test_an_access_token_is_no_refresh_token(client: FlaskClient, phone: Phone) -> None:
    assert refresh(client, phone.tokens["access_token"]).status_code in (401, 422)


def test_only_hashes_are_kept(client: FlaskClient, phone: Phone, sql: Sql) -> None:
    token = phone.tokens["refresh_token"]

    [row] = sql("SELECT sessions::text AS text FROM sessions WHERE resident_id = %s", phone.resident_id)

    assert token not in row["text"]
