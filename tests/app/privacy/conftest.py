"""What the stories about notices and consents share."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import database
from app.catalogue import definition_files, services
from app.catalogue.services import ServiceVersion
from tests import handled

Publish = Callable[..., ServiceVersion]

WORDS = {"zh": "词", "en": "words"}


def field(name: str, sensitive: bool = False) -> dict[str, Any]:
    """A field's hints, as complete as the demo's definitions have them."""
    purpose = {"zh": f"为了{name}", "en": f"for {name}"}
    label = {"zh": f"项{name}", "en": f"field {name}"}
    return {"field": name, "label": label, "hint": WORDS, "purpose": purpose, "sensitive": sensitive, "widget": "text"}


def published_with_the_program() -> list[dict[str, Any]]:
    """The definition files of the product, as data."""
    folder = Path(services.__file__).parent / "definitions"
    files = [path for path in sorted(folder.glob("*.yaml")) if path.name != "departments.yaml"]
    read = [definition_files.read(path)[0] for path in files]
    assert read
    return read


@pytest.fixture
def definition(product: Flask) -> dict[str, Any]:
    """A service of this story's own, answered on the spot, with one plain and one sensitive field, both optional."""
    with database.reading() as connection:
        made = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
    schema = {**made["form"]["schema"], "properties": {"hobby": {"type": "string"}, "illness": {"type": "string"}}}
    form = {"schema": schema, "layout": [field("hobby"), field("illness", sensitive=True)]}
    return made | {"code": f"test-{uuid.uuid4()}", "version": 1, "form": form}


@pytest.fixture
def publish(definition: dict[str, Any]) -> Publish:
    """publish(processing=…, version=2): publish the service with these changes, and its notice."""

    def run(**changes: Any) -> ServiceVersion:
        return handled.publish(definition | changes)

    return run


def purpose(code: str, *fields: str, **more: Any) -> dict[str, Any]:
    """A purpose of its own that rests on consent."""
    return {"code": code, "name": {"zh": f"目的{code}", "en": code}, "basis": "consent", "fields": list(fields), **more}


VISITORS = [{"code": "visitors", "name": {"zh": "探访队", "en": "Visitors"}}]
