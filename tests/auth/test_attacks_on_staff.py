"""Attacks on the desk: each line says what is refused, and how; none is a fault of ours."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app import clock, database
from app.settings import settings
from auth import logins, passkeys, passwords, staff_accounts, staff_steps
from auth.devices import Device
from auth.passkeys import PasskeyUnsound
from auth.providers.interface import LoginRefused, Proof
from tests.auth.authenticator import Authenticator, decoded, encoded
from tests.auth.conftest import Browser
from tests.auth.desk import LOGINS, Person, enrolled, newcomer
from tests.product import Phone, wait_until_somebody_waits

Sql = Callable[..., list[Any]]


@pytest.fixture
def clerk(client: FlaskClient) -> Person:
    return enrolled(client)


@pytest.fixture
def keyed(client: FlaskClient) -> Person:
    """Somebody whose second factor is a passkey."""
    person = newcomer(client)
    assert person.enrol_key(person.type_password().json).json["next"] == "done"
    return person


def assert_refused(response: TestResponse) -> None:
    """The one answer of every failed login: 403, and nothing that says why."""
    assert (response.status_code, response.json["code"]) == (403, "login_refused"), response.text


def told(response: TestResponse) -> dict[str, Any]:
    """Everything but what differs from request to request."""
    body: dict[str, Any] = response.json or {}
    return {name: value for name, value in body.items() if name != "instance"}


def test_guessing_passwords_locks_the_account_for_half_an_hour(clerk: Person, log: list[str]) -> None:
    for _ in range(settings().staff_lock_after):
        assert_refused(clerk.type_password("a wrong one again"))

    assert_refused(clerk.type_password())
    assert any('"locked"' in line for line in log), "the operators are told"
    with clock.moved(settings().staff_lock_life - timedelta(minutes=1)):
        assert_refused(clerk.type_password())
    with clock.moved(settings().staff_lock_life + timedelta(minutes=1)):
        assert clerk.type_password().status_code == 200


def test_guessing_at_the_same_time_gets_no_more_tries(clerk: Person, sql: Sql) -> None:
    barrier = Barrier(12)

    def guess(number: int) -> int:
        barrier.wait()
        client = clerk.client.application.test_client()
        offer = {"staff_number": clerk.number, "password": f"wrong number {number}"}
        return int(
            client.post(f"{LOGINS}/password", json=offer, environ_base={"REMOTE_ADDR": clerk.address}).status_code
        )

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(guess, range(12))) == {403}
    state = sql("SELECT failures, locked_until FROM staff_credentials WHERE staff_id = %s", clerk.id)[0]
    assert (state["failures"], state["locked_until"] is not None) == (5, True)


def test_unknown_wrong_locked_and_departed_get_the_same_words(clerk: Person, client: FlaskClient) -> None:
    gone, unknown = enrolled(client), Person(client, f"N{uuid.uuid4().hex[:12]}", uuid.uuid4())
    with database.work() as work:
        staff_accounts.change(work, None, gone.number, "left", {})
    wrong = told(clerk.type_password("not this one either"))
    for _ in range(5):
        clerk.type_password("not this one either")

    assert told(clerk.type_password()) == told(gone.type_password()) == told(unknown.type_password()) == wrong


def test_unknown_costs_the_same_time_as_wrong(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes time is Argon2: it runs once for somebody, for nobody, for a locked one, for one without password."""
    runs: list[str] = []
    real = passwords._hasher

    class Counted:
        def verify(self, stored: str, password: str) -> bool:
            runs.append(stored)
            return real.verify(stored, password)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(passwords, "_hasher", Counted())
    locked, without = enrolled(client), enrolled(client)
    with database.work() as work:
        work.run_sql(
            "UPDATE staff_credentials SET locked_until = now() + interval '1 hour' WHERE staff_id = %(id)s",
            {"id": locked.id},
        )
        work.run_sql("UPDATE staff_credentials SET password_hash = NULL WHERE staff_id = %(id)s", {"id": without.id})
    for person in (enrolled(client), Person(client, "nobody", uuid.uuid4()), locked, without):
        before = len(runs)
        assert_refused(person.type_password("a wrong one"))
        assert len(runs) == before + 1
        assert runs[-1].split("$")[3] == "m=19456,t=2,p=1", "with the same parameters"


def test_guessing_codes_with_a_stolen_password_locks_the_account_too(clerk: Person) -> None:
    """Logging in with the right password again and again does not set the count of wrong codes back."""
    for _ in range(settings().staff_lock_after):
        login = clerk.type_password().json
        assert_refused(clerk.step(login, "second-factor", totp="000000"))

    assert_refused(clerk.step(login, "second-factor", totp=clerk.code()))
    assert_refused(clerk.type_password())


