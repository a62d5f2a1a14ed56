"""What people type, and what the maintained file of words knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.finding import queries, typed
from app.finding.typed import vocabulary


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  社保 卡！", "社保卡"),
        ("ＳＨＥＢＡＯ", "shebao"),
        ("８０岁", "80岁"),
        ("《居住证》（补办）", "居住证补办"),
        ("?!，", ""),
    ],
)
def test_one_form_whatever_keyboard_it_came_from(text: str, normal: str) -> None:
    assert typed.normal(text) == normal


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("怎么办身份证", "身份证"),
        ("我要低保", "低保"),
        ("请问在哪里办理居住证", "居住证"),
        ("办公司", "办公司"),
        ("怎么办", "怎么办"),
        ("要", "要"),
    ],
)
def test_what_says_nothing_is_left_out_unless_nothing_else_is_there(text: str, core: str) -> None:
    assert typed.without_fillers(text) == core


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("涉保", "社保"),
        ("高铃津贴", "高龄津贴"),
        ("公鸡金", "公积金"),
        ("身份正", "身份证"),
        ("低宝户", "低保户"),
        ("社保", "社保"),
    ],
)
def test_a_word_written_as_it_sounds_is_written_right(wrong: str, right: str) -> None:
    assert typed.corrected(wrong) == right


def test_whoever_says_one_of_several_words_for_a_thing_means_all() -> None:
    assert {"社会保险", "社保"} <= set(vocabulary().terms["社保"].meaning)
    assert "住房公积金" in vocabulary().terms["公积金"].meaning
    assert "户籍" in vocabulary().terms["户口"].meaning


def test_the_file_of_words_is_sound() -> None:
    known = vocabulary()

    assert len(known.terms) > 400
    assert all(len(text) > 1 for text in known.terms), "one character would be found in half of all names"
    assert all(typed.normal(text) == text for text in known.terms)
    assert not set(known.fillers) & set(known.terms), "what says nothing can not mean something"
    assert all(one not in alike and len(one) == 1 for one, alike in known.look_alikes.items())


@given(st.text(max_size=100))
def test_any_text_makes_questions_of_bounded_size(text: str) -> None:
    asked = queries.stages(text)

    assert len({stage.query for stage in asked}) == len(asked) <= 12
    assert bool(asked) == bool(typed.normal(text))
    assert all(len(stage.query) < 60_000 for stage in asked)
