"""Accounts of staff: administrators manage them, never their own, and two of them for another administrator."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

import onephone
from app import clock
from tests.auth.desk import LOGINS, Person, enrolled, newcomer
from tests.product import Phone

Newcomer = Callable[[str, str], Phone]
Sql = Callable[..., list[Any]]


@pytest.fixture
def sun(make_newcomer: Newcomer) -> Phone:
    return make_newcomer("administrator", "gongan")


@pytest.fixture
def zhou(make_newcomer: Newcomer) -> Phone:
    return make_newcomer("administrator", "minzheng")


def wish(role: str = "clerk", **changes: str) -> dict[str, str]:
    number = f"H{uuid.uuid4().hex[:12]}"
    return {"staff_number": number, "name": "林一", "role": role, "department": "gongan", **changes}


def hire(by: Phone, **changes: str) -> Any:
    return by.post("/v1/desk/staff", wish(**changes))


def act(by: Phone, number: str, kind: str, **more: str) -> Any:
    return by.post(f"/v1/desk/staff/{number}/changes", {"act": kind, **more})


def number_of(person: Phone, sql: Sql) -> str:
    return str(sql("SELECT staff_number FROM staff WHERE id = %s", person.resident_id)[0]["staff_number"])


def changes_of(reader: Phone, number: str) -> list[tuple[str, bool]]:
    items = reader.get("/v1/desk/staff/changes?limit=100").json["items"]
    return [(one["act"], one["asked"]) for one in items if one["staff_number"] == number]


def listed(reader: Phone, number: str) -> Any:
    cursor = ""
    while True:
        found = reader.get(f"/v1/desk/staff?limit=100{cursor}").json
        hits = [one for one in found["items"] if one["staff_number"] == number]
        if hits or not found["next_cursor"]:
            return hits[0] if hits else None
        cursor = f"&cursor={found['next_cursor']}"


def test_a_clerk_is_taken_on_and_logs_in_with_the_first_password(sun: Phone, client: FlaskClient) -> None:
    asked = wish()
    done = sun.post("/v1/desk/staff", asked)
    assert (done.status_code, done.json["state"]) == (201, "done")

    person = Person(client, asked["staff_number"], uuid.uuid4(), done.json["first_password"])

    assert person.type_password().json["next"] == "new_password"
    assert changes_of(sun, asked["staff_number"]) == [("hired", False)]
    shown = listed(sun, asked["staff_number"])
    assert (shown["active"], shown["has_password"], shown["has_totp"], shown["locked"]) == (True, True, False, False)


def test_a_new_administrator_takes_two(sun: Phone, zhou: Phone, client: FlaskClient) -> None:
    asked = wish("administrator")
    first = sun.post("/v1/desk/staff", asked).json
    assert first == {"state": "awaiting_second_administrator"}
    assert listed(sun, asked["staff_number"])["active"] is False
    assert sun.post("/v1/desk/staff", asked).json["state"] == "awaiting_second_administrator", "not by asking twice"

    done = zhou.post("/v1/desk/staff", asked).json

    assert done["state"] == "done" and done["first_password"]
    assert listed(sun, asked["staff_number"])["active"] is True


def test_what_the_second_asks_for_must_be_the_same(sun: Phone, zhou: Phone) -> None:
    asked = wish("administrator")
    sun.post("/v1/desk/staff", asked)

    other = zhou.post("/v1/desk/staff", {**asked, "department": "minzheng"}).json

    assert other["state"] == "awaiting_second_administrator"


def test_the_factors_of_an_administrator_are_reset_by_two_others(
    sun: Phone, zhou: Phone, make_newcomer: Newcomer, sql: Sql
) -> None:
    third = make_newcomer("administrator", "gongan")
    number = number_of(third, sql)

    assert act(third, number, "factors_reset").json["code"] == "own_account"
    assert act(sun, number, "factors_reset").json["state"] == "awaiting_second_administrator"
    assert act(zhou, number, "factors_reset").json["state"] == "done"
    assert act(zhou, number, "factors_reset").json["state"] != "done", "an agreement is used once"
    assert ("factors_reset", False) in changes_of(sun, number) and ("factors_reset", True) in changes_of(sun, number)


def test_a_request_that_nobody_joined_for_a_day_is_void(sun: Phone, make_newcomer: Newcomer, sql: Sql) -> None:
    number = number_of(make_newcomer("administrator", "gongan"), sql)
    assert act(sun, number, "password_reset").json["state"] == "awaiting_second_administrator"

    with clock.moved(timedelta(hours=25)):
        late = make_newcomer("administrator", "minzheng")
        assert act(late, number, "password_reset").json["state"] == "awaiting_second_administrator"


def test_nobody_manages_their_own_rights(sun: Phone, sql: Sql) -> None:
    number = number_of(sun, sql)

    for kind, more in (("moved", {"role": "auditor", "department": "gongan"}), ("unlocked", {}), ("left", {})):
        answer = act(sun, number, kind, **more)
        assert (answer.status_code, answer.json["code"]) == (403, "own_account")
    assert changes_of(sun, number) == []


@pytest.mark.parametrize("role", ["clerk", "adviser", "head", "supervisor", "auditor"])
def test_only_administrators_manage(make_newcomer: Newcomer, role: str) -> None:
    somebody = make_newcomer(role, "gongan")

    assert hire(somebody).json["code"] == "staff_not_manageable"
    assert act(somebody, "S0001", "left").json["code"] == "staff_not_manageable"
    readable = somebody.get("/v1/desk/staff/changes").status_code
    assert readable == (200 if role == "auditor" else 403)


def test_who_is_let_go_is_out_and_who_is_moved_logs_in_anew(sun: Phone, make_newcomer: Newcomer, sql: Sql) -> None:
    for kind, more in (("left", {}), ("moved", {"role": "adviser", "department": "minzheng"})):
        person = make_newcomer("clerk", "gongan")
        number = number_of(person, sql)
        assert act(sun, number, kind, **more).json["state"] == "done"

        alive = sql("SELECT count(*) AS n FROM sessions WHERE staff_id = %s AND revoked_at IS NULL", person.resident_id)
        assert alive[0]["n"] == 0
        refreshed = person.client.post("/v1/tokens/refresh", json={"refresh_token": person.tokens["refresh_token"]})
        assert refreshed.status_code == 401
    assert (listed(sun, number)["role"], listed(sun, number)["department"]) == ("adviser", "minzheng")


def test_a_locked_clerk_is_let_in_again(sun: Phone, client: FlaskClient) -> None:
    clerk = enrolled(client)
    for _ in range(5):
        clerk.type_password("not this one")
    assert listed(sun, clerk.number)["locked"] is True

    act(sun, clerk.number, "unlocked")

    assert clerk.log_in().json["next"] == "done"


def test_a_lost_telephone_is_replaced(sun: Phone, client: FlaskClient) -> None:
    clerk = enrolled(client)
    act(sun, clerk.number, "factors_reset")

    login = clerk.type_password().json

    assert login["next"] == "enrol" and clerk.enrol_app(login).json["next"] == "done"


@pytest.mark.parametrize("reset", ["password_reset", "factors_reset"])
def test_a_login_under_way_with_what_was_stolen_goes_no_further(sun: Phone, client: FlaskClient, reset: str) -> None:
    """A thief waits at the last step; the administrator takes the stolen thing back, and they enrol no app any more."""
    clerk = newcomer(client)
    waiting = clerk.type_password().json
    assert waiting["next"] == "enrol"

    assert act(sun, clerk.number, reset).json["state"] == "done"

    answer = clerk.step(waiting, "enrolment", kind="totp")
    assert (answer.status_code, answer.json["code"]) == (403, "login_refused")


def test_a_forgotten_password_becomes_a_first_one(sun: Phone, client: FlaskClient) -> None:
    clerk = enrolled(client)
    first = act(sun, clerk.number, "password_reset").json["first_password"]
    assert clerk.type_password().status_code == 403
    clerk.password = first

    login = clerk.type_password().json
    assert login["next"] == "second_factor", "the telephone is still asked for"
    assert clerk.step(login, "second-factor", totp=clerk.code()).json["next"] == "new_password"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"act": "promoted"}, 422),
        ({"act": "moved"}, 422),
        ({"act": "moved", "role": "king", "department": "gongan"}, 422),
        ({"act": "moved", "role": "clerk", "department": "nowhere"}, 422),
        ({"act": "left", "role": "clerk"}, 422),
        ({}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(sun: Phone, body: dict[str, str], status: int) -> None:
    assert sun.post("/v1/desk/staff/S0001/changes", body).status_code == status


def test_numbers_are_taken_unknown_or_malformed(sun: Phone) -> None:
    assert hire(sun, staff_number="S0001").json["code"] == "staff_number_taken"
    assert act(sun, "NOBODY", "left").json["code"] == "staff_not_found"
    assert hire(sun, staff_number="S 1").status_code == 422
    assert hire(sun, department="nowhere").status_code == 422


def test_the_records_never_change(sun: Phone, sql: Sql) -> None:
    hire(sun)
    for statement in ("UPDATE staff_changes SET act = 'x'", "DELETE FROM staff_changes"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            sql(statement)


def test_the_first_administrator_comes_from_the_machine(
    client: FlaskClient, sun: Phone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = wish("administrator")
    words = ["onephone", "staff", "hire", asked["staff_number"], "--name", asked["name"]]
    monkeypatch.setattr("sys.argv", [*words, "--role", "administrator", "--department", "gongan"])
    onephone.main()
    first = capsys.readouterr().out.split()[-1]

    person = Person(client, asked["staff_number"], uuid.uuid4(), first)

    assert person.type_password().json["next"] == "new_password"
    recorded = sun.get("/v1/desk/staff/changes").json["items"][0]
    assert (recorded["actor"], recorded["act"]) == (None, "hired")
    monkeypatch.setattr("sys.argv", ["onephone", "staff", "left", "NOBODY"])
    with pytest.raises(SystemExit, match="staff_not_found"):
        onephone.main()


def test_no_secret_is_in_a_list(sun: Phone) -> None:
    text = sun.get("/v1/desk/staff").text + sun.get("/v1/desk/staff/changes").text

    assert "argon2" not in text and "first_password" not in text and LOGINS not in text
