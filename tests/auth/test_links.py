"""Links: somebody who is logged in adds another login to their account, and nobody adds one to somebody else's."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock, database
from app.people import accounts
from app.people.accounts import IdentityTaken
from app.people.identities import Identity
from app.people.residents import Person
from app.settings import settings
from auth import sessions
from tests.auth.conftest import TIMEOUT, Browser, decoded
from tests.product import Phone, RunJobs

Sql = Callable[..., list[Any]]


@pytest.fixture
def visitor(product: Flask, sql: Sql) -> Phone:
    """Somebody by WeChat alone, on a database where nobody has logged in at the e-ID before."""
    sql("DELETE FROM identities WHERE provider = 'sandbox'")
    sql("UPDATE residents SET proved_level = NULL")
    identity = Identity("wechat", uuid.uuid4().hex, 1, "wechat", clock.now())
    with database.work() as work:
        resident_id, _ = accounts.enter(work, identity)
        tokens = sessions.open_for_resident(work, resident_id, 1, clock.now(), "phone", "wechat", "wechat")
    return Phone(resident_id, tokens, product.test_client())


@pytest.fixture
def linking(visitor: Phone, outside: str) -> Browser:
    """The visitor's own browser: it sends their access token along."""
    return Browser(Sender(visitor), outside)  # type: ignore[arg-type]


class Sender:
    """A client that sends a phone's token with every request, as an app does."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone

    def post(self, path: str, json: Any) -> TestResponse:
        return self.phone.send("POST", path, json=json)


def me(client: FlaskClient, tokens: dict[str, Any]) -> dict[str, Any]:
    shown = client.get("/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert shown.status_code == 200, shown.text
    return dict(shown.json or {})


def test_a_visitor_becomes_a_person_and_keeps_the_account(visitor: Phone, linking: Browser) -> None:
    draft = visitor.start("residence-permit", {"employer_name": "某公司"})
    login = linking.start(link=True).json
    answer = linking.complete(login, linking.choose(login, "ouyang-xue"))
    assert answer.status_code == 200, answer.text

    known = me(visitor.client, answer.json)
    assert (known["id"], known["name"], known["identity_level"]) == (str(visitor.resident_id), "欧阳雪", 3)
    assert visitor.get(f"/v1/submissions/{draft['id']}").json["answers"]["employer_name"] == "某公司"
    ways = visitor.get("/v1/identities").json["items"]
    assert [way["provider"] for way in ways] == ["wechat", "sandbox"]


def test_a_visitor_who_has_an_account_as_a_person_finds_their_draft_there(
    visitor: Phone, linking: Browser, browser: Browser
) -> None:
    owner = decoded(browser.log_in("ouyang-xue").json["access_token"])["sub"]
    draft = visitor.start("residence-permit", {})

    login = linking.start(link=True).json
    pair = linking.complete(login, linking.choose(login, "ouyang-xue")).json

    assert decoded(pair["access_token"])["sub"] == owner != str(visitor.resident_id)
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    assert visitor.client.get(f"/v1/submissions/{draft['id']}", headers=headers).status_code == 200
    time.sleep(1.1)
    assert visitor.get("/v1/me").status_code == 401, "what that token says of whose it is is not so any more"
    again = visitor.client.post("/v1/tokens/refresh", json={"refresh_token": visitor.tokens["refresh_token"]}).json
    assert decoded(again["access_token"])["sub"] == owner, "and the device goes on"


def test_a_link_is_finished_by_the_session_that_began_it_and_no_other(
    visitor: Phone, linking: Browser, browser: Browser, make_phone: Callable[..., Phone], outside: str
) -> None:
    """Else somebody could send a victim an answer, and have the victim's e-ID in their own account."""
    other = Browser(Sender(make_phone()), outside)  # type: ignore[arg-type]
    for foreign in (browser, other):
        login = linking.start(link=True).json
        answer = foreign.complete(login, linking.choose(login, "ouyang-xue"))

        assert answer.status_code in (401, 403) and answer.json["code"] in ("token_missing", "login_refused")
    assert len(visitor.get("/v1/identities").json["items"]) == 1


def test_a_link_needs_somebody_who_is_logged_in(browser: Browser) -> None:
    answer = browser.start(link=True)

    assert (answer.status_code, answer.json["code"]) == (401, "token_missing")


