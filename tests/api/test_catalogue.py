"""The catalogue at the desk: two people between a draft and the residents, and all of it on record."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import clock, database
from app.catalogue import definition_files, services
from tests.product import Phone

Sql = Callable[..., list[Any]]


@pytest.fixture
def sun(make_clerk: Callable[[str], Phone]) -> Phone:
    """One administrator."""
    return make_clerk("S0004")


@pytest.fixture
def zhou(make_clerk: Callable[[str], Phone]) -> Phone:
    """Another one."""
    return make_clerk("S0005")


@pytest.fixture(autouse=True)
def what_counts_is_asked_again() -> Iterator[None]:
    services.forget()
    yield
    services.forget()


@pytest.fixture
def definition(product: Flask) -> dict[str, Any]:
    """Version 1 of a service of this story's own; its form asks for nothing."""
    with database.reading() as connection:
        made = copy.deepcopy(services.current(connection, "housing-fund-balance").definition)
    return made | {"code": f"test-{uuid.uuid4()}", "version": 1}


def draft(who: Phone, definition: dict[str, Any], **changes: Any) -> Any:
    return who.post("/v1/desk/catalogue/drafts", {"text": definition_files.dump(definition | changes)})


def act(who: Phone, definition: dict[str, Any], name: str, version: int = 1, **body: Any) -> Any:
    path = f"/v1/desk/catalogue/services/{definition['code']}/versions/{version}/{name}"
    return who.post(path, None if name == "publish" else body)


def open_to_residents(sun: Phone, zhou: Phone, definition: dict[str, Any], **changes: Any) -> None:
    version = changes.get("version", 1)
    assert draft(sun, definition, **changes).status_code == 201
    assert act(zhou, definition, "review", version).status_code == 200
    assert act(sun, definition, "publish", version).status_code == 200


def guide(client: FlaskClient, definition: dict[str, Any]) -> Any:
    services.forget()
    return client.get(f"/v1/services/{definition['code']}", headers={"Accept-Language": "en"})


def test_a_draft_reaches_residents_only_through_a_second_person(
    sun: Phone, zhou: Phone, client: FlaskClient, definition: dict[str, Any]
) -> None:
    assert draft(sun, definition).json["outcome"] == "new"
    assert guide(client, definition).status_code == 404
    assert act(sun, definition, "publish").json["code"] == "not_in_this_state"

    alone = act(sun, definition, "review")
    assert (alone.status_code, alone.json["code"]) == (403, "own_draft")
    assert act(zhou, definition, "review", note="核对无误").json["state"] == "reviewed"
    assert guide(client, definition).status_code == 404
    assert act(sun, definition, "publish").json["state"] == "published"

    assert guide(client, definition).json["version"] == 1
    kept = zhou.get(f"/v1/desk/catalogue/services/{definition['code']}").json
    assert [record["action"] for record in kept["records"]] == ["drafted", "reviewed", "published"]
    actors = [record["actor"] for record in kept["records"]]
    assert actors[0] == actors[2] != actors[1]


def test_a_changed_draft_must_be_reviewed_again(sun: Phone, zhou: Phone, definition: dict[str, Any]) -> None:
    draft(sun, definition)
    act(zhou, definition, "review")

    again = draft(zhou, definition, signature=True)

    assert again.json["outcome"] == "replaced"
    assert act(sun, definition, "publish").json["state"] == "draft"
    assert act(zhou, definition, "review").json["code"] == "own_draft"
    assert act(sun, definition, "review").status_code == 200


def test_a_published_version_can_not_be_changed_by_anybody(
    sun: Phone, zhou: Phone, definition: dict[str, Any], sql: Sql
) -> None:
    open_to_residents(sun, zhou, definition)

    assert draft(sun, definition).json["outcome"] == "unchanged"
    assert draft(sun, definition, signature=True).json["code"] == "version_taken"
    with pytest.raises(psycopg.errors.RestrictViolation):
        sql("UPDATE service_versions SET definition = '{}' WHERE service_code = %s", definition["code"])
    with pytest.raises(psycopg.errors.RestrictViolation):
        sql("DELETE FROM catalogue_records WHERE service_code = %s", definition["code"])


def test_the_database_itself_refuses_a_review_by_the_same_person(
    sun: Phone, definition: dict[str, Any], sql: Sql
) -> None:
    draft(sun, definition)

    with pytest.raises(psycopg.errors.CheckViolation):
        sql(
            "UPDATE service_versions SET state = 'reviewed', reviewed_by = drafted_by WHERE service_code = %s",
            definition["code"],
        )


