"""Services and their guides: readable by anyone, in two languages, and cheap on a slow network."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml
from flask.testing import FlaskClient

from api import guides
from api.schemas.services import GuideSchema
from app.catalogue import services
from tests.app.privacy.conftest import published_with_the_program

CODES = {definition["code"] for definition in published_with_the_program()}


def codes(client: FlaskClient, limit: int) -> list[str]:
    """Every code, page by page."""
    found: list[str] = []
    query = f"limit={limit}"
    while True:
        page = client.get(f"/v1/services?{query}").json
        assert len(page["items"]) <= limit
        found += [item["code"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        query = f"limit={limit}&cursor={page['next_cursor']}"


def test_the_guide_is_described_with_everything_that_a_definition_can_say() -> None:
    schema = Path(services.__file__).parent / "definition.schema.yaml"
    known = set(yaml.safe_load(schema.read_text(encoding="utf-8"))["properties"]) - guides.INTERNAL

    assert known <= set(GuideSchema().fields)


def test_the_list_needs_no_login_and_says_what_each_service_is(client: FlaskClient) -> None:
    items = client.get("/v1/services?limit=100").json["items"]

    assert set(codes(client, 100)) >= CODES
    assert all(item["name"] and item["summary"] and item["department"] for item in items)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_paging_shows_everything_once_and_in_order(client: FlaskClient, limit: int) -> None:
    found = codes(client, limit)

    assert found == sorted(set(found))
    assert set(found) >= CODES


@pytest.mark.parametrize(
    "cursor", ["!", "AA", "%00", "a", "====", "cmVzaWRlbmNl!!", "_w", "李", "cmVzaWRlbmNlLXBlcm1pdA=="]
)
def test_a_cursor_that_was_not_given_out_is_refused(client: FlaskClient, cursor: str) -> None:
    response = client.get("/v1/services", query_string={"cursor": cursor})

    assert (response.status_code, response.json["code"]) == (400, "cursor_invalid")


def test_a_cursor_may_outlive_the_service_it_was_made_from(client: FlaskClient) -> None:
    cursor = base64.urlsafe_b64encode(b"p").decode().rstrip("=")

    items = client.get(f"/v1/services?limit=100&cursor={cursor}").json["items"]

    assert "residence-permit" in {item["code"] for item in items}
    assert all(item["code"] > "p" for item in items)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "abc", "1.5", "", "9" * 30])
def test_a_limit_out_of_bounds_is_refused(client: FlaskClient, limit: str) -> None:
    response = client.get(f"/v1/services?limit={limit}")

    assert (response.status_code, list(response.json["errors"])) == (422, ["/limit"])


def test_a_guide_holds_everything_to_apply_with_in_the_language_asked_for(client: FlaskClient) -> None:
    zh = client.get("/v1/services/residence-permit", headers={"Accept-Language": "zh-CN"})
    en = client.get("/v1/services/residence-permit", headers={"Accept-Language": "en"})

    assert (zh.headers["Content-Language"], en.headers["Content-Language"]) == ("zh-CN", "en")
    assert zh.json["materials"][0]["name"] == "本人相片"
    assert en.json["materials"][0]["name"] == "Photo of yourself"
    assert zh.json["form"]["schema"] == en.json["form"]["schema"]
    assert zh.json["identity"] == {"level": 3, "max_age_minutes": 720}
    assert zh.json and en.json
    assert zh.json.keys() == en.json.keys()
    assert '"zh":' not in en.text, "no pair of languages is left in it"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("code", sorted(CODES))
def test_each_service_shows_its_guide_its_form_and_its_notice(client: FlaskClient, code: str, language: str) -> None:
    guide = client.get(f"/v1/services/{code}", headers={"Accept-Language": language})
    notice = client.get(f"/v1/services/{code}/notice")

    assert (guide.status_code, guide.headers["Content-Language"], notice.status_code) == (200, language, 200)
    assert guide.json["name"] and guide.json["legal_bases"] and guide.json["steps"] and guide.json["faq"]
    assert '"zh":' not in guide.text
    asked = {entry["field"] for entry in guide.json["form"]["layout"]}
    told = {kind["code"] for part in notice.json["purposes"] for kind in part["kinds"]}
    assert asked == guide.json["form"]["schema"]["properties"].keys() - {"situations"}
    assert asked <= told
    assert notice.json["title"][language[:2]]


def test_how_we_reach_the_office_is_nobody_elses_business(client: FlaskClient) -> None:
    for code in CODES:
        text = client.get(f"/v1/services/{code}").text
        assert '"connector"' not in text
        assert '"data_source"' not in text


def test_a_guide_that_the_phone_has_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/v1/services/residence-permit")
    tag = {"If-None-Match": first.headers["ETag"]}

    again = client.get("/v1/services/residence-permit", headers=tag)
    in_english = client.get("/v1/services/residence-permit", headers={**tag, "Accept-Language": "en"})

    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert in_english.status_code == 200, "other words are another thing"
    for answer in (first, again):
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert "Accept-Language" in answer.headers["Vary"]


def test_an_unknown_service_is_not_found(client: FlaskClient) -> None:
    response = client.get("/v1/services/passport")

    assert (response.status_code, response.json["code"]) == (404, "service_not_found")
    assert response.headers["Cache-Control"] == "no-store"
