"""Guardians: below 14 somebody else consents, and not just anybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.people.residents import Person
from app.privacy import guardians
from app.privacy.guardians import Child
from tests.app.privacy.test_consents import number_of


def test_fourteen_is_reached_on_the_birthday() -> None:
    """PIPL art. 28: 不满十四周岁未成年人的个人信息."""
    number = number_of(14)

    assert not guardians.is_under_age(number)
    with clock.moved(timedelta(days=-1)):
        assert guardians.is_under_age(number)


@pytest.mark.parametrize("text", ["", "E12345678", "532399201805040000", "5323992018050400"])
def test_what_is_no_citizens_number_tells_no_age(text: str) -> None:
    assert not guardians.is_under_age(text)


def test_a_passport_tells_no_age_even_when_it_looks_like_a_number() -> None:
    assert not guardians.needs_guardian(Person("A", "414", number_of(8), None))
    assert guardians.needs_guardian(Person("A", "111", number_of(8), None))


def test_nobody_is_their_own_guardian() -> None:
    number = number_of(8)
    itself = Person("A", "111", number, None)

    assert guardians.PROOF(itself, Child("A", number.lower(), "parent")) is None
    assert guardians.PROOF(Person("B", "111", number_of(40), None), Child("A", number, "parent")) == "declared"
