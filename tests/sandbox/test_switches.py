"""Switches are checked, kept, and obeyed."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.sandbox.conftest import MakeApp

PARTS = ["eid", "ticket-login", "network-id", "wechat", "housing-fund", "office/gongan", "office/minzheng"]
DEFAULT = {"mode": "ok", "delay_s": 2, "auto": True, "twice": False}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_one(client: FlaskClient, part: str) -> None:
    assert client.get(f"/{part}/control").get_json() == DEFAULT
    response = client.put(f"/{part}/control", json={"mode": "slow", "delay_s": 0.5})
    assert response.status_code == 200
    assert (
        response.get_json() == client.get(f"/{part}/control").get_json() == DEFAULT | {"mode": "slow", "delay_s": 0.5}
    )


@pytest.mark.parametrize("part", ["office/nowhere", "office", "fax"])
def test_unknown_part(client: FlaskClient, part: str) -> None:
    assert client.get(f"/{part}/control").status_code == 404
    assert client.put(f"/{part}/control", json={"mode": "down"}).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        *(
            [],
            "down",
            None,
            {"mode": "off"},
            {"mode": None},
            {"delay_s": -1},
            {"delay_s": True},
            {"delay_s": 1e9},
        ),
        *({"auto": 1}, {"twice": "yes"}, {"part": "eid"}, {"mode": "ok", "colour": 1}, {"mode": "busy"}),
    ],
)
def test_bad_change_changes_nothing(client: FlaskClient, change: Any) -> None:
    assert client.put("/eid/control", json=change).status_code == 400
    assert client.get("/eid/control").get_json() == DEFAULT


def test_slow_waits(client: FlaskClient) -> None:
    client.put("/housing-fund/control", json={"mode": "slow", "delay_s": 0.3})
    start = time.monotonic()
    assert client.post("/housing-fund/balance").status_code == 401
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize(("mode", "status"), [("down", 503), ("wrong", 200)])
def test_misbehaviour_is_limited_to_its_part(client: FlaskClient, mode: str, status: int) -> None:
    client.put("/housing-fund/control", json={"mode": mode})
    response = client.post("/housing-fund/balance")
    assert response.status_code == status and response.get_json(silent=True) is None
    assert client.get("/wechat/sns/jscode2session").get_json()["errcode"] == 41002
    assert client.get("/").status_code == 200 and client.get("/housing-fund/control").status_code == 200


def test_pages_press_switches(client: FlaskClient) -> None:
    response = client.post("/office/gongan/control", data={"auto": "0", "back": "office/gongan"})
    assert (response.status_code, response.location) == (303, "/office/gongan")
    assert client.get("/office/gongan/control").get_json()["auto"] is False
    response = client.post("/eid/control", data={"mode": "down", "back": "/evil.test"})
    assert (response.status_code, response.location) == (303, "/")
    assert client.post("/eid/control", data={"mode": "off"}).status_code == 400
    assert 'class="on bad"' in client.get("/").text


def test_kept_over_a_restart(make_app: MakeApp) -> None:
    make_app().test_client().put("/wechat/control", json={"mode": "busy"})
    assert make_app().test_client().get("/wechat/control").get_json()["mode"] == "busy"