def test_a_link_needs_a_login_of_just_now(linking: Browser) -> None:
    with clock.moved(timedelta(minutes=16)):
        answer = linking.start(link=True)

    assert (answer.status_code, answer.json["code"]) == (403, "step_up_required")
    assert answer.json["required_level"] == 1


def test_a_weak_login_adds_nothing_to_a_persons_account(
    make_phone: Callable[..., Phone], outside: str, sql: Sql
) -> None:
    """A stolen WeChat must not be able to put the thief's e-ID in."""
    phone = make_phone(level=1)
    sql("UPDATE residents SET proved_level = 3 WHERE id = %s", phone.resident_id)
    try:
        answer = Browser(Sender(phone), outside).start(link=True)  # type: ignore[arg-type]
    finally:
        sql("UPDATE residents SET proved_level = NULL WHERE id = %s", phone.resident_id)

    assert (answer.status_code, answer.json["code"], answer.json["required_level"]) == (403, "step_up_required", 3)


def test_a_link_of_before_does_not_outlast_that_the_account_was_nobodys(
    visitor: Phone, linking: Browser, product: Flask
) -> None:
    """Who holds somebody's WeChat begins to add a login of their own, and waits for the owner to prove who they are."""
    with database.work() as work:
        tokens = sessions.open_for_resident(work, visitor.resident_id, 1, clock.now(), "thief", "wechat", "wechat")
    thief = Phone(visitor.resident_id, tokens, product.test_client())
    backdoor = Browser(Sender(thief), linking.sandbox)  # type: ignore[arg-type]
    begun = backdoor.start(provider="wechat", redirect_uri=None, link=True).json
    linked(visitor, linking)

    page = requests.post(f"{linking.sandbox}/wechat/phone/login", json={"person": "zhang-wei"}, timeout=TIMEOUT)
    answer = backdoor.complete(begun, {"code": page.json()["code"]})

    assert (answer.status_code, answer.json["code"], answer.json["required_level"]) == (403, "step_up_required", 3)
    assert len(visitor.get("/v1/identities").json["items"]) == 2


def test_who_takes_their_time_at_the_provider_still_adds_their_login(visitor: Phone, linking: Browser) -> None:
    """The login that began it was fresh then; it need not be once more."""
    with clock.moved(timedelta(minutes=14)):
        login = linking.start(link=True).json
    with clock.moved(timedelta(minutes=20)):
        answer = linking.complete(login, linking.choose(login, "ouyang-xue"))

    assert answer.status_code == 200, answer.text


def test_another_persons_e_id_is_not_added(linking: Browser, visitor: Phone) -> None:
    first = linking.start(link=True).json
    pair = linking.complete(first, linking.choose(first, "ouyang-xue")).json
    visitor.tokens = pair
    second = linking.start(link=True).json

    answer = linking.complete(second, linking.choose(second, "zhang-wei"))

    assert (answer.status_code, answer.json["code"]) == (409, "identity_of_somebody_else")


def test_a_stolen_wechat_does_not_put_the_thiefs_own_login_into_a_persons_account(visitor: Phone, sql: Sql) -> None:
    """The other way round: the thief, in an account of their own, adds the victim's WeChat to it. One would become the
    other's, so the login that is added must be as strong as its owner would need."""
    wechat = f"wechat-{uuid.uuid4().hex}"
    victim = Identity("wechat", wechat, 1, "wechat", clock.now())
    with database.work() as work:
        owner, _ = accounts.enter(work, victim)
        accounts.link(work, owner, person_of(Identity("sandbox", uuid.uuid4().hex, 3, "oidc", clock.now())))

    with database.work() as work, pytest.raises(IdentityTaken):
        accounts.link(work, visitor.resident_id, victim)

    assert sql("SELECT count(*) AS n FROM identities WHERE resident_id = %s", owner) == [{"n": 2}]
    assert len(visitor.get("/v1/identities").json["items"]) == 1


def person_of(identity: Identity) -> Identity:
    return replace(identity, person=Person("赵敏", "111", "110101199003074477", None))


def test_a_person_is_told_of_the_logins_that_come_with_an_account_that_becomes_theirs(
    visitor: Phone, linking: Browser, browser: Browser, run_jobs: RunJobs
) -> None:
    browser.log_in("ouyang-xue")
    login = linking.start(link=True).json
    visitor.tokens = linking.complete(login, linking.choose(login, "ouyang-xue")).json
    run_jobs()

    assert [one["kind"] for one in visitor.get("/v1/inbox").json["items"]] == ["identity_added"]


