"""Notices: numbered without a gap whoever asks at once, in the year of China's day, and never changed afterwards."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
import rfc8785
from flask import Flask

from app import clock, database
from app.crypto import data_keys
from app.submissions import drafts, issued_notices, notice_words
from app.submissions.history import Actor, Item
from app.submissions.issued_notices import IssuedNoticeNotFound, NoticeAltered
from app.submissions.submissions import take_step
from tests import handled
from tests.product import Phone

Sql = Callable[..., list[Any]]
CLERK = Actor("staff", "clerk")


def step(case: uuid.UUID, name: str, at: datetime | None = None, by: Actor = CLERK, **given: Any) -> int:
    with database.work() as work:
        whole = handled.given_for(name)
        return take_step(work, case, name, by, at or clock.now(), type(whole)(**{**whole.__dict__, **given}))


def latest(case: uuid.UUID) -> dict[str, Any]:
    with database.reading() as connection:
        return issued_notices.of(connection, row_of(connection, case))[0]


def row_of(connection: Any, case: uuid.UUID) -> Any:
    return connection.execute(drafts.with_key().where(drafts.submissions.c.id == case)).one()


@pytest.fixture
def bureau(product: Flask) -> str:
    return handled.department()


@pytest.fixture
def case(phone: Phone, bureau: str) -> uuid.UUID:
    return handled.file(phone, handled.service(bureau), commits=True)


def test_a_correction_is_told_in_writing_with_its_whole_list(case: uuid.UUID) -> None:
    until = handled.day_after(10)
    step(case, "ask_correction", reason="照片不清楚", items=(Item(handled.PHOTO, "请重新拍照"),), until=until)

    notice = latest(case)
    year = clock.today().year
    assert (notice["number"], notice["kind"]) == (f"测试补正〔{year}〕1号", "correction")
    assert notice["title"] == {"zh": "补正材料通知书", "en": "Notice of corrections"}
    assert notice["items"] == [{"pointer": handled.PHOTO, "words": "请重新拍照"}]
    assert f"{until.year}年{until.month}月{until.day}日" in notice["text"]["zh"]
    assert until.isoformat() in notice["text"]["en"]
    assert (notice["recipient"], notice["reasons"], notice["remedies"]) == ("李建国", "照片不清楚", None)


def test_a_list_that_became_longer_is_told_whole_with_the_day_that_counts(case: uuid.UUID, sql: Sql) -> None:
    """一次告知需要补正的全部内容: who reads the last notice alone knows everything."""
    step(case, "ask_correction", items=(Item(handled.PHOTO, "请重新拍照"),), until=handled.day_after(10))
    supervisor, late = Actor("staff", "supervisor"), clock.now() + timedelta(days=5)
    step(case, "add_to_correction", late, supervisor, items=(Item(handled.DEED, "请上传"),), until=None)

    notice = latest(case)
    (row,) = sql("SELECT correction_due FROM submissions WHERE id = %s", case)
    assert [item["pointer"] for item in notice["items"]] == [handled.PHOTO, handled.DEED]
    assert row["correction_due"] > handled.day_after(10)
    assert row["correction_due"].isoformat() in notice["text"]["en"]


def test_a_limit_that_ends_at_noon_says_so(phone: Phone, bureau: str) -> None:
    limits = {"legal": None, "promised": {"value": 0.5, "unit": "working_day"}}
    case = handled.file(phone, handled.service(bureau, limits=limits))
    step(case, "accept")

    assert "中午12时" in latest(case)["text"]["zh"] and "by noon of" in latest(case)["text"]["en"]


def test_a_refusal_has_reasons_and_remedies(case: uuid.UUID) -> None:
    """行政许可法 第三十八条第二款, 行政复议法 第二十、二十二条, 行政诉讼法 第四十六条."""
    step(case, "accept")
    step(case, "refuse", reason="不符合第十二条规定的条件")

    notice = latest(case)
    assert notice["reasons"] == "不符合第十二条规定的条件"
    assert all(words in notice["remedies"]["zh"] for words in ("六十日", "行政复议", "六个月", "行政诉讼", "在线申请"))
    assert all(words in notice["remedies"]["en"] for words in ("60 days", "six months", "online"))


def test_a_department_names_its_own_authority_and_channel() -> None:
    words = notice_words.remedies(
        {
            "review_authority": {"zh": "示例县人民政府", "en": "the People's Government of Shili County"},
            "review_channel": {"zh": "示例网", "en": "the site of Shili"},
        }
    )
    assert "向示例县人民政府申请行政复议" in words["zh"] and "在线申请：示例网" in words["zh"]
    assert "to the People's Government of Shili County" in words["en"] and words["en"].endswith("the site of Shili.")


@pytest.mark.parametrize("kind", ["non_acceptance", "refusal", "termination", "revocation", "lapse"])
def test_whatever_goes_against_somebody_says_what_can_be_done(kind: str) -> None:
    assert notice_words.templates()[kind].has_remedies


def test_every_template_takes_its_facts_in_both_languages() -> None:
    words = {"zh": "词", "en": "word"}
    day = date(2026, 12, 31)
    facts = notice_words.Facts(words, words, "261122-4839", day, day, True, day, 5, words, "〔2026〕1号", True, False)
    for template in notice_words.templates().values():
        told = notice_words.text(template, facts)
        assert all("{" not in text and "None" not in text for text in told.values())


@pytest.mark.parametrize(
    ("licence", "joint", "zh", "en"),
    [
        (True, False, "依照行政许可法第四十二条，经本机关负责人批准", "by art. 42"),
        (True, True, "依照行政许可法第四十二条，经本级人民政府负责人批准", "approved by the head of the government"),
        (False, False, "参照行政许可法第四十二条，经本机关负责人批准", "by analogy with art. 42"),
    ],
)
def test_an_extension_says_by_which_law_and_whom(licence: bool, joint: bool, zh: str, en: str) -> None:
    """行政许可法 第四十二条第一款: 经本行政机关负责人批准; 第二款: 经本级人民政府负责人批准."""
    words, day = {"zh": "词", "en": "word"}, date(2026, 12, 31)
    facts = notice_words.Facts(words, words, "261122-4839", day, day, False, day, 5, words, None, licence, joint)
    told = notice_words.text(notice_words.templates()["extension"], facts)
    assert zh in told["zh"] and en in told["en"]


def test_nothing_but_a_licence_rests_on_the_law_of_licences() -> None:
    words, day = {"zh": "词", "en": "word"}, date(2026, 12, 31)
    facts = notice_words.Facts(words, words, "261122-4839", day, day, False, day, 5, words, None, False, False)
    for template in notice_words.templates().values():
        told = notice_words.text(template, facts)
        assert "依照行政许可法" not in told["zh"]
        assert "License Law" not in told["en"] or "by analogy with" in told["en"]


def test_the_hash_is_that_of_the_words_and_the_salt(case: uuid.UUID) -> None:
    step(case, "accept")
    notice = latest(case)
    said = {name: notice[name] for name in notice.keys() - {"id", "issued_at", "content_sha256", "content_salt"}}
    said["salt"] = notice["content_salt"]

    assert hashlib.sha256(rfc8785.dumps(said)).hexdigest() == notice["content_sha256"]


def test_steps_on_the_spot_make_no_notice_of_completion(phone: Phone, bureau: str, sql: Sql) -> None:
    """行政许可法 第三十四条第二款: the decision is made at once, in writing."""
    case = handled.file(phone, handled.service(bureau, case_type=1))
    for name in ("accept", "approve", "complete"):
        step(case, name)

    kinds = sql("SELECT kind FROM issued_notices WHERE submission_id = %s ORDER BY history_number", case)
    assert [row["kind"] for row in kinds] == ["acceptance", "approval"]


class _Dropped(Exception):
    """The work is undone after all."""


def test_numbers_have_no_gap_whoever_asks_at_once_and_whatever_rolls_back(phone: Phone, bureau: str, sql: Sql) -> None:
    service = handled.service(bureau)
    kept = [handled.file(phone, service) for _ in range(12)]
    dropped = [handled.file(phone, service) for _ in range(6)]
    barrier = threading.Barrier(6)

    def work_through(place: int) -> None:
        barrier.wait()
        for case in kept[place::6]:
            step(case, "accept")
        with pytest.raises(_Dropped), database.work() as work:
            take_step(work, dropped[place], "accept", CLERK, clock.now())
            raise _Dropped

    threads = [threading.Thread(target=work_through, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = sql("SELECT serial, number FROM issued_notices WHERE department_code = %s ORDER BY serial", bureau)
    assert [row["serial"] for row in rows] == list(range(1, 13))
    assert rows[-1]["number"] == f"测试受理〔{clock.today().year}〕12号"


def test_a_series_begins_anew_with_chinas_year(phone: Phone, bureau: str) -> None:
    """31 December 23:59 and 1 January 00:00 in China, which is 15:59 and 16:00 UTC."""
    service, year = handled.service(bureau), clock.today().year + 1
    cases = [handled.file(phone, service) for _ in range(4)]
    for case in cases:
        step(case, "accept")
    times = [datetime(year, 12, 31, 15, 58, tzinfo=UTC), datetime(year, 12, 31, 15, 59, tzinfo=UTC)]
    times += [datetime(year, 12, 31, 16, 0, tzinfo=UTC), datetime(year, 12, 31, 16, 1, tzinfo=UTC)]
    for case, at in zip(cases, times, strict=True):
        step(case, "refuse", at)

    told = [(latest(case)["number"], latest(case)["day"]) for case in cases]
    assert told == [
        (f"测试不准〔{year}〕1号", f"{year}-12-31"),
        (f"测试不准〔{year}〕2号", f"{year}-12-31"),
        (f"测试不准〔{year + 1}〕1号", f"{year + 1}-01-01"),
        (f"测试不准〔{year + 1}〕2号", f"{year + 1}-01-01"),
    ]


def test_each_series_and_department_counts_by_itself(phone: Phone, bureau: str) -> None:
    other = handled.department(word=None)
    first, second = (handled.file(phone, handled.service(of)) for of in (bureau, other))
    year = clock.today().year
    step(first, "accept")
    step(first, "review")
    step(first, "approve")
    assert latest(first)["number"] == f"测试准〔{year}〕1号"
    step(second, "accept")
    assert latest(second)["number"] == f"测试县测试局受理〔{year}〕1号"


def test_the_database_refuses_to_change_or_delete_a_notice(case: uuid.UUID, sql: Sql) -> None:
    step(case, "accept")
    for change in ("kind = 'refusal'", "day = day + 1", "content_sha256 = repeat('0', 64)", "serial = 7"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            sql(f"UPDATE issued_notices SET {change} WHERE submission_id = %s", case)
    with pytest.raises(psycopg.errors.RestrictViolation):
        sql("DELETE FROM issued_notices WHERE submission_id = %s", case)


def test_other_words_under_the_same_number_are_noticed(case: uuid.UUID, sql: Sql) -> None:
    """Whoever has the keys can seal other words, but not make them those of the hash."""
    step(case, "accept")
    notice = latest(case)
    with database.reading() as connection:
        key = data_keys.of(connection, case)
    false = {name: notice[name] for name in notice.keys() - {"id", "issued_at", "content_sha256", "content_salt"}}
    false["text"] = {"zh": "不予受理", "en": "Not accepted"}
    sealed = key.seal(false, issued_notices.CONTENT, notice["id"])
    sql("UPDATE issued_notices SET content = %s WHERE id = %s", bytes(sealed), notice["id"])

    with pytest.raises(NoticeAltered), database.reading() as connection:
        issued_notices.one(connection, row_of(connection, case), notice["id"])


def test_a_resident_reads_their_notices_and_nobody_elses(
    phone: Phone, make_phone: Callable[..., Phone], case: uuid.UUID
) -> None:
    step(case, "accept")
    step(case, "refuse")
    path = f"/v1/submissions/{case}/notices"

    listed = phone.get(path).json["items"]
    assert [notice["kind"] for notice in listed] == ["refusal", "acceptance"]
    assert phone.get(f"{path}/{listed[0]['id']}").json == listed[0]
    assert listed[0]["content_salt"] and listed[0]["recipient"] == "李建国"

    stranger = make_phone()
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"{path}/{listed[0]['id']}").json["code"] == "submission_not_found"
    unknown = phone.get(f"{path}/{uuid.uuid4()}")
    assert (unknown.status_code, unknown.json["code"]) == (404, IssuedNoticeNotFound.code())


def test_handling_staff_read_them_masked_and_leave_a_look(
    case: uuid.UUID, bureau: str, make_newcomer: Callable[[str, str], Phone], sql: Sql
) -> None:
    step(case, "accept")
    step(case, "refuse", reason="李建国的电话13812345678无人接听")
    head = make_newcomer("head", bureau)

    (refusal, _) = head.get(f"/v1/desk/submissions/{case}/notices").json["items"]
    assert (refusal["recipient"], refusal["reasons"]) == ("李**", "李**的电话*******5678无人接听")
    assert refusal["content_salt"] is None
    assert head.get(f"/v1/desk/submissions/{case}/notices/{refusal['id']}").json == refusal
    looks = sql("SELECT kind, outcome FROM looks WHERE staff_id = %s", head.resident_id)
    assert [tuple(look.values()) for look in looks] == [("handling", "shown")] * 2
    stranger = make_newcomer("clerk", "minzheng")
    assert stranger.get(f"/v1/desk/submissions/{case}/notices").status_code == 404


def test_what_is_erased_leaves_its_number_and_no_words(case: uuid.UUID, sql: Sql) -> None:
    """What is erased keeps its number: the database lets the words go, and nothing else."""
    step(case, "accept")
    sql("UPDATE issued_notices SET content = NULL WHERE submission_id = %s", case)

    (row,) = sql("SELECT number, content FROM issued_notices WHERE submission_id = %s", case)
    assert row["number"] and row["content"] is None
    with database.reading() as connection:
        assert issued_notices.of(connection, row_of(connection, case)) == []
