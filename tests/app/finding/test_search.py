"""Search: what an old farmer types finds what he means, in his region, best first."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import clock, database
from app.catalogue import services
from app.finding import index, readings, search, typed
from app.finding.search import Filters, Found, PlaceInvalid

COUNTY, CITY, PROVINCE = "532999", "532900", "530000"
ELSEWHERE = "110101"
SERVICES = Path(__file__).parents[3] / "bench" / "services.csv"

Publish = Callable[..., str]
Codes = Callable[..., list[str]]


@pytest.fixture(scope="module")
def county(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Every service of the list that the bench takes its names from, in one region of its own: name → code."""
    request.getfixturevalue("product")
    with SERVICES.open(encoding="utf-8", newline="") as file:
        names = list(dict.fromkeys(row["service"] for row in csv.DictReader(file)))
    made = {name: f"county-{number}" for number, name in enumerate(names)}
    with database.work() as work:
        model = services.current(work.connection, "housing-fund-balance").definition
        model = {name: part for name, part in model.items() if name not in ("keywords", "ages")}
        for name, code in made.items():
            text = {"name": {"zh": name, "en": f"Service {code}"}, "summary": {"zh": f"办理{name}。", "en": "."}}
            services.publish(work, model | text | {"code": code, "version": 1, "region": "539901"})
    yield made
    with database.work() as work:
        for table, column in (("service_versions", "service_code"), ("services", "code")):
            work.run_sql(f"DELETE FROM {table} WHERE {column} = ANY(%(codes)s)", {"codes": list(made.values())})


def first(codes: Codes, county: dict[str, str], words: str, most: int = 5) -> list[str]:
    by_code = {code: name for name, code in county.items()}
    return [by_code.get(code, code) for code in codes(words, region="539901", limit=most)[:most]]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("高龄津贴", "高龄津贴"),
        ("老人补贴", "高龄津贴"),
        ("八十岁补贴", "高龄津贴"),
        ("我要给我妈领老人补贴", "高龄津贴"),
        ("高铃津贴", "高龄津贴"),
        ("高岭金贴", "高龄津贴"),
        ("gaoling", "高龄津贴"),
        ("gljt", "高龄津贴"),
        ("gaoljt", "高龄津贴"),
        ("身份证", "居民身份证申领"),
        ("身份正丢了", "居民身份证补领"),
        ("身份证丢了怎么办", "居民身份证补领"),
        ("sfz", "居民身份证申领"),
        ("shenfenz", "居民身份证申领"),
        ("ＳＦＺ", "居民身份证申领"),
        ("社保卡", "社会保障卡申领"),
        ("射保卡", "社会保障卡申领"),
        ("养老认证", "养老金领取资格认证"),
        ("退休金认证", "养老金领取资格认证"),
        ("新农合", "城乡居民基本医疗保险参保登记"),
        ("外地看病", "异地就医备案"),
        ("低保", "最低生活保障申请"),
        ("吃低保", "最低生活保障申请"),
        ("dibao", "最低生活保障申请"),
        ("公积金", "住房公积金查询"),
        ("gjj", "住房公积金查询"),
        ("危房", "农村危房改造补助"),
        ("领结婚证", "结婚登记"),
        ("上户口", "出生登记"),
        ("户口本丢了", "户口簿补领"),
        ("欠工资", "拖欠农民工工资投诉"),
        ("劳动仲裁", "劳动人事争议仲裁申请"),
        ("老年证", "老年人优待证办理"),
        ("狗证", "养犬登记"),
        ("结昏登记", "结婚登记"),
        ("婚登", "结婚登记"),
        ("危房改造补贴怎么申请多少钱", "农村危房改造补助"),
    ],
)
def test_what_an_old_farmer_types_is_among_the_first(
    words: str, wanted: str, county: dict[str, str], codes: Codes
) -> None:
    assert wanted in first(codes, county, words)


def test_every_service_is_found_by_its_own_name_first(county: dict[str, str], codes: Codes) -> None:
    for name, code in county.items():
        assert codes(name, region="539901", limit=1)[:1] == [code], name


