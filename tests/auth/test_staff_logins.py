"""Staff log in: a password and a second factor, or single sign-on, and nothing less."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app import clock, database
from app.settings import settings
from auth import desk_activity, passwords, staff_accounts, staff_credentials, staff_steps
from sandbox import persons
from tests.auth.conftest import Browser, decoded
from tests.auth.desk import PASSWORD, Person, enrolled, newcomer
from tests.product import Phone

Sql = Callable[..., list[Any]]
purge: Any = staff_steps.purge


@pytest.fixture
def clerk(client: FlaskClient) -> Person:
    return enrolled(client)


def opens(person: Person, tokens: Any) -> bool:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return person.client.get("/v1/desk/catalogue/imports", headers=headers).status_code == 403


def test_password_and_app_open_the_desk(clerk: Person) -> None:
    first = clerk.type_password()
    assert (first.status_code, first.json["next"]) == (200, "second_factor")
    assert first.json["second_factors"] == ["totp", "recovery_code"]
    assert "access_token" not in dict(first.json or {})

    done = clerk.step(first.json, "second-factor", totp=clerk.code()).json

    assert done["next"] == "done" and opens(clerk, done)


def test_the_first_login_changes_the_password_and_enrols_a_factor(client: FlaskClient) -> None:
    person = newcomer(client)
    person.password = passwords.new_first()
    with database.work() as work:
        hashed = passwords.hashed(person.password)
        staff_credentials.set_password(work, person.id, hashed, is_first=True)

    login = person.type_password().json
    assert login["next"] == "new_password"
    weak = person.step(login, "new-password", password="short")
    assert weak.status_code == 422 and "/password" in weak.json["errors"]
    same = person.step(login, "new-password", password=person.password)
    assert same.status_code == 422
    login = person.step(login, "new-password", password=PASSWORD).json
    assert login["next"] == "enrol"
    done = person.enrol_app(login).json

    assert done["next"] == "done" and opens(person, done)
    assert len(set(done["recovery_codes"])) == 10
    assert person.type_password(person.password).status_code == 403, "the first password is gone"
    person.password = PASSWORD
    again = person.type_password().json
    assert again["next"] == "second_factor"


def test_a_first_password_that_nobody_used_for_days_is_dead(client: FlaskClient) -> None:
    person = newcomer(client)
    with database.work() as work:
        staff_credentials.set_password(work, person.id, passwords.hashed(PASSWORD), is_first=True)

    with clock.moved(settings().first_password_life + timedelta(minutes=1)):
        assert person.type_password().json["code"] == "login_refused"
    assert person.type_password().json["next"] == "new_password"


def test_passwords_grow_old_where_the_setting_says_so(clerk: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {**vars(settings()), "staff_password_days": 90}
    monkeypatch.setattr("auth.staff_credentials.settings", lambda: type("", (), changed))
    with clock.moved(timedelta(days=91)):
        login = clerk.step(clerk.type_password().json, "second-factor", totp=clerk.code()).json

        assert login["next"] == "new_password"
        assert clerk.step(login, "new-password", password="another thing altogether").json["next"] == "done"


def test_a_passkey_opens_the_desk(client: FlaskClient) -> None:
    person = newcomer(client)
    login = person.type_password().json
    assert login["next"] == "enrol"
    done = person.enrol_key(login).json
    assert done["next"] == "done" and len(done["recovery_codes"]) == 10

    login = person.type_password().json
    assert login["second_factors"] == ["passkey", "recovery_code"]
    options = person.challenged(login)
    done = person.step(login, "second-factor", passkey=person.key.show(options)).json

    assert done["next"] == "done" and opens(person, done)


def test_a_recovery_code_is_good_once_however_it_is_typed(clerk: Person) -> None:
    code = clerk.recovery_codes[3]
    typed = code.lower().replace("-", " ")

    first = clerk.step(clerk.type_password().json, "second-factor", recovery_code=typed)
    second = clerk.step(clerk.type_password().json, "second-factor", recovery_code=code)

    assert (first.json["next"], second.json["code"]) == ("done", "login_refused")


def test_another_factor_is_enrolled_only_after_one_was_shown(clerk: Person) -> None:
    login = clerk.type_password().json
    assert clerk.step(login, "enrolment", kind="passkey").json["code"] == "login_refused"

    login = clerk.step(login, "second-factor", totp=clerk.code(), wish="enrol").json
    assert login["next"] == "enrol"
    done = clerk.enrol_key(login).json

    assert done["next"] == "done" and done["recovery_codes"] == [], "the codes that they have stay good"
    assert clerk.type_password().json["second_factors"] == ["totp", "passkey", "recovery_code"]


def test_a_password_is_changed_by_who_shows_both_factors(clerk: Person, sql: Sql) -> None:
    login = clerk.step(clerk.type_password().json, "second-factor", totp=clerk.code(), wish="new_password").json
    assert login["next"] == "new_password"

    assert clerk.step(login, "new-password", password="quite another sentence").json["next"] == "done"

    assert clerk.type_password().status_code == 403
    recorded = sql("SELECT act FROM staff_changes WHERE staff_id = %s AND actor_id = staff_id", clerk.id)
    assert recorded == [{"act": "own_password_changed"}]


def test_whoever_comes_in_or_tries_stands_in_a_record_that_nobody_changes(
    clerk: Person, client: FlaskClient, sql: Sql
) -> None:
    """GB/T 22239-2019 8.1.4.3: date, time, user, success; what was typed is not in it."""
    clerk.type_password("not this one")
    clerk.step(clerk.type_password().json, "second-factor", totp="000000")
    clerk.log_in()

    found = sql("SELECT outcome, reason, network FROM staff_sign_ins WHERE staff_id = %s ORDER BY id", clerk.id)
    assert [(row["outcome"], row["reason"]) for row in found] == [
        ("refused", "staff_password: wrong"),
        ("refused", "staff_second_factor: wrong_or_used_code"),
        ("entered", None),
    ]
    assert all(row["network"].endswith(".0/24") for row in found)
    for statement in ("UPDATE staff_sign_ins SET reason = NULL", "DELETE FROM staff_sign_ins"):
        with pytest.raises(psycopg.Error):
            sql(statement)


def test_who_is_refused_after_single_sign_on_stands_there_too(desk_browser: Browser, sql: Sql) -> None:
    """Somebody who left tries their old login, or one comes with less than was asked; and a stranger."""
    sql("UPDATE staff SET active = false WHERE staff_number = 'S0003'")
    try:
        desk_browser.log_in("liu-adviser")
    finally:
        sql("UPDATE staff SET active = true WHERE staff_number = 'S0003'")
    login = desk_browser.start(level=3).json
    desk_browser.complete(login, desk_browser.choose(login, "liu-adviser", "2"))
    desk_browser.log_in("li-jianguo")

    found = sql(
        "SELECT staff_number, outcome, reason, device FROM staff_sign_ins"
        " LEFT JOIN staff ON staff.id = staff_id ORDER BY staff_sign_ins.id DESC LIMIT 3"
    )
    assert [(row["staff_number"], row["outcome"], row["reason"]) for row in reversed(found)] == [
        ("S0003", "refused", "staff_sign_on: not_on_the_staff_list"),
        ("S0003", "refused", "staff_sign_on: level_too_low"),
        (None, "refused", "staff_sign_on: not_on_the_staff_list"),
    ]
    assert all(row["device"] for row in found)


def test_auditors_read_who_tried_even_for_a_number_of_nobody(
    client: FlaskClient, make_newcomer: Callable[[str, str], Phone]
) -> None:
    Person(client, "N-nobody", uuid.uuid4()).type_password("typed")

    shown = make_newcomer("auditor", "gongan").get("/v1/desk/staff/sign-ins?limit=2").json["items"]
    assert shown[0]["outcome"] == "entered", "the auditor's own login"
    assert (shown[1]["staff_number"], shown[1]["reason"]) == (None, "staff_password: unknown")
    assert make_newcomer("clerk", "gongan").get("/v1/desk/staff/sign-ins").status_code == 403


def test_a_new_password_logs_out_whoever_was_in_by_the_old_one(clerk: Person) -> None:
    before = clerk.log_in().json["refresh_token"]
    with clock.moved(timedelta(seconds=60)):
        login = clerk.step(clerk.type_password().json, "second-factor", totp=clerk.code(), wish="new_password").json
        after = clerk.step(login, "new-password", password="quite another sentence").json["refresh_token"]

    told = [clerk.client.post("/v1/tokens/refresh", json={"refresh_token": one}).status_code for one in (before, after)]
    assert told == [401, 200]


def test_single_sign_on_that_saw_two_factors_is_enough(desk_browser: Browser) -> None:
    done = desk_browser.log_in("wu-head").json

    assert done["next"] == "done" and done["access_token"]


def test_single_sign_on_with_one_factor_is_asked_for_another(desk_browser: Browser, sql: Sql) -> None:
    staff_id = sql("SELECT id FROM staff WHERE staff_number = 'S0007'")[0]["id"]
    person = Person(desk_browser.client, "S0007", staff_id)

    login = desk_browser.log_in("zheng-head", level="2").json
    assert login["next"] == "enrol" and "access_token" not in login
    assert person.enrol_app(login).json["next"] == "done"

    login = desk_browser.log_in("zheng-head", level="2").json
    assert login["next"] == "second_factor"
    with clock.moved(timedelta(minutes=1)):
        done = person.step(login, "second-factor", totp=person.code()).json
    assert done["next"] == "done"
    with database.work() as work:
        staff_accounts.change(work, None, "S0007", "factors_reset", {})


@pytest.mark.parametrize("person", [f"S000{n}" for n in range(1, 9)])
def test_every_demo_role_signs_on_in_the_sandbox(desk_browser: Browser, person: str) -> None:
    key = next(one.key for one in persons.staff() if one.staff_number == person)

    assert desk_browser.log_in(key).json["next"] == "done"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """later(timedelta(minutes=10)): so much later than now, for whoever asks when somebody was last there."""

    def pass_by(span: timedelta) -> None:
        monkeypatch.setattr(desk_activity, "_now", lambda: datetime.now(UTC) + span)

    return pass_by


def test_half_an_hour_of_nothing_ends_a_session(
    clerk: Person, log: list[str], later: Callable[[timedelta], None]
) -> None:
    tokens = clerk.log_in().json
    for minutes in (10, 20, 45):
        later(timedelta(minutes=minutes))
        assert opens(clerk, tokens) is True, minutes
    later(timedelta(minutes=45 + 31))
    assert opens(clerk, tokens) is False
    refreshed = clerk.client.post("/v1/tokens/refresh", json={"refresh_token": tokens["refresh_token"]})

    assert refreshed.status_code == 401
    assert any("idle_too_long" in line for line in log)


def test_who_worked_until_a_quarter_of_an_hour_ago_goes_on(clerk: Person, later: Callable[[timedelta], None]) -> None:
    """Silence counts from the last request, not from the last refresh; the client is told what holds from now on."""
    tokens = clerk.log_in().json
    told = tokens["refresh_expires_in"], decoded(tokens["access_token"])["sxp"] - time.time()
    assert told == pytest.approx((1800, 1800), abs=5)
    later(timedelta(minutes=14))
    assert opens(clerk, tokens) is True

    later(timedelta(minutes=31))
    with clock.moved(timedelta(minutes=31)):
        refreshed = clerk.client.post("/v1/tokens/refresh", json={"refresh_token": tokens["refresh_token"]})

    assert refreshed.status_code == 200


def test_a_desk_that_is_left_alone_is_logged_out(clerk: Person, later: Callable[[timedelta], None]) -> None:
    """A client that refreshes by itself keeps nobody in."""
    tokens = clerk.log_in().json
    for minutes, status in ((15, 200), (29, 200), (31, 401)):
        later(timedelta(minutes=minutes))
        answer = clerk.client.post("/v1/tokens/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert answer.status_code == status, minutes
        tokens = answer.json


def test_being_there_is_written_at_most_once_a_minute(
    clerk: Person, sql: Sql, later: Callable[[timedelta], None]
) -> None:
    tokens = clerk.log_in().json

    def seen() -> Any:
        return sql(
            "SELECT a.seen_at FROM desk_activity a JOIN sessions s ON s.id = a.session_id WHERE s.staff_id = %s",
            clerk.id,
        )[0]["seen_at"]

    opens(clerk, tokens)
    first = seen()
    # Well within the minute, however slowly this runs.
    later(timedelta(seconds=1))
    opens(clerk, tokens)
    assert seen() == first
    later(timedelta(seconds=70))
    opens(clerk, tokens)
    assert seen() > first + timedelta(seconds=60)


def test_a_session_of_staff_ends_with_the_day(clerk: Person) -> None:
    tokens = clerk.log_in().json

    assert 0 < tokens["refresh_expires_in"] <= 12 * 3600


def test_who_leaves_is_out_at_once(clerk: Person) -> None:
    tokens = clerk.log_in().json
    with database.work() as work:
        staff_accounts.change(work, None, clerk.number, "left", {})

    answer = clerk.client.post("/v1/tokens/refresh", json={"refresh_token": tokens["refresh_token"]})

    assert answer.status_code == 401
    assert clerk.type_password().status_code == 403


def test_logins_that_came_to_nothing_are_forgotten(clerk: Person, sql: Sql) -> None:
    clerk.type_password()
    with clock.moved(timedelta(hours=1)):
        purge(timestamp=0)

    assert sql("SELECT count(*) AS n FROM desk_logins WHERE staff_id = %s", clerk.id)[0]["n"] == 0


def test_secrets_of_staff_are_nowhere_in_plain(clerk: Person, sql: Sql, log: list[str]) -> None:
    clerk.log_in()
    rows = sql("SELECT secret FROM staff_totp WHERE staff_id = %s", clerk.id)
    hashes = sql("SELECT password_hash FROM staff_credentials WHERE staff_id = %s", clerk.id)

    assert clerk.secret not in bytes(rows[0]["secret"]) and clerk.secret.hex().encode() not in bytes(rows[0]["secret"])
    assert hashes[0]["password_hash"].startswith("$argon2id$")
    assert not any(word in line for line in log for word in (PASSWORD, clerk.number, *clerk.recovery_codes))


def test_a_head_sees_their_department_and_no_records(make_newcomer: Callable[[str, str], Phone]) -> None:
    head = make_newcomer("head", "gongan")
    wish = {"reference": "20261122-0000-0000", "reason_kind": "supervision", "reason": "督办"}

    assert head.get("/v1/supervision/looks").status_code == 403
    assert head.post("/v1/desk/lookups", wish).status_code != 403
