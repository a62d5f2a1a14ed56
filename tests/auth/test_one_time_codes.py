"""One-time codes: the equal route of who has no e-ID, safe against guessing, and kind to who types slowly."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from flask import Flask

from app import clock, database
from app.people import code_limits, one_time_codes
from app.people.code_limits import LIMITS, SEND_TO_ADDRESS, SEND_TO_DEVICE, CodesLimited
from app.refusals import InvalidContent
from auth.providers.interface import Handshake, Proof, ProviderMisconfigured, Wish
from auth.providers.phone import CodeRefused, PhoneProvider
from tests.product import RunJobs

Sql = Callable[..., list[Any]]
TIMEOUT = 60

# Numbers that no other story of this process uses.
NUMBERS = (f"1990001{place:04d}" for place in itertools.count())


@dataclass
class Caller:
    """Somebody with a phone of their own, whose number nobody else in this run has."""

    outside: str
    run_jobs: RunJobs
    number: str

    def begin(self, **wish: Any) -> Handshake:
        handshake = Handshake("state", "nonce", "verifier")
        PhoneProvider().begin(handshake, Wish(phone=self.number, **wish))
        return handshake

    def begin_later(self, minutes: float = 2, **wish: Any) -> Handshake:
        with clock.moved(timedelta(minutes=minutes)):
            return self.begin(**wish)

    def got(self) -> list[dict[str, Any]]:
        """What the phone got, newest first."""
        headers = {"Accept": "application/json"}
        answer = requests.get(f"{self.outside}/sms/inbox", {"to": self.number}, headers=headers, timeout=TIMEOUT)
        return list(answer.json()["items"])

    def code(self) -> str:
        self.run_jobs()
        found = re.search(r"(?<!\d)\d{6}(?!\d)", self.got()[0]["text"].replace("，", ""))
        assert found is not None
        return found[0]


@pytest.fixture
def caller(outside: str, run_jobs: RunJobs) -> Caller:
    return Caller(outside, run_jobs, next(NUMBERS))


def identify(handshake: Handshake, typed: str) -> Proof:
    return PhoneProvider().identify(handshake, {"code": typed})


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_a_code_comes_by_message_and_proves_the_number(caller: Caller) -> None:
    handshake = Handshake("state", "nonce", "verifier")
    told = PhoneProvider().begin(handshake, Wish(phone=f"+86 {caller.number[:3]} {caller.number[3:]}"))

    proof = identify(handshake, caller.code())

    assert told == {"sent_to": f"199****{caller.number[-4:]}", "resend_after": 60}
    assert (proof.phone, proof.level, proof.method) == (caller.number, 1, "sms_otp")
    assert proof.identity("phone").person is None
    [message] = caller.got()
    assert message["kind"] == "sms" and "5分钟" in message["text"]


def test_who_sees_badly_has_it_read_aloud_twice_digit_by_digit(caller: Caller) -> None:
    handshake = caller.begin(voice=True)
    code = caller.code()

    assert identify(handshake, code).method == "voice_otp"
    [call] = caller.got()
    assert call["kind"] == "voice" and call["text"].count("，".join(code)) == 2


@pytest.mark.parametrize("typed", ["{} {}", " {}-{}", "{}{}\u3000"])
def test_people_type_it_as_they_heard_it(caller: Caller, typed: str) -> None:
    handshake = caller.begin()
    code = caller.code()

    assert identify(handshake, typed.format(code[:3], code[3:])).phone == caller.number


def test_full_width_digits_are_digits(caller: Caller) -> None:
    handshake = caller.begin()
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in caller.code())

    assert identify(handshake, wide).phone == caller.number


@pytest.mark.parametrize("number", ["", "12345", "02087654321", "+85261234567", "1380013800", "13800138000;1", "张三"])
def test_what_is_no_mobile_number_gets_no_code(product: Flask, number: str) -> None:
    with pytest.raises(InvalidContent) as refusal:
        PhoneProvider().begin(Handshake("s", "n", "v"), Wish(phone=number))

    assert list(refusal.value.errors) == ["/phone"]


def test_no_configuration_makes_a_number_prove_a_person(product: Flask) -> None:
    with pytest.raises(ProviderMisconfigured):
        PhoneProvider(levels={"phone": 3})


def test_a_mistyped_code_may_be_mended(caller: Caller) -> None:
    handshake = caller.begin()
    code = caller.code()
    for _ in range(4):
        with pytest.raises(CodeRefused):
            identify(handshake, other_than(code))

    assert identify(handshake, code).phone == caller.number


def test_the_fifth_wrong_one_ends_the_code(caller: Caller) -> None:
    handshake = caller.begin()
    code = caller.code()
    for _ in range(5):
        with pytest.raises(CodeRefused):
            identify(handshake, other_than(code))

    with pytest.raises(CodeRefused):
        identify(handshake, code)


def test_a_code_is_good_once_and_for_one_of_two_at_the_same_moment(caller: Caller) -> None:
    handshake = caller.begin()
    code = caller.code()

    def attempt(_: int) -> bool:
        try:
            return identify(handshake, code).phone == caller.number
        except CodeRefused:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert Counter(pool.map(attempt, range(4))) == {True: 1, False: 3}


def test_many_guesses_at_the_same_moment_are_five(caller: Caller, sql: Sql) -> None:
    handshake = caller.begin()
    wrong = other_than(caller.code())

    def attempt(_: int) -> None:
        with pytest.raises(CodeRefused):
            identify(handshake, wrong)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(12)))

    [row] = sql("SELECT attempts FROM one_time_codes WHERE id = %s", UUID(handshake.kept["code"]))
    assert row["attempts"] == 5


def test_after_five_minutes_it_is_over(caller: Caller) -> None:
    handshake = caller.begin()
    code = caller.code()

    with clock.moved(timedelta(minutes=5, seconds=1)), pytest.raises(CodeRefused):
        identify(handshake, code)


def test_wrong_used_old_and_unknown_are_told_in_the_same_words(caller: Caller) -> None:
    handshake = caller.begin()
    code = caller.code()
    unknown = Handshake("s", "n", "v", {"code": str(uuid4())})
    refusals = []
    for which, typed in ((handshake, other_than(code)), (unknown, code), (Handshake("s", "n", "v"), code)):
        with pytest.raises(CodeRefused) as refusal:
            identify(which, typed)
        refusals.append((refusal.value.code(), refusal.value.facts, refusal.value.errors))

    assert refusals == [("code_refused", {}, {})] * 3


@pytest.mark.parametrize(
    "answer", [{}, {"code": None}, {"code": 123456}, {"code": ["1"]}, {"code": "\ud800" * 6}], ids=str
)
def test_what_is_no_code_is_a_wrong_one(caller: Caller, answer: dict[str, Any]) -> None:
    with pytest.raises(CodeRefused):
        PhoneProvider().identify(caller.begin(), answer)


def test_another_code_can_be_sent_after_a_minute_and_not_before(caller: Caller) -> None:
    caller.begin()

    with pytest.raises(CodesLimited) as refusal:
        caller.begin()
    assert 55 <= refusal.value.facts["retry_after"] <= 61
    with clock.moved(timedelta(seconds=61)):
        caller.begin()


def test_five_an_hour_and_ten_a_day_and_the_next_day_anew(caller: Caller) -> None:
    sent, refused = [], Counter[int]()
    for minute in range(0, 24 * 60, 10):
        with clock.moved(timedelta(minutes=minute)):
            try:
                caller.begin()
                sent.append(minute)
            except CodesLimited as refusal:
                refused[refusal.facts["window"]] += 1

    assert sent == [0, 10, 20, 30, 40, 60, 70, 80, 90, 100]
    assert set(refused) == {3600, 86400}
    with clock.moved(timedelta(days=1, seconds=1)):
        caller.begin()


def test_of_many_requests_at_the_same_moment_one_gets_a_code(caller: Caller, sql: Sql) -> None:
    def attempt(_: int) -> bool:
        try:
            return bool(caller.begin())
        except CodesLimited:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert Counter(pool.map(attempt, range(6))) == {True: 1, False: 5}


@pytest.mark.parametrize(("kind", "place"), [(SEND_TO_DEVICE, "device"), (SEND_TO_ADDRESS, "address")])
def test_one_device_and_one_address_are_not_the_whole_country(
    outside: str, run_jobs: RunJobs, sql: Sql, kind: str, place: str
) -> None:
    where, (most, _) = uuid4().hex, LIMITS[kind][0]
    for _ in range(most):
        Caller(outside, run_jobs, next(NUMBERS)).begin(**{place: where})

    with pytest.raises(CodesLimited) as refusal:
        Caller(outside, run_jobs, next(NUMBERS)).begin(**{place: where})
    assert refusal.value.facts["limit"] == most
    assert where.encode() not in b"".join(bytes(row["key"]) for row in sql("SELECT key FROM code_limits"))


def test_a_refused_wish_counts_for_nobody(caller: Caller, outside: str, run_jobs: RunJobs) -> None:
    caller.begin(device="a-device")
    with pytest.raises(CodesLimited):
        caller.begin(device="another-device")

    key = code_limits.other_key("another-device")
    with database.work() as work:
        assert work.row("SELECT 1 FROM code_limits WHERE key = %(key)s", {"key": key}) is None


def test_neither_the_number_nor_the_code_stands_anywhere_in_plain(caller: Caller, sql: Sql, log: list[str]) -> None:
    handshake = caller.begin()
    [job] = sql("SELECT args FROM procrastinate_jobs WHERE task_name = 'send_code' AND status = 'todo'")
    [row] = sql("SELECT * FROM one_time_codes WHERE id = %s", UUID(handshake.kept["code"]))
    stored = b"".join(bytes(value) for value in row.values() if isinstance(value, bytes))
    code = caller.code()

    assert job["args"] == {"code_id": handshake.kept["code"]}
    assert code.encode() not in stored and caller.number.encode() not in stored
    assert not any(isinstance(value, str) for value in row.values())
    assert caller.number not in "\n".join(log)


def test_the_digits_are_forgotten_as_soon_as_the_carrier_has_them(caller: Caller, sql: Sql) -> None:
    handshake = caller.begin()
    mine = "SELECT code IS NULL AS gone, sent_at FROM one_time_codes WHERE id = %s"
    assert sql(mine, UUID(handshake.kept["code"]))[0]["gone"] is False

    caller.code()

    [row] = sql(mine, UUID(handshake.kept["code"]))
    assert row["gone"] is True and row["sent_at"] is not None


def test_two_codes_for_one_number_do_not_open_each_others_login(caller: Caller) -> None:
    first = caller.begin()
    code = caller.code()
    second = caller.begin_later()

    with pytest.raises(CodeRefused):
        identify(second, code)
    assert identify(first, code).phone == caller.number


def test_old_codes_and_counts_are_forgotten(caller: Caller, sql: Sql) -> None:
    handshake = caller.begin()
    key = code_limits.number_key(caller.number)
    purge: Any = one_time_codes.purge
    with clock.moved(timedelta(days=1, minutes=1)):
        purge(0)

    assert sql("SELECT 1 FROM one_time_codes WHERE id = %s", UUID(handshake.kept["code"])) == []
    assert sql("SELECT 1 FROM code_limits WHERE key = %s", key) == []
