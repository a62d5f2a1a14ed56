"""Mergers: an account by WeChat alone becomes part of its person's, and nothing that was in it is lost."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from app import clock, database
from app.crypto import data_keys
from app.documents.uploads import ask_slot
from app.people import mergers, residents, sign_ins
from app.people.mergers import MergeNotPossible
from app.people.sign_ins import SignIn
from app.privacy import held_rows, holdings
from app.settings import settings
from app.submissions import drafts
from auth import sessions
from auth.devices import Device
from notifications import subscriptions
from notifications.subscriptions import wechat_bindings
from tests.app.people.conftest import caller, enter, link, somebody, vouched, ways_in
from tests.product import Phone, RunJobs, picture, wait_until_somebody_waits

Sql = Callable[..., list[Any]]

sweep: Any = mergers.sweep

SHOWN = {"notices": [{"code": "wechat-push", "version": 1}]}


def log_in(app: Flask, resident_id: uuid.UUID, level: int, device: Device | None = None) -> Phone:
    with database.work() as work:
        tokens = sessions.open_for_resident(work, resident_id, level, clock.now(), device or Device("phone"))
    return Phone(resident_id, tokens, app.test_client())


@pytest.fixture
def visitor(product: Flask) -> Phone:
    """Somebody by WeChat alone."""
    return log_in(product, enter(vouched(None, 1, "wechat", phone="19900003333")), 1)


@pytest.fixture
def owner(product: Flask) -> Phone:
    """A person with an account of their own."""
    person = residents.Person(**{**vars(somebody()), "phone": None})
    return log_in(product, enter(vouched(person, 4)), 4)


def merge(visitor: Phone, owner: Phone) -> None:
    with database.work() as work:
        mergers.merge(work, visitor.resident_id, owner.resident_id)
        sessions.outdate(work, sessions.sessions.c.resident_id == owner.resident_id)


def renewed(phone: Phone) -> Phone:
    answer = phone.client.post("/v1/tokens/refresh", json={"refresh_token": phone.tokens["refresh_token"]})
    assert answer.status_code == 200, answer.text
    return Phone(phone.resident_id, dict(answer.json or {}), phone.client)


def test_drafts_and_their_files_move_and_go_on(visitor: Phone, owner: Phone, run_jobs: RunJobs) -> None:
    draft = visitor.start("residence-permit", {"employer_name": "某公司"})
    upload = visitor.upload(draft["id"], "photo", picture())
    merge(visitor, owner)
    run_jobs()

    person = renewed(owner)
    mine = person.get(f"/v1/submissions/{draft['id']}").json

    assert mine["answers"]["employer_name"] == "某公司"
    assert [one["id"] for one in mine["uploads"]] == [upload]
    assert person.patch(f"/v1/submissions/{draft['id']}", {"employer_name": "新公司"}, '"1"').status_code == 200


def test_both_sides_devices_go_on_as_the_one_person(visitor: Phone, owner: Phone) -> None:
    merge(visitor, owner)

    theirs, mine = renewed(visitor), renewed(owner)

    assert theirs.get("/v1/me").json["id"] == mine.get("/v1/me").json["id"] == str(owner.resident_id)
    assert theirs.get("/v1/me").json["identity_level"] == 1, "its login is as weak as before"
    assert len(mine.get("/v1/sessions").json["items"]) == 2


def test_all_ways_in_lead_to_the_one_account(product: Flask) -> None:
    wechat, e_id, person = vouched(None, 1, "wechat"), vouched, somebody()
    theirs, mine = enter(wechat), enter(e_id(person))

    assert link(theirs, e_id(person, provider="network")) == (mine, True)

    assert enter(wechat) == mine
    assert {way["provider"] for way in ways_in(mine)} == {"wechat", "sandbox", "network"}


def test_it_is_the_same_whichever_of_the_two_adds_the_other(product: Flask) -> None:
    wechat, e_id = vouched(None, 1, "wechat"), vouched(somebody())
    enter(wechat)
    mine = enter(e_id)

    assert link(mine, wechat) == (mine, True)
    assert enter(wechat) == mine


def test_two_accounts_of_nobody_become_one(product: Flask) -> None:
    wechat, phone = vouched(None, 1, "wechat"), vouched(None, 1, "phone", phone="19900004444")
    theirs, mine = enter(wechat), enter(phone)

    assert link(theirs, phone) == (theirs, True)
    assert enter(phone) == theirs != mine


def test_the_phone_number_and_the_sign_ins_with_their_networks_move(visitor: Phone, owner: Phone) -> None:
    with database.work() as work:
        sign_ins.record(work, SignIn(visitor.resident_id, sign_ins.ENTERED, "tablet", "198.51.100.0/24"))
    merge(visitor, owner)

    mine = renewed(owner)
    assert mine.get("/v1/me").json["phone"] == "199****3333"
    told = {(one["device"], one["network"]) for one in mine.get("/v1/sign-ins").json["items"]}
    assert ("tablet", "198.51.100.0/24") in told


def test_notices_shown_are_kept_as_they_were(visitor: Phone, owner: Phone, sql: Sql) -> None:
    """The database lets nobody change them, so they are written anew under the person."""
    shown = visitor.post("/v1/acknowledgements", SHOWN)
    assert shown.status_code == 201, shown.text
    what = "SELECT notice_code, notice_version, notice_sha256, at, device, method FROM acknowledgements"
    before = sql(f"{what} WHERE resident_id = %s", visitor.resident_id)
    merge(visitor, owner)

    assert sql(f"{what} WHERE resident_id = %s", owner.resident_id) == before
    assert sql(f"{what} WHERE resident_id = %s", visitor.resident_id) == []


def test_a_request_that_is_sent_again_finds_its_answer(visitor: Phone, owner: Phone) -> None:
    key = str(uuid.uuid4())
    body = {"service": "residence-permit", "answers": {}}
    first = visitor.post("/v1/submissions", body, key=key)
    merge(visitor, owner)

    again = renewed(visitor).post("/v1/submissions", body, key=key)

    assert again.json["id"] == first.json["id"] and again.headers["Idempotent-Replayed"] == "true"


def bound(resident_id: uuid.UUID, openid: str) -> None:
    with database.work() as work:
        key = data_keys.of(work.connection, resident_id)
        sealed = key.seal(openid, subscriptions.OPENID, resident_id)
        index = hashlib.sha256(openid.encode()).digest()
        values = {"openid": sealed, "openid_index": index, "progress_credits": 1}
        work.run(insert(wechat_bindings).values(resident_id=resident_id, **values))


@pytest.mark.parametrize(("own", "kept"), [(None, "of-the-visitor"), ("of-the-owner", "of-the-owner")])
def test_the_wechat_for_messages_moves_unless_there_is_one(
    visitor: Phone, owner: Phone, own: str | None, kept: str
) -> None:
    bound(visitor.resident_id, "of-the-visitor")
    if own is not None:
        bound(owner.resident_id, own)
    merge(visitor, owner)

    with database.reading() as connection:
        binding = subscriptions.of(connection, owner.resident_id)
        assert subscriptions.openid(connection, binding) == kept


def test_nothing_is_left_behind(visitor: Phone, owner: Phone, run_jobs: RunJobs, sql: Sql) -> None:
    draft = visitor.start("residence-permit", {})
    visitor.upload(draft["id"], "photo", picture())
    visitor.post("/v1/acknowledgements", SHOWN)
    run_jobs()
    with database.reading() as connection:
        before = counted(connection, visitor.resident_id)
    merge(visitor, owner)

    with database.reading() as connection:
        left = counted(connection, visitor.resident_id)
    assert {table for table, number in before.items() if number} >= {"submissions", "uploads", "identities", "sessions"}
    assert {table for table, number in left.items() if number} == {"residents"}


def counted(connection: Any, resident_id: uuid.UUID) -> dict[str, int]:
    return {holding.table: held_rows.count(connection, holding, resident_id) for holding in holdings.HOLDINGS}


def test_what_slips_in_before_the_last_token_dies_moves_too(visitor: Phone, owner: Phone, sql: Sql) -> None:
    merge(visitor, owner)
    # A request that was let in a moment before.
    with database.work() as work:
        draft = drafts.start(work, caller(visitor.resident_id, 1), "residence-permit", {"employer_name": "某公司"})

    sweep(0)
    assert sql("SELECT 1 FROM residents WHERE id = %s", visitor.resident_id), "it waits"
    with clock.moved(2 * settings().access_token_life + timedelta(seconds=1)):
        sweep(0)
        sweep(0)

    assert renewed(owner).get(f"/v1/submissions/{draft.id}").json["answers"]["employer_name"] == "某公司"
    assert sql("SELECT 1 FROM residents WHERE id = %s", visitor.resident_id) == []
    assert sql("SELECT 1 FROM data_keys WHERE owner_id = %s", visitor.resident_id) == []


def test_a_merger_that_dies_halfway_never_happened(visitor: Phone, owner: Phone, sql: Sql) -> None:
    draft = visitor.start("residence-permit", {})

    with pytest.raises(ConnectionResetError), database.work() as work:
        mergers.merge(work, visitor.resident_id, owner.resident_id)
        raise ConnectionResetError

    assert visitor.get(f"/v1/submissions/{draft['id']}").status_code == 200
    assert sql("SELECT merged_into FROM residents WHERE id = %s", visitor.resident_id) == [{"merged_into": None}]


def test_a_proved_person_is_never_merged_into_another(owner: Phone, product: Flask) -> None:
    other = enter(vouched(somebody("张伟")))

    with pytest.raises(MergeNotPossible), database.work() as work:
        mergers.merge(work, owner.resident_id, other)


def test_an_account_that_is_being_closed_takes_nobody_in(visitor: Phone, owner: Phone) -> None:
    assert visitor.post("/v1/erasures").status_code == 202

    with pytest.raises(MergeNotPossible):
        merge(visitor, owner)


def test_drafts_that_are_started_meanwhile_are_not_lost(visitor: Phone, owner: Phone, product: Flask) -> None:
    phones = [Phone(visitor.resident_id, visitor.tokens, product.test_client()) for _ in range(4)]

    def start(phone: Phone) -> int:
        body = {"service": "residence-permit", "answers": {}}
        return phone.post("/v1/submissions", body).status_code

    with ThreadPoolExecutor(5) as pool:
        started = [pool.submit(start, phone) for phone in phones]
        pool.submit(merge, visitor, owner).result(60)
        statuses = [one.result(60) for one in started]
    with clock.moved(2 * settings().access_token_life + timedelta(seconds=1)):
        sweep(0)

    found = renewed(owner).get("/v1/submissions?limit=100").json["items"]
    assert len(found) == statuses.count(201) and set(statuses) <= {201, 401, 503}


def test_who_logs_in_during_the_merger_enters_the_account_that_stays(product: Flask, owner: Phone, sql: Sql) -> None:
    wechat = vouched(None, 1, "wechat")
    visitor = enter(wechat)
    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            mergers.merge(work, visitor, owner.resident_id)
            entering = pool.submit(enter, wechat)
            wait_until_somebody_waits(sql, entering)
        assert entering.result(30) == owner.resident_id


def test_an_account_that_two_people_would_take_in_at_once_goes_to_the_first(
    visitor: Phone, owner: Phone, product: Flask, sql: Sql
) -> None:
    """The second waits for the row, and then what slips in later would go to somebody else than all before it."""
    other = log_in(product, enter(vouched(somebody("王秀英"), 4)), 4)
    merge(visitor, owner)

    with pytest.raises(MergeNotPossible):
        merge(visitor, other)

    [row] = sql("SELECT merged_into FROM residents WHERE id = %s", visitor.resident_id)
    assert row["merged_into"] == owner.resident_id


def test_a_merger_waits_for_a_file_that_is_being_added_and_not_in_a_circle(
    visitor: Phone, owner: Phone, sql: Sql
) -> None:
    """Else PostgreSQL would undo the one who logs in to add themselves, whose answer of the provider is spent."""
    draft = uuid.UUID(visitor.start("residence-permit")["id"])
    wish = {"material": "photo", "filename": "a.png", "content_type": "image/png", "size": 9, "sha256": "0" * 64}
    theirs = caller(visitor.resident_id)

    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            drafts.own_draft(work, theirs, draft)
            merging = pool.submit(merge, visitor, owner)
            wait_until_somebody_waits(sql, merging)
            asked = ask_slot(work, theirs, draft, wish)
        merging.result(30)

    [row] = sql("SELECT owner_id FROM uploads WHERE id = %s", asked["id"])
    assert row["owner_id"] == owner.resident_id
