"""Errors: whatever is asked, the answer is a problem in the one shape, in the caller's words, and never a secret."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import wsgi
from api import errors
from api.doors import Door, Visit
from api.problem_details import DETAILS
from app.refusals import Refusal
from auth import guards
from tests.product import Phone

Away = Callable[[], AbstractContextManager[None]]

ROOMS = ("api", "app", "approvals", "auth", "notifications")
WORDS = {"Accept-Language": "zh-CN"}, {"Accept-Language": "en"}


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The body, after everything that holds for every problem was checked."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body = cast(dict[str, Any], response.json)
    assert body["code"] == code
    assert body["type"] == f"urn:onephone:problem:{code}"
    assert body["status"] == status
    assert body["title"]
    assert body["instance"] == f"urn:uuid:{response.headers['X-Request-Id']}"
    assert set(body) >= {"type", "title", "status", "code", "instance"}
    return body


def subclasses(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def of_the_product() -> list[type[Refusal]]:
    return [kind for kind in subclasses(Refusal) if kind.__module__.split(".")[0] in ROOMS]


@pytest.mark.parametrize("refusal", of_the_product(), ids=lambda kind: kind.__name__)
def test_every_refusal_of_the_product_has_words_in_both_languages_and_a_client_status(refusal: type[Refusal]) -> None:
    told = errors.PROBLEMS[refusal]

    assert told.zh and told.en and told.zh != told.en
    assert 400 <= told.status < 500 or told.status == 503
    assert refusal.__doc__, "clients' developers read it"
    assert set(DETAILS[refusal.code()]) == {"zh", "en"}


def test_no_two_refusals_share_a_code() -> None:
    codes = [kind.code() for kind in of_the_product()]

    assert len(codes) == len(set(codes))


def test_an_unknown_address_is_a_problem(client: FlaskClient) -> None:
    for path in ("/", "/v1", "/v1/nothing", "/v1/submissions/not-a-uuid", "//v1/services", "/.env", "/v1/%ff%fe"):
        problem(client.get(path), 404, "path_unknown")


def test_an_unknown_method_is_told_which_ones_there_are(client: FlaskClient) -> None:
    for method in ("POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        response = client.open("/v1/services", method=method)

        problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"'single'", b'{"a":1}x', b"\xff\xfe", b'{"service":"\xc3\x28"}', b"\x00"],
)
def test_a_body_that_is_no_json_is_malformed(phone: Phone, body: bytes) -> None:
    response = phone.post("/v1/submissions", data=body, content_type="application/json")

    problem(response, 400, "request_malformed")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("[" * 100_000, id="nested without end"),
        pytest.param('{"service":"a","answers":{"n":' + "9" * 100_000 + "}}", id="a number without end"),
    ],
)
def test_a_body_made_to_hurt_a_parser_is_malformed(phone: Phone, body: str) -> None:
    problem(phone.post("/v1/submissions", data=body, content_type="application/json"), 400, "request_malformed")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_malformed(phone: Phone, number: str) -> None:
    body = f'{{"service":"housing-fund-balance","answers":{{"n":{number}}}}}'

    problem(phone.post("/v1/submissions", data=body, content_type="application/json"), 400, "request_malformed")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9007199254740992", "-9007199254740992", "9" * 4000])
def test_a_number_that_can_not_be_signed_is_refused(phone: Phone, number: str) -> None:
    body = f'{{"service":"housing-fund-balance","answers":{{"n":[{number}]}}}}'

    problem(phone.post("/v1/submissions", data=body, content_type="application/json"), 422, "content_invalid")


@pytest.mark.parametrize("body", ["[]", '"words"', "1", "null", "true"])
def test_a_body_that_is_no_object_is_refused(phone: Phone, body: str) -> None:
    found = problem(phone.post("/v1/submissions", data=body, content_type="application/json"), 422, "content_invalid")

    assert list(found["errors"]) in ([""], ["/service"])


def test_wrong_types_unknown_and_missing_fields_are_named_by_json_pointers(phone: Phone) -> None:
    wish = {"answers": [], "submit": "perhaps", "vip": True, "a/b~c": 1}

    zh, en = (problem(phone.post("/v1/submissions", wish, headers=w), 422, "content_invalid") for w in WORDS)

    assert list(zh["errors"]) == list(en["errors"])
    assert en["errors"] == {
        "/answers": ["Not a valid mapping type."],
        "/submit": ["Not a valid boolean."],
        "/service": ["Missing data for required field."],
        "/vip": ["Unknown field."],
        "/a~1b~0c": ["Unknown field."],
    }
    assert zh["errors"]["/service"] == ["此项必填。"]
    assert zh["errors"]["/vip"] == ["没有这一项。"]
    assert zh["title"] == "内容不符合要求"


def test_what_is_wrong_inside_is_pointed_at_inside(phone: Phone) -> None:
    draft = phone.start("residence-permit")

    wish = {"material": "", "filename": "a", "content_type": "image/png", "size": "12", "sha256": "XYZ"}
    found = problem(phone.post(f"/v1/submissions/{draft['id']}/uploads", wish), 422, "content_invalid")

    assert set(found["errors"]) == {"/material", "/size", "/sha256"}


def test_characters_that_no_database_takes_are_refused(phone: Phone) -> None:
    for answers in ('{"a":"\\u0000"}', '{"\\u0000":"a"}', '{"a":"\\ud800"}', '{"a":{"b":["\\udfff"]}}'):
        body = f'{{"service":"housing-fund-balance","answers":{answers}}}'

        problem(phone.post("/v1/submissions", data=body, content_type="application/json"), 422, "content_invalid")


def test_an_unknown_field_with_half_a_character_in_its_name_is_only_unknown(phone: Phone) -> None:
    body = '{"service":"housing-fund-balance","\\ud800":1}'

    problem(phone.post("/v1/submissions", data=body, content_type="application/json"), 422, "content_invalid")


def test_strange_addresses_are_only_unknown(client: FlaskClient) -> None:
    for path in ("/v1/services/%00", "/v1/services/a%00b", "/v1/offices/%00/events"):
        problem(client.get(path), 404, "path_unknown")
    for path in ("/v1/services/" + "a" * 5000, "/v1/services/';--", "/v1/services/%ff", "/v1/services/李"):
        problem(client.get(path), 404, "service_not_found")


def test_a_body_over_the_limit_is_too_large_whatever_it_holds(phone: Phone) -> None:
    body = b'{"service":"' + b"a" * 300_000 + b'"}'

    problem(phone.post("/v1/submissions", data=body, content_type="application/json"), 413, "body_too_large")


def test_a_body_without_a_length_is_asked_for_one(phone: Phone) -> None:
    response = phone.post("/v1/submissions", {"service": "x"}, headers={"Transfer-Encoding": "chunked"})

    problem(response, 411, "length_required")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_media_type_is_not_read_as_json(phone: Phone, kind: str) -> None:
    response = phone.post("/v1/submissions", data=b'{"service":"housing-fund-balance"}', content_type=kind)

    problem(response, 415, "media_type_unsupported")


def test_an_edit_must_be_a_merge_patch(phone: Phone) -> None:
    draft = phone.start("housing-fund-balance")

    response = phone.send("PATCH", f"/v1/submissions/{draft['id']}", json={"answers": {}}, headers={"If-Match": '"1"'})

    problem(response, 415, "media_type_unsupported")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("en-GB,en;q=0.9", "en"),
        ("fr, en;q=0.5", "en"),
        ("fr", "zh-CN"),
        ("en;q=0, zh", "zh-CN"),
        ("en;q=banana", "zh-CN"),
        (";;;,,,=", "zh-CN"),
        ("é\x7f", "zh-CN"),
        ("a" * 10_000, "zh-CN"),
    ],
)
def test_the_answer_is_in_a_language_that_was_asked_for_else_in_chinese(
    client: FlaskClient, header: str, language: str
) -> None:
    response = client.get("/nothing", headers={"Accept-Language": header})

    body = problem(response, 404, "path_unknown")
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.headers["Vary"]
    assert body["title"] == ("No such address" if language == "en" else "没有这个地址")


def test_the_instance_of_a_problem_is_in_the_log(client: FlaskClient, log: list[str]) -> None:
    response = client.get("/v1/nothing?name=李建国")

    body = problem(response, 404, "path_unknown")
    mine = [json.loads(line) for line in log if body["instance"].removeprefix("urn:uuid:") in line]
    assert [line["status"] for line in mine] == [404]
    assert "李建国" not in "".join(log)


@pytest.fixture(scope="module")
def breaking(product: Flask) -> FlaskClient:
    """The application with one door more, behind which everything breaks."""
    door = Door("breaking", guards.anyone, "/v1/breaking", "Breaks.")

    @door.reads("/in-python")
    def break_in_python(visit: Visit) -> None:
        """Break."""
        raise RuntimeError("secret of 532399198806150316")

    @door.reads("/in-the-database")
    def break_in_the_database(visit: Visit) -> None:
        """Break."""
        visit.connection.exec_driver_sql("SELECT document_number FROM residents, nowhere WHERE name = '李建国'")

    app = wsgi.build()
    app.blueprints.pop("breaking", None)
    app.register_blueprint(door)
    return app.test_client()


@pytest.mark.parametrize("where", ["in-python", "in-the-database"])
def test_a_crash_is_a_problem_that_tells_nothing_but_where_to_look_in_the_log(
    breaking: FlaskClient, where: str, log: list[str]
) -> None:
    response = breaking.get(f"/v1/breaking/{where}")

    body = problem(response, 500, "internal_error")
    fault = json.loads(next(line for line in log if '"fault"' in line))
    assert body["instance"] == f"urn:uuid:{fault['request_id']}"
    assert any("test_errors.py" in place for place in fault["places"])
    for secret in ("532399", "李建国", "document_number", "RuntimeError", "Traceback", "psycopg", "nowhere"):
        assert secret not in response.text, secret
    for secret in ("532399", "李建国", "document_number"):
        assert secret not in "".join(log), secret


def test_while_the_database_is_away_the_caller_is_told_when_to_come_back(
    client: FlaskClient, phone: Phone, database_away: Away
) -> None:
    with database_away():
        answers = [client.get("/v1/services"), phone.get("/v1/me"), phone.post("/v1/submissions", {"service": "x"})]

    for answer in answers:
        problem(answer, 503, "temporarily_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/v1/services").status_code == 200


def test_every_answer_keeps_personal_data_out_of_caches_and_frames(phone: Phone) -> None:
    headers = phone.get("/v1/me").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    uuid.UUID(headers["X-Request-Id"])