def test_a_broken_definition_is_not_even_a_draft(sun: Phone, definition: dict[str, Any], sql: Sql) -> None:
    limits = {"legal": {"value": 3, "unit": "working_day", "basis": {"zh": "法", "en": "law"}}}
    limits["promised"] = {"value": 5, "unit": "working_day"}
    text = definition_files.dump(definition | {"case_type": 2, "limits": limits})

    refused = draft(sun, definition, case_type=2, limits=limits)
    checked = sun.send("POST", "/v1/desk/catalogue/validations", json={"text": text}).json

    assert (refused.status_code, list(refused.json["errors"])) == (422, ["/limits/promised"])
    assert sql("SELECT 1 FROM services WHERE code = %s", definition["code"]) == []
    line = next(n for n, content in enumerate(text.splitlines(), 1) if content.strip() == "promised:")
    fault = {"line": line, "pointer": "/limits/promised", "code": "promised_longer"}
    assert not checked["sound"]
    assert {name: checked["faults"][0][name] for name in fault} == fault
    assert draft(sun, {"code: [": 1}).status_code == 422


def test_a_version_for_next_month_becomes_current_then_by_itself(
    sun: Phone, zhou: Phone, client: FlaskClient, phone: Phone, definition: dict[str, Any]
) -> None:
    month = timedelta(days=30)
    first, later = ((clock.today() + days).isoformat() for days in (month, 2 * month))
    open_to_residents(sun, zhou, definition, effective={"from": first})
    open_to_residents(sun, zhou, definition, version=2, effective={"from": later})

    early = guide(client, definition)
    refused = phone.post("/v1/submissions", {"service": definition["code"]})

    assert (early.status_code, early.json["code"], early.json["opens_on"]) == (404, "service_not_yet_open", first)
    assert refused.json["code"] == "service_not_yet_open"
    with clock.moved(month):
        assert guide(client, definition).json["version"] == 1
    with clock.moved(2 * month):
        assert guide(client, definition).json["version"] == 2


def test_a_service_that_ended_says_so(sun: Phone, zhou: Phone, client: FlaskClient, definition: dict[str, Any]) -> None:
    open_to_residents(sun, zhou, definition, effective={"until": clock.today().isoformat()})
    assert guide(client, definition).status_code == 200

    with clock.moved(timedelta(days=1)):
        ended = guide(client, definition)

    assert (ended.status_code, ended.json["code"]) == (410, "service_ended")


def test_withdrawing_ends_new_submissions_and_keeps_drafts_and_what_was_filed(
    sun: Phone, zhou: Phone, client: FlaskClient, phone: Phone, definition: dict[str, Any]
) -> None:
    open_to_residents(sun, zhou, definition)
    open_to_residents(sun, zhou, definition, version=2)
    filed, kept = (phone.start(definition["code"]) for _ in range(2))
    assert phone.post(f"/v1/submissions/{filed['id']}/submit").status_code == 200

    assert act(sun, definition, "withdraw", 2, reason="依据已废止").json["state"] == "withdrawn"

    assert guide(client, definition).json["code"] == "service_withdrawn", "version 1 does not come back by surprise"
    assert phone.post("/v1/submissions", {"service": definition["code"]}).status_code == 410
    assert phone.post(f"/v1/submissions/{kept['id']}/submit").json["code"] == "service_withdrawn"
    assert phone.get(f"/v1/submissions/{kept['id']}").json["state"] == "draft"
    assert phone.get(f"/v1/submissions/{filed['id']}/progress").status_code == 200
    open_to_residents(sun, zhou, definition, version=3)
    assert guide(client, definition).json["version"] == 3


