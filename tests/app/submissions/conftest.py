"""A service of the stories' own: a form with a hidden part and a prefilled field, and materials by situation."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app import database
from app.catalogue import services
from app.catalogue.services import ServiceVersion
from tests import handled

Publish = Callable[..., ServiceVersion]

WORDS = {"zh": "词", "en": "words"}
FOR_A_CHILD = {"field": "who", "values": ["child"]}


def field(name: str, **more: Any) -> dict[str, Any]:
    label = {"zh": f"项{name}", "en": f"field {name}"}
    return {"field": name, "label": label, "hint": WORDS, "purpose": WORDS, "sensitive": False, "widget": "text"} | more


def form(layout: list[dict[str, Any]], **properties: Any) -> dict[str, Any]:
    """A form whose fields are short texts unless `properties` says more."""
    shapes = {entry["field"]: {"type": "string", "maxLength": 50} for entry in layout} | properties
    return {"schema": {"type": "object", "properties": shapes, "additionalProperties": False}, "layout": layout}


NAME = field("name", prefill={"from": "name", "editable": False})
CHILD = field("child_name", shown_when=FOR_A_CHILD, required=True)
FORM = form([NAME, field("who", required=True), CHILD, field("street")], who={"enum": ["self", "child"]})


@pytest.fixture
def publish(product: Flask) -> Publish:
    """publish(version=2, form=…): publish the story's service with these changes, and its notice."""
    with database.reading() as connection:
        plain = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
        permit = copy.deepcopy(services.current(connection, "residence-permit").definition)
    photo = next(one for one in permit["materials"] if one["code"] == "photo")
    materials = [
        photo | {"required": True, "reusable": True},
        photo | {"code": "birth-certificate", "required": True, "reusable": False, "needed_when": FOR_A_CHILD},
    ]
    made = plain | {"code": f"test-{uuid.uuid4()}", "version": 1, "form": FORM, "materials": materials}

    def run(**changes: Any) -> ServiceVersion:
        return handled.publish(made | changes)

    return run
