"""Guardians: who consents for a child under 14 (PIPL art. 31), and how it is made sure that they may.

Today a guardian's word is the proof: they are logged in with their own e-ID, name the child by name and number, and
answer for what they say. A check against the household register or the birth certificate takes its place by
another `Proof`: nothing else asks how it was proved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from app import clock
from app.catalogue.formats import is_citizen_id, normalise_citizen_id
from app.people.residents import Person
from app.refusals import InvalidContent, Refusal

OF_AGE = 14
"""Below these years the data of a person are sensitive, and a guardian consents (PIPL art. 28, 31)."""

RESIDENT_ID_CARD = "111"
RELATIONS = ("parent", "guardian")


class GuardianConsentRequired(Refusal):
    """The person is under 14: a parent or other guardian consents, logged in as themselves (PIPL art. 31)."""


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


def vouched(giver: Person, child: Child | None, language: str) -> dict[str, Any] | None:
    """What the record of a consent says of who spoke for which child; None when somebody spoke for themselves.

    Raises GuardianConsentRequired when the giver is a child, InvalidContent.
    """
    if needs_guardian(giver):
        raise GuardianConsentRequired
    if child is None:
        return None
    if not is_citizen_id(child.document_number):
        raise InvalidContent(errors={"/child/document_number": [_NO_NUMBER[language]]})
    if not is_under_age(child.document_number):
        raise InvalidContent(errors={"/child/document_number": [_OF_AGE[language]]})
    proof = PROOF(giver, child)
    if proof is None:
        raise InvalidContent(errors={"/child": [_NOT_GUARDIAN[language]]})
    return {
        "child": {"name": child.name, "document_number": normalise_citizen_id(child.document_number)},
        "relation": child.relation,
        "guardian": {"name": giver.name, "document_number": giver.document_number},
        "proof": proof,
    }


_NO_NUMBER = {
    "zh": "请照身份证或户口簿核对18位号码",
    "en": "Please compare the 18 characters with the ID card or household register",
}
_OF_AGE = {"zh": "已满14周岁的，由本人同意", "en": "From 14 on, people consent themselves"}
_NOT_GUARDIAN = {"zh": "没有核实到监护关系", "en": "It could not be verified that you are the guardian"}


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