def test_maintenance_closes_a_service_with_words_and_loses_no_draft(
    sun: Phone, zhou: Phone, client: FlaskClient, phone: Phone, definition: dict[str, Any]
) -> None:
    open_to_residents(sun, zhou, definition)
    started = phone.start(definition["code"])
    path = f"/v1/desk/catalogue/services/{definition['code']}/maintenance"
    until = (clock.now() + timedelta(hours=2)).isoformat()
    before = guide(client, definition).headers["ETag"]

    assert sun.send("PUT", path, json={"note": {"zh": "升级", "en": "Upgrade"}, "until": until}).status_code == 204
    refused = phone.post(f"/v1/submissions/{started['id']}/submit", headers={"Accept-Language": "en"})
    shown = guide(client, definition)

    assert (refused.status_code, refused.json["code"], refused.json["note"]) == (
        503,
        "service_in_maintenance",
        "Upgrade",
    )
    assert phone.post("/v1/submissions", {"service": definition["code"]}).status_code == 503
    assert shown.json["maintenance"]["note"] == "Upgrade" and shown.headers["ETag"] != before
    assert phone.get(f"/v1/submissions/{started['id']}").json["state"] == "draft"
    with clock.moved(timedelta(hours=3)):
        assert guide(client, definition).json["maintenance"] is None, "it ends by itself"
    assert sun.send("PUT", path, json={"note": None}).status_code == 204
    assert phone.post(f"/v1/submissions/{started['id']}/submit").status_code == 200


def test_a_client_that_is_too_old_is_told_to_update(
    sun: Phone, zhou: Phone, phone: Phone, definition: dict[str, Any]
) -> None:
    open_to_residents(sun, zhou, definition)
    started = phone.start(definition["code"])
    path = f"/v1/desk/catalogue/services/{definition['code']}/minimum-client"
    assert sun.send("PUT", path, json={"platform": "wechat", "version": "2.10"}).status_code == 204

    def submit(client: str) -> Any:
        return phone.post(f"/v1/submissions/{started['id']}/submit", headers={"OnePhone-Client": client})

    old = submit("wechat/2.9.9")

    assert (old.status_code, old.json["code"], old.json["minimum"]) == (403, "client_outdated", "2.10")
    assert sun.send("PUT", path, json={"platform": "wechat", "version": "new"}).status_code == 422
    assert submit("wechat/2.10.0").status_code == 200


def test_what_can_not_be_applied_for_by_phone_can_be_read_about(
    sun: Phone, zhou: Phone, client: FlaskClient, phone: Phone, definition: dict[str, Any]
) -> None:
    open_to_residents(sun, zhou, definition, channels=[1])

    refused = phone.post("/v1/submissions", {"service": definition["code"]})

    assert guide(client, definition).json["on_the_phone"] is False
    assert (refused.status_code, refused.json["code"], refused.json["channels"]) == (409, "service_not_online", [1])


def test_reviewers_see_what_a_version_changes(sun: Phone, zhou: Phone, definition: dict[str, Any]) -> None:
    open_to_residents(sun, zhou, definition)
    draft(sun, definition, version=2, signature=True)
    path = f"/v1/desk/catalogue/services/{definition['code']}/versions/2"

    changes = zhou.get(f"{path}/differences?against=1").json["items"]

    assert {change["pointer"]: change["after"] for change in changes} == {"/version": 2, "/signature": True}
    assert zhou.get(path).json["definition"]["signature"] is True
    assert zhou.get(f"{path}/differences?against=9").json["code"] == "version_not_found"


def test_what_waits_for_a_review_is_listed_in_pages(sun: Phone, definition: dict[str, Any]) -> None:
    for version in (1, 2, 3):
        draft(sun, definition, version=version)
    found, cursor = [], ""
    while cursor is not None:
        page = sun.get(f"/v1/desk/catalogue/versions?state=draft&limit=2{cursor and f'&cursor={cursor}'}").json
        found += [(item["code"], item["version"]) for item in page["items"]]
        cursor = page["next_cursor"]

    assert [version for code, version in found if code == definition["code"]] == [1, 2, 3]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("staff_number", ["S0001", "S0003"])
def test_nobody_else_keeps_the_catalogue(
    make_clerk: Callable[[str], Phone], staff_number: str, definition: dict[str, Any]
) -> None:
    clerk = make_clerk(staff_number)

    for refused in (
        draft(clerk, definition),
        act(clerk, definition, "review"),
        clerk.get("/v1/desk/catalogue/services/residence-permit"),
        clerk.get("/v1/desk/catalogue/imports"),
        clerk.send("PUT", "/v1/desk/catalogue/services/residence-permit/maintenance", json={"note": None}),
    ):
        assert (refused.status_code, refused.json["code"]) == (403, "not_an_administrator")


def test_an_auditor_reads_and_changes_nothing(make_clerk: Callable[[str], Phone], definition: dict[str, Any]) -> None:
    auditor = make_clerk("S0002")

    assert auditor.get("/v1/desk/catalogue/services/residence-permit").json["versions"]
    assert draft(auditor, definition).status_code == 403
