"""Rotations: a refresh token is good for one use on one device, and whoever copies it ends the session."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app import clock, database
from app.settings import settings
from auth import refresh_tokens, rotations, sessions
from auth.devices import Device
from auth.revocations import Revocations
from auth.rotations import RefreshTokenInvalid
from tests.auth.conftest import Login
from tests.product import RunJobs, wait_until_somebody_waits

Sql = Callable[..., list[Any]]
LogIn = Callable[..., Login]

MINUTES = timedelta(minutes=16)


def is_alive(sql: Sql, who: Login) -> bool:
    [row] = sql("SELECT revoked_at FROM sessions WHERE resident_id = %s", who.resident_id)
    return row["revoked_at"] is None


def test_a_refresh_gives_a_new_pair(log_in: LogIn) -> None:
    mine = log_in()

    pair = mine.refresh().json

    assert pair["refresh_token"] != mine.tokens["refresh_token"]
    assert pair["access_token"] != mine.tokens["access_token"]
    assert mine.get("/v1/me", headers={"Authorization": f"Bearer {pair['access_token']}"}).status_code == 200
    assert pair["expires_in"] == 15 * 60


def test_a_spent_token_ends_the_session_for_both_holders(log_in: LogIn) -> None:
    mine = log_in()
    stolen = mine.tokens["refresh_token"]
    honest = mine.refresh().json
    with clock.moved(settings().refresh_grace + timedelta(seconds=1)):
        mine.assert_refused(mine.refresh(stolen))

    mine.assert_refused(mine.refresh(honest["refresh_token"]))
    time.sleep(1.1)
    for token in (honest["access_token"], mine.tokens["access_token"]):
        assert mine.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_token_spent_long_ago_is_still_known_as_ours_and_ends_the_session(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    stolen = mine.tokens["refresh_token"]
    for _ in range(3):
        mine.renew()

    mine.assert_refused(mine.refresh(stolen))

    assert not is_alive(sql, mine)


def test_a_token_that_somebody_made_up_ends_nobodys_session(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    first, _, mac = mine.tokens["refresh_token"].partition(".")
    changed = ("A" if first[-1] != "A" else "B").join([first[:-1], ""])

    for forged in (f"{changed}.{mac}", first, f"{first}.", f"{first}.AAAA", f".{mac}", f"{first}.{mac}x"):
        mine.assert_refused(mine.refresh(forged))

    assert is_alive(sql, mine)


def test_a_token_on_another_device_ends_the_session(log_in: LogIn, sql: Sql) -> None:
    """Somebody copied the token from a backup; they do not have the device's id."""
    mine = log_in()

    mine.assert_refused(mine.refresh(device="thief" * 6))

    assert not is_alive(sql, mine)
    mine.assert_refused(mine.refresh())


