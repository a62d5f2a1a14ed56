"""Masks: enough to greet somebody and to compare, too little to know who it is (domain-facts §4.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people import masks


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张伟", "张*"),
        ("李建国", "李**"),
        ("欧阳雪", "欧阳*"),
        ("欧阳", "欧*"),  # A surname alone would be the whole name, so one character must go.
        ("司马相如", "司马**"),
        ("万俟卨", "万俟*"),
        ("王", "*"),
        ("", "*"),
        ("阿依古丽·买买提", "阿***·***"),
        ("次仁•卓玛", "次*•**"),
        ("John Smith", "J*** S****"),
        ("Li", "L*"),
        ("José Ángel", "J*** *****"),
        ("O'Neil", "O*****"),
        ("A B", "***"),
    ],
)
def test_a_name_keeps_what_a_greeting_needs(name: str, shown: str) -> None:
    assert masks.name(name) == shown


@given(st.text(min_size=1, max_size=40).filter(lambda name: "*" not in name))
def test_no_name_is_ever_shown_whole_or_longer_than_it_is(name: str) -> None:
    shown = masks.name(name)

    assert len(shown) == len(name)
    assert shown != name


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("532399198806150316", "532***********0316"),
        ("53239919430308022X", "532***********022X"),
        ("E1234567", "E*******"),
        ("", ""),
    ],
)
def test_a_document_number_never_shows_the_birth_date(number: str, shown: str) -> None:
    assert masks.document_number(number) == shown


@pytest.mark.parametrize(("phone", "shown"), [("13812345678", "138****5678"), ("110", "***"), ("", "")])
def test_a_phone_keeps_three_and_four_digits(phone: str, shown: str) -> None:
    assert masks.phone(phone) == shown


def test_an_answer_of_unknown_kind_keeps_its_shape_and_loses_its_content() -> None:
    answer = {"address": "幸福路18号", "owner": True, "rooms": [3, "三"], "since": None, "fee": 12.5}

    assert masks.anything(answer) == {
        "address": "幸***",
        "owner": True,
        "rooms": ["***", "*"],
        "since": None,
        "fee": "***",
    }


@given(st.text(min_size=2))
def test_of_a_text_only_the_first_character_is_ever_shown(text: str) -> None:
    assert masks.anything(text) == text[0] + "***"
