"""Attacks on one-time codes and on WeChat logins: each line says what is tried; it is refused, and never a 500."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.people.residents import Person
from tests.auth.conftest import Browser
from tests.product import Phone, RunJobs

Sql = Callable[..., list[Any]]
TIMEOUT = 60

# Numbers and addresses that no other story of this process uses.
NUMBERS = (f"1990003{place:04d}" for place in itertools.count())
ADDRESSES = (f"198.51.{place // 250}.{place % 250 + 1}" for place in itertools.count())


@dataclass
class Attack:
    """An attacker with a client, and a victim with a phone of their own."""

    client: FlaskClient
    outside: str
    run_jobs: RunJobs
    victim: str = field(default_factory=lambda: next(NUMBERS))

    def send(self, path: str, content: dict[str, Any], device: str = "", address: str = "") -> TestResponse:
        headers = {"OnePhone-Device": device} if device else {}
        places = {"REMOTE_ADDR": address or next(ADDRESSES)}
        return self.client.post(path, json=content, headers=headers, environ_overrides=places)

    def begin(self, number: str = "", **how: str) -> dict[str, Any]:
        answer = self.send("/v1/logins", {"provider": "phone", "phone": number or self.victim}, **how)
        assert answer.status_code == 201, answer.text
        return dict(answer.json or {})

    def read(self, number: str = "") -> str:
        """The code as only the number's owner sees it."""
        self.run_jobs()
        asked = {"to": number or self.victim}
        page = requests.get(f"{self.outside}/sms/inbox", asked, headers={"Accept": "application/json"}, timeout=TIMEOUT)
        return str(re.findall(r"验证码([0-9]{6})", page.json()["items"][0]["text"])[0])

    def complete(self, login: dict[str, Any], code: str, **more: str) -> TestResponse:
        return self.send(f"/v1/logins/{login['id']}/complete", {"secret": login["secret"], "code": code} | more)

    def at_wechat(self, **answer: str) -> TestResponse:
        login = self.send("/v1/logins", {"provider": "wechat"}).json
        return self.send(f"/v1/logins/{login['id']}/complete", {"secret": login["secret"], **answer})

    def tap(self, what: str, person: str) -> str:
        page = requests.post(f"{self.outside}/wechat/phone/{what}", json={"person": person}, timeout=TIMEOUT)
        return str(page.json()["code"])


@pytest.fixture
def attack(client: FlaskClient, outside: str, run_jobs: RunJobs) -> Attack:
    return Attack(client, outside, run_jobs)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def guessed(attack: Attack) -> TestResponse:
    return attack.complete(attack.begin(), other_than(attack.read()))


def guessed_until_right(attack: Attack) -> TestResponse:
    login = attack.begin()
    right = attack.read()
    for _ in range(5):
        attack.complete(login, other_than(right))
    return attack.complete(login, right)


def replayed(attack: Attack) -> TestResponse:
    login = attack.begin()
    attack.complete(login, attack.read())
    return attack.complete(login, attack.read())


def grown_old(attack: Attack) -> TestResponse:
    login = attack.begin()
    right = attack.read()
    with clock.moved(timedelta(minutes=5, seconds=1)):
        return attack.complete(login, right)


def read_out_by_the_victim(attack: Attack) -> TestResponse:
    """The victim is talked into telling a code of their own login."""
    attack.begin()
    told = attack.read()
    with clock.moved(timedelta(seconds=61)):
        mine = attack.begin()
        return attack.complete(mine, told)


def for_another_number(attack: Attack) -> TestResponse:
    own = next(NUMBERS)
    attack.begin(own)
    return attack.complete(attack.begin(), attack.read(own))


def with_a_foreign_login(attack: Attack) -> TestResponse:
    """Code and login id are known, the secret of who began it is not."""
    login = attack.begin()
    return attack.complete(login | {"secret": attack.begin(next(NUMBERS))["secret"]}, attack.read())


def of_a_number_instead_of_its_code(attack: Attack) -> TestResponse:
    return attack.complete(attack.begin(), attack.victim[-6:])


def with_nothing(attack: Attack) -> TestResponse:
    login = attack.begin()
    return attack.send(f"/v1/logins/{login['id']}/complete", {"secret": login["secret"]})


def with_half_a_character(attack: Attack) -> TestResponse:
    return attack.complete(attack.begin(), "１２３４５６" * 300)


def wechat_code_made_up(attack: Attack) -> TestResponse:
    return attack.at_wechat(code="0" * 32)


def wechat_code_replayed(attack: Attack) -> TestResponse:
    code = attack.tap("login", "ouyang-xue")
    attack.at_wechat(code=code)
    return attack.at_wechat(code=code)


def wechat_number_of_somebody_else(attack: Attack) -> TestResponse:
    """A phone code that the victim's phone made, beside a login code of the attacker's own."""
    return attack.at_wechat(code=attack.tap("login", "zhang-wei"), phone_code=attack.tap("number", "ouyang-xue"))


def wechat_login_code_as_phone_code(attack: Attack) -> TestResponse:
    return attack.at_wechat(code=attack.tap("login", "zhang-wei"), phone_code=attack.tap("login", "zhang-wei"))


def wechat_phone_code_as_login_code(attack: Attack) -> TestResponse:
    return attack.at_wechat(code=attack.tap("number", "zhang-wei"))


def wechat_number_replayed(attack: Attack) -> TestResponse:
    number = attack.tap("number", "zhang-wei")
    attack.at_wechat(code=attack.tap("login", "zhang-wei"), phone_code=number)
    return attack.at_wechat(code=attack.tap("login", "zhang-wei"), phone_code=number)


