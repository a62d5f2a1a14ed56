"""Identifier formats: the published samples, and properties that hold for every number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.catalogue.formats import (
    FORMATS,
    WRITTEN_PLAINLY,
    is_bank_card,
    is_citizen_id,
    is_cn_mobile,
    is_foreign_resident_card,
    is_hmt_residence_permit,
    is_old_citizen_id,
    is_past_date,
    is_region_code,
    is_social_credit_code,
    is_text_line,
    normalise_citizen_id,
    written_plainly,
)

# The two examples of GB 11643's annex, two with regions that no longer exist, and a foreigner's card of 2023.
CITIZEN_IDS = [
    "11010519491231002X",
    "440524188001010014",
    "34052419800101001X",
    "53010219200508011X",
    "932682198501010017",
]
CREDIT_CODES = ["91110000600037341L", "9111000071093123XX", "91530000000000000H", "91000000000000000K"]
BANK_CARDS = ["4111111111111111", "5555555555554444", "378282246310005", "6200000000000005"]

DIGITS = "0123456789"
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def with_check(body: str) -> str:
    """The ID number of 17 digits, by ISO 7064's own recursion and not by the table of weights."""
    product = 0
    for digit in body:
        product = (product + int(digit)) * 2 % 11
    return body + "0123456789X"[(12 - product) % 11]


def changed(text: str, place: int, alphabet: str) -> list[str]:
    return [text[:place] + other + text[place + 1 :] for other in alphabet if other != text[place]]


@pytest.mark.parametrize("number", CITIZEN_IDS)
def test_published_id_numbers_are_valid(number: str) -> None:
    assert is_citizen_id(number)


@pytest.mark.parametrize("number", CITIZEN_IDS)
@pytest.mark.parametrize("place", range(18))
def test_an_id_number_with_one_digit_changed_is_not(number: str, place: int) -> None:
    others = changed(number, place, DIGITS + "X" if place == 17 else DIGITS)
    assert not any(is_citizen_id(other) for other in others)


@pytest.mark.parametrize("region", ["810000", "820000", "830000", "999999", "532999"])
def test_any_region_is_accepted(region: str) -> None:
    assert is_citizen_id(with_check(region + "19880615" + "003"))


@pytest.mark.parametrize("born", ["19990229", "19991301", "19990100", "00000101", "20261123"])
def test_days_that_never_were_or_are_still_to_come_are_refused(born: str) -> None:
    assert not is_citizen_id(with_check("530102" + born + "003"), today=date(2026, 11, 22))


def test_somebody_born_today_has_a_number() -> None:
    number = with_check("530102" + "20261122" + "003")
    assert is_citizen_id(number, today=date(2026, 11, 22))
    assert not is_citizen_id(number, today=date(2026, 11, 21))


def test_without_a_day_today_in_china_counts() -> None:
    tomorrow = clock.today() + timedelta(days=1)
    assert is_citizen_id(with_check(f"530102{clock.today():%Y%m%d}003"))
    assert not is_citizen_id(with_check(f"530102{tomorrow:%Y%m%d}003"))


@pytest.mark.parametrize(
    "text",
    ["", "X", "11010519491231002", "11010519491231002XX", "010105194912310022", "1101051949123100²X", "abc"],
)
def test_other_shapes_are_refused(text: str) -> None:
    assert not is_citizen_id(text)


@pytest.mark.parametrize(
    "text", ["11010519491231002x", " 11010519491231002X\n", "１１０１０５１９４９１２３１００２Ｘ"]
)
def test_ways_of_typing_are_normalised(text: str) -> None:
    assert normalise_citizen_id(text) == "11010519491231002X"
    assert is_citizen_id(text)


@given(
    region=st.integers(100000, 999999),
    born=st.dates(date(1850, 1, 1), date(2025, 12, 31)),
    sequence=st.integers(0, 999),
)
def test_exactly_one_check_character_fits(region: int, born: date, sequence: int) -> None:
    body = f"{region}{born:%Y%m%d}{sequence:03}"
    fitting = [check for check in DIGITS + "X" if is_citizen_id(body + check)]
    assert fitting == [with_check(body)[-1]]


