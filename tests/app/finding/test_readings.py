"""Readings: how Chinese is said and typed, held beside pypinyin."""

from __future__ import annotations

import csv
from pathlib import Path

import pypinyin
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.finding import readings

SERVICES = Path(__file__).parents[3] / "bench" / "services.csv"


def names() -> list[str]:
    with SERVICES.open(encoding="utf-8", newline="") as file:
        return [row["service"] for row in csv.DictReader(file)]


def test_names_of_services_are_read_as_pypinyin_reads_them() -> None:
    different = {
        name: (ours, theirs)
        for name in names()
        if (ours := list(readings.of_text(name))) != (theirs := pypinyin.lazy_pinyin(name, v_to_u=False))
    }

    # A word of five characters or more may be read otherwise than its parts; such words are rare.
    assert len(different) <= len(names()) // 100, different


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("重庆", ("chong", "qing")),
        ("银行", ("yin", "hang")),
        ("行政", ("xing", "zheng")),
        ("女儿", ("nv", "er")),
        ("IC卡", ("I", "C", "ka")),
    ],
)
def test_a_word_decides_how_its_characters_are_read(word: str, said: tuple[str, ...]) -> None:
    assert readings.of_text(word) == said


@pytest.mark.parametrize(
    ("one", "other"),
    [("shi", "si"), ("zhang", "zan"), ("nan", "lang"), ("hu", "fu"), ("xing", "xin"), ("cheng", "cen")],
)
def test_what_many_people_do_not_tell_apart_sounds_the_same(one: str, other: str) -> None:
    assert readings.sounding(one) == readings.sounding(other)


@pytest.mark.parametrize(("one", "other"), [("ba", "pa"), ("gao", "kao"), ("she", "shu"), ("en", "n")])
def test_what_everybody_tells_apart_does_not(one: str, other: str) -> None:
    assert readings.sounding(one) != readings.sounding(other)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("shenfenzheng", ("shen", "fen", "zheng")),
        ("shenfz", ("shen", "f", "z")),
        ("gljt", ("g", "l", "j", "t")),
        ("gaoling", ("gao", "ling")),
        ("gaolin", ("gao", "lin")),
    ],
)
def test_letters_are_taken_apart_as_they_were_most_likely_meant(typed: str, meant: tuple[str, ...]) -> None:
    assert readings.parses(typed)[0] == meant


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=48))
def test_any_letters_are_taken_apart_without_losing_one(typed: str) -> None:
    ways = readings.parses(typed)

    assert all("".join(way) == typed for way in ways)
    assert tuple(typed) in ways, "each may be a first letter"
    assert len(ways) <= 7
