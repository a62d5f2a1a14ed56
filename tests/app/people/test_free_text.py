"""Free text: whatever an office or a clerk writes, the numbers of people in it are masked."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people import free_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("身份证532399198806150316已核", "身份证**************0316已核"),
        ("旧证532399880615031", "旧证***********5031"),
        ("尾号X：53239919430308022x。", "尾号X：**************022x。"),
        ("请致电138 1234 5678核实", "请致电*********5678核实"),
        ("电话+86-138-1234-5678", "电话+************5678"),
        ("１３８１２３４５６７８", "*******５６７８"),
        ("座机0871-63112345", "座机*********2345"),
        ("座机63112345", "座机********"),
        ("卡号6217 0000 1000 1234 567", "卡号******************* 567"),
        ("写信到li.jianguo@example.com", "写***@example.com"),
        ("护照E12345678", "护照E******78"),
        ("车牌云A12345违停", "车牌云A****5违停"),
        ("一三八一二三四五六七八", "***********"),
        ("请于2026-11-30前补交第3项", "请于2026-11-30前补交第3项"),
        ("楼房共18层，费用1200元", "楼房共18层，费用1200元"),
        ("", ""),
    ],
)
def test_identifiers_are_masked_where_they_stand(text: str, shown: str) -> None:
    assert free_text.masked(text) == shown


def test_the_people_of_the_page_are_masked_by_name() -> None:
    text = "材料与欧阳雪本人相符，欧阳雪已到场"

    assert free_text.masked(text, ["欧阳雪", "雪"]) == "材料与欧阳*本人相符，欧阳*已到场"


GAPS = st.sampled_from(["", " ", "-", "－", "·", "　", "\u200b", "/", "_"])


@given(
    before=st.sampled_from(["", "号码", "No. ", "电话："]),
    digits=st.lists(st.tuples(st.sampled_from("0123456789０１２３４５６７８９"), GAPS), min_size=11, max_size=19),
    after=st.sampled_from(["", "。", " 核实", "号"]),
)
def test_no_number_survives_however_it_is_grouped(before: str, digits: list[tuple[str, str]], after: str) -> None:
    written = "".join(digit + gap for digit, gap in digits)

    shown = free_text.masked(before + written + after)

    assert len(re.findall(r"\d", shown)) <= 4


@given(st.text())
def test_it_never_stumbles(text: str) -> None:
    assert isinstance(free_text.masked(text, [text]), str)