def test_a_code_that_was_used_is_refused(clerk: Person) -> None:
    code = clerk.code()
    assert clerk.step(clerk.type_password().json, "second-factor", totp=code).json["next"] == "done"

    assert_refused(clerk.step(clerk.type_password().json, "second-factor", totp=code))


def test_the_code_of_somebody_else_is_refused(clerk: Person, client: FlaskClient) -> None:
    other = enrolled(client)

    assert_refused(clerk.step(clerk.type_password().json, "second-factor", totp=other.code()))
    assert_refused(clerk.step(clerk.type_password().json, "second-factor", recovery_code=other.recovery_codes[0]))


def test_a_code_of_two_minutes_ago_is_refused(clerk: Person) -> None:
    assert_refused(clerk.step(clerk.type_password().json, "second-factor", totp=clerk.code(-4)))


def test_a_password_alone_opens_nothing(clerk: Person) -> None:
    login = clerk.type_password().json

    for what, offer in (
        ("enrolment", {"kind": "totp"}),
        ("enrolment", {"kind": "passkey"}),
        ("enrolment/confirm", {"totp": "000000"}),
        ("new-password", {"password": "mine from now on, thanks"}),
    ):
        assert_refused(clerk.step(login, what, **offer))
    assert clerk.client.get("/v1/desk/staff", headers={"Authorization": f"Bearer {login['ticket']}"}).status_code == 401


def test_a_ticket_of_another_login_or_another_step_is_refused(clerk: Person, client: FlaskClient) -> None:
    """Session fixation: what an attacker knows of a login does not become somebody's session."""
    other = enrolled(client)
    mine, theirs = other.type_password().json, clerk.type_password().json

    assert_refused(clerk.step({"id": theirs["id"], "ticket": mine["ticket"]}, "second-factor", totp=clerk.code()))
    assert_refused(clerk.step({"id": mine["id"], "ticket": theirs["ticket"]}, "second-factor", totp=clerk.code()))
    for ticket in ("x", "票", "x" * 200):
        assert_refused(clerk.step({"id": theirs["id"], "ticket": ticket}, "second-factor", totp=clerk.code()))
    assert_refused(clerk.step({"id": uuid.uuid4(), "ticket": theirs["ticket"]}, "second-factor", totp=clerk.code()))
    assert clerk.step(theirs, "second-factor", totp=clerk.code()).json["next"] == "done", "their own still stands"


def test_each_step_gives_a_new_ticket_and_a_finished_login_is_gone(clerk: Person) -> None:
    login = clerk.type_password().json
    step = clerk.step(login, "second-factor", totp=clerk.code(), wish="new_password").json
    assert step["ticket"] != login["ticket"] and step["id"] == login["id"]
    assert_refused(clerk.step(login, "new-password", password="with the ticket of before"))
    assert clerk.step(step, "new-password", password="with the ticket of now").json["next"] == "done"

    assert_refused(clerk.step(step, "new-password", password="once more with the same"))


def test_every_login_makes_a_session_of_its_own(clerk: Person) -> None:
    first = clerk.log_in().json
    with clock.moved(timedelta(minutes=1)):
        second = clerk.log_in().json

    assert first["refresh_token"] != second["refresh_token"] and first["access_token"] != second["access_token"]


def test_a_login_that_was_left_lying_runs_out(clerk: Person) -> None:
    login = clerk.type_password().json

    with clock.moved(settings().login_life + timedelta(seconds=10)):
        assert_refused(clerk.step(login, "second-factor", totp=clerk.code()))


def test_who_was_let_go_in_the_middle_of_a_login_does_not_get_in(clerk: Person) -> None:
    login, code = clerk.type_password().json, clerk.code()
    with database.work() as work:
        staff_accounts.change(work, None, clerk.number, "left", {})

    assert_refused(clerk.step(login, "second-factor", totp=code))


def test_who_is_let_go_at_the_last_step_of_a_login_is_out_with_the_session_that_it_made(
    clerk: Person, sql: Sql
) -> None:
    """The one waits for the login, which must not wait for the one in turn."""
    login = clerk.type_password().json
    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            held = staff_steps.held(work, uuid.UUID(login["id"]), login["ticket"], staff_steps.SECOND_FACTOR)
            letting_go = pool.submit(let_go, clerk)
            wait_until_somebody_waits(sql, letting_go)
            shown = staff_steps.change(work, held, factor_shown=True)
            assert staff_steps.go_on(work, shown, Device("desk"))["next"] == staff_steps.DONE
        letting_go.result(30)

    sessions = sql("SELECT revoked_at FROM sessions WHERE staff_id = %s", clerk.id)
    assert sessions and all(session["revoked_at"] for session in sessions)


