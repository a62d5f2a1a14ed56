"""Suggestions: what many people here filed, and what is there for one's age; never what few people filed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import database
from app.finding import popularity, suggestions
from app.finding.search import Found

Publish = Callable[..., str]
COUNTY, CITY = "532999", "532900"
AROUND = (COUNTY, CITY, "530000", "000000")


@pytest.fixture
def filed(sql: Callable[..., list[Any]]) -> Iterator[Callable[..., None]]:
    """filed(code, people, times, days_ago): submissions of a service, filed by this many people."""
    made: list[str] = []

    def file(code: str, people: int, times: int = 1, days_ago: int = 1) -> None:
        for _ in range(people):
            resident = uuid.uuid4()
            sql(_RESIDENT, resident)
            for _ in range(times):
                sql(_SUBMISSION, uuid.uuid4(), code, resident, f"test-{uuid.uuid4()}", days_ago)
        made.append(code)

    yield file
    for code in made:
        sql("DELETE FROM submissions WHERE service_code = %s", code)
    with database.work() as work:
        popularity.count_in(work)


_SEALED = r"decode('01' || repeat('00', 60), 'hex')"
_RESIDENT = f"""
INSERT INTO residents (id, name, name_index, document_type, document_number, document_number_index)
VALUES (%s, {_SEALED}, '\\x00', '111', {_SEALED}, '\\x00')
"""
_SUBMISSION = f"""
INSERT INTO submissions (id, service_code, service_version, department_code, applicant_id, state, revision, answers,
    content_sha256, turn, reference, received_at)
SELECT %s, %s, 1, 'gongan', %s, 'received', 1, {_SEALED}, '', count(*), %s, now() - make_interval(days => %s)
FROM submissions
"""


def popular() -> list[str]:
    with database.work() as work:
        popularity.count_in(work)
    with database.reading() as connection:
        return [one.code for one in suggestions.popular(connection, AROUND)]


def test_what_most_people_filed_stands_first(publish: Publish, filed: Callable[..., None]) -> None:
    some, most = publish("常办之事"), publish("最常办之事", region=CITY)
    filed(some, 10)
    filed(most, 12)

    # Other stories of this database file things too.
    assert [code for code in popular() if code in (some, most)] == [most, some]


def test_what_few_people_filed_is_not_told(publish: Publish, filed: Callable[..., None]) -> None:
    few, one = publish("少办之事"), publish("一人常办之事")
    filed(few, popularity.LEAST - 1)
    filed(one, 1, times=popularity.LEAST + 5)

    assert not {few, one} & set(popular())


def test_what_was_filed_long_ago_or_elsewhere_is_not_popular_here(publish: Publish, filed: Callable[..., None]) -> None:
    old, elsewhere = publish("旧时之事"), publish("别处之事", region="110101")
    filed(old, 10, days_ago=popularity.DAYS + 1)
    filed(elsewhere, 10)

    assert not {old, elsewhere} & set(popular())


def for_age(age: int) -> list[Found]:
    with database.reading() as connection:
        return suggestions.for_age(connection, AROUND, age)


def test_services_are_suggested_by_age_the_closest_first(publish: Publish) -> None:
    wide = publish("花甲之事", ages={"from": 60})
    narrow = publish("古稀之事", ages={"from": 70, "to": 71})
    child = publish("孩童之事", ages={"to": 6})

    seen = [one.code for one in for_age(70)]
    assert seen.index(narrow) < seen.index(wide)
    assert child not in seen
    assert child in [one.code for one in for_age(3)]
    assert not {wide, narrow, child} & {one.code for one in for_age(30)}
