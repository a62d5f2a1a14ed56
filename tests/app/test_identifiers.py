"""Identifiers: a reference survives being read aloud, copied badly, and given out by the million."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from app.identifiers import is_reference, new_id, new_reference, normal_reference

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
REFERENCES = st.builds(new_reference, DAYS)
PLACES = st.integers(0, 19)


def digits_of(reference: str) -> str:
    return reference.replace("-", "")


@given(DAYS)
def test_a_reference_is_twenty_digits_in_groups_that_begin_with_the_day(day: date) -> None:
    reference = new_reference(day)

    assert [len(group) for group in reference.split("-")] == [6, 4, 4, 4, 2]
    assert reference.startswith(f"{day:%y%m%d}-")
    assert is_reference(reference)


@given(REFERENCES, PLACES, st.integers(1, 9))
def test_any_single_wrong_digit_is_noticed(reference: str, place: int, change: int) -> None:
    digits = digits_of(reference)
    wrong = str((int(digits[place]) + change) % 10)

    assert not is_reference(digits[:place] + wrong + digits[place + 1 :])


@given(REFERENCES, st.integers(0, 18))
def test_any_two_neighbours_that_change_places_are_noticed(reference: str, place: int) -> None:
    digits = digits_of(reference)
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]

    assert is_reference(swapped) == (swapped == digits)


@given(REFERENCES, st.integers(0, 17))
def test_two_digits_around_a_third_that_change_places_are_noticed(reference: str, place: int) -> None:
    digits = digits_of(reference)
    swapped = digits[:place] + digits[place + 2] + digits[place + 1] + digits[place] + digits[place + 3 :]

    assert is_reference(swapped) == (swapped == digits)


@given(REFERENCES, st.lists(st.tuples(st.integers(0, 24), st.sampled_from("- "))))
def test_hyphens_and_spaces_are_free(reference: str, extras: list[tuple[int, str]]) -> None:
    typed = digits_of(reference)
    for place, extra in extras:
        typed = typed[:place] + extra + typed[place:]

    assert is_reference(typed)
    assert normal_reference(typed) == reference


@given(st.text(max_size=40))
def test_no_text_breaks_the_check(text: str) -> None:
    is_reference(text)


def test_digits_of_other_scripts_are_no_reference() -> None:
    reference = new_reference(date(2026, 11, 22))

    assert not is_reference(reference.translate({ord("0") + n: 0xFF10 + n for n in range(10)}))
    assert not is_reference(reference.translate({ord("0") + n: 0x0660 + n for n in range(10)}))
    assert not is_reference("")


def test_references_of_one_day_are_all_different_and_tell_nothing_of_each_other() -> None:
    given_out = [digits_of(new_reference(date(2026, 11, 22))) for _ in range(20_000)]

    assert len(set(given_out)) == len(given_out)
    assert given_out != sorted(given_out)


def test_ids_are_unique_and_in_the_order_of_time() -> None:
    ids = [new_id() for _ in range(20_000)]

    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert {one.version for one in ids} == {7}
