"""Suggestions: what is popular here, and what is made for people of one's age. Nothing else is known or looked at."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app import clock
from app.catalogue.persons import Person
from app.database import rows_by_index
from app.finding import lexemes
from app.finding.lexemes import quoted
from app.finding.popularity import service_popularity
from app.finding.queries import both, either
from app.finding.search import Found
from app.people import residents

MOST = 10


def popular(connection: Connection, regions: tuple[str, ...]) -> list[Found]:
    """The services most filed of late among those offered in these regions, at most MOST."""
    values = {"regions": _in(regions), "today": clock.today(), "most": MOST}
    return _found(connection, _POPULAR, values)


def for_age(connection: Connection, regions: tuple[str, ...], age: int) -> list[Found]:
    """Services for people of this age in years, those for the fewest ages first, at most MOST."""
    question = both(_in(regions), quoted(lexemes.AGED))
    return _found(connection, _FOR_AGE, {"question": question, "age": age, "today": clock.today(), "most": MOST})


def for_resident(connection: Connection, regions: tuple[str, ...], resident_id: UUID) -> list[Found]:
    """The same by the age that a resident's ID card number says; nothing for other documents, which say none,
    nor for somebody whom no login has proved yet."""
    known = residents.person(connection, resident_id)
    if known is None:
        return []
    age = Person(document_type=known.document_type, document_number=known.document_number).known("age", clock.today())
    return for_age(connection, regions, age) if isinstance(age, int) else []


def _in(regions: tuple[str, ...]) -> str:
    return either(quoted(lexemes.REGION + code) for code in regions)


def _found(connection: Connection, sql: str, values: dict[str, Any]) -> list[Found]:
    [rows] = rows_by_index(connection, iter([(sql, values)]))
    return [Found(row.service_code, row.version, row.shown, row.service_code) for row in rows]


# Far fewer services are popular than are offered, so those are gone through.
_POPULAR = f"""
SELECT s.service_code, s.version, s.shown FROM {service_popularity.name} p JOIN service_search s USING (service_code)
WHERE s.lexemes @@ %(regions)s::tsquery AND s.shown_from <= %(today)s AND s.shown_until >= %(today)s
ORDER BY p.applicants DESC, s.region_level DESC, s.service_code LIMIT %(most)s
"""

_FOR_AGE = f"""
SELECT s.service_code, s.version, s.shown
FROM service_search s LEFT JOIN {service_popularity.name} p USING (service_code)
WHERE s.lexemes @@ %(question)s::tsquery AND s.shown_from <= %(today)s AND s.shown_until >= %(today)s
    AND coalesce(s.age_from, 0) <= %(age)s AND coalesce(s.age_to, 200) >= %(age)s
ORDER BY coalesce(s.age_to, 130) - coalesce(s.age_from, 0), coalesce(p.applicants, 0) DESC, s.region_level DESC,
    s.service_code
LIMIT %(most)s
"""
