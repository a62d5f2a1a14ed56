"""Accounts: two logins are one person when both proved it, and never because they look alike."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app import database
from app.people import accounts, mergers, residents
from app.people.accounts import IdentityOfSomebodyElse, IdentityTaken, PersonUnproved
from app.people.mergers import MergeNotPossible
from app.privacy import erasures
from tests.app.people.conftest import Inbox, enter, link, somebody, vouched, ways_in

Sql = Callable[..., list[Any]]

pytestmark = pytest.mark.usefixtures("product")


def known(resident_id: uuid.UUID) -> residents.Person | None:
    with database.reading() as connection:
        return residents.person(connection, resident_id)


# ——— The same identity is the same account. ———


def test_the_same_identity_comes_back_to_the_same_account() -> None:
    identity = vouched(somebody())

    assert enter(identity) == enter(identity)


def test_the_same_subject_at_another_provider_is_somebody_else() -> None:
    subject = uuid.uuid4().hex

    assert enter(vouched(somebody(), subject=subject)) != enter(vouched(somebody(), provider="other", subject=subject))


def test_a_first_login_many_times_at_once_makes_one_account() -> None:
    identity = vouched(somebody())

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(lambda _: enter(identity), range(4)))) == 1


# ——— Joined by the person. ———


def test_two_e_ids_that_prove_one_person_are_one_account(inbox: Inbox) -> None:
    person = somebody()
    first = enter(vouched(person, provider="province"))

    assert enter(vouched(person, level=4, provider="network")) == first
    assert {way["provider"]: way["level"] for way in ways_in(first)} == {"province": 3, "network": 4}
    assert inbox.kinds(first) == ["identity_added"], "its owner hears of another way in"


def test_first_logins_of_one_person_at_two_providers_at_once_make_one_account() -> None:
    person = somebody()
    logins = [vouched(person, provider=f"provider-{number}") for number in range(4)]

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(enter, logins))) == 1


def test_a_number_and_a_name_that_are_written_otherwise_are_the_same() -> None:
    person = replace(somebody("阿依古丽·买买提"), document_type="111", document_number="11010519491231002X")
    first = enter(vouched(person))
    again = replace(person, name="阿依古丽•买买提", document_number=" 11010519491231002x")
    try:
        assert enter(vouched(again, provider="other")) == first
    finally:
        with database.work() as work:
            work.run_sql("UPDATE residents SET proved_level = NULL WHERE id = %(id)s", {"id": first})


@pytest.mark.parametrize(
    "differs",
    [{"name": "李建军"}, {"document_number": "E99"}, {"document_type": "511"}],
    ids=["another name", "another number", "another kind of document"],
)
def test_who_differs_in_anything_is_somebody_else(differs: dict[str, str]) -> None:
    person = somebody()
    first = enter(vouched(person))

    assert enter(vouched(replace(person, **differs), provider="other")) != first


def test_the_phone_number_alone_joins_nobody() -> None:
    """People share phones, and numbers are given out again."""
    first = enter(vouched(somebody()))

    assert enter(vouched(None, 1, "phone", phone="19900000002")) != first
    assert enter(vouched(somebody(), provider="other")) != first


@pytest.mark.parametrize(("first", "second"), [(2, 3), (3, 2), (2, 2)])
def test_a_login_that_only_proves_that_the_person_exists_joins_nobody(first: int, second: int) -> None:
    """Name and number were checked, not that the holder of the phone is that person (domain-facts §2.3)."""
    person = somebody()
    account = enter(vouched(person, first))

    assert enter(vouched(person, second, "other")) != account


def test_a_closed_account_is_not_found_again() -> None:
    person = somebody()
    first = enter(vouched(person))
    with database.work() as work:
        work.run_sql("DELETE FROM identities WHERE resident_id = %(id)s", {"id": first})
        work.run_sql(
            "UPDATE residents SET closed_at = now(), name_index = NULL, document_number_index = NULL,"
            " phone = NULL, phone_index = NULL WHERE id = %(id)s",
            {"id": first},
        )

    assert enter(vouched(person)) != first


# ——— What a login may change. ———


def test_a_login_that_meets_a_closing_does_not_open_what_is_being_closed() -> None:
    """It waits, and begins a new account, as every later login does."""
    identity = vouched(somebody())
    closed = enter(identity)

    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            erasures.close(work, closed)
            entered = pool.submit(enter, identity)
            time.sleep(0.5)
        assert entered.result(60) != closed


def test_a_new_name_is_taken_over_from_who_proves_it() -> None:
    person = somebody()
    identity = vouched(person)
    account = enter(identity)

    enter(replace(identity, person=replace(person, name="李建民")))

    assert known(account) == replace(person, name="李建民")


def test_a_weaker_login_does_not_rename_whom_a_stronger_one_proved() -> None:
    person = somebody()
    weak = vouched(person, provider="province")
    account = enter(weak)
    link(account, vouched(person, 4, "network"))

    enter(replace(weak, person=replace(person, name="李健国")))

    assert known(account) == person


def test_a_login_that_says_another_number_than_the_others_is_refused() -> None:
    person = somebody()
    first = vouched(person, provider="province")
    account = enter(first)
    link(account, vouched(person, provider="network"))

    with pytest.raises(PersonUnproved):
        enter(replace(first, person=replace(person, document_number="E0000001")))
    assert known(account) == person


def test_the_only_login_may_correct_a_number() -> None:
    person = somebody()
    identity = vouched(person)
    account = enter(identity)
    corrected = replace(person, document_number=somebody().document_number)

    assert enter(replace(identity, person=corrected)) == account
    assert known(account) == corrected


# ——— Without a person. ———


def test_wechat_alone_makes_an_account_and_no_person() -> None:
    identity = vouched(None, 1, "wechat", method="wechat")
    account = enter(identity)

    assert known(account) is None
    assert enter(identity) == account


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_without_a_person_no_level_is_reached_whatever_the_provider_says(level: int) -> None:
    assert vouched(None, level).reached == 1
    assert vouched(somebody(), level).reached == level


def test_a_proved_phone_number_is_kept_once() -> None:
    identity = vouched(None, 1, "phone", phone="19900001111", method="sms_otp")
    account = enter(identity)
    enter(replace(identity, phone="19900002222"))

    with database.reading() as connection:
        assert residents.phone(connection, account) == "19900001111"


# ——— Joined by the hand of its owner. ———


def test_a_wechat_is_added_to_a_persons_account(inbox: Inbox) -> None:
    account, wechat = enter(vouched(somebody())), vouched(None, 1, "wechat")

    assert link(account, wechat) == (account, False)
    assert enter(wechat) == account
    assert inbox.kinds(account) == ["identity_added"]


def test_an_account_of_nobody_becomes_a_persons() -> None:
    wechat, person = vouched(None, 1, "wechat"), somebody()
    account = enter(wechat)

    assert link(account, vouched(person)) == (account, False)

    assert known(account) == person
    with database.reading() as connection:
        assert residents.proved_level(connection, account) == 3
    assert enter(wechat) == account


def test_another_persons_e_id_is_not_added() -> None:
    account, person = enter(vouched(somebody())), somebody("张伟")

    with pytest.raises(IdentityOfSomebodyElse):
        link(account, vouched(person))
    assert len(ways_in(account)) == 1


def test_an_identity_that_a_person_has_is_not_taken_from_them() -> None:
    wechat = vouched(None, 1, "wechat")
    theirs = enter(vouched(somebody()))
    link(theirs, wechat)
    mine = enter(vouched(somebody("张伟")))

    with pytest.raises(IdentityTaken):
        link(mine, wechat)
    assert enter(wechat) == theirs


def test_the_same_person_at_a_lower_level_is_added_by_hand() -> None:
    """Alone it joins nobody; with a fresh login of the account beside it, both are in one hand."""
    person = somebody()
    account = enter(vouched(person))
    weak = vouched(person, 2, "county")

    assert link(account, weak) == (account, False)
    assert enter(weak) == account


def test_adding_what_is_there_already_changes_nothing(inbox: Inbox) -> None:
    identity = vouched(somebody())
    account = enter(identity)

    assert link(account, identity) == (account, False)
    assert len(ways_in(account)) == 1 and inbox.kinds(account) == []


def test_one_identity_added_by_two_devices_at_once_is_added_once() -> None:
    account, wechat = enter(vouched(somebody())), vouched(None, 1, "wechat")

    with ThreadPoolExecutor(4) as pool:
        assert {joined[0] for joined in pool.map(lambda _: link(account, wechat), range(4))} == {account}
    assert len(ways_in(account)) == 2


def test_a_login_that_is_added_meets_a_closing_and_is_not_lost_with_the_account() -> None:
    """Else it would open nothing for half an hour, and belong to nobody's account."""
    closed, wechat = enter(vouched(somebody())), vouched(None, 1, "wechat")

    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            erasures.close(work, closed)
            added = pool.submit(link, closed, wechat)
            time.sleep(0.5)
        with pytest.raises(MergeNotPossible):
            added.result(60)
    assert enter(wechat) != closed


