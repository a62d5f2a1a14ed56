"""Sessions: how long a login lasts, what the client is told of it, and how its owner ends it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app import clock, database
from app.identifiers import new_reference
from app.settings import settings
from auth import revocations, sessions
from auth.devices import Device, network_of
from auth.revocations import Revocations
from tests.auth.conftest import Login
from tests.product import Phone, wait_until_somebody_waits

Sql = Callable[..., list[Any]]
LogIn = Callable[..., Login]

purge: Any = sessions.purge


def me(client: FlaskClient, access_token: str) -> int:
    return client.get("/v1/me", headers={"Authorization": f"Bearer {access_token}"}).status_code


# ——— How long. ———


def test_a_refresh_does_not_make_a_session_longer(log_in: LogIn) -> None:
    mine = log_in()
    with clock.moved(timedelta(days=10)):
        mine.renew()
    with clock.moved(timedelta(days=20)):
        pair = mine.renew()

    assert pair["session_expires_in"] == pytest.approx(timedelta(days=10).total_seconds(), abs=60)


def test_a_session_ends_by_its_age_however_often_it_is_refreshed(log_in: LogIn) -> None:
    mine, idle = log_in(), settings().session_idle
    moment = idle - timedelta(hours=1)
    while moment < settings().refresh_token_life:
        with clock.moved(moment):
            mine.renew()
        moment += idle - timedelta(hours=1)

    with clock.moved(settings().refresh_token_life + timedelta(seconds=1)):
        mine.assert_refused(mine.refresh())


def test_a_session_ends_when_nobody_uses_it(log_in: LogIn) -> None:
    mine = log_in()
    assert mine.tokens["refresh_expires_in"] == pytest.approx(settings().session_idle.total_seconds(), abs=5)

    with clock.moved(settings().session_idle + timedelta(seconds=1)):
        mine.assert_refused(mine.refresh())


def test_a_clerk_gets_a_clerks_token_again(client: FlaskClient, make_clerk: Callable[[str], Phone]) -> None:
    clerk = make_clerk("S0001")

    offer = {"refresh_token": clerk.tokens["refresh_token"]}
    clerk.tokens = dict(client.post("/v1/tokens/refresh", json=offer).json or {})

    wish = {"reference": new_reference(clock.today()), "reason": "来电询问"}
    assert clerk.post("/v1/desk/lookups", wish).status_code == 201


def test_the_end_of_the_session_is_told_with_every_answer_of_a_guarded_door(log_in: LogIn) -> None:
    mine, idle = log_in(), settings().session_idle.total_seconds()

    answers = [mine.get("/v1/me"), mine.get("/v1/submissions/x"), mine.get("/v1/nowhere")]

    assert int(answers[0].headers["Session-Expires-In"]) == pytest.approx(idle, abs=5)
    # What is no door has no guard, so nobody knows who asked.
    assert "Session-Expires-In" not in answers[2].headers
    assert "Session-Expires-In" not in mine.client.get("/v1/services").headers
    with clock.moved(timedelta(hours=1)):
        later = int(mine.get("/v1/me").headers["Session-Expires-In"])
    assert later == pytest.approx(idle - 3600, abs=5)


# ——— Elder mode. ———


def test_elder_mode_makes_all_my_logins_longer_and_says_how_long(log_in: LogIn) -> None:
    mine = log_in()
    other = log_in(resident=mine.resident_id)

    told = mine.send("PUT", "/v1/me/elder-mode", json={"enabled": True}).json

    assert told["enabled"] is True and mine.get("/v1/me").json["elder_mode"] is True
    assert told["idle_seconds"] == settings().elder_session_idle.total_seconds()
    assert told["session_expires_in"] == pytest.approx(settings().elder_session_life.total_seconds(), abs=60)
    with clock.moved(settings().session_idle + timedelta(days=1)):
        assert other.refresh().status_code == 200
    fresh = log_in(resident=mine.resident_id).tokens
    assert fresh["session_expires_in"] == pytest.approx(settings().elder_session_life.total_seconds(), abs=5)


def test_a_refresh_at_the_moment_of_switching_to_elder_mode_lasts_as_long_as_that_says(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            told = sessions.set_elder_mode(work, mine.caller(), True)
            refreshing = pool.submit(mine.refresh)
            wait_until_somebody_waits(sql, refreshing)
        fresh = refreshing.result(30).json

    assert fresh["refresh_expires_in"] == pytest.approx(told["refresh_expires_in"], abs=5)


def test_switching_elder_mode_off_ends_no_login_at_once(log_in: LogIn) -> None:
    mine = log_in()
    mine.send("PUT", "/v1/me/elder-mode", json={"enabled": True})

    with clock.moved(timedelta(days=50)):
        mine.renew()
        told = mine.send("PUT", "/v1/me/elder-mode", json={"enabled": False}).json

    assert told["session_expires_in"] == pytest.approx(timedelta(days=7).total_seconds(), abs=60)


@pytest.mark.parametrize("last", [True, False])
def test_switching_elder_mode_again_and_again_keeps_nobody_in_for_ever(log_in: LogIn, last: bool) -> None:
    """Else whoever holds a stolen phone would never be put out by the session's age."""
    mine, moment = log_in(), timedelta(0)
    while moment + timedelta(days=6) < settings().elder_session_life:
        moment += timedelta(days=6)
        with clock.moved(moment):
            mine.renew()
            mine.send("PUT", "/v1/me/elder-mode", json={"enabled": True})
            told = mine.send("PUT", "/v1/me/elder-mode", json={"enabled": last}).json

        assert timedelta(seconds=told["session_expires_in"]) <= settings().elder_session_life - moment


