"""Doors: every one has a guard, and the guard stands before everything else."""

from __future__ import annotations

import argparse
import re
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

import onephone
import wsgi
from api.doors import Door
from auth import guards
from tests.product import Phone

# The specification and the page to read it on: no data, no door.
WITHOUT_A_DOOR = {"openapi", "swagger_ui.show"}

OPEN = {
    *("services", "regions", "departments", "notices", "logins", "desk_logins", "tokens", "health", "keys"),
    *("open_erasures", "open_queues", "open_proofs", "office_tokens"),
}
"""The doors that anyone may walk through. Adding one here is a decision, so it is written twice."""


_GUARDS = (guards.anyone, guards.residents, guards.staff, guards.offices, guards.watchers, guards.wechat)


def rules_of(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ())))


def address(rule: Rule) -> str:
    """The rule with something in each of its places."""
    given = {"uuid": uuid.uuid4(), "int": 2026}
    kinds = {name: kind for kind, name in re.findall(r"<(?:(\w+)[^>]*:)?(\w+)>", rule.rule)}
    values = {name: given.get(kinds[name], "gongan") for name in rule.arguments}
    built = rule.build(values, append_unknown=False)
    assert built is not None
    return built[1]


def door_of(rule: Rule) -> Door | None:
    return next((door for door in wsgi.DOORS if rule.endpoint.startswith(f"{door.name}.")), None)


def walked(app: Flask) -> list[tuple[str, str, Door]]:
    """Every method and address that lies behind a door."""
    found = [(rule, door_of(rule)) for rule in rules_of(app)]
    return [(method, address(rule), door) for rule, door in found if door for method in sorted(rule.methods or ())]


@pytest.mark.parametrize("door", wsgi.DOORS, ids=lambda door: door.name)
def test_a_door_has_one_of_the_five_guards(door: Door) -> None:
    assert door.guard in _GUARDS


def test_the_command_prints_every_operation_with_its_guard_and_its_limits(
    product: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every door is walked, and its guard printed; the same as `onephone doors`."""
    onephone.doors(argparse.Namespace())

    printed = capsys.readouterr().out
    print(printed)
    lines = [line.split() for line in printed.splitlines()]
    served = {
        (method, re.sub(r"\s", "", rule.rule))
        for rule in rules_of(product)
        for method in (rule.methods or set()) - {"HEAD"}
        if rule.endpoint not in WITHOUT_A_DOOR
    }
    assert {(line[0], line[1]) for line in lines[:-1]} == served, "no route but through a door"
    assert {line[2] for line in lines[:-1]} == {guard.name for guard in _GUARDS}
    login = next(line for line in lines if line[:2] == ["POST", "/v1/desk/logins/password"])
    assert " ".join(login[2:]) == "anyone 100 per address in 10 min; 20 per staff_number in 30 min"


def test_only_the_named_doors_are_open_to_anyone() -> None:
    assert {door.name for door in wsgi.DOORS if door.guard is guards.anyone} == OPEN


def test_every_address_lies_behind_a_door(product: Flask) -> None:
    loose = {rule.endpoint for rule in rules_of(product) if door_of(rule) is None}

    assert loose == WITHOUT_A_DOOR


def test_without_a_token_no_guarded_address_answers_anything_but_401(product: Flask, client: FlaskClient) -> None:
    guarded = [(method, path) for method, path, door in walked(product) if door.guard is not guards.anyone]
    # Who watches the service from the same machine needs no token.
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}

    answers = {(method, path): client.open(path, method=method, environ_base=elsewhere) for method, path in guarded}

    assert len(guarded) >= 15
    assert {key: answer.status_code for key, answer in answers.items() if answer.status_code != 401} == {}


def test_the_guard_stands_before_the_body_is_looked_at(client: FlaskClient) -> None:
    for body in (b"{not json", b"x" * 100_000):
        response = client.post("/v1/submissions", data=body, content_type="application/json")

        assert (response.status_code, response.json["code"]) == (401, "token_missing")


@pytest.mark.parametrize("header", ["Basic eDp5", "Bearer", "Bearer ", "Bearer nonsense", "Bearer a.b.c", "nonsense"])
def test_what_is_no_token_of_ours_is_refused_without_a_reason(client: FlaskClient, header: str) -> None:
    response = client.get("/v1/me", headers={"Authorization": header})

    assert (response.status_code, response.json["code"]) == (401, "token_invalid")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_opens_only_the_doors_of_its_audience(product: Flask, phone: Phone, make_clerk: Any) -> None:
    clerk = make_clerk("S0001")
    closed = {guards.residents: clerk, guards.staff: phone, guards.offices: phone, guards.wechat: phone}
    assert {door.guard for door in wsgi.DOORS} - closed.keys() == {guards.anyone, guards.watchers}
    guarded = [(method, path, closed[door.guard]) for method, path, door in walked(product) if door.guard in closed]

    answers = {(method, path): stranger.send(method, path).status_code for method, path, stranger in guarded}

    assert {key: status for key, status in answers.items() if status != 401} == {}


def test_a_door_can_not_be_built_without_a_guard() -> None:
    with pytest.raises(TypeError):
        Door("visitors", url_prefix="/v1/visitors", description="Nobody said who may enter.")  # type: ignore[call-arg]


@pytest.mark.parametrize("nobody", [None, "anyone", guards, lambda request: None])
def test_what_is_no_guard_is_none(nobody: Any) -> None:
    with pytest.raises(TypeError):
        Door("visitors", nobody, "/v1/visitors", "Somebody said something.")


def test_a_door_with_a_throttle_that_nobody_defined_can_not_be_built() -> None:
    door = Door("visitors", guards.anyone, "/v1/visitors", "Whoever they are.")

    with pytest.raises(TypeError):

        @door.handles("POST", "", throttle="as often as they like")
        def visit(language: str, device: str) -> None:
            """Come in."""
