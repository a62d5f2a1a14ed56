"""Search: services by what somebody typed, and by where, for what and for whom they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app import clock
from app.catalogue.regions import regions
from app.database import rows_by_index
from app.finding import lexemes, queries
from app.finding.index import NATION, level_of
from app.finding.lexemes import quoted
from app.finding.queries import Stage, both, either

# Of those that match, so many are ranked. A county with everything above it has about 4,000 services, so the first is
# only ever reached without a region: then half of them are those of the nation and the provinces.
_MOST_WITHOUT_REGION, _MOST_WITH_REGION = 1000, 6000


class PlaceInvalid(ValueError):
    """This is no place in a list that we gave out."""


@dataclass(frozen=True)
class Filters:
    """Where, for what and for whom; None and the empty tuple ask for nothing.

    `regions` are a region and those around it, the nation included.
    """

    regions: tuple[str, ...] = ()
    topic: str | None = None
    life_event: str | None = None
    audience: str | None = None
    department: str | None = None

    def questions(self) -> list[str]:
        """Each as a part of a tsquery."""
        asked = [either(quoted(lexemes.REGION + code) for code in self.regions)] if self.regions else []
        for kind, code in (
            (lexemes.TOPIC, self.topic),
            (lexemes.LIFE_EVENT, self.life_event),
            (lexemes.AUDIENCE, self.audience),
            (lexemes.DEPARTMENT, self.department),
        ):
            if code is not None:
                asked.append(quoted(kind + code))
        return asked


@dataclass(frozen=True)
class Place:
    """Where in a list a service stands: the stage that found it, its score there, and its code."""

    stage: int
    score: int
    code: str

    def __str__(self) -> str:
        return f"{self.stage}.{self.score}.{self.code}"

    @classmethod
    def of(cls, words: str) -> Place:
        """Raises PlaceInvalid."""
        stage, _, rest = words.partition(".")
        score, _, code = rest.partition(".")
        if not (stage.isdecimal() and score.isdecimal() and code and len(stage) < 3 and len(score) < 13):
            raise PlaceInvalid
        return cls(int(stage), int(score), code)


@dataclass(frozen=True)
class Found:
    """One service of a list. `shown` is what the list says of it, each text in both languages."""

    code: str
    version: int
    shown: Mapping[str, Any]
    place: str


def around(connection: Connection, region: str) -> tuple[str, ...]:
    """A region and those it lies in, the nation included; for one that is not known, by the digits of its code."""
    found = [row.code for row in connection.execute(_AROUND, {"code": region})]
    by_digits = (region, region[:6], region[:4] + "00", region[:2] + "0000")
    return tuple(dict.fromkeys([*found, *by_digits, NATION]))


_AROUND = text(f"""
WITH RECURSIVE up AS (
    SELECT code, parent_code FROM {regions.name} WHERE code = :code
    UNION SELECT r.code, r.parent_code FROM {regions.name} r JOIN up ON r.code = up.parent_code
) SELECT code FROM up
""")


def search(
    connection: Connection, typed: str, filters: Filters, after: str | None, limit: int, english: bool = False
) -> list[Found]:
    """Up to `limit` services that fit what was typed, best first, after a place in the list.

    What guesses is only asked when nothing is found that was meant. Raises PlaceInvalid.
    """
    asked = queries.stages(typed)
    if english:
        asked.sort(key=lambda stage: stage.ranking != queries.ENGLISH)
    place = Place.of(after) if after is not None else Place(0, -1, "")
    if not asked or place.stage >= len(asked):
        return []
    search = _Search(filters, asked, place, limit)
    for rows in rows_by_index(connection, search.statements()):
        search.take(rows)
    return search.found


class _Search:
    """One search under way: stage after stage until there are enough."""

    def __init__(self, filters: Filters, asked: list[Stage], place: Place, limit: int) -> None:
        self.filters, self.asked, self.limit = filters, asked, limit
        self.place = place
        self.found: list[Found] = []
        # On a later page something was found before, and by a guess only if that is where we are.
        self.began_later = place.score >= 0

    def statements(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number in range(self.place.stage, len(self.asked)):
            stage = self.asked[number]
            if stage.only_if_nothing and (self.found or (self.began_later and number != self.place.stage)):
                continue
            after = self.place if number == self.place.stage else Place(number, -1, "")
            self.place = after
            yield _SQL[bool(self.filters.regions), stage.ranking], self._values(stage, after)
            if len(self.found) >= self.limit:
                return

    def take(self, rows: list[Any]) -> None:
        number = self.place.stage
        for row in rows[: self.limit - len(self.found)]:
            place = Place(number, row.score, row.service_code)
            self.found.append(Found(row.service_code, row.version, row.shown, str(place)))

    def _values(self, stage: Stage, after: Place) -> dict[str, Any]:
        # What an earlier stage has shown is not shown again. What is said is looked at once more after the index has
        # answered, so it is no earlier stage for this.
        before = [one.query for one in self.asked[: after.stage] if one.ranking in (queries.WORDS, queries.ENGLISH)]
        question = both(stage.query, *(f"!{one}" for one in map(_bracketed, before)), *self.filters.questions())
        begin = quoted(lexemes.WHOLE + str(stage.values.get("whole", ""))[: lexemes.WHOLE_LENGTH]) + ":*"
        high = either(quoted(f"{lexemes.LEVEL}{level}") for level in (1, 2))
        values = {"question": question, "today": clock.today(), "limit": self.limit, **stage.values}
        values |= {"high": both(question, high), "low": both(question, f"!{high}"), "begins": both(question, begin)}
        return values | {"score": after.score, "code": after.code}


def _bracketed(query: str) -> str:
    return query if query.startswith("(") else f"({query})"


_ARM = """
(SELECT service_code, version, region_level, name, keywords, said, english FROM service_search
WHERE lexemes @@ %({question})s::tsquery AND shown_from <= %(today)s AND shown_until >= %(today)s LIMIT {most})
"""

_TIERS = {
    queries.WORDS: (
        """CASE WHEN name = %(whole)s THEN 0 WHEN name LIKE %(begin)s THEN 1
        WHEN position(E'\\n' || %(whole)s || E'\\n' IN keywords) > 0 THEN 2
        WHEN position(%(whole)s IN name) > 0 THEN 3 WHEN name LIKE ANY(%(variants)s) THEN 4
        WHEN position(%(whole)s IN keywords) > 0 THEN 5 ELSE 6 END""",
        "TRUE",
    ),
    queries.ENGLISH: (
        """CASE WHEN english LIKE %(english)s || '%%' THEN 0 WHEN position(%(english)s IN english) > 0 THEN 1
        ELSE 2 END""",
        "TRUE",
    ),
    queries.SAID: ("CASE WHEN said ~ %(begin_pattern)s THEN 0 ELSE 1 END", "said ~ %(pattern)s"),
    queries.UNITS: (
        "(99 - fits.weight)",
        "fits.weight >= %(least)s",
    ),
}

_UNITS = """
CROSS JOIN LATERAL (
    SELECT coalesce(sum(u.weight), 0)::int AS weight
    FROM unnest(%(units)s::text[], %(weights)s::int[]) AS u(pattern, weight)
    WHERE found.name ~ u.pattern OR found.keywords ~ u.pattern
) fits
"""

_RANKED = """
WITH found AS MATERIALIZED ({arms}), ranked AS (
    SELECT service_code, version, {tier} * 1000000 + {nearness} * 1000 + least(length(name), 999) AS score
    FROM found {beside} WHERE {verified}
)
SELECT r.score, r.service_code, r.version, s.shown FROM (
    SELECT * FROM ranked WHERE (score, service_code) > (%(score)s, %(code)s) ORDER BY score, service_code
    LIMIT %(limit)s
) r JOIN service_search s USING (service_code, version) ORDER BY r.score, r.service_code
"""


def _sql(with_region: bool, ranking: str) -> str:
    tier, verified = _TIERS[ranking]
    if with_region:
        arms, nearness = _ARM.format(question="question", most=_MOST_WITH_REGION), "(9 - region_level)"
    else:
        asked = ["begins", "high", "low"] if ranking == queries.WORDS else ["high", "low"]
        arms = " UNION ".join(_ARM.format(question=one, most=_MOST_WITHOUT_REGION) for one in asked)
        nearness = "region_level"
    beside = _UNITS if ranking == queries.UNITS else ""
    return _RANKED.format(arms=arms, tier=tier, nearness=nearness, beside=beside, verified=verified)


_SQL = {(near, ranking): _sql(near, ranking) for near in (True, False) for ranking in _TIERS}


def browse(connection: Connection, filters: Filters, after: str | None, limit: int) -> list[Found]:
    """Up to `limit` services without words: the nearest region first and then by code; by code without a region.

    Raises PlaceInvalid.
    """
    questions = filters.questions()
    values: dict[str, Any] = {"today": clock.today(), "limit": limit, "nearness": 0, "code": after or ""}
    if filters.regions and after is not None:
        place = Place.of(f"0.{after}")
        values |= {"nearness": place.score, "code": place.code}
    if questions:
        sql, values["question"] = _BY_NEARNESS if filters.regions else _BY_FILTER, both(*questions)
    else:
        sql = _BY_CODE
    [rows] = rows_by_index(connection, iter([(sql, values)]))
    return [_browsed(row, bool(filters.regions)) for row in rows]


def _browsed(row: Any, near: bool) -> Found:
    place = f"{9 - level_of(row.shown['region'])}.{row.service_code}" if near else row.service_code
    return Found(row.service_code, row.version, row.shown, place)


_BY_CODE = """
SELECT service_code, version, shown FROM service_search
WHERE service_code > %(code)s AND shown_from <= %(today)s AND shown_until >= %(today)s
ORDER BY service_code LIMIT %(limit)s
"""

_MATCHING = """
WITH found AS MATERIALIZED (
    SELECT service_code, version, {nearness} AS nearness FROM service_search
    WHERE lexemes @@ %(question)s::tsquery AND shown_from <= %(today)s AND shown_until >= %(today)s
), page AS (
    SELECT * FROM found WHERE (nearness, service_code) > (%(nearness)s, %(code)s)
    ORDER BY nearness, service_code LIMIT %(limit)s
)
SELECT service_code, version, s.shown FROM page JOIN service_search s USING (service_code, version)
ORDER BY nearness, service_code
"""
_BY_NEARNESS, _BY_FILTER = _MATCHING.format(nearness="9 - region_level"), _MATCHING.format(nearness="0")