@pytest.mark.parametrize("wish", [{}, {"enabled": "yes"}, {"enabled": 1}, {"enabled": None}, {"enabled": True, "x": 1}])
def test_elder_mode_is_on_or_off(phone: Phone, wish: dict[str, Any]) -> None:
    response = phone.send("PUT", "/v1/me/elder-mode", json=wish)

    assert (response.status_code, response.json["code"]) == (422, "content_invalid")


# ——— What its owner sees and ends. ———


def test_i_see_my_devices_and_which_of_them_this_is(log_in: LogIn) -> None:
    mine = log_in(device=Device("iPhone", network="198.51.100.0/24"), provider="sandbox", method="oidc")
    other = log_in(resident=mine.resident_id, device=Device("old tablet"))
    log_in(device=Device("a stranger's"))

    listed = mine.get("/v1/sessions").json["items"]

    assert {one["device"]: one["current"] for one in listed} == {"iPhone": True, "old tablet": False}
    own = next(one for one in listed if one["current"])
    assert (own["network"], own["provider"], own["method"], own["level"]) == ("198.51.100.0/24", "sandbox", "oidc", 3)
    assert {one["current"] for one in other.get("/v1/sessions").json["items"] if one["device"] == "iPhone"} == {False}


def test_a_device_that_ended_is_not_listed(log_in: LogIn) -> None:
    mine = log_in()
    log_in(resident=mine.resident_id).send("DELETE", "/v1/sessions/current")

    with clock.moved(settings().session_idle + timedelta(days=1)):
        assert mine.get("/v1/sessions").json["items"] == []
    assert len(mine.get("/v1/sessions").json["items"]) == 1


def test_one_tap_makes_a_stolen_phone_harmless(log_in: LogIn) -> None:
    mine = log_in()
    stolen = [log_in(resident=mine.resident_id) for _ in range(3)]

    assert mine.send("DELETE", "/v1/sessions").json == {"count": 3}

    time.sleep(1.1)
    assert [one.get("/v1/me").status_code for one in stolen] == [401, 401, 401]
    for one in stolen:
        one.assert_refused(one.refresh())
    assert mine.get("/v1/me").status_code == 200
    assert mine.send("DELETE", "/v1/sessions").json == {"count": 0}


