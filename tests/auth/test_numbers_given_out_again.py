"""Numbers given out again: who gets somebody's old phone number does not get their account with it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock, database
from app.people import accounts
from app.people.accounts import NUMBER_FROZEN
from app.people.identities import Identity
from app.people.residents import Person
from auth import logins
from auth.devices import Device
from tests.auth.conftest import decoded
from tests.product import Phone, RunJobs

Sql = Callable[..., list[Any]]


class Number:
    """One number, and whoever proves just now that they hold it."""

    def __init__(self, app: Flask) -> None:
        self.app, self.subject = app, f"tel-{uuid.uuid4().hex}"

    def log_in(self, device: str, method: str = "sms_otp") -> Phone:
        here = Device("phone", hashlib.sha256(device.encode()).hexdigest())
        with database.work() as work:
            pair = logins._enter_resident(work, self.proof(method), here)
        return Phone(uuid.UUID(decoded(pair["access_token"])["sub"]), pair, self.app.test_client())

    def proof(self, method: str = "sms_otp") -> Identity:
        return Identity("phone", self.subject, 1, method, clock.now(), phone="19900000002")


@pytest.fixture
def number(product: Flask) -> Number:
    return Number(product)


def forget(sql: Sql, who: Phone) -> None:
    """Their last login was a quarter of a year ago, and their session is still in the list."""
    sql(
        "UPDATE identities SET last_login_at = last_login_at - interval '91 days' WHERE resident_id = %s",
        who.resident_id,
    )


def test_within_ninety_days_a_number_is_still_its_holders(number: Number) -> None:
    before = number.log_in("old")

    with clock.moved(NUMBER_FROZEN - timedelta(minutes=1)):
        assert number.log_in("new", "voice_otp").resident_id == before.resident_id
    with clock.moved(2 * NUMBER_FROZEN - timedelta(minutes=2)):
        assert number.log_in("newer").resident_id == before.resident_id, "each login counts anew"


def test_a_number_of_long_ago_begins_a_new_account_and_the_one_that_nobody_can_enter_ends(
    number: Number, sql: Sql
) -> None:
    before = number.log_in("old")
    before.start("residence-permit", {"employer_name": "某公司"})

    with clock.moved(NUMBER_FROZEN):
        after = number.log_in("new")
        assert after.get("/v1/submissions").json["items"] == []

    assert after.resident_id != before.resident_id
    [closed] = sql("SELECT closed_at, phone FROM residents WHERE id = %s", before.resident_id)
    assert closed["closed_at"] is not None and closed["phone"] is None
    assert sql("SELECT id FROM submissions WHERE applicant_id = %s", before.resident_id) == []


def test_a_persons_account_loses_the_number_and_they_are_told(number: Number, sql: Sql, run_jobs: RunJobs) -> None:
    before = number.log_in("old")
    person = Person("赵敏", "111", "110101199003074477", None)
    e_id = Identity("sandbox", uuid.uuid4().hex, 3, "oidc", clock.now(), person)
    with database.work() as work:
        owner, _ = accounts.link(work, before.resident_id, e_id)

    with clock.moved(NUMBER_FROZEN):
        after = number.log_in("new")
        assert after.get("/v1/me").json["name"] is None
    run_jobs()

    assert after.resident_id != owner
    assert [way["provider"] for way in before.get("/v1/identities").json["items"]] == ["sandbox"]
    assert [one["kind"] for one in before.get("/v1/inbox").json["items"]] == ["identity_removed", "identity_added"]


def test_the_same_phone_finds_its_account(number: Number, sql: Sql) -> None:
    """In elder mode one logs in once in ninety days, when the session has just come to its end."""
    before = number.log_in("own")
    forget(sql, before)

    assert number.log_in("own").resident_id == before.resident_id


def test_a_device_that_its_owner_logged_out_is_a_strangers(number: Number, sql: Sql) -> None:
    before = number.log_in("lost")
    before.send("DELETE", "/v1/sessions/current")
    forget(sql, before)

    assert number.log_in("lost").resident_id != before.resident_id


def test_linking_an_old_number_brings_nothing_of_its_former_holder(number: Number) -> None:
    before, own = number.log_in("old"), Number(number.app).log_in("mine")
    before.start("residence-permit", {"employer_name": "某公司"})

    with clock.moved(NUMBER_FROZEN), database.work() as work:
        accounts.link(work, own.resident_id, number.proof())

    assert own.get("/v1/submissions").json["items"] == []
    assert len(own.get("/v1/identities").json["items"]) == 2


def test_wechat_is_given_to_nobody_else(product: Flask) -> None:
    wechat = Identity("wechat", uuid.uuid4().hex, 1, "wechat", clock.now())
    with database.work() as work:
        owner, _ = accounts.enter(work, wechat)

    with clock.moved(NUMBER_FROZEN * 4), database.work() as work:
        assert accounts.enter(work, wechat)[0] == owner