def test_a_login_is_added_to_no_account_that_has_become_another_one() -> None:
    """Some access token of before lives for a second longer."""
    visitor, owner = enter(vouched(None, 1, "wechat")), enter(vouched(somebody()))
    with database.work() as work:
        mergers.merge(work, visitor, owner)

    with pytest.raises(MergeNotPossible):
        link(visitor, vouched(None, 1, "wechat"))


def test_two_accounts_that_add_each_others_login_at_once_become_one() -> None:
    for _ in range(5):
        wechat, phone = vouched(None, 1, "wechat"), vouched(None, 1, "phone")
        first, second = enter(wechat), enter(phone)

        def try_it(account: uuid.UUID, other: Any) -> uuid.UUID | None:
            try:
                return link(account, other)[0]
            except MergeNotPossible:
                return None

        with ThreadPoolExecutor(2) as pool:
            one, another = pool.submit(try_it, first, phone), pool.submit(try_it, second, wechat)
            found = {one.result(60), another.result(60)}
        assert found <= {first, second, None}
        assert enter(wechat) == enter(phone) in found


def test_two_people_who_add_one_identity_at_once_do_not_share_it(product: Flask) -> None:
    mine, theirs = enter(vouched(somebody())), enter(vouched(somebody("张伟")))
    wechat = vouched(None, 1, "wechat")

    def try_it(account: uuid.UUID) -> bool:
        try:
            return link(account, wechat)[0] == account
        except IdentityTaken:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_it, (mine, theirs))) == [False, True]


def test_is_same_looks_at_document_and_name() -> None:
    person = somebody()

    assert accounts.is_same(person, replace(person, phone=None))
    assert not accounts.is_same(person, replace(person, name="李建国国"))
