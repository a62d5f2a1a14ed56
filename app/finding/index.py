"""The index in which services are found: for each version that residents see today or from a later day on, one row.

Rows are made anew whenever a version of their service is published or withdrawn, in the same transaction, so what is
found is what is open. From when to when a row counts stands in it: a version that takes effect next month is found from
that day on without anybody doing anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Column, Date, ForeignKeyConstraint, Index, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from app import clock, database
from app.catalogue import regions
from app.database import Work, metadata
from app.finding import lexemes, readings
from app.finding.typed import chunks, normal

service_search = Table(
    "service_search",
    metadata,
    Column("service_code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    # 1 is the whole nation, 2 to 6 as regions.level_of.
    Column("region_level", SmallInteger, nullable=False),
    # Both days included.
    Column("shown_from", Date, nullable=False),
    Column("shown_until", Date, nullable=False),
    # The name in normal form, and the keywords as lines; then both as they are said, and the English words.
    Column("name", Text, nullable=False),
    Column("keywords", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("english", Text, nullable=False),
    Column("age_from", SmallInteger),
    Column("age_to", SmallInteger),
    # What a list shows, in both languages, so that no list reads whole definitions.
    Column("shown", JSONB, nullable=False),
    Column("lexemes", TSVECTOR, nullable=False),
    # The EDITION of the rules by which this row was made.
    Column("edition", SmallInteger, nullable=False),
    # A row only repeats what its version says, so it goes with it.
    ForeignKeyConstraint(
        ["service_code", "version"],
        ["service_versions.service_code", "service_versions.version"],
        name="service_search_version_fk",
        ondelete="CASCADE",
    ),
    Index("service_search_lexemes_idx", "lexemes", postgresql_using="gin"),
)

EDITION = 1
"""Raise it with every change of what rows hold: `onephone publish` makes all others anew then."""

NATION = "000000"
_EVER, _NEVER_ENDS = date(1949, 10, 1), date(9999, 12, 31)
_SUMMARY_LENGTH = 160
_AT_ONCE = 1000
# Big, and of no use here. One detoasting gives the rest.
_LEFT_OUT = "{form,materials,legal_bases,faq,steps,places,conditions,results,situations,flow,joint,limits,fees}"


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both included, on which a version is the one residents see."""

    row: Any
    first: date
    last: date


def refresh(work: Work, codes: Sequence[str]) -> None:
    """Make the rows of these services anew from what is published now."""
    # The lock lets nobody publish another version between our look and our rows.
    work.run_sql("SELECT FROM services WHERE code = ANY(%(codes)s) ORDER BY code FOR UPDATE", {"codes": list(codes)})
    found = work.run_sql(_VERSIONS, {"codes": list(codes), "left_out": _LEFT_OUT}).all()
    work.run_sql("DELETE FROM service_search WHERE service_code = ANY(%(codes)s)", {"codes": list(codes)})
    by_code: dict[str, list[Any]] = {}
    for row in found:
        by_code.setdefault(row.service_code, []).append(row)
    today = clock.today()
    _copy(work, (_row(one) for rows in by_code.values() for one in periods(rows) if one.last >= today))


_VERSIONS = """
SELECT service_code, version, state, effective_from, effective_until, withdrawn_on,
    definition - %(left_out)s::text[] AS definition
FROM service_versions WHERE service_code = ANY(%(codes)s) AND state IN ('published', 'withdrawn')
ORDER BY service_code, version DESC
"""


def periods(rows: Iterable[Any]) -> Iterator[Period]:
    """When each of a service's versions, given from the newest to the oldest, counts; the rule is services.COUNTING.

    The highest version in effect counts, even if it was withdrawn while in effect or has ended since: then nothing is
    seen.
    """
    ends = _NEVER_ENDS
    for row in rows:
        first: date = row.effective_from or _EVER
        if row.state == "withdrawn" and row.withdrawn_on < first:
            # It never took effect.
            continue
        last = min(ends, row.effective_until or _NEVER_ENDS)
        if row.state == "published" and first <= last:
            yield Period(row, first, last)
        ends = min(ends, first - timedelta(days=1))


def catch_up() -> int:
    """Make the rows of services that have none, or have one by older rules; how many. Saved in steps."""
    done, after = 0, ""
    while True:
        with database.work() as work:
            values = {"after": after, "edition": EDITION, "limit": _AT_ONCE}
            codes = [row.service_code for row in work.run(_BEHIND, values)]
            if not codes:
                return done
            refresh(work, codes)
        done, after = done + len(codes), codes[-1]


_BEHIND = text("""
SELECT DISTINCT v.service_code FROM service_versions v
WHERE v.state = 'published' AND v.service_code > :after AND NOT EXISTS (
    SELECT FROM service_search s WHERE s.service_code = v.service_code AND s.edition = :edition)
ORDER BY v.service_code LIMIT :limit
""")

_COLUMNS = tuple(column.name for column in service_search.columns)


def _copy(work: Work, rows: Iterable[dict[str, Any]]) -> None:
    driver: Any = work.connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY service_search ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row[name] for name in _COLUMNS])


def _row(one: Period) -> dict[str, Any]:
    definition, name = one.row.definition, normal(one.row.definition["name"]["zh"])
    keywords = [normal(word) for word in (definition.get("keywords") or {}).get("zh", ())]
    names = [text for text in (name, *keywords) if text]
    english = " ".join(_english(definition))
    ages = definition.get("ages") or {}
    return {
        "service_code": one.row.service_code,
        "version": one.row.version,
        "region_level": level_of(definition["region"]),
        "shown_from": one.first,
        "shown_until": one.last,
        "name": name,
        "keywords": _lines(keywords),
        "said": _lines(" ".join(readings.of_text(text)) for text in names),
        "english": english,
        "age_from": ages.get("from"),
        "age_to": ages.get("to"),
        "shown": json.dumps(_shown(definition), ensure_ascii=False),
        "lexemes": lexemes.vector(_lexemes(definition, names, english)),
        "edition": EDITION,
    }


def level_of(region: str) -> int:
    return 1 if region.startswith("00") else regions.level_of(region)


def _lines(texts: Iterable[str]) -> str:
    """Each with a line end on both sides, so that a whole one can be looked for."""
    return "".join(f"\n{text}" for text in texts) + "\n"


def _english(definition: dict[str, Any]) -> Iterator[str]:
    for text_ in (definition["name"]["en"], *(definition.get("keywords") or {}).get("en", ())):
        yield " ".join(chunks(text_))


def _shown(definition: dict[str, Any]) -> dict[str, Any]:
    return {name: definition[name] for name in ("name", "summary", "department", "case_type", "region")}


def _lexemes(definition: dict[str, Any], names: list[str], english: str) -> set[str]:
    found = lexemes.of_names(names)
    found |= lexemes.of_summary(chunks(definition["summary"]["zh"][:_SUMMARY_LENGTH]))
    found.update(lexemes.ENGLISH + word for word in english.split())
    region: str = definition["region"]
    found |= {lexemes.REGION + (NATION if region.startswith("00") else region), f"{lexemes.LEVEL}{level_of(region)}"}
    for kind, part in (
        (lexemes.TOPIC, "topic_codes"),
        (lexemes.LIFE_EVENT, "life_events"),
        (lexemes.AUDIENCE, "audiences"),
    ):
        found.update(kind + code for code in definition.get(part, ()))
    found.add(lexemes.DEPARTMENT + definition["department"])
    if definition.get("ages"):
        found.add(lexemes.AGED)
    return found