def test_every_service_is_found_by_any_two_characters_that_follow_each_other(
    county: dict[str, str], codes: Codes
) -> None:
    pairs: dict[str, set[str]] = {}
    for name, code in county.items():
        plain = typed.normal(name)
        for place in range(len(plain) - 1):
            pairs.setdefault(plain[place : place + 2], set()).add(code)
    # The same pairs in every run, a third of all.
    for pair in random.Random(1).sample(sorted(pairs), len(pairs) // 3):
        assert pairs[pair] <= set(codes(pair, region="539901", limit=100)), pair


def test_every_service_is_found_by_the_first_letters_of_its_name(county: dict[str, str], codes: Codes) -> None:
    for name, code in random.Random(2).sample(sorted(county.items()), 150):
        letters = readings.initials(readings.of_text(typed.normal(name)))
        assert code in codes(letters, region="539901", limit=100), name


def test_a_better_match_stands_higher(publish: Publish, codes: Codes) -> None:
    in_summary = publish("某项登记", summary={"zh": "竹编手艺人请看。", "en": "."})
    inside = publish("老竹编手艺人认定")
    begins = publish("竹编手艺人认定")
    exact = publish("竹编手艺人")
    keyword = publish("又一项登记", keywords={"zh": ["竹编手艺人"]})

    assert codes("竹编手艺人") == [exact, begins, keyword, inside, in_summary]


def test_the_nearest_region_stands_higher_and_other_regions_are_not_shown(publish: Publish, codes: Codes) -> None:
    made = {region: publish("铜匠铺登记", region=region) for region in (PROVINCE, COUNTY, ELSEWHERE, CITY)}
    nation = publish("铜匠铺登记", region="000000")

    assert codes("铜匠铺登记") == [made[COUNTY], made[CITY], made[PROVINCE], nation]
    assert codes("铜匠铺登记", region=CITY) == [made[CITY], made[PROVINCE], nation]
    assert codes("铜匠铺登记", region=f"{COUNTY}001000")[0] == made[COUNTY], "a town lies in its county"
    assert set(codes("铜匠铺登记", region=None)) == {*made.values(), nation}


def test_filters_meet_the_words(publish: Publish, codes: Codes) -> None:
    farmer = publish("蓑衣领用", audiences=["farmers"], topic_codes=["agriculture"], life_events=["work"])
    student = publish("蓑衣领用", audiences=["students"], topic_codes=["education"], department="gongan")

    assert set(codes("蓑衣")) == {farmer, student}
    assert codes("蓑衣", audience="farmers") == codes("蓑衣", topic="agriculture") == [farmer]
    assert codes("蓑衣", life_event="work") == [farmer]
    assert codes("蓑衣", department="gongan") == [student]
    assert codes("蓑衣", audience="farmers", topic="education") == []
    assert farmer in codes(None, audience="farmers", region=None)
    assert student not in codes(None, audience="farmers", region=None)


@pytest.mark.parametrize("typed_words", ["木偶戏", "muou", "木偶戏班", None])
@pytest.mark.parametrize("region", [COUNTY, None])
def test_pages_show_everything_once(
    typed_words: str | None, region: str | None, publish: Publish, codes: Codes
) -> None:
    made = {publish("木偶戏班" + "甲乙丙丁戊"[number % 5], topic_codes=["culture"]) for number in range(7)}

    for limit in (1, 2, 3, 100):
        listed = codes(typed_words, region=region, limit=limit, topic="culture")
        assert len(listed) == len(set(listed))
        assert made <= set(listed)
        assert listed == codes(typed_words, region=region, limit=50, topic="culture")


def test_guesses_are_only_made_when_nothing_is_meant(publish: Publish, codes: Codes) -> None:
    right = publish("灯芯草编制")
    alike = publish("灯心草编制")

    assert codes("灯芯草") == [right]
    assert set(codes("灯辛草")) == {right, alike}


@pytest.mark.parametrize(
    "words", ["", "  ", "！？", "%", "_", "'", "\\", "a' | 'b", "!", "&", ":*", "\x00", "😀", "(", "[", "*"]
)
def test_what_is_no_word_does_no_harm(words: str, codes: Codes) -> None:
    assert isinstance(codes(words), list)


@pytest.mark.parametrize(
    "place", ["", "x", "0", "0.1", "0.x.code", "-1.0.a", "0.99999999999999.a", "0..a", "99999.1.a"]
)
def test_a_place_that_was_not_given_out_is_refused(place: str) -> None:
    with pytest.raises(PlaceInvalid), database.reading() as connection:
        search.search(connection, "社保", Filters(), place, 10)


def test_what_is_withdrawn_is_not_found_any_more(publish: Publish, codes: Codes, sql: Callable[..., Any]) -> None:
    code = publish("皮影戏登记")
    assert codes("皮影戏") == [code]

    sql(
        "UPDATE service_versions SET state = 'withdrawn', withdrawn_on = %s WHERE service_code = %s",
        clock.today(),
        code,
    )
    with database.work() as work:
        index.refresh(work, [code])

    assert codes("皮影戏") == []


def test_versions_are_found_on_the_days_on_which_they_count(
    publish: Publish, found: Callable[..., list[Found]], monkeypatch: pytest.MonkeyPatch
) -> None:
    today = clock.today()
    later, end = today + timedelta(days=10), today + timedelta(days=20)
    code = publish("旧名绣坊")
    publish("新名绣坊", code=code, version=2, effective={"from": later.isoformat(), "until": end.isoformat()})

    def seen() -> list[tuple[str, int]]:
        return [(one.code, one.version) for one in found("绣坊")]

    assert seen() == [(code, 1)]
    monkeypatch.setattr(clock, "today", lambda: later)
    assert seen() == [(code, 2)]
    monkeypatch.setattr(clock, "today", lambda: end + timedelta(days=1))
    assert seen() == [], "the older version does not come back"


def test_an_unpublished_transaction_leaves_nothing_to_be_found(product: Any, publish: Publish, codes: Codes) -> None:
    with database.reading() as connection:
        model = services.current(connection, "housing-fund-balance").definition
    changed = {"code": "test-undone", "version": 1, "name": {"zh": "未成之事", "en": "Undone"}, "region": COUNTY}
    with pytest.raises(ZeroDivisionError), database.work() as work:
        services.publish(work, model | changed)
        raise ZeroDivisionError

    assert codes("未成之事") == []


def test_rows_that_are_missing_or_made_by_older_rules_are_made_anew(publish: Publish, codes: Codes, sql: Any) -> None:
    missing, old = publish("皮匠铺甲"), publish("皮匠铺乙")
    sql("DELETE FROM service_search WHERE service_code = %s", missing)
    sql("UPDATE service_search SET edition = 0, lexemes = '' WHERE service_code = %s", old)
    assert codes("皮匠铺") == []

    assert index.catch_up() >= 2

    assert set(codes("皮匠铺")) == {missing, old}
    assert index.catch_up() == 0


def test_english_finds_too(publish: Publish, codes: Codes) -> None:
    begins = publish("竹筏登记甲", en="Bamboo raft licence")
    inside = publish("竹筏登记乙", en="Change of a bamboo raft")

    assert codes("Bamboo raft") == [begins, inside]
    assert set(codes("raft bamb")) == {begins, inside}
