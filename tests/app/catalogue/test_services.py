"""Services: a published version never changes, and a submission lives and ends under the one it began with."""

from __future__ import annotations

import copy
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import database
from app.catalogue import services
from app.catalogue.services import ServiceNotFound
from tests.product import Phone


@pytest.fixture
def definition(product: Flask) -> dict[str, Any]:
    """Version 1 of a service of this story's own, not published yet; its form asks for nothing."""
    with database.reading() as connection:
        made = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
    return made | {"code": f"test-{uuid.uuid4()}", "version": 1}


def publish(definition: dict[str, Any], **changes: Any) -> bool:
    """Publish with these changes, and let this process look again at what is current."""
    with database.work() as work:
        new = services.publish(work, definition | changes)
    services.forget()
    return new


def asking_for(definition: dict[str, Any], field: str) -> dict[str, Any]:
    """The form with one required field."""
    form = copy.deepcopy(definition["form"])
    form["schema"] |= {"properties": {field: {"type": "string"}}, "required": [field]}
    return {"form": form}


def test_a_published_version_is_left_as_it_is(definition: dict[str, Any]) -> None:
    assert publish(definition)

    assert not publish(definition, department="gongan", signature=True)

    with database.reading() as connection:
        assert services.version(connection, definition["code"], 1).definition == definition


def test_a_newer_version_becomes_the_current_one(definition: dict[str, Any], client: FlaskClient) -> None:
    path = f"/v1/services/{definition['code']}"
    publish(definition)
    first = client.get(path)

    publish(definition, version=2)
    second = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (first.json["version"], second.status_code, second.json["version"]) == (1, 200, 2)


def test_an_older_version_published_late_does_not_become_current(definition: dict[str, Any]) -> None:
    publish(definition, version=3)

    assert publish(definition, version=2)

    with database.reading() as connection:
        assert services.current(connection, definition["code"]).version == 3


def test_a_submission_keeps_the_version_it_began_with(definition: dict[str, Any], phone: Phone) -> None:
    publish(definition)
    begun = phone.start(definition["code"])

    publish(definition, version=2, **asking_for(definition, "account"))
    new = phone.start(definition["code"])

    assert (begun["service"]["version"], new["service"]["version"]) == (1, 2)
    shown = phone.get(f"/v1/submissions/{begun['id']}").json
    assert (shown["service"]["version"], shown["missing"]) == (1, {})
    assert list(new["missing"]) == ["/answers/account"]
    assert phone.post(f"/v1/submissions/{begun['id']}/submit").status_code == 200
    assert phone.post(f"/v1/submissions/{new['id']}/submit").json["code"] == "submission_incomplete"
    assert phone.get(f"/v1/submissions/{begun['id']}/progress").json["service"]["version"] == 1


def test_an_unknown_service_is_refused(product: Flask) -> None:
    with database.reading() as connection, pytest.raises(ServiceNotFound):
        services.current(connection, "no-such-service")


def test_a_signature_is_a_material_only_where_one_is_asked_for(product: Flask) -> None:
    with database.reading() as connection:
        permit, fund = (services.current(connection, code) for code in ("residence-permit", "housing-fund-balance"))

    assert {"photo", "signature"} <= set(permit.materials)
    assert fund.materials == {}