def test_who_is_being_let_go_does_not_come_in_by_single_sign_on_meanwhile(clerk: Person, sql: Sql) -> None:
    """Of two at once the later one waits: it finds nobody to let in, or a session to end."""
    proof = Proof("subject", 3, "oidc", clock.now(), {"staff_number": clerk.number})

    def sign_on() -> None:
        with database.work() as work:
            logins._enter_staff(work, proof, Device("desk"))

    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            staff_accounts.change(work, None, clerk.number, "left", {})
            entering = pool.submit(sign_on)
            wait_until_somebody_waits(sql, entering)
        with pytest.raises(LoginRefused):
            entering.result(30)
    assert sql("SELECT id FROM sessions WHERE staff_id = %s AND revoked_at IS NULL", clerk.id) == []


def let_go(person: Person) -> None:
    with database.work() as work:
        staff_accounts.change(work, None, person.number, "left", {})


def test_who_was_let_go_does_not_come_in_by_single_sign_on(desk_browser: Browser, sql: Sql) -> None:
    sql("UPDATE staff SET active = false WHERE staff_number = 'S0003'")
    try:
        assert_refused(desk_browser.log_in("liu-adviser"))
        assert_refused(desk_browser.log_in("liu-adviser", level="2"))
    finally:
        sql("UPDATE staff SET active = true WHERE staff_number = 'S0003'")


def test_a_passkey_of_a_site_that_looks_like_ours_is_refused(keyed: Person) -> None:
    """Wrong origin: the browser signed that it was elsewhere."""
    for origin in ("https://onephone.example.evil", "http://127.0.0.1", "null", settings().passkey_origins[0] + "/"):
        login = keyed.type_password().json
        answer = keyed.key.show(keyed.challenged(login), origin=origin)
        assert_refused(keyed.step(login, "second-factor", passkey=answer))
        unlock(keyed)


def test_a_passkey_for_another_domain_is_refused(keyed: Person) -> None:
    """Wrong rp id: signed with the right key, for somebody else."""
    login = keyed.type_password().json
    keyed.key.rp_id = "evil.example"

    assert_refused(keyed.step(login, "second-factor", passkey=keyed.key.show(keyed.challenged(login))))


def test_a_copied_passkey_whose_counter_goes_back_is_refused(keyed: Person) -> None:
    login = keyed.type_password().json
    assert keyed.step(login, "second-factor", passkey=keyed.key.show(keyed.challenged(login))).json["next"] == "done"
    keyed.key.count -= 2
    login = keyed.type_password().json

    assert_refused(keyed.step(login, "second-factor", passkey=keyed.key.show(keyed.challenged(login))))


def test_a_challenge_is_good_for_one_answer(keyed: Person) -> None:
    login = keyed.type_password().json
    options = keyed.challenged(login)
    assert_refused(keyed.step(login, "second-factor", passkey=keyed.key.show(options, origin="https://evil.example")))

    assert_refused(keyed.step(login, "second-factor", passkey=keyed.key.show(options)))


def test_an_answer_to_another_challenge_is_refused(keyed: Person) -> None:
    first, second = keyed.type_password().json, keyed.type_password().json
    of_the_first = keyed.key.show(keyed.challenged(first))
    keyed.challenged(second)

    assert_refused(keyed.step(second, "second-factor", passkey=of_the_first))


def test_an_answer_without_a_challenge_is_refused(keyed: Person) -> None:
    login = keyed.type_password().json
    options = {"challenge": "", "rpId": "127.0.0.1"}

    assert_refused(keyed.step(login, "second-factor", passkey=keyed.key.show(options)))


def test_an_enrolment_is_no_login(keyed: Person) -> None:
    """The answer of `create` signed for the challenge of `get`."""
    login = keyed.type_password().json
    options = keyed.challenged(login)
    answer = keyed.key.make({"challenge": options["challenge"], "rp": {"id": options["rpId"]}})

    assert_refused(keyed.step(login, "second-factor", passkey=answer))


def test_the_passkey_of_somebody_else_is_refused(keyed: Person, client: FlaskClient) -> None:
    other = newcomer(client)
    other.enrol_key(other.type_password().json)
    login = keyed.type_password().json

    assert_refused(keyed.step(login, "second-factor", passkey=other.key.show(keyed.challenged(login))))