def test_staff_link_nothing(desk_browser: Browser) -> None:
    answer = desk_browser.start(link=True)

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["/link"])


# ——— Taking one away. ———


def linked(visitor: Phone, linking: Browser) -> dict[str, str]:
    """A person with WeChat and an e-ID; the ids of both by their provider."""
    login = linking.start(link=True).json
    visitor.tokens = linking.complete(login, linking.choose(login, "ouyang-xue")).json
    return {way["provider"]: way["id"] for way in visitor.get("/v1/identities").json["items"]}


@pytest.fixture
def two_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """WeChat is one of the configured providers, as it is in a deployment with a mini-program."""
    from_settings = settings().eid_providers
    monkeypatch.setitem(from_settings, "wechat", {"levels": {"wechat": 1}})


@pytest.mark.usefixtures("two_ways")
def test_a_login_that_was_taken_away_opens_nothing_of_mine_and_i_am_told(
    visitor: Phone, linking: Browser, run_jobs: RunJobs
) -> None:
    ways = linked(visitor, linking)

    assert visitor.send("DELETE", f"/v1/identities/{ways['wechat']}").status_code == 204
    run_jobs()

    assert [way["provider"] for way in visitor.get("/v1/identities").json["items"]] == ["sandbox"]
    told = [one["kind"] for one in visitor.get("/v1/inbox").json["items"]]
    assert told == ["identity_removed", "identity_added"]


@pytest.mark.usefixtures("two_ways")
def test_a_login_that_was_taken_away_is_logged_out_wherever_it_was_used(visitor: Phone, linking: Browser) -> None:
    """A stolen WeChat that its owner takes away does not stay in for the month that a session lasts."""
    stolen = visitor.tokens["refresh_token"]
    ways = linked(visitor, linking)

    assert visitor.send("DELETE", f"/v1/identities/{ways['wechat']}").status_code == 204

    answer = visitor.client.post("/v1/tokens/refresh", json={"refresh_token": stolen})
    assert (answer.status_code, answer.json["code"]) == (401, "refresh_token_invalid")
    own = visitor.client.post("/v1/tokens/refresh", json={"refresh_token": visitor.tokens["refresh_token"]})
    assert own.status_code == 200


@pytest.mark.usefixtures("two_ways")
def test_the_last_login_that_works_is_not_taken_away(visitor: Phone, linking: Browser) -> None:
    ways = linked(visitor, linking)
    visitor.send("DELETE", f"/v1/identities/{ways['wechat']}")

    answer = visitor.send("DELETE", f"/v1/identities/{ways['sandbox']}")

    assert (answer.status_code, answer.json["code"]) == (409, "last_identity")
    assert visitor.get("/v1/identities").json["items"][0]["removable"] is False


def test_a_login_at_a_provider_that_is_gone_does_not_count_as_one_that_works(
    visitor: Phone, linking: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(settings().eid_providers, "wechat", raising=False)
    ways = linked(visitor, linking)
    shown = {way["provider"]: way for way in visitor.get("/v1/identities").json["items"]}
    assert shown["wechat"]["usable"] is False and shown["wechat"]["removable"] is True

    assert visitor.send("DELETE", f"/v1/identities/{ways['sandbox']}").json["code"] == "last_identity"


@pytest.mark.usefixtures("two_ways")
def test_taking_one_away_needs_a_login_of_just_now(visitor: Phone, linking: Browser) -> None:
    ways = linked(visitor, linking)

    with clock.moved(timedelta(minutes=16)):
        answer = visitor.send("DELETE", f"/v1/identities/{ways['wechat']}")

    assert (answer.status_code, answer.json["code"]) == (403, "step_up_required")
    assert len(visitor.get("/v1/identities").json["items"]) == 2


def test_somebody_elses_is_none_of_mine(visitor: Phone, linking: Browser, make_phone: Callable[..., Phone]) -> None:
    ways = linked(visitor, linking)

    answer = make_phone().send("DELETE", f"/v1/identities/{ways['sandbox']}")

    assert (answer.status_code, answer.json["code"]) == (404, "identity_not_found")
