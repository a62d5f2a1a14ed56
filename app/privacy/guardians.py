"""Guardians: who consents for a child under 14 (PIPL art. 31), and how it is made sure that they may.

Today a guardian's word is the proof: they are logged in with their own e-ID, name the child by name and number, and
answer for what they say. A check against the household register or the birth certificate takes its place by
another `Proof`: nothing else asks how it was proved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from app import clock
from app.catalogue.formats import is_citizen_id, normalise_citizen_id
from app.people.residents import Person

OF_AGE = 14
"""Below these years the data of a person are sensitive, and a guardian consents (PIPL art. 28, 31)."""

RESIDENT_ID_CARD = "111"
RELATIONS = ("parent", "guardian")


@dataclass(frozen=True)
class Child:
    """Whom a guardian speaks for. `document_number` is that of an ID card or of the household register."""

    name: str
    document_number: str
    relation: str


Proof = Callable[[Person, Child], str | None]
"""Says how it was proved that this person is the child's guardian, in one word for the record; None: it is not so."""


def declared(guardian: Person, child: Child) -> str | None:
    """The guardian's own word, unless they name themselves."""
    own = normalise_citizen_id(guardian.document_number) == normalise_citizen_id(child.document_number)
    return None if own else "declared"


PROOF: Proof = declared


def is_under_age(document_number: str) -> bool:
    """Whether a citizen's number is that of somebody who is not 14 yet; False for what is no such number."""
    if not is_citizen_id(document_number):
        return False
    digits = normalise_citizen_id(document_number)
    return _years(date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))) < OF_AGE


def needs_guardian(person: Person) -> bool:
    """Whether this person is too young to consent. A passport does not tell us the age: then the e-ID has judged it."""
    return person.document_type == RESIDENT_ID_CARD and is_under_age(person.document_number)


def _years(born: date) -> int:
    today = clock.today()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
