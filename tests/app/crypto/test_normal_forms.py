"""Normal forms: all the ways of writing one number or name come out the same, and different ones stay different."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import formats
from app.crypto import normal_forms

FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


@pytest.mark.parametrize(
    "text",
    [
        "11010519491231002X",
        "11010519491231002x",
        " 110105 19491231 002X ",
        "110105-19491231-002x",
        "110105—19491231–002X",
        "11010519491231002X",
        "\u200b11010519491231002X\u3000",
        "1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X",
        "110105491231002",
        "110105 491231 002",
        "༡༡༠༡༠༥༡༩༤༩༡༢༣༡༠༠༢X",
    ],
)
def test_one_document_number_however_written(text: str) -> None:
    assert normal_forms.document_number(text) == "11010519491231002X"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (
            "440524800101001",
            "440524198001010013",
        ),  # GB 11643-1999 annex A has it with 1880, which nobody living was born in
        ("340524800101001", "34052419800101001X"),
        ("110105491331002", "110105491331002"),  # no such month: no old ID number
        ("KAZ110090123105", "KAZ110090123105"),
        ("e12345678", "E12345678"),
        ("H12345678", "H12345678"),
        ("", ""),
    ],
)
def test_other_document_numbers(text: str, form: str) -> None:
    assert normal_forms.document_number(text) == form


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(1999, 12, 31)))
def test_a_lengthened_number_is_a_valid_one(born: date) -> None:
    old = f"530102{born:%y%m%d}011"
    assert formats.is_citizen_id(normal_forms.document_number(old))


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "+86 13800138000",
        "+8613800138000",
        "+86-138-0013-8000",
        "(+86) 138 0013 8000",
        "0086 13800138000",
        "8613800138000",
        "013800138000",
        "+86 (0)13800138000",
        "１３８００１３８０００",
        "+86 138\u00a00013\u20118000",
        "١٣٨٠٠١٣٨٠٠٠",
    ],
)
def test_one_phone_however_written(text: str) -> None:
    assert normal_forms.phone(text) == "13800138000"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("010-1234 5678", "01012345678"),
        ("(010)12345678", "01012345678"),
        ("+86 10 12345678", "01012345678"),
        ("0086-010-12345678", "01012345678"),
        ("+86 400 800 1234", "4008001234"),
        ("+852 6123 4567", "+85261234567"),
        ("00852 61234567", "+85261234567"),
        ("+1 (415) 555-0100", "+14155550100"),
        ("12345", "12345"),
    ],
)
def test_other_phones(text: str, form: str) -> None:
    assert normal_forms.phone(text) == form


@pytest.mark.parametrize("separator", ["·", "•", "・", ".", "．", "‧", "･", " · ", " ", "", "∙", "⋅", "\u3000"])
def test_one_name_whatever_stands_between_its_parts(separator: str) -> None:
    assert normal_forms.full_name(f"阿依古丽{separator}买买提") == "阿依古丽买买提"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" 王 桂兰 ", "王桂兰"),
        ("John  SMITH", "johnsmith"),
        ("Ｊｏｈｎ Smith", "johnsmith"),
        ("J. Smith", "jsmith"),
        ("O’Neil", "o'neil"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("Jose\u0301", "josé"),
        ("", ""),
        (" · ", ""),
    ],
)
def test_other_names(text: str, form: str) -> None:
    assert normal_forms.full_name(text) == form


def test_different_people_stay_different() -> None:
    numbers = ["11010519491231002X", "440524188001010014", "34052419800101001X", "932682198501010017"]
    assert len({normal_forms.document_number(number) for number in numbers}) == 4
    assert len({normal_forms.full_name(name) for name in ("张伟", "張偉", "章伟", "张 薇")}) == 4


@given(st.sampled_from([normal_forms.document_number, normal_forms.phone, normal_forms.full_name]), st.text())
def test_a_normal_form_is_its_own(normalise: object, text: str) -> None:
    assert callable(normalise)
    once = normalise(text)
    assert normalise(once) == once


@given(st.from_regex(r"[1-9][0-9]{16}[0-9X]", fullmatch=True))
def test_full_width_is_half_width(number: str) -> None:
    assert normal_forms.document_number(number.translate(FULL_WIDTH)) == number
    assert unicodedata.is_normalized("NFKC", number)
