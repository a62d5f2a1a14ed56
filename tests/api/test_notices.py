"""Notices: open to anyone, both languages side by side, and cheap to ask for again."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.product import Phone

SERVICE = "/v1/services/old-age-allowance/notice"


def test_the_list_needs_no_login_and_names_every_notice_once(client: FlaskClient) -> None:
    found, query = [], "limit=2"
    while query:
        page = client.get(f"/v1/notices?{query}").json
        found += [item["code"] for item in page["items"]]
        query = f"limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""

    assert found == sorted(set(found))
    assert {"general", "wechat-push", "children", "service-residence-permit"} <= set(found)


@pytest.mark.parametrize("path", ["/v1/notices", "/v1/notices/general", "/v1/notices/general/versions/1", SERVICE])
def test_what_the_phone_has_is_not_sent_again(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    tag = {"If-None-Match": first.headers["ETag"]}

    again = client.get(path, headers=tag)
    in_english = client.get(path, headers={**tag, "Accept-Language": "en"})

    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert in_english.status_code == 304, "it holds both languages, so it is the same for all"
    assert first.headers["Cache-Control"] == "public, max-age=60"


def test_a_services_notice_is_the_one_of_its_current_version(client: FlaskClient) -> None:
    notice = client.get(SERVICE).json
    current = client.get("/v1/services/old-age-allowance").json["version"]

    assert notice["service"] == {"code": "old-age-allowance", "version": current}
    assert client.get(f"/v1/notices/{notice['code']}").json == notice
    assert client.get(f"/v1/notices/{notice['code']}/versions/{notice['version']}").json == notice
    asked = {part["code"]: (part["required"], part["consents"]) for part in notice["purposes"]}
    assert asked == {"handling": (True, []), "home-visits": (False, ["sensitive", "sharing"])}


def test_the_guide_leaves_the_processing_to_the_notice(client: FlaskClient) -> None:
    assert "processing" not in dict(client.get("/v1/services/old-age-allowance").json or {})


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/notices/nothing", "notice_not_found"),
        ("/v1/notices/general/versions/99", "notice_not_found"),
        ("/v1/notices/general/versions/0", "path_unknown"),
        ("/v1/notices/general/versions/99999999999999999999", "path_unknown"),
        ("/v1/services/nothing/notice", "service_not_found"),
    ],
)
def test_what_was_never_published_is_not_found(client: FlaskClient, path: str, code: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.json["code"]) == (404, code)


def test_reading_is_recorded_when_the_client_says_so(phone: Phone) -> None:
    told = [{"code": "general", "version": 1}, {"code": "children", "version": 1}]

    answer = phone.post("/v1/acknowledgements", {"notices": told})

    assert answer.status_code == 201, answer.text
    assert [(one["notice"]["code"], one["method"]) for one in answer.json["items"]] == [
        ("general", "screen"),
        ("children", "screen"),
    ]
    mine = phone.get("/v1/acknowledgements?limit=1").json
    assert (mine["items"], mine["next_cursor"] is not None) == ([answer.json["items"][1]], True)


@pytest.mark.parametrize(
    ("notices", "status"),
    [
        ([], 422),
        ([{"code": "general"}], 422),
        ([{"code": "general", "version": "1"}], 422),
        ([{"code": "general", "version": 99}], 404),
        ([{"code": "general", "version": 1}] * 11, 422),
    ],
)
def test_only_published_notices_can_be_acknowledged(phone: Phone, notices: list[object], status: int) -> None:
    assert phone.post("/v1/acknowledgements", {"notices": notices}).status_code == status
    assert phone.get("/v1/acknowledgements").json["items"] == []
