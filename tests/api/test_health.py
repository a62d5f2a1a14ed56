"""Health: alive is not the same as ready."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from flask.testing import FlaskClient

Away = Callable[[], AbstractContextManager[None]]


def test_a_running_process_is_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/health/live").json == {"status": "ok"}
    assert client.get("/health/ready").json == {"status": "ok", "database": True, "store": True}


def test_without_its_database_it_is_alive_but_not_ready_and_says_why(client: FlaskClient, database_away: Away) -> None:
    with database_away():
        live, ready = client.get("/health/live"), client.get("/health/ready")

    assert live.status_code == 200
    assert ready.status_code == 503
    assert ready.json == {"status": "waiting", "database": False, "store": True}
    assert client.get("/health/ready").status_code == 200


def test_the_published_keys_hold_no_secret(client: FlaskClient) -> None:
    keys = client.get("/.well-known/jwks.json").json["keys"]

    assert keys
    for key in keys:
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
        assert key["kid"]
        assert "d" not in key
