"""The specification: what is published is what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

import wsgi
from api import specification

PUBLISHED = Path(wsgi.__file__).parent / "openapi.yaml"


def operations(spec: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every operation with its method and path as a name."""
    methods = ("get", "post", "put", "patch", "delete")
    return [(f"{m} {path}", item[m]) for path, item in spec["paths"].items() for m in methods if m in item]


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return specification.document(wsgi.build())


def test_openapi_yaml_is_what_the_code_says(spec: dict[str, Any]) -> None:
    published = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))

    assert published == json.loads(json.dumps(spec)), "run `make openapi` and commit the change"


def test_every_operation_says_what_it_does_under_a_name_of_its_own(spec: dict[str, Any]) -> None:
    found = operations(spec)

    assert [name for name, operation in found if not operation.get("summary")] == []
    names = [operation["operationId"] for _, operation in found]
    assert len(names) == len(set(names)) >= 20
    assert all(name.isidentifier() for name in names)


def test_every_operation_names_its_guard(spec: dict[str, Any]) -> None:
    schemes = set(spec["components"]["securitySchemes"])

    for name, operation in operations(spec):
        assert isinstance(operation.get("security"), list), name
        assert {scheme for requirement in operation["security"] for scheme in requirement} <= schemes, name


def test_every_rule_behind_a_door_is_published(product: Flask, spec: dict[str, Any]) -> None:
    doors = tuple(f"{door.name}." for door in wsgi.DOORS)
    ours = [rule for rule in product.url_map.iter_rules() if rule.endpoint.startswith(doors)]
    methods = sum(len((rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule in ours)

    assert len(operations(spec)) == methods


def test_every_error_is_the_one_problem(spec: dict[str, Any]) -> None:
    for name, operation in operations(spec):
        for status, response in operation["responses"].items():
            if status[0] in "45" and "content" in response:
                assert list(response["content"]) == ["application/problem+json"], f"{name} {status}"


def test_whoever_creates_or_acts_needs_an_idempotency_key(spec: dict[str, Any]) -> None:
    # These may be repeated without one: a login or token is good once, a look is a new record each time, and an
    # office's message has an id of its own, as WeChat's has;
    # to act for somebody may be said twice.
    repeatable = ("/v1/logins", "/v1/desk", "/v1/tokens", "/v1/offices", "/v1/wechat", "/v1/sessions/acting-for")
    posts = [(n, o) for n, o in operations(spec) if n.startswith("post ") and not n[5:].startswith(repeatable)]

    assert posts
    for name, operation in posts:
        keys = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
        assert keys and keys[0]["required"], name


def test_the_running_service_publishes_the_same(client: FlaskClient, spec: dict[str, Any]) -> None:
    assert client.get("/openapi.json").json == json.loads(json.dumps(spec))
    page = client.get("/docs/")
    assert page.status_code == 200
    assert page.mimetype == "text/html"