REFUSED = (
    (guessed, "a code is guessed", "code_refused"),
    (guessed_until_right, "the right code comes after five wrong ones", "login_refused"),
    (replayed, "a code is used twice", "refused"),
    (grown_old, "a code is used after its five minutes", "code_refused"),
    (read_out_by_the_victim, "a code of the victim's own login is typed into the attacker's", "code_refused"),
    (for_another_number, "a code sent to one number is typed for another", "code_refused"),
    (with_a_foreign_login, "a login is ended by who did not begin it", "login_refused"),
    (of_a_number_instead_of_its_code, "the number's own digits are tried as its code", "code_refused"),
    (with_nothing, "a code is left out", "code_refused"),
    (with_half_a_character, "a code of two thousand characters", "code_refused"),
    (wechat_code_made_up, "a WeChat code is made up", "login_refused"),
    (wechat_code_replayed, "a WeChat code is used twice", "login_refused"),
    (wechat_number_of_somebody_else, "the phone code of another openid is injected", "login_refused"),
    (wechat_login_code_as_phone_code, "a login code is passed off as a phone code", "login_refused"),
    (wechat_phone_code_as_login_code, "a phone code is passed off as a login code", "login_refused"),
    (wechat_number_replayed, "a phone code is used twice", "login_refused"),
)


@pytest.mark.parametrize(("how", "words", "code"), REFUSED, ids=[words for _, words, _ in REFUSED])
def test_refused_and_told_to_operators(
    attack: Attack, log: list[str], how: Callable[[Attack], TestResponse], words: str, code: str
) -> None:
    """Each line says what is tried: 403, no tokens, and a reason for operators alone."""
    answer = how(attack)

    assert answer.status_code == 403 and answer.json["code"].endswith(code), answer.text
    assert "access_token" not in answer.text
    assert any('"login_refused"' in line for line in log)


def test_guessing_at_one_number_from_many_addresses_is_stopped_and_its_owner_has_other_ways(
    attack: Attack, browser: Browser
) -> None:
    """OTP guessing from many addresses: fifteen guesses a day at one number, wherever they come from."""
    answers: list[TestResponse] = []
    for minute in (0, 13, 26, 39):
        with clock.moved(timedelta(minutes=minute)):
            login = attack.begin()
            wrong = other_than(attack.read())
            answers += [attack.complete(login, wrong) for _ in range(5)]

    assert [answer.json["code"] for answer in answers] == ["code_refused"] * 15 + ["codes_limited"] * 5
    assert answers[-1].status_code == 429 and 0 < int(answers[-1].headers["Retry-After"]) <= 86_400
    assert browser.log_in("ouyang-xue").status_code == 200, "e-ID is open to whoever the number belongs to"
    other = Attack(attack.client, attack.outside, attack.run_jobs)
    assert other.complete(other.begin(), "000000").json["code"] == "code_refused", "and so are other numbers"


def test_whose_number_is_guessed_at_sees_it_in_their_sign_ins(attack: Attack) -> None:
    """By a job, for anybody's number alike: how long a refusal takes tells nobody who is known here."""
    with clock.moved(timedelta(minutes=-2)):
        first = attack.begin()
        pair = attack.complete(first, attack.read()).json
    login = attack.begin()
    attack.complete(login, other_than(attack.read()))
    stranger = Attack(attack.client, attack.outside, attack.run_jobs)
    stranger.complete(stranger.begin(), "000000")
    attack.run_jobs()

    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    listed = attack.client.get("/v1/sign-ins", headers=headers).json["items"]
    assert [(one["outcome"], one["provider"], one["method"]) for one in listed] == [
        ("refused", "phone", "sms_otp"),
        ("entered", "phone", "sms_otp"),
    ]


def test_a_right_code_wipes_the_slate(attack: Attack, sql: Sql) -> None:
    for minute in (0, 13, 26, 39):
        with clock.moved(timedelta(minutes=minute)):
            login = attack.begin()
            right = attack.read()
            for _ in range(4):
                assert attack.complete(login, other_than(right)).json["code"] == "code_refused"
            assert "codes_limited" not in attack.complete(login, right).text


def test_a_number_is_not_flooded_from_many_addresses(attack: Attack) -> None:
    """One code a minute to one number, by message or by a call, whoever asks for it."""
    attack.begin()

    answer = attack.send("/v1/logins", {"provider": "phone", "phone": attack.victim, "voice": True})

    assert (answer.status_code, answer.json["code"]) == (429, "codes_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert answer.headers["RateLimit-Policy"] == '"codes_limited";q=1;w=60'


def test_one_device_does_not_flood_the_country(attack: Attack) -> None:
    device = f"device-{attack.victim}"
    for _ in range(10):
        attack.begin(next(NUMBERS), device=device)

    answer = attack.send("/v1/logins", {"provider": "phone", "phone": next(NUMBERS)}, device=device)

    assert (answer.status_code, answer.json["code"]) == (429, "codes_limited")


def test_who_is_known_here_cannot_be_found_out_by_asking_codes(
    attack: Attack, enrol: Callable[[Person], Phone]
) -> None:
    known = next(NUMBERS)
    enrol(Person("张伟", "111", "532399197909210177", known))
    told = [attack.begin(number) for number in (known, next(NUMBERS))]

    assert told[0].keys() == told[1].keys()
    assert [one["resend_after"] for one in told] == [60, 60]
    assert [len(one["sent_to"]) for one in told] == [11, 11]


@pytest.mark.parametrize("number", ["1' OR '1'='1", "13800138000\x00", "+1 555 0100", "𝟏𝟑𝟖", "-", "13800138000,199"])
def test_what_is_no_number_is_content_that_breaks_a_rule(attack: Attack, number: str) -> None:
    answer = attack.send("/v1/logins", {"provider": "phone", "phone": number})

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["/phone"])
