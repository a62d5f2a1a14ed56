"""Persons: what a login already knows, so that a form need not ask for it (prefilled fields)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.catalogue.expressions import years_between
from app.catalogue.formats import day_of, is_citizen_id, normalise_citizen_id

SOURCES = frozenset({"name", "document_type", "document_number", "phone", "birth_date", "gender", "age"})
"""What a field's `prefill: {from: …}` may name."""

RESIDENT_ID_CARD = "111"
"""居民身份证 in GA/T 2000.156, the code set of document types."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a form is about, as the e-ID said it. `Person()` is somebody of whom nothing is known.

    `gender` is `male` or `female`. Birth date and gender are read from a resident ID card's number when not given.
    """

    name: str | None = field(default=None, repr=False)
    document_type: str | None = None
    document_number: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)
    gender: str | None = field(default=None, repr=False)

    def known(self, source: str, today: date) -> str | int | None:
        """The value of one of SOURCES, or None when it is not known. Age is in whole years."""
        if source == "age":
            born = self._born(today)
            return None if born is None or born > today else years_between(born, today)
        if source == "birth_date":
            born = self._born(today)
            return None if born is None else born.isoformat()
        if source == "gender":
            return self.gender or self._gender(today)
        value: str | None = getattr(self, source)
        return value or None

    def _citizen_id(self, today: date) -> str | None:
        number = self.document_number
        if self.document_type not in (None, RESIDENT_ID_CARD) or not number or not is_citizen_id(number, today):
            return None
        return normalise_citizen_id(number)

    def _born(self, today: date) -> date | None:
        number = self._citizen_id(today)
        if self.birth_date is not None or number is None:
            return self.birth_date
        return day_of(f"{number[6:10]}-{number[10:12]}-{number[12:14]}")

    def _gender(self, today: date) -> str | None:
        """GB 11643-1999: the sequence number is odd for men and even for women."""
        number = self._citizen_id(today)
        return None if number is None else ("male" if int(number[16]) % 2 else "female")
