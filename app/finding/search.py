"""Search: services by what somebody typed, and by where, for what and for whom they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app import clock
from app.catalogue.regions import regions
from app.database import rows_by_index
from app.finding import lexemes, queries
from app.finding.index import NATION
from app.finding.lexemes import quoted
from app.finding.queries import Stage, both, either

# Of those that match, so many are ranked: all in a region, as a county with everything above it has about 4,000.
# Without one, those of counties and towns are many thousands alike, and the first so many must do.
_MOST, _MOST_LOW = 6000, 1500


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
    search = _Search(filters, asked, place, limit)
    for rows in rows_by_index(connection, search.statements()):
        search.take(rows)
    return search.found


class _Search:
    """One search under way: question after question until there is enough.

    Without a region a word may be in half of all services. What begins with the words and what is the nation's or a
    province's is ranked first then, and the rest is only looked at when that does not fill a page.
    """

    def __init__(self, filters: Filters, asked: list[Stage], place: Place, limit: int) -> None:
        self.filters, self.limit, self.place = filters, limit, place
        halves = (_near,) if filters.regions else (_high, _low)
        self.asked = [(stage, half) for stage in asked for half in halves]
        self.found: list[Found] = []
        # On a later page something was found before, and by a guess only if that is where we are.
        self.guessing = None if place.score < 0 else self._stage(place.stage)

    def _stage(self, number: int) -> Stage | None:
        return self.asked[number][0] if number < len(self.asked) else None

    def statements(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        first = self.place
        for number in range(first.stage, len(self.asked)):
            stage, half = self.asked[number]
            if stage.only_if_nothing and self._anything_before(stage):
                continue
            self.place = first if number == first.stage else Place(number, -1, "")
            yield _SQL[bool(self.filters.regions), stage.ranking], self._values(stage, half)
            if len(self.found) >= self.limit:
                return

    def _anything_before(self, stage: Stage) -> bool:
        if self.guessing is not None:
            return stage is not self.guessing
        by = {self._stage(Place.of(one.place).stage) for one in self.found}
        return bool(by - {stage})

    def take(self, rows: list[Any]) -> None:
        for row in rows[: self.limit - len(self.found)]:
            place = Place(self.place.stage, row.score, row.service_code)
            self.found.append(Found(row.service_code, row.version, row.shown, str(place)))

    def _values(self, stage: Stage, half: Callable[[str, Stage], str]) -> dict[str, Any]:
        # What an earlier stage has shown is not shown again. What is said is looked at once more after the index has
        # answered, so it is no earlier stage for this.
        stages = list(dict.fromkeys(one for one, _ in self.asked))
        before = [one.query for one in stages[: stages.index(stage)] if one.ranking != queries.SAID]
        question = both(stage.query, *(f"!{_bracketed(one)}" for one in before), *self.filters.questions())
        values = {"question": half(question, stage), "today": clock.today(), "limit": self.limit}
        values["most"] = _MOST_LOW if half is _low else _MOST
        return values | stage.values | {"score": self.place.score, "code": self.place.code}


_HIGH = either(quoted(f"{lexemes.LEVEL}{level}") for level in (1, 2))


def _near(question: str, stage: Stage) -> str:
    return question


def _high(question: str, stage: Stage) -> str:
    return both(question, _first(stage))


def _low(question: str, stage: Stage) -> str:
    return both(question, f"!{_bracketed(_first(stage))}")


def _first(stage: Stage) -> str:
    begin = str(stage.values.get("whole", ""))[: lexemes.WHOLE_LENGTH]
    return either([_HIGH, queries.begins(lexemes.WHOLE + begin)]) if begin else _HIGH


def _bracketed(query: str) -> str:
    return query if query.startswith("(") else f"({query})"


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
WITH found AS MATERIALIZED (
    SELECT service_code, version, region_level, name, keywords, said, english FROM service_search
    WHERE lexemes @@ %(question)s::tsquery AND shown_from <= %(today)s AND shown_until >= %(today)s LIMIT %(most)s
), ranked AS (
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
    nearness = "(9 - region_level)" if with_region else "region_level"
    beside = _UNITS if ranking == queries.UNITS else ""
    return _RANKED.format(tier=tier, nearness=nearness, beside=beside, verified=verified)


_SQL = {(near, ranking): _sql(near, ranking) for near in (True, False) for ranking in _TIERS}


def browse(connection: Connection, filters: Filters, after: str | None, limit: int) -> list[Found]:
    """Up to `limit` services without words: in a region the nearest first; else the nation's and the provinces' first;
    all by code when nothing is asked for.

    Raises PlaceInvalid.
    """
    questions = filters.questions()
    values: dict[str, Any] = {"today": clock.today(), "limit": limit, "nearness": 0, "code": after or ""}
    if not questions:
        [rows] = rows_by_index(connection, iter([(_BY_CODE, values)]))
        return [Found(row.service_code, row.version, row.shown, row.service_code) for row in rows]
    if after is not None:
        place = Place.of(f"0.{after}")
        values |= {"nearness": place.score, "code": place.code}
    found: list[Found] = []
    for rows in rows_by_index(connection, _browsing(filters, both(*questions), values, found)):
        found += [_browsed(row) for row in rows[: limit - len(found)]]
    return found


def _browsing(
    filters: Filters, question: str, values: dict[str, Any], found: list[Found]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All at once in a region; else the few of the nation and the provinces before the many of everybody else."""
    if filters.regions:
        yield _BY_NEARNESS, values | {"question": question}
        return
    yield _BY_LEVEL, values | {"question": both(question, _HIGH)}
    if len(found) < values["limit"]:
        yield _BY_LEVEL, values | {"question": both(question, f"!{_HIGH}")}


def _browsed(row: Any) -> Found:
    return Found(row.service_code, row.version, row.shown, f"{row.nearness}.{row.service_code}")


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
SELECT service_code, version, nearness, s.shown FROM page JOIN service_search s USING (service_code, version)
ORDER BY nearness, service_code
"""
_BY_NEARNESS, _BY_LEVEL = (_MATCHING.format(nearness=order) for order in ("9 - region_level", "region_level"))
