"""Regions and departments: two trees, open to anyone, a level at a time, and not sent twice."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import seeds


@pytest.fixture(autouse=True, scope="module")
def as_delivered(product: Flask) -> None:
    """Stories about imports bring regions of their own into this database, with fewer words."""
    seeds.publish()


def test_regions_are_walked_from_the_provinces_down(client: FlaskClient) -> None:
    provinces = client.get("/v1/regions").json["items"]
    cities = client.get("/v1/regions?parent=530000", headers={"Accept-Language": "en"}).json["items"]
    counties = client.get("/v1/regions?parent=530100").json["items"]

    assert len(provinces) == 34 and {"530000", "110000"} <= {one["code"] for one in provinces}
    assert {"code": "530100", "name": "Kunming", "level": 3, "parent": "530000", "has_more": True} in cities
    assert "532999" in {one["code"] for one in cities}, "the sample county has no city above it"
    assert all(one["level"] == 4 and one["parent"] == "530100" for one in counties)


def test_departments_are_found_by_region(client: FlaskClient) -> None:
    found = client.get("/v1/departments?region=532999").json["items"]

    assert {"gongan", "minzheng", "gjj"} <= {one["code"] for one in found}
    assert all(one["name"] and one["region"] == "532999" for one in found)
    assert client.get("/v1/departments?parent=gongan").json["items"] == []


@pytest.mark.parametrize("path", ["/v1/regions", "/v1/regions?parent=530000", "/v1/departments"])
def test_what_the_client_has_is_not_sent_again(client: FlaskClient, path: str) -> None:
    first = client.get(path)

    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    in_english = client.get(path, headers={"If-None-Match": first.headers["ETag"], "Accept-Language": "en"})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"].startswith("public")
    assert in_english.status_code == 200


@pytest.mark.parametrize("query", ["parent=abc", "parent=53", "parent="])
def test_a_code_that_is_none_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/v1/regions?{query}").status_code == 422
