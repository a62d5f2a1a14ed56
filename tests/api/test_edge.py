"""The edge: what every answer carries, and what no address ever asks for."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import wsgi
from api import edge, specification
from auth import guards
from tests.api.test_doors import address, door_of, rules_of, walked
from tests.product import Phone

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}

PUBLIC = {
    *("services.list_services", "services.list_classes", "services.read_guide", "services.read_service_notice"),
    *("regions.list_regions", "departments.list_departments", "notices.list_notices", "openapi"),
    *("keys.show_keys", "open_queues.list_open_queues"),
}
"""What a proxy may keep for everybody. Adding one here is a decision, so it is written twice."""

NAMES = {
    *("limit", "cursor", "code", "number", "office_code", "submission_id", "upload_id", "login_id", "notification_id"),
    *("consent_id", "copy_id", "correction_id", "erasure_id"),
    # What auditors read looks by: times, an id, and the number on an official's badge.
    *("since", "until", "submission", "staff_number"),
    # What services are found and kept by. The words of `q` are anybody's: they are not logged (api/edge.py).
    *("q", "region", "topic", "life_event", "audience", "department", "parent", "state", "version", "against"),
    # Logins and sessions of one's own, organisations and who may act for them.
    *("identity_id", "session_id", "organisation_id", "authorisation_id", "level"),
    # Queues, alarms, calendars and days of trees.
    *("service", "reason_kind", "alarm_id", "clock", "closed", "year", "day", "notice_id"),
}
"""Parameters in addresses: pages and ids. Addresses are logged everywhere, so nothing personal travels in them."""


def is_hardened(answer: TestResponse) -> bool:
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "default-src" in policy
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    return "Server" not in answer.headers


def test_every_address_answers_everybody_with_the_headers_of_caution(
    product: Flask, client: FlaskClient, phone: Phone, make_clerk: Callable[[str], Phone]
) -> None:
    clerk = make_clerk("S0001")
    for method, path, door in walked(product):
        for who in (client, phone.client):
            assert is_hardened(who.open(path, method=method)), path
        known = clerk if door.guard is guards.staff else phone
        answer = known.send(method, path, json={} if method in ("POST", "PUT", "PATCH") else None)
        assert is_hardened(answer)
        if door.guard is not guards.anyone:
            assert answer.headers["Cache-Control"] == "no-store", path


def test_only_open_doors_may_be_kept_by_others(product: Flask, client: FlaskClient) -> None:
    public = set()
    for rule in rules_of(product):
        path = address(rule).replace("gongan", "residence-permit")
        for method in sorted(rule.methods or ()):
            if "public" in client.open(path, method=method).headers["Cache-Control"]:
                public.add(rule.endpoint)
                door = door_of(rule)
                assert door is None or door.guard is guards.anyone
    assert public == PUBLIC


def test_a_persons_own_answers_are_stored_nowhere(
    phone: Phone, make_submission: Callable[..., dict[str, Any]], make_clerk: Callable[[str], Phone]
) -> None:
    draft = make_submission()
    filed = phone.post(f"/v1/submissions/{draft['id']}/submit")
    mine = phone.get(f"/v1/submissions/{draft['id']}")
    progress = phone.get(f"/v1/submissions/{draft['id']}/progress")
    unchanged = phone.get(
        f"/v1/submissions/{draft['id']}/progress", headers={"If-None-Match": progress.headers["ETag"]}
    )
    looked = make_clerk("S0001").post("/v1/desk/lookups", {"reference": filed.json["reference"], "reason": "来电询问"})
    replayed = phone.post("/v1/submissions", {"service": "residence-permit"}, key="twice-0001")
    again = phone.post("/v1/submissions", {"service": "residence-permit"}, key="twice-0001")
    answers = [filed, mine, progress, unchanged, looked, replayed, again, phone.get("/v1/me"), phone.get("/v1/inbox")]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 304, 201, 201, 201, 200, 200]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert all(is_hardened(answer) for answer in answers)


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/v1/nothing", {}),
        ("TRACE", "/v1/me", {}),
        ("POST", "/v1/logins", {"data": b"{"}),
        ("POST", "/v1/logins", {"data": b"x" * 400_000, "content_type": "application/json"}),
        ("GET", "/docs/", {}),
        ("GET", "/docs/nothing.js", {}),
        ("GET", "/openapi.json", {}),
        ("GET", "/v1/services/residence-permit", {}),
    ],
)
def test_errors_and_pages_are_no_exception(
    client: FlaskClient, method: str, path: str, options: dict[str, Any]
) -> None:
    answer = client.open(path, method=method, **options)
    assert is_hardened(answer)


def test_only_a_service_behind_https_says_that_it_is_always_there(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Strict-Transport-Security" not in client.get("/v1/nothing").headers
    monkeypatch.setattr(edge, "_by_https", lambda: True)
    told = client.get("/v1/nothing").headers["Strict-Transport-Security"]
    assert told == "max-age=63072000; includeSubDomains"


def test_no_address_takes_anything_personal() -> None:
    paths = specification.document(wsgi.build())["paths"]
    operations = [operation for path in paths.values() for operation in path.values() if isinstance(operation, dict)]
    shared = [parameters for path in paths.values() for parameters in path.get("parameters", [])]
    named = [*shared, *(one for operation in operations for one in operation.get("parameters", []))]
    found = {one["name"] for one in named if one["in"] in ("query", "path", "cookie")}
    assert len(operations) >= 20 and {"limit", "cursor", "submission_id"} <= found
    assert found <= NAMES, f"{found - NAMES} would be in logs, histories and proxies"
    for one in named:
        if one["in"] == "path" and one["name"].endswith("_id"):
            assert one["schema"]["format"] == "uuid", one


def test_a_words_search_of_an_address_is_not_even_read(client: FlaskClient, log: list[str]) -> None:
    client.get(f"/v1/services?name=令狐种豆&phone=19933344455&id={uuid.uuid4()}")
    assert "令狐种豆" not in "".join(log) and "19933344455" not in "".join(log)