def test_i_log_out_one_device_of_mine_and_nobody_elses(log_in: LogIn) -> None:
    mine, stranger = log_in(), log_in()
    other = log_in(resident=mine.resident_id)
    [theirs] = stranger.get("/v1/sessions").json["items"]
    [unwanted] = [one for one in mine.get("/v1/sessions").json["items"] if not one["current"]]

    refused = mine.send("DELETE", f"/v1/sessions/{theirs['id']}")
    assert (refused.status_code, refused.json["code"]) == (404, "session_not_found")
    assert mine.send("DELETE", f"/v1/sessions/{unwanted['id']}").status_code == 204
    assert mine.send("DELETE", f"/v1/sessions/{unwanted['id']}").status_code == 404

    other.assert_refused(other.refresh())
    assert stranger.refresh().status_code == 200


def test_a_device_that_is_logged_out_is_out_however_often_it_logged_in(log_in: LogIn) -> None:
    """A step-up is a login of its own: the tablet that is lost stands in the list twice, and one tap is enough."""
    mine = log_in()
    lost = [log_in(resident=mine.resident_id, device_id="t" * 32) for _ in range(2)]
    other = log_in(resident=mine.resident_id)
    unwanted = lost[0].caller().session_id

    assert mine.send("DELETE", f"/v1/sessions/{unwanted}").status_code == 204

    for one in lost:
        one.assert_refused(one.refresh())
    assert other.refresh().status_code == mine.refresh().status_code == 200


def test_an_earlier_login_of_this_device_is_logged_out_and_this_one_stays(log_in: LogIn) -> None:
    earlier = log_in(device_id="t" * 32)
    mine = log_in(resident=earlier.resident_id, device_id="t" * 32)

    assert mine.send("DELETE", f"/v1/sessions/{earlier.caller().session_id}").status_code == 204

    earlier.assert_refused(earlier.refresh())
    assert mine.refresh().status_code == 200


def test_devices_that_name_no_id_are_not_taken_for_one(log_in: LogIn) -> None:
    mine = log_in(device_id=None)
    others = [log_in(resident=mine.resident_id, device_id=None) for _ in range(2)]

    assert mine.send("DELETE", f"/v1/sessions/{others[0].caller().session_id}").status_code == 204

    assert [one.refresh().status_code for one in (*others, mine)] == [401, 200, 200]


def test_logging_out_ends_the_refresh_token(log_in: LogIn) -> None:
    mine = log_in()
    mine.send("DELETE", "/v1/sessions/current")

    mine.assert_refused(mine.refresh())


def test_sessions_that_ended_long_ago_are_forgotten(log_in: LogIn, sql: Sql) -> None:
    ended, alive = log_in(), log_in()
    ended.send("DELETE", "/v1/sessions/current")
    count = "SELECT count(*) AS n FROM sessions WHERE resident_id = %s"

    purge(0)
    assert sql(count, ended.resident_id) == [{"n": 1}]
    with clock.moved(timedelta(days=8)):
        purge(0)

    assert sql(count, ended.resident_id) == [{"n": 0}]
    assert sql(count, alive.resident_id) == [{"n": 1}]


# ——— What dies early is known everywhere within a second, and is not much. ———


def test_a_revocation_is_known_to_every_process_within_about_a_second(product: Flask, log_in: LogIn) -> None:
    """Two sets stand for two processes: they share the database and nothing else."""
    mine, processes = log_in(), [Revocations(), Revocations()]
    caller = mine.caller()
    assert [process.bars(caller) for process in processes] == [False, False]

    with database.work() as work:
        sessions.revoke(work, caller.session_id)
    time.sleep(1.1)

    assert [process.bars(caller) for process in processes] == [True, True]


def test_idle_devices_that_are_logged_out_take_no_place_in_the_set(log_in: LogIn) -> None:
    mine = log_in()
    for _ in range(5):
        log_in(resident=mine.resident_id)
    with clock.moved(settings().access_token_life + timedelta(seconds=1)):
        assert mine.refresh().status_code == 200
        before, after = Revocations(), Revocations()
        before.bars(mine.caller())
        with database.work() as work:
            assert sessions.end_others(work, mine.caller()) == 5
        after.bars(mine.caller())

    # Their last access tokens are dead already, so no door needs to know of them.
    assert len(after) <= len(before)