@pytest.mark.parametrize("region", ["810000", "820000", "830000"])
def test_residence_permits_of_hong_kong_macau_and_taiwan_people(region: str) -> None:
    number = with_check(region + "19880615" + "003")
    assert is_hmt_residence_permit(number) and is_citizen_id(number)
    assert not is_hmt_residence_permit(number[:-1] + ("1" if number[-1] != "1" else "2"))


@pytest.mark.parametrize("region", ["810000", "820000", "830000"])
@pytest.mark.parametrize("place", range(18))
def test_a_residence_permit_with_one_digit_changed_is_not(region: str, place: int) -> None:
    number = with_check(region + "19880615" + "003")
    others = changed(number, place, DIGITS + "X" if place == 17 else DIGITS)
    assert not any(is_hmt_residence_permit(other) or is_citizen_id(other) for other in others)


@pytest.mark.parametrize("place", range(18))
def test_a_foreigner_s_new_card_with_one_digit_changed_is_not(place: int) -> None:
    others = changed("932682198501010017", place, DIGITS + "X" if place == 17 else DIGITS)
    assert not any(is_foreign_resident_card(other) for other in others)


@pytest.mark.parametrize("number", CITIZEN_IDS)
def test_a_published_id_number_typed_in_small_or_full_width_characters_is_the_same(number: str) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in number)
    assert normalise_citizen_id(number.lower()) == normalise_citizen_id(wide) == number
    assert is_citizen_id(number.lower()) and is_citizen_id(wide)


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_a_credit_code_may_end_in_any_of_its_31_characters(code: str) -> None:
    """A public design that lets it end in a digit or X alone would refuse the first of these."""
    assert [check for check in CREDIT_ALPHABET if is_social_credit_code(code[:-1] + check)] == [code[-1]]


def test_an_id_card_is_no_residence_permit() -> None:
    assert not is_hmt_residence_permit("11010519491231002X")


@pytest.mark.parametrize("number", ["932682198501010017", "KAZ110090123105"])
def test_foreigners_cards_of_both_editions(number: str) -> None:
    assert is_foreign_resident_card(number)


@pytest.mark.parametrize(
    "number", ["11010519491231002X", "932682198501010018", "KAZ11009012310", "kaz110090123105", ""]
)
def test_what_is_no_foreigner_s_card(number: str) -> None:
    assert not is_foreign_resident_card(number)


@pytest.mark.parametrize(
    ("number", "fits"), [("110105491231002", True), ("110105491331002", False), ("1101054912310", False)]
)
def test_old_numbers_have_15_digits_and_a_birth_date(number: str, fits: bool) -> None:
    assert is_old_citizen_id(number) is fits
    assert not is_citizen_id(number)


