"""Offices at the door: only the one who holds a current secret, about this very body, now (Standard Webhooks)."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.identifiers import new_reference
from app.settings import settings
from tests.approvals.office_system import OfficeSystem, message


@pytest.fixture
def office(client: FlaskClient) -> OfficeSystem:
    return OfficeSystem(client)


@pytest.fixture
def said() -> dict[str, Any]:
    """A sound message about a submission that does not exist: who passes the door learns just that."""
    return message(new_reference(clock.today()), "accepted")


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def assert_let_in(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (404, "office_case_not_found"), response.text


def assert_turned_away(response: TestResponse) -> None:
    assert (response.status_code, response.json["code"]) == (401, "office_signature_invalid"), response.text


def test_the_holder_of_the_secret_is_let_in(office: OfficeSystem, said: dict[str, Any]) -> None:
    assert_let_in(office.send(said))


def test_another_secret_is_turned_away(office: OfficeSystem, said: dict[str, Any]) -> None:
    assert_turned_away(office.send(said, secret=new_secret()))


def test_an_office_does_not_open_the_door_of_another(office: OfficeSystem, said: dict[str, Any]) -> None:
    assert_turned_away(office.send(said, secret=settings().offices["minzheng"]["secrets"][0]))


@pytest.mark.parametrize("code", ["nobody", "GONGAN", "公安", "x" * 500])
def test_an_unknown_office_is_told_the_same(
    client: FlaskClient, office: OfficeSystem, said: dict[str, Any], code: str
) -> None:
    body = json.dumps(said)
    office.client, headers = client, office.headers(body, said["id"])
    office.code = code

    assert_turned_away(office.post(body, headers))


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 365])
def test_another_time_is_turned_away(office: OfficeSystem, said: dict[str, Any], minutes: int) -> None:
    assert_turned_away(office.send(said, at=datetime.now(UTC) + timedelta(minutes=minutes)))


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_that_is_a_little_off_is_borne(office: OfficeSystem, said: dict[str, Any], minutes: int) -> None:
    assert_let_in(office.send(said, at=datetime.now(UTC) + timedelta(minutes=minutes)))


def test_both_secrets_of_a_rotation_work(
    office: OfficeSystem, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = settings().offices["gongan"]["secrets"][0], new_secret()
    monkeypatch.setitem(settings().offices["gongan"], "secrets", [new, old])

    assert_let_in(office.send(said, secret=new))
    assert_let_in(office.send(said, secret=old))


def test_a_retired_secret_works_no_more(
    office: OfficeSystem, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = settings().offices["gongan"]["secrets"][0], new_secret()
    monkeypatch.setitem(settings().offices["gongan"], "secrets", [new])

    assert_turned_away(office.send(said, secret=old))


def test_one_good_signature_among_several_is_enough(office: OfficeSystem, said: dict[str, Any]) -> None:
    body = json.dumps(said)
    headers = office.headers(body, said["id"])
    headers["webhook-signature"] = f"v1,{'A' * 43}= v1a,xyz {headers['webhook-signature']}"

    assert_let_in(office.post(body, headers))


def test_a_changed_body_is_turned_away(office: OfficeSystem, said: dict[str, Any]) -> None:
    body = json.dumps(said)
    headers = office.headers(body, said["id"])

    assert_turned_away(office.post(body.replace("accepted", "approved"), headers))
    assert_turned_away(office.post(body + " ", headers))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_turned_away(office: OfficeSystem, said: dict[str, Any], name: str) -> None:
    body = json.dumps(said)
    headers = office.headers(body, said["id"])
    del headers[name]

    assert_turned_away(office.post(body, headers))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "another"),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1,%%%"),
        ("webhook-signature", "v1,a,b"),
        ("webhook-signature", "v1,\xe9"),
        ("webhook-timestamp", "now"),
        ("webhook-timestamp", "nan"),
        ("webhook-timestamp", "inf"),
        ("webhook-timestamp", "1e300"),
        ("webhook-timestamp", "9" * 4000),
        ("webhook-timestamp", ""),
    ],
    ids=lambda value: value[:20].encode("ascii", "backslashreplace").decode(),
)
def test_a_crooked_header_is_turned_away(office: OfficeSystem, said: dict[str, Any], name: str, value: str) -> None:
    body = json.dumps(said)

    assert_turned_away(office.post(body, {**office.headers(body, said["id"]), name: value}))


def test_bytes_that_are_no_text_are_turned_away(office: OfficeSystem) -> None:
    headers = office.headers("x", "x")

    response = office.client.post(
        "/v1/offices/gongan/events", data=b"\xff\xfe", headers=headers, content_type="application/cloudevents+json"
    )

    assert_turned_away(response)


def test_an_access_token_does_not_help(office: OfficeSystem, said: dict[str, Any], phone: Any) -> None:
    body = json.dumps(said)

    assert_turned_away(office.post(body, {"Authorization": f"Bearer {phone.tokens['access_token']}"}))


def test_a_captured_message_sent_again_changes_nothing(
    client: FlaskClient, office: OfficeSystem, phone: Any, make_submission: Any, run_jobs: Any, sql: Any
) -> None:
    """A replay within the five minutes: let in, because a lost answer must be asked for again, and taken once."""
    draft = make_submission()
    receipt = phone.post(f"/v1/submissions/{draft['id']}/submit").json
    said = message(receipt["reference"], "accepted")
    body = json.dumps(said)
    headers = office.headers(body, said["id"])

    answers = [office.post(body, headers).json["outcome"] for _ in range(3)]

    assert answers == ["applied", "already_applied", "already_applied"]
    steps = sql("SELECT count(*) AS n FROM history WHERE submission_id = %s AND step = 'accept'", draft["id"])
    assert steps[0]["n"] == 1


def test_a_secret_that_runs_out_is_noticed_and_then_refused(
    office: OfficeSystem, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    old, new = settings().offices["gongan"]["secrets"][0], new_secret()
    until = (clock.now() + timedelta(minutes=2)).isoformat()
    monkeypatch.setitem(settings().offices["gongan"], "secrets", [{"secret": old, "until": until}, {"secret": new}])

    assert_let_in(office.send(said, secret=new))
    assert not any("old_secret_used" in line for line in log)
    assert_let_in(office.send(said, secret=old))
    assert any("old_secret_used_by_gongan" in line for line in log)
    with clock.moved(timedelta(minutes=3)):
        assert_turned_away(office.send(said, secret=old))
