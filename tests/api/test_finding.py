"""Finding a service over HTTP: words, filters and pages for anyone; suggestions; and nobody notes what was typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import database
from app.finding import popularity
from tests.product import Phone

COUNTY = "532999"


def names(client: FlaskClient, **query: str | int) -> list[str]:
    response = client.get("/v1/services", query_string=query)
    assert response.status_code == 200, response.text
    return [item["name"] for item in response.json["items"]]


@pytest.mark.parametrize(
    "typed", ["高龄津贴", "老人补贴", "gljt", "gaoling", "高铃津贴", "old-age", "我妈八十岁了怎么领老人补贴"]
)
def test_the_allowance_is_found_however_it_is_typed(typed: str, client: FlaskClient) -> None:
    assert names(client, q=typed, region=COUNTY)[0] == "高龄津贴申领"


def test_what_is_found_is_shown_in_the_callers_language(client: FlaskClient) -> None:
    query = {"q": "old-age allowance", "region": COUNTY}
    response = client.get("/v1/services", query_string=query, headers={"Accept-Language": "en"})

    [item] = [one for one in response.json["items"] if one["code"] == "old-age-allowance"]
    assert (item["name"], item["region"], item["department"]) == ("Old-age allowance", COUNTY, "minzheng")


def test_browsing_by_what_the_classes_name(client: FlaskClient) -> None:
    classes = client.get("/v1/services/classes").json

    assert {"code": "elderly", "name": "老年服务"} in classes["topics"]
    assert {"code": "ageing", "name": "养老"} in classes["life_events"]
    assert {"code": "older", "name": "老年人"} in classes["audiences"]
    for filter_, code in (("topic", "elderly"), ("life_event", "ageing"), ("audience", "older")):
        assert "高龄津贴申领" in names(client, **{filter_: code}, region=COUNTY)
        assert "高龄津贴申领" in names(client, **{filter_: code})
    assert "高龄津贴申领" not in names(client, topic="military", region=COUNTY)
    assert names(client, q="高龄津贴", region="110101") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"topic": "nothing"}, "/topic"),
        ({"region": "53"}, "/region"),
        ({"region": "五三二九九九"}, "/region"),
        ({"q": ""}, "/q"),
        ({"q": "长" * 101}, "/q"),
        ({"department": "A'; DROP"}, "/department"),
        ({"audience": "everyone?"}, "/audience"),
    ],
)
def test_what_can_not_be_asked_is_refused_with_its_place(
    query: dict[str, str], field: str, client: FlaskClient
) -> None:
    response = client.get("/v1/services", query_string=query)

    assert (response.status_code, list(response.json["errors"])) == (422, [field])


def test_a_cursor_of_another_list_is_refused_or_harmless(client: FlaskClient) -> None:
    cursor = client.get("/v1/services?limit=1").json["next_cursor"]

    response = client.get("/v1/services", query_string={"q": "申领", "cursor": cursor})

    assert (response.status_code, response.json["code"]) == (400, "cursor_invalid")


def test_search_goes_on_where_it_stopped(client: FlaskClient) -> None:
    first = client.get("/v1/services", query_string={"q": "申领", "limit": 1}).json
    second = client.get("/v1/services", query_string={"q": "申领", "limit": 1, "cursor": first["next_cursor"]}).json

    assert first["items"] and second["items"]
    assert first["items"] != second["items"]


def test_what_has_not_changed_is_not_sent_again(client: FlaskClient) -> None:
    for path in (f"/v1/services?region={COUNTY}", f"/v1/services/suggestions?region={COUNTY}", "/v1/services/classes"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

        assert (again.status_code, again.data) == (304, b"")
        assert first.headers["Cache-Control"].startswith("public, max-age=")


def test_what_somebody_typed_is_kept_by_nobody(client: FlaskClient, log: list[str]) -> None:
    response = client.get("/v1/services", query_string={"q": "我被家暴了怎么办"})

    assert response.status_code == 200
    assert response.headers["Cache-Control"].startswith("private")
    assert log and not any("家暴" in line or "%E5%AE%B6" in line for line in log)


def test_a_database_that_goes_away_is_said_without_the_words(
    client: FlaskClient, log: list[str], database_away: Callable[[], object]
) -> None:
    with database_away():  # type: ignore[attr-defined]
        response = client.get("/v1/services", query_string={"q": "我被家暴了"})

    assert response.status_code == 503
    assert not any("家暴" in line for line in log)


def test_what_is_popular_here_names_no_small_numbers(client: FlaskClient, sql: Callable[..., list[Any]]) -> None:
    with database.work() as work:
        popularity.count_in(work)

    told = {service["code"] for service in client.get(f"/v1/services/suggestions?region={COUNTY}").json["popular"]}
    few = sql("SELECT service_code FROM submissions GROUP BY service_code HAVING count(DISTINCT applicant_id) < 10")
    assert told.isdisjoint({row["service_code"] for row in few})
    assert client.get("/v1/services/suggestions").status_code == 422, "where is here?"


def test_suggestions_for_me_go_by_my_age_and_are_nobody_elses(
    phone: Phone, client: FlaskClient, sql: Callable[..., object]
) -> None:
    path = f"/v1/me/suggestions?region={COUNTY}"
    assert client.get(path).status_code == 401

    # The phone's owner was born in 1988, the allowance is for people from 80 on.
    mine = phone.get(path)
    sql("UPDATE service_search SET age_from = 30, age_to = 40 WHERE service_code = 'old-age-allowance'")
    at_that_age = phone.get(path)
    sql("UPDATE service_search SET age_from = 80, age_to = NULL WHERE service_code = 'old-age-allowance'")

    assert mine.headers["Cache-Control"] == "no-store"
    assert "高龄津贴申领" not in [one["name"] for one in mine.json["for_you"]]
    assert "高龄津贴申领" in [one["name"] for one in at_that_age.json["for_you"]]