def test_a_token_without_the_device_it_was_given_to_ends_the_session(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()

    mine.assert_refused(mine.refresh(device=None))

    assert not is_alive(sql, mine)


def test_a_client_that_named_no_device_is_bound_to_none(log_in: LogIn) -> None:
    old = log_in(device_id=None)

    assert old.refresh(device=None).status_code == 200


def test_operators_see_copied_tokens_apart_from_old_ones(log_in: LogIn, log: list[str]) -> None:
    mine, other = log_in(), log_in()
    spent = mine.tokens["refresh_token"]
    for _ in range(2):
        mine.renew()
    answers = [mine.refresh(spent), mine.refresh(), mine.refresh("made up"), other.refresh(device="a" * 22)]

    told = [json.loads(line) for line in log]
    reasons = [one["reason"] for one in told if one["event"] == "at_the_door" and one["door"] == "refresh"]
    assert reasons == ["copied", "session_ended", "unknown", "copied_to_another_device"]
    words = [{name: text for name, text in (one.json or {}).items() if name != "instance"} for one in answers]
    assert all(one == words[0] for one in words), "the answer says it to nobody"


def test_the_person_is_told_that_a_login_was_stolen(log_in: LogIn, run_jobs: RunJobs) -> None:
    mine = log_in()
    other = log_in(resident=mine.resident_id)
    mine.refresh(device="thief" * 6, agent="Thief's browser")

    run_jobs()

    [notice] = other.get("/v1/inbox", headers={"Accept-Language": "en"}).json["items"]
    assert (notice["kind"], notice["title"]) == ("session_stolen", "A login of yours may have been copied")
    assert "Thief's browser" in notice["text"] and notice["submission"] is None
    [chinese] = other.get("/v1/inbox").json["items"]
    assert chinese["title"] == "登录凭证可能被盗用" and "Thief's browser" in chinese["text"]
    stolen = other.get("/v1/sign-ins").json["items"][0]
    assert (stolen["outcome"], stolen["device"], stolen["level"]) == ("stolen", "Thief's browser", None)


def test_a_theft_is_told_once_however_often_the_thief_tries(log_in: LogIn, run_jobs: RunJobs) -> None:
    mine = log_in()
    for _ in range(3):
        mine.assert_refused(mine.refresh(device="thief" * 6))
    run_jobs()
    run_jobs()

    other = log_in(resident=mine.resident_id)
    assert len(other.get("/v1/inbox").json["items"]) == 1


# ——— The answer that was lost. ———


def test_a_lost_answer_is_given_again_to_the_same_device(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    lost = mine.refresh().json

    again = mine.refresh()

    assert again.status_code == 200 and again.json["refresh_token"] == lost["refresh_token"]
    assert is_alive(sql, mine)
    assert mine.refresh(lost["refresh_token"]).status_code == 200


def test_who_speaks_for_somebody_else_meanwhile_is_no_thief(log_in: LogIn, sql: Sql) -> None:
    """In the lift the answer is lost, the old access token still holds, and they go on working with it."""
    mine = log_in()
    mine.refresh()
    assert mine.send("POST", "/v1/sessions/acting-for", json={"organisation": None}).status_code == 200

    assert mine.refresh().status_code == 200
    assert is_alive(sql, mine)


def test_a_lost_answer_that_is_not_so_any_more_comes_with_a_token_that_is(log_in: LogIn, sql: Sql) -> None:
    """Somebody took an authority away, or two accounts became one, before the phone asked again."""
    mine = log_in()
    lost = mine.refresh().json
    with database.work() as work:
        sessions.outdate(work, sessions.sessions.c.resident_id == mine.resident_id)
    time.sleep(1.1)

    again = mine.refresh()

    assert again.status_code == 200 and is_alive(sql, mine)
    assert again.json["refresh_token"] == lost["refresh_token"]
    for pair, status in ((lost, 401), (again.json, 200)):
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        assert mine.client.get("/v1/me", headers=headers).status_code == status


def test_a_device_that_is_logged_out_is_so_with_the_token_of_a_repetition_too(log_in: LogIn) -> None:
    """Given half a minute later, it lives half a minute longer than the first one."""
    mine = log_in()
    mine.refresh()
    life = settings().access_token_life.total_seconds()
    with clock.moved(timedelta(seconds=29)):
        mine.tokens = dict(mine.refresh().json or {})
        caller = mine.caller()
        with database.work() as work:
            sessions.revoke(work, caller.session_id)
    with clock.moved(timedelta(seconds=life + 20)):
        assert Revocations().bars(caller)


def test_nobody_else_is_given_it(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    mine.refresh()

    mine.assert_refused(mine.refresh(device="thief" * 6))

    assert not is_alive(sql, mine)


def test_a_client_that_named_no_device_has_no_grace(log_in: LogIn, sql: Sql) -> None:
    old = log_in(device_id=None)
    old.refresh(device=None)

    old.assert_refused(old.refresh(device=None))

    assert not is_alive(sql, old)


def test_the_grace_ends_after_half_a_minute(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    mine.refresh()

    with clock.moved(timedelta(seconds=31)):
        mine.assert_refused(mine.refresh())

    assert not is_alive(sql, mine)


def test_the_grace_ends_when_the_new_token_is_used(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    mine.refresh(mine.refresh().json["refresh_token"])

    mine.assert_refused(mine.refresh())

    assert not is_alive(sql, mine)


def test_a_thief_who_shares_the_answer_is_found_out_by_the_next_refresh(log_in: LogIn, sql: Sql) -> None:
    """Both hold the same token then; whoever comes second, later than the grace, ends it for both."""
    mine = log_in()
    honest, thief = mine.refresh().json, mine.refresh().json
    assert honest["refresh_token"] == thief["refresh_token"]

    with clock.moved(MINUTES):
        assert mine.refresh(thief["refresh_token"]).status_code == 200
    with clock.moved(2 * MINUTES):
        mine.assert_refused(mine.refresh(honest["refresh_token"]))

    assert not is_alive(sql, mine)


def test_what_is_kept_opens_nothing(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    pair = mine.refresh().json

    [row] = sql("SELECT sessions::text AS text FROM sessions WHERE resident_id = %s", mine.resident_id)

    for secret in (mine.tokens["refresh_token"], pair["refresh_token"], pair["access_token"], mine.device or ""):
        assert secret not in row["text"] and secret.encode().hex() not in row["text"]


# ——— Two at once, and what is killed in between. ———


def test_two_refreshes_of_one_device_at_once_give_one_answer(log_in: LogIn, sql: Sql) -> None:
    mine, start = log_in(), Barrier(8)

    def race(_: int) -> Any:
        start.wait()
        return mine.refresh(client=mine.app.test_client())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(race, range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    assert is_alive(sql, mine)


def test_of_two_refreshes_at_once_that_are_bound_to_nothing_only_one_wins(log_in: LogIn, sql: Sql) -> None:
    old, start = log_in(device_id=None), Barrier(2)

    def race(_: int) -> int:
        start.wait()
        return int(old.refresh(device=None, client=old.app.test_client()).status_code)

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(race, range(2)))

    assert statuses == [200, 401]
    # The server can not tell a hasty phone from a thief, so what one of them won is dead as well.
    assert not is_alive(sql, old)


def test_a_refresh_that_was_killed_before_its_commit_never_happened(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    offered, device = mine.tokens["refresh_token"], Device("phone", mine.device_sha256)

    with pytest.raises(ConnectionResetError), database.work() as work:
        assert rotations._answer(work, offered, device) is not None
        raise ConnectionResetError

    assert mine.refresh().status_code == 200


def test_a_refresh_whose_server_died_after_the_commit_is_answered_by_another(log_in: LogIn) -> None:
    mine = log_in()
    lost = rotations.rotate(mine.tokens["refresh_token"], Device("phone", mine.device_sha256))
    database.close()

    assert mine.refresh().json["refresh_token"] == lost["refresh_token"]


def test_a_refresh_waits_for_one_that_dies_and_then_does_the_work_itself(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()
    with psycopg.connect(settings().database_url) as holder:
        holder.execute("SELECT 1 FROM sessions WHERE resident_id = %s FOR UPDATE", (mine.resident_id,))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(mine.refresh)
            wait_until_somebody_waits(sql)
            holder.rollback()
            assert waiting.result(30).status_code == 200


def test_a_theft_whose_server_dies_is_not_forgotten(log_in: LogIn, sql: Sql) -> None:
    """Ending the session, the line in the history and the job that tells of it are one transaction."""
    mine = log_in()
    with pytest.raises(RefreshTokenInvalid):
        rotations.rotate(mine.tokens["refresh_token"], Device("thief", "0" * 64))

    told = "SELECT count(*) AS n FROM procrastinate_jobs WHERE args ->> 'resident_id' = %s AND task_name = %s"
    assert sql(told, str(mine.resident_id), "tell_of_account") == [{"n": 1}]
    assert not is_alive(sql, mine)


# ——— What is no token of ours. ———


@pytest.mark.parametrize("token", ["x", "'; DROP TABLE sessions; --", "令牌", ".", "..", "A" * 200, "=.=", "\u0000"])
def test_a_token_of_nobody_is_refused(client: FlaskClient, token: str) -> None:
    response = client.post("/v1/tokens/refresh", json={"refresh_token": token})

    assert response.status_code in (401, 422), response.text


def test_an_access_token_is_no_refresh_token(log_in: LogIn, sql: Sql) -> None:
    mine = log_in()

    assert mine.refresh(mine.tokens["access_token"]).status_code in (401, 422)
    assert is_alive(sql, mine)


def test_a_token_names_its_session_and_nothing_else(log_in: LogIn) -> None:
    mine = log_in()

    assert refresh_tokens.session_of(mine.tokens["refresh_token"]) == mine.caller().session_id
    assert refresh_tokens.new(mine.caller().session_id) != refresh_tokens.new(mine.caller().session_id)
