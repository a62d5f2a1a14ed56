"""Second factors: the codes of RFC 6238, each good once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from app import clock, database
from auth import second_factors
from tests.auth.desk import enrolled

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, mode SHA1; ours are the last six digits."""
    assert second_factors.code_at(SECRET, seconds // 30, digits=8) == code
    assert second_factors.code_at(SECRET, seconds // 30) == code[2:]


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(steps: int, is_taken: bool) -> None:
    at = datetime(2026, 11, 22, 3, 0, 15, tzinfo=UTC)
    with clock.moved(at - clock.now()):
        step = int(clock.now().timestamp()) // 30 + steps
        found = second_factors.step_of(SECRET, second_factors.code_at(SECRET, step))

    assert found == (step if is_taken else None)


@pytest.mark.parametrize("typed", ["", "28708", "2870822", "287082x", "２８７０８２", "-87082", "x" * 20])
def test_what_is_no_code_is_none(typed: str) -> None:
    with clock.moved(datetime(2026, 11, 22, tzinfo=UTC) - clock.now()):
        assert second_factors.step_of(SECRET, typed) is None


def test_what_the_app_scans_says_everything_it_needs() -> None:
    address = urlsplit(second_factors.address(SECRET, "S0001"))
    asked = parse_qs(address.query)

    assert (address.scheme, address.netloc, address.path) == ("otpauth", "totp", "/OnePhone:S0001")
    assert asked["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"] and asked["issuer"] == ["OnePhone"]


def test_a_code_is_good_once_even_at_the_same_time(client: FlaskClient) -> None:
    person = enrolled(client)
    code, barrier = person.code(), Barrier(8)

    def use(_: int) -> bool:
        barrier.wait()
        with database.work() as work:
            return second_factors.use_totp(work, person.id, code)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(8))).count(True) == 1


def test_an_older_code_is_not_taken_after_a_newer_one(client: FlaskClient) -> None:
    person = enrolled(client)
    with clock.moved(timedelta(0)), database.work() as work:
        assert second_factors.use_totp(work, person.id, person.code(1))
        assert not second_factors.use_totp(work, person.id, person.code(0))


def test_recovery_codes_are_used_one_by_one_and_by_their_owner_alone(client: FlaskClient) -> None:
    person, other = enrolled(client), enrolled(client)
    with database.work() as work:
        assert not second_factors.use_recovery_code(work, other.id, person.recovery_codes[0])
        assert second_factors.use_recovery_code(work, person.id, person.recovery_codes[0])
        assert not second_factors.use_recovery_code(work, person.id, person.recovery_codes[0])
        assert second_factors.unused_recovery_codes(work, person.id) == 9
        second_factors.new_recovery_codes(work, person.id)
        assert not second_factors.use_recovery_code(work, person.id, person.recovery_codes[1]), "void since"


def test_who_has_no_app_has_no_code(client: FlaskClient) -> None:
    with database.work() as work:
        assert not second_factors.use_totp(work, uuid.uuid4(), "287082")
