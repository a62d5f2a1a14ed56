"""Passwords of staff: long ones are taken, common ones are not, and they are kept as Argon2id."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.settings import settings
from auth import passwords


@pytest.mark.parametrize(
    "password",
    [
        "石榴 opens at nine",
        "correct horse battery cable",
        "T7-waterfall/kettle",
        "彩云之南我心的方向孔雀飞去",
        "x9$Lq2!vRt8@",
    ],
)
def test_long_and_uncommon_ones_are_taken(product: Flask, password: str) -> None:
    assert passwords.faults(password, "S0001", "en") == []


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "P@ssw0rd2024!",
        "Woaini1314520!",
        "123456789012",
        "qwertyuiopasdf",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "adminadminadmin",
        "1qaz2wsx3edc",
        "OnePhone2026!!",
        "zhongguoren888",
        "987654321098",
        "ｐａｓｓｗｏｒｄ１２３４",
    ],
)
def test_common_ones_are_not(product: Flask, password: str) -> None:
    assert passwords.faults(password, "S0001", "en") == ["Too common: it would be guessed."]


def test_short_endless_and_own_numbers_are_not(product: Flask) -> None:
    assert passwords.faults("x9$Lq2!vRt8", "S0001", "zh") == ["至少12个字符。"]
    assert passwords.faults("kettle waterfall " * 20, "S0001", "en")[0].startswith("At most")
    for number in ("s0001", "ｓ０００１"):
        assert passwords.faults(f"my number {number} is here", "S0001", "en") == ["It holds your staff number."]


def test_what_is_judged_is_what_is_kept(product: Flask) -> None:
    """Twelve characters as typed, eleven once an accent has joined its letter."""
    assert passwords.faults("cafe\u0301 x9$Lq2", "S0001", "zh") == ["至少12个字符。"]


def test_assessors_may_ask_for_four_classes(product: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {**vars(settings()), "staff_password_classes": 4}
    monkeypatch.setattr(passwords, "settings", lambda: type("", (), changed))

    assert passwords.faults("correct horse battery cable", "S0001", "zh") == ["须含大写、小写、数字、符号中的4类。"]
    assert passwords.faults("Correct horse 7 cables", "S0001", "zh") == []


def test_they_are_kept_as_argon2id_and_differ_each_time(product: Flask) -> None:
    first, second = passwords.hashed("石榴 opens at nine"), passwords.hashed("石榴 opens at nine")

    assert first != second and first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.is_right(first, "石榴 opens at nine") and not passwords.is_right(first, "石榴 opens at ten")


def test_a_password_is_the_same_however_a_keyboard_composes_it(product: Flask) -> None:
    assert passwords.is_right(passwords.hashed("caf\u00e9 at the corner"), "cafe\u0301 at the corner")


@pytest.mark.parametrize("stored", [None, "", "no hash", "$argon2id$v=19$broken"])
def test_what_is_no_hash_lets_nobody_in(product: Flask, stored: Any) -> None:
    assert passwords.is_right(stored, "anything at all") is False


def test_first_passwords_are_sound_and_all_different(product: Flask) -> None:
    made = {passwords.new_first() for _ in range(50)}

    assert len(made) == 50 and all(passwords.faults(one, "S0001", "en") == [] for one in made)
