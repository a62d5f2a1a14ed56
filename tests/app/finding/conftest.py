"""Fixtures for stories of finding: services of a story's own, in regions of its own."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app import database
from app.catalogue import services
from app.finding import search
from app.finding.search import Filters, Found

Publish = Callable[..., str]
Names = Callable[..., list[str]]

COUNTY, CITY, PROVINCE = "532999", "532900", "530000"


@pytest.fixture
def publish(product: Flask) -> Publish:
    """publish("高龄津贴", keywords={"zh": ["老人钱"]}): a service of that name, its code; a new one each time."""
    with database.reading() as connection:
        model = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
    for part in ("keywords", "life_events", "audiences", "ages", "effective"):
        model.pop(part, None)

    def make(name: str, **changes: Any) -> str:
        text = {"zh": name, "en": changes.pop("en", "A service of this story")}
        made = {"code": f"test-{uuid.uuid4()}", "version": 1, "name": text, "summary": {"zh": "。", "en": "."}}
        made |= {"region": COUNTY, **changes}
        with database.work() as work:
            services.publish(work, model | made)
        return str(made["code"])

    return make


@pytest.fixture
def found(product: Flask) -> Callable[..., list[Found]]:
    """found("老人补贴", region=COUNTY, topic=…): all services, best first, page by page."""

    def find(typed: str | None, region: str | None = COUNTY, limit: int = 20, **filters: Any) -> list[Found]:
        with database.reading() as connection:
            asked = Filters(search.around(connection, region) if region else (), **filters)
            listed: list[Found] = []
            while True:
                after = listed[-1].place if listed else None
                if typed is None:
                    page = search.browse(connection, asked, after, limit)
                else:
                    page = search.search(connection, typed, asked, after, limit)
                listed += page
                if len(page) < limit:
                    return listed

    return find


@pytest.fixture
def codes(found: Callable[..., list[Found]]) -> Names:
    """The codes of what is found."""
    return lambda typed, **where: [one.code for one in found(typed, **where)]
