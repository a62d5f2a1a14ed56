"""Masks: enough to greet somebody and to compare, too little to know who it is (domain-facts §4.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.people import masks

UNMASKED = st.text(max_size=60).filter(lambda text: "*" not in text)
"""Whatever somebody can type; an asterisk alone would be its own mask."""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张伟", "张*"),
        ("李建国", "李**"),
        ("欧阳雪", "欧阳*"),
        ("歐陽雪", "歐陽*"),
        ("欧阳", "欧*"),  # A surname alone would be the whole name, so one character must go.
        ("司马相如", "司马**"),
        ("万俟卨", "万俟*"),
        ("王", "*"),
        ("", "*"),
        ("阿依古丽·买买提", "阿***·***"),
        ("阿依古丽．买买提", "阿***．***"),
        ("次仁•卓玛", "次*•**"),
        ("张　伟", "张　*"),
        ("John Smith", "J*** S****"),
        ("Li", "L*"),
        ("José Ángel", "J*** *****"),
        ("Иван Петров", "И*** ******"),
        ("ᠪᠠᠲᠤ", "ᠪ***"),
        ("O'Neil", "O*****"),
        ("A B", "***"),
        ("𠮷田", "𠮷*"),
    ],
)
def test_a_name_keeps_what_a_greeting_needs(name: str, shown: str) -> None:
    assert masks.name(name) == shown


@given(UNMASKED.filter(bool))
def test_no_name_is_ever_shown_whole_or_longer_than_it_is(name: str) -> None:
    shown = masks.name(name)

    assert len(shown) == len(name)
    assert shown != name


@pytest.mark.parametrize(
    ("number", "shown", "in_list"),
    [
        ("532399198806150316", "532***********0316", "5****************6"),
        ("53239919430308022X", "532***********022X", "5****************X"),
        ("532399880615031", "532********5031", "5*************1"),
        ("E1234567", "E*******", "********"),
        ("H12345678", "H******78", "H*******8"),
        ("", "", ""),
    ],
)
def test_a_document_number_never_shows_the_birth_date(number: str, shown: str, in_list: str) -> None:
    assert masks.document_number(number) == shown
    assert masks.document_number_in_list(number) == in_list


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+86 138-1234-5678", "+86 138-****-5678"),
        ("008613812345678", "0086138****5678"),
        ("１３８１２３４５６７８", "１３８****５６７８"),
        ("0871-63112345", "0871-******45"),
        ("(010) 12345678", "(010) ******78"),
        ("0871-63112345-801", "0871-********-*01"),
        ("63112345", "******45"),
        ("+85261234567", "+852****4567"),
        ("12345", "*****"),
        ("110", "***"),
        ("", ""),
    ],
)
def test_a_phone_keeps_enough_to_compare(phone: str, shown: str) -> None:
    assert masks.phone(phone) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("云南省昆明市五华区学府路1号", "云南省昆明市五华区****"),
        ("四川省凉山彝族自治州西昌市太平镇幸福路18号", "四川省凉山彝族自治州西昌市****"),
        ("北京市海淀区中关村大街1号", "北京市海淀区****"),
        ("内蒙古自治区锡林郭勒盟苏尼特右旗赛汉塔拉镇", "内蒙古自治区锡林郭勒盟苏尼特右旗****"),
        ("西昌市太平镇幸福路18号", "西昌市****"),
        # The whole of it is never given back, although it says no more than a county.
        ("四川省凉山彝族自治州西昌市", "四川省凉山彝族自治州****"),
        ("云南省", "****"),
        # Estates and market halls are no counties and no cities.
        ("云南省示例市幸福小区3栋", "云南省示例市****"),
        ("幸福小区3栋2单元", "****"),
        ("幸福超市3楼", "****"),
        ("太平镇幸福路18号", "****"),
        ("12 Sunset Road", "****"),
        ("", "****"),
    ],
)
def test_an_address_is_shown_to_its_county(address: str, shown: str) -> None:
    assert masks.address(address) == shown


@pytest.mark.parametrize(
    ("mask", "text", "shown"),
    [
        (masks.region, "532999001002", "532999******"),
        (masks.region, "532999", "5329**"),
        (masks.region, "somewhere", "s***"),
        (masks.bank_card, "6217000010001234567", "***************4567"),
        (masks.bank_card, "12345678901", "***********"),
        (masks.plate, "云A12345", "云A****5"),
        (masks.plate, "云AD12345", "云A*****5"),
        (masks.plate, "云A", "**"),
        (masks.email, "li.jianguo@example.com", "l***@example.com"),
        (masks.email, "li@example.com", "***@example.com"),
        (masks.email, "李建国", "***"),
        (masks.day, "1988-06-15", "1988-**-**"),
        (masks.day, "1988年6月15日", "1988****" + "**"),
        (masks.day, "the summer of 88", "***"),
        (masks.filename, "欧阳雪的身份证正面.PNG", "***.PNG"),
        (masks.filename, "scan.110101199003077758", "***"),
        (masks.filename, "", "***"),
        (masks.text_of, "邻居", "邻***"),
        (masks.text_of, "是", "*"),
    ],
)
def test_each_kind_of_text_has_its_mask(mask: Callable[[str], str], text: str, shown: str) -> None:
    assert mask(text) == shown


ALL = (
    masks.name,
    masks.document_number,
    masks.document_number_in_list,
    masks.phone,
    masks.address,
    masks.region,
    masks.bank_card,
    masks.plate,
    masks.email,
    masks.day,
    masks.filename,
    masks.text_of,
)
DIGITS = st.text("0123456789０１２３４５６７８９", min_size=1, max_size=24)
TYPED = st.one_of(
    UNMASKED,
    DIGITS,
    st.from_regex(r"\A(\+|00)?86[ -]?1[3-9]\d{9}\Z"),
    st.from_regex(r"\A0\d{2,3}-?\d{7,8}(-\d{1,4})?\Z"),
    st.from_regex(r"\A[1-9]\d{16}[0-9Xx]\Z"),
    st.from_regex(r"\A[a-z.]{1,10}@[a-z]{1,8}\.(cn|com)\Z"),
    st.builds("{}{}".format, st.sampled_from(["云南省昆明市", "北京市海淀区", "某小区", "大理白族自治州"]), UNMASKED),
)


@pytest.mark.parametrize("mask", ALL, ids=lambda mask: mask.__name__)
@given(text=TYPED.filter(lambda text: any(character.isalnum() for character in text)))
@example(text="王")
@example(text="1")
@example(text="x@y")
@example(text="云南省")
def test_no_mask_gives_the_whole_back_or_stumbles(mask: Callable[[str], str], text: str) -> None:
    shown = mask(text)

    assert shown != text
    assert "*" in shown


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