def test_nobody_is_let_in_by_a_process_that_is_only_about_to_read_who_was_logged_out(log_in: LogIn, sql: Sql) -> None:
    mine, fresh = log_in(), Revocations()
    with database.work() as work:
        sessions.revoke(work, mine.caller().session_id)
    with psycopg.connect(str(settings().database_owner_url)) as slow, ThreadPoolExecutor(2) as pool:
        slow.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        first = pool.submit(fresh.bars, mine.caller())
        wait_until_somebody_waits(sql, first)
        second = pool.submit(fresh.bars, mine.caller())
        wait([second], timeout=0.5)
        slow.rollback()

        assert (first.result(30), second.result(30)) == (True, True)


def test_while_the_database_is_away_those_who_wait_are_told_so_together(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, each would wait for as long as it takes to find out, and hold a thread meanwhile."""
    mine, fresh, tries = log_in().caller(), Revocations(), list[float]()

    def find_nobody() -> None:
        tries.append(time.monotonic())
        time.sleep(0.5)
        raise OperationalError("", None, psycopg.OperationalError())

    with monkeypatch.context() as away, ThreadPoolExecutor(8) as pool:
        away.setattr(fresh, "_read", find_nobody)
        asked = [pool.submit(fresh.bars, mine) for _ in range(8)]
        wait(asked, timeout=60)
    assert all(isinstance(one.exception(), OperationalError) for one in asked)
    assert len(tries) < 4, "the first one, and who came only when it had found out"
    assert not fresh.bars(mine), "it is asked again as soon as somebody comes"


def test_the_set_forgets_by_itself(log_in: LogIn) -> None:
    mine, known = log_in(), Revocations()
    with database.work() as work:
        sessions.revoke(work, mine.caller().session_id)
    assert known.bars(mine.caller())

    with clock.moved(2 * settings().access_token_life + timedelta(seconds=1)):
        fresh = Revocations()
        assert not fresh.bars(mine.caller())


def test_tokens_of_an_older_generation_die_and_the_session_lives(client: FlaskClient, log_in: LogIn) -> None:
    mine = log_in()
    with database.work() as work:
        assert sessions.outdate(work, sessions.sessions.c.id == mine.caller().session_id) == 1
    time.sleep(1.1)

    assert mine.get("/v1/me").status_code == 401
    fresh = mine.refresh().json
    assert me(client, fresh["access_token"]) == 200
    assert revocations.revoked.bars(mine.caller())


# ——— Devices. ———


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.77", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_of_an_address_only_the_network_is_kept(address: str | None, network: str | None) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "device", ["short", "x" * 21, "x" * 129, "with space in the middle of it", "中" * 30, "a" * 30 + "!"]
)
def test_a_device_id_that_could_be_guessed_is_refused(client: FlaskClient, device: str) -> None:
    headers = {"OnePhone-Device": device.encode().decode("latin-1")}

    response = client.post("/v1/tokens/refresh", json={"refresh_token": "x"}, headers=headers)

    assert (response.status_code, response.json["code"]) == (400, "device_invalid")


_OTHER_PROCESS = """
import os, sys, time
import wsgi
client, headers = wsgi.create_app().test_client(), {"Authorization": "Bearer " + os.environ["TOKEN"]}
print(client.get("/v1/me", headers=headers).status_code, file=sys.stderr, flush=True)
sys.stdin.readline()
began = time.monotonic()
while client.get("/v1/me", headers=headers).status_code == 200 and time.monotonic() - began < 30:
    time.sleep(0.02)
print(client.get("/v1/me", headers=headers).status_code, file=sys.stderr, flush=True)
"""


COMMAND = [sys.executable, "-c", _OTHER_PROCESS]


def test_another_process_refuses_the_token_within_about_a_second(
    log_in: LogIn, settings_environment: dict[str, str]
) -> None:
    mine = log_in()
    environment = {**settings_environment, "TOKEN": mine.tokens["access_token"]}
    with Popen(COMMAND, env=environment, text=True, stdin=PIPE, stdout=DEVNULL, stderr=PIPE) as other:
        assert other.stdin is not None and other.stderr is not None
        assert other.stderr.readline().strip() == "200"

        assert mine.send("DELETE", "/v1/sessions/current").status_code == 204
        other.stdin.write("\n")
        other.stdin.close()

        assert other.stderr.readline().strip() == "401"
