"""Retention: how long what is finished is kept, to the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import app.catalogue
from app.clock import CHINA
from app.privacy import retention
from app.privacy.retention import CLASSES, RetentionUnknown, kept_until, last_completion_day


@pytest.mark.parametrize(
    ("kind", "completed", "last_day"),
    [
        ("years_10", datetime(2026, 1, 1, 0, 0, tzinfo=CHINA), date(2036, 12, 31)),
        ("years_10", datetime(2026, 12, 31, 23, 59, 59, tzinfo=CHINA), date(2036, 12, 31)),
        ("years_10", datetime(2027, 1, 1, 0, 0, tzinfo=CHINA), date(2037, 12, 31)),
        # Half past four in the afternoon of the old year in UTC is the new year in China.
        ("years_10", datetime(2026, 12, 31, 16, 30, tzinfo=UTC), date(2037, 12, 31)),
        ("years_5", datetime(2024, 2, 29, 12, tzinfo=CHINA), date(2029, 12, 31)),
        ("years_30", datetime(2026, 6, 1, tzinfo=CHINA), date(2056, 12, 31)),
        ("short", datetime(2026, 8, 31, 9, tzinfo=CHINA), date(2027, 2, 28)),
        ("short", datetime(2027, 8, 31, 9, tzinfo=CHINA), date(2028, 2, 29)),
        ("short", datetime(2026, 12, 31, 23, 59, tzinfo=CHINA), date(2027, 6, 30)),
        ("permanent", datetime(2026, 6, 1, tzinfo=CHINA), None),
    ],
)
def test_the_last_day_on_which_it_is_kept(kind: str, completed: datetime, last_day: date | None) -> None:
    assert kept_until(CLASSES[kind], completed) == last_day


@given(
    st.sampled_from(sorted(set(CLASSES) - {"permanent"})),
    st.dates(date(2000, 1, 1), date(2090, 12, 31)),
    st.dates(date(2000, 1, 1), date(2130, 12, 31)),
)
def test_what_the_purge_takes_is_exactly_what_is_past_its_last_day(name: str, day: date, today: date) -> None:
    kind = CLASSES[name]
    last = last_completion_day(kind, today)
    end = kept_until(kind, datetime(day.year, day.month, day.day, 12, tzinfo=CHINA))

    assert last is not None and end is not None
    assert (day <= last) == (end < today)


def test_what_is_kept_for_ever_has_no_day() -> None:
    assert last_completion_day(CLASSES["permanent"], date(2999, 1, 1)) is None


def test_a_service_that_says_nothing_gets_ten_years_and_one_that_says_nonsense_is_named() -> None:
    assert retention.of({"code": "a"}) is CLASSES["years_10"]
    assert retention.of({"code": "a", "retention": {"class": "short"}}) is CLASSES["short"]
    with pytest.raises(RetentionUnknown, match="a-service"):
        retention.of({"code": "a-service", "retention": {"class": "a while"}})


def test_every_definition_of_ours_names_a_class_that_exists() -> None:
    folder = Path(str(app.catalogue.__file__)).parent / "definitions"
    services = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in folder.glob("*.yaml")]
    assert [retention.of(service) for service in services if "form" in service]


def test_records_about_staff_outlive_what_the_law_asks_for_logs() -> None:
    assert timedelta(days=183) < retention.AUDIT