def test_a_passkey_that_was_made_for_somebody_else_is_refused(keyed: Person, client: FlaskClient) -> None:
    """Web Authentication §7.2 step 6: a user handle names the very account that logs in."""

    def answer_of(owner: uuid.UUID) -> TestResponse:
        login = keyed.type_password().json
        shown = keyed.key.show(keyed.challenged(login))
        shown["response"]["userHandle"] = encoded(owner.bytes)
        return keyed.step(login, "second-factor", passkey=shown)

    assert_refused(answer_of(newcomer(client).id))
    assert answer_of(keyed.id).json["next"] == "done"


def test_a_passkey_with_an_endless_name_is_refused(client: FlaskClient) -> None:
    """A credential id has at most 1023 bytes (Web Authentication §4); an index of ours takes no longer one."""
    person = newcomer(client)
    person.key.credential_id = secrets.token_bytes(1024)

    assert_refused(person.enrol_key(person.type_password().json))


def test_a_passkey_that_is_enrolled_already_becomes_nobody_elses(keyed: Person, client: FlaskClient) -> None:
    other = newcomer(client)
    other.key = keyed.key

    assert_refused(other.enrol_key(other.type_password().json))


def test_a_forged_signature_is_refused(keyed: Person) -> None:
    forger = Authenticator(settings().passkey_origins[0])
    forger.credential_id = keyed.key.credential_id
    forger.count = 50
    login = keyed.type_password().json

    assert_refused(keyed.step(login, "second-factor", passkey=forger.show(keyed.challenged(login))))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text("ab-_AQ=é", max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@of_hypothesis(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(broken=st.dictionaries(st.sampled_from(["id", "rawId", "type", "response"]), _JSON), inner=_JSON)
def test_broken_passkeys_are_unsound_and_never_a_fault(keyed: Person, broken: Any, inner: Any) -> None:
    mixed = keyed.key.show({"challenge": encoded(b"c" * 32), "rpId": "127.0.0.1"}) | broken
    if isinstance(mixed["response"], dict):
        mixed["response"] = {**mixed["response"], "authenticatorData": inner}

    with pytest.raises(PasskeyUnsound), database.work() as work:
        passkeys.use(work, keyed.id, b"c" * 32, mixed)


@pytest.mark.parametrize("cut", [0, 1, 36, 37, 54, 60])
def test_a_cut_or_swollen_enrolment_is_refused(client: FlaskClient, cut: int) -> None:
    person = newcomer(client)
    login = person.type_password().json
    options = person.step(login, "enrolment", kind="passkey").json["passkey"]
    answer = person.key.make(options)
    whole = decoded(answer["response"]["attestationObject"])
    answer["response"]["attestationObject"] = encoded(whole[:cut] + b"\xff" * 50)

    assert_refused(person.step(login, "enrolment/confirm", passkey=answer))


def test_a_bomb_of_nested_cbor_is_refused(client: FlaskClient) -> None:
    person = newcomer(client)
    login = person.type_password().json
    options = person.step(login, "enrolment", kind="passkey").json["passkey"]
    answer = person.key.make(options)
    answer["response"]["attestationObject"] = encoded(b"\x81" * 100_000)

    assert_refused(person.step(login, "enrolment/confirm", passkey=answer))


def test_more_than_one_factor_at_once_is_refused(clerk: Person) -> None:
    login = clerk.type_password().json

    for offer in ({}, {"totp": "1", "recovery_code": "2"}):
        assert clerk.step(login, "second-factor", **offer).status_code == 422


def test_a_token_of_a_resident_and_one_without_signature_open_no_desk(phone: Phone, clerk: Person) -> None:
    tokens = clerk.log_in().json
    head, claims, _ = tokens["access_token"].split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()

    for token in (
        phone.tokens["access_token"],
        f"{unsigned}.{claims}.",
        f"{head}.{claims}.AAAA",
        tokens["refresh_token"],
    ):
        answer = clerk.client.get("/v1/desk/staff", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")


def test_a_refresh_token_that_was_used_ends_the_session_of_staff_too(clerk: Person, sql: Sql) -> None:
    """Replayed: the session ends for both holders, and stands in the record that auditors read."""
    tokens = clerk.log_in().json
    offer = {"refresh_token": tokens["refresh_token"]}
    fresh = clerk.client.post("/v1/tokens/refresh", json=offer).json
    with clock.moved(timedelta(minutes=2)):
        assert clerk.client.post("/v1/tokens/refresh", json=offer).status_code == 401

        again = clerk.client.post("/v1/tokens/refresh", json={"refresh_token": fresh["refresh_token"]})
    assert again.status_code == 401
    found = sql("SELECT reason FROM staff_sign_ins WHERE staff_id = %s AND outcome = 'refused'", clerk.id)
    assert found == [{"reason": "refresh: copied"}]


def unlock(person: Person) -> None:
    with database.work() as work:
        staff_accounts.change(work, None, person.number, "unlocked", {})