SHAPES = {
    "passport": (
        ["E12345678", "EA1234567", "G12345678", "AB12345", "X1234567Z"],
        ["E1234 678", "", "E123", "护照12345"],
    ),
    "hk-macau-permit": (["H12345678", "M1234567801"], ["K12345678", "H1234567", "12345678"]),
    "taiwan-permit": (["12345678", "0012345678", "0012345678B", "0012345678(B)"], ["1234567", "T12345678"]),
    "postal-code": (["650000", "000000"], ["65000", "6500000", "65000a"]),
    "phone-number": (
        ["13812345678", "0871-12345678", "087112345678", "010-12345678-801", "400-123-4567", "+85212345678"],
        ["110", "12345678", "1381234567", "+0123456789", "138 1234 5678"],
    ),
    "plate": (
        [
            "云A12345",
            "京A8888警",
            "沪B1234学",
            "粤Z1234港",
            "粤Z1234澳",
            "云A1234挂",
            "云AD12345",
            "粤B12345D",
            "沪A0023领",
            "使224578",
            "224578使",
        ],
        ["云I12345", "云A1234O", "云A1234", "云A123456", "云AL12345", "A12345", "滇A12345"],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_numbers_known_by_their_shape(name: str) -> None:
    fitting, others = SHAPES[name]
    assert [text for text in fitting if not FORMATS[name](text)] == []
    assert [text for text in others if FORMATS[name](text)] == []


def test_numbers_are_kept_in_one_way_of_writing() -> None:
    assert written_plainly("１１０１０５ 19491231-002x\n") == "11010519491231002X"
    assert written_plainly("6200 0000\u30000000 0005") == "6200000000000005"
    assert written_plainly("云a·12345") == "云A12345"


@pytest.mark.parametrize("name", sorted(WRITTEN_PLAINLY))
@given(text=st.text())
def test_writing_plainly_twice_changes_nothing(name: str, text: str) -> None:
    once = written_plainly(text)
    assert written_plainly(once) == once
    # What is right stays right, so nobody is told about a number that the form itself has changed.
    assert FORMATS[name](once) or not FORMATS[name](text)


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise_citizen_id(text)
    assert normalise_citizen_id(once) == once


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_published_credit_codes_are_valid(code: str) -> None:
    assert is_social_credit_code(code)


@pytest.mark.parametrize("code", CREDIT_CODES)
@pytest.mark.parametrize("place", range(18))
def test_a_credit_code_with_one_character_changed_is_not(code: str, place: int) -> None:
    assert not any(is_social_credit_code(other) for other in changed(code, place, CREDIT_ALPHABET + "IOSVZ"))


@given(body=st.from_regex(r"[159][1239][0-9]{6}[0-9A-HJ-NP-RTUWXY]{9}", fullmatch=True))
def test_exactly_one_check_character_fits_a_credit_code(body: str) -> None:
    assert sum(is_social_credit_code(body + check) for check in CREDIT_ALPHABET) == 1


@pytest.mark.parametrize("card", BANK_CARDS)
def test_published_card_numbers_are_valid(card: str) -> None:
    assert is_bank_card(card)


@pytest.mark.parametrize("card", BANK_CARDS)
def test_a_card_number_with_one_digit_changed_is_not(card: str) -> None:
    assert not any(is_bank_card(other) for place in range(len(card)) for other in changed(card, place, DIGITS))


@given(body=st.text(DIGITS, min_size=11, max_size=18))
def test_exactly_one_check_digit_fits_a_card(body: str) -> None:
    assert sum(is_bank_card(body + check) for check in DIGITS) == 1


@pytest.mark.parametrize("text", ["", "0" * 11, "0" * 20, "4111 1111 1111 1111", "4111111111111111\n", "٤" * 16])
def test_other_card_numbers_are_refused(text: str) -> None:
    assert not is_bank_card(text)


@pytest.mark.parametrize("text", ["13812345678", "19900000000"])
def test_mobile_numbers(text: str) -> None:
    assert is_cn_mobile(text)


@pytest.mark.parametrize("text", ["", "12012345678", "1381234567", "138123456789", "+8613812345678", "１3812345678"])
def test_other_telephone_numbers_are_refused(text: str) -> None:
    assert not is_cn_mobile(text)


def test_region_codes_are_never_looked_up() -> None:
    assert is_region_code("532999")
    assert is_region_code("530102001001")
    assert not any(is_region_code(text) for text in ["", "53010", "5301020", "530102\n", "53010X"])


def test_past_dates() -> None:
    today = clock.today()
    assert is_past_date("2024-02-29")
    assert is_past_date(today.isoformat())
    assert not is_past_date((today + timedelta(days=1)).isoformat())
    assert not any(is_past_date(text) for text in ["", "2025-02-29", "2025-2-3", "20250203", "2025-02-03\n"])


@pytest.mark.parametrize("text", ["示范路1号", "阿依古丽·买买提", "ᠮᠣᠩᠭᠣᠯ\u202fᠤᠨ", "བོད་ཡིག", "一\u3000二", "𠮷"])
def test_every_script_is_a_text_line(text: str) -> None:
    assert is_text_line(text)


@pytest.mark.parametrize("text", ["", " ", "\u3000", "a\nb", "a\x00", "a\u2028b", "a\ud800"])
def test_blanks_and_control_characters_are_not(text: str) -> None:
    assert not is_text_line(text)


@pytest.mark.parametrize("check", FORMATS.values(), ids=FORMATS)
@given(text=st.text(st.characters(categories=None)))
def test_a_format_answers_for_any_text(check: Callable[[str], bool], text: str) -> None:
    assert check(text) in (True, False)
