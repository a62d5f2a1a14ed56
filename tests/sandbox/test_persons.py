"""The fictional people: valid numbers that cannot be anybody's."""

import pytest

from sandbox.persons import PERSONS, check_character, residents, staff


@pytest.mark.parametrize(
    "number",
    [
        "11010519491231002X",
        "440524188001010014",
        "34052419800101001X",
        "53010219200508011X",
        "932682198501010017",
    ],
)
def test_check_character_of_known_numbers(number: str) -> None:
    """GB 11643 annex examples and the sample of the 2023 foreign permanent resident card."""
    assert check_character(number[:17]) == number[17]


def test_document_numbers_have_the_shape_and_differ() -> None:
    numbers = [person.document_number for person in residents()]
    assert len(set(numbers)) == 4
    for person in residents():
        number = person.document_number
        assert number is not None and person.born is not None
        assert len(number) == 18 and number.startswith("532")
        assert number[6:14] == person.born.strftime("%Y%m%d")
        assert number[17] == check_character(number[:17])


def test_odd_sequence_means_man() -> None:
    men = {person.key for person in residents() if person.sequence % 2}
    assert men == {"li-jianguo", "zhang-wei"}


def test_staff_have_a_number_and_no_document() -> None:
    assert [person.staff_number for person in staff()] == [f"S000{n}" for n in range(1, 9)]
    assert [person.key for person in staff()][:2] == ["chen-clerk", "zhao-auditor"]
    assert all(person.document_number is None for person in staff())
    assert len(PERSONS) == 12
