"""Notices: what people are told is complete, in two languages, and never changes once it was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from flask import Flask

from app import database
from app.catalogue import departments
from app.privacy import notices, purposes, service_notices
from app.privacy.notices import NoticeChanged, NoticeNotFound
from tests.app.privacy.conftest import VISITORS, Publish, published_with_the_program, purpose

Sql = Callable[..., list[Any]]


def words_in(part: Any) -> Iterator[Any]:
    """Everything in a notice that is told in words."""
    if isinstance(part, dict) and {"zh", "en"} & part.keys():
        yield part
    elif isinstance(part, dict):
        for inner in part.values():
            yield from words_in(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from words_in(inner)


def newest(code: str) -> Any:
    with database.reading() as connection:
        return notices.newest(connection, code)


CODES = ["general", "wechat-push", "children"]
SERVICES = [definition["code"] for definition in published_with_the_program()]


@pytest.mark.parametrize("code", [*CODES, *(purposes.notice_code(service) for service in SERVICES)])
def test_every_notice_says_everything_in_both_languages(product: Flask, code: str) -> None:
    told = list(words_in(newest(code).content))

    assert len(told) > 5
    assert [words for words in told if not (words.get("zh", "").strip() and words.get("en", "").strip())] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_notice_tells_all_that_the_law_asks_for(product: Flask, service: str) -> None:
    """PIPL art. 17: name and contact of the handler; purpose, method, kinds, retention; how to use one's rights."""
    content = newest(purposes.notice_code(service)).content

    assert {section["code"] for section in content["sections"]} >= {
        "handler", "sensitive", "sharing", "basis", "retention", "security", "rights", "contact",
    }  # fmt: skip
    assert content["purposes"][0]["method"]["zh"]


def test_each_field_stands_in_the_notice_with_what_it_is_for(product: Flask) -> None:
    content = newest("service-old-age-allowance").content

    kinds = {kind["code"]: kind for part in content["purposes"] for kind in part["kinds"]}
    assert {"name", "document_number", "phone", "bank_card", "lives_alone", "bank-card-photo", "signature"} <= set(
        kinds
    )
    assert kinds["bank_card"]["purpose"]["zh"].startswith("发放津贴")
    (sensitive,) = (section for section in content["sections"] if section["code"] == "sensitive")
    assert "银行卡号" in sensitive["text"][1]["zh"], "PIPL art. 30: the necessity is told"


def test_who_receives_what_is_told_by_name(product: Flask) -> None:
    """PIPL art. 23: 告知接收方的名称、联系方式、处理目的、处理方式和个人信息的种类."""
    told = {part["code"]: part["recipients"] for part in newest("service-old-age-allowance").content["purposes"]}

    assert told["handling"][0]["name"]["zh"] == "示例县民政局"
    assert "12345" in told["handling"][0]["contact"]["zh"]
    assert told["home-visits"][0]["name"]["zh"] == "户口所在的村（居）民委员会"


def test_publishing_again_changes_nothing(publish: Publish) -> None:
    service = publish()
    with database.work() as work:
        notices.publish(work)

    with database.work() as work:
        assert notices.publish(work) == 0
        assert not notices.publish_service(work, service)


def test_a_new_edition_of_a_service_with_other_fields_gets_the_next_version(publish: Publish) -> None:
    first = publish()
    publish()
    publish(version=2, processing={"purposes": [purpose("visits", "illness", recipients=VISITORS)]})

    with database.reading() as connection:
        code = purposes.notice_code(first.code)
        one, two = (notices.version(connection, code, number) for number in (1, 2))
        with pytest.raises(NoticeNotFound):
            notices.version(connection, code, 3)

    assert one.content_sha256 != two.content_sha256
    assert [part["code"] for part in two.content["purposes"]] == ["handling", "visits"]
    assert (one.service_version, two.service_version) == (1, 2)


def test_an_edition_that_processes_the_same_is_told_by_the_notice_before_it(publish: Publish) -> None:
    publish()
    second = publish(version=2)

    with database.reading() as connection:
        found = notices.of_service(connection, second)

    assert (found.version, found.service_version) == (1, 1)


def test_the_words_of_the_retention_class_stand_before_the_general_rule(product: Flask) -> None:
    """PIPL art. 17(1): 保存期限 is told."""
    first = {
        service: section["text"][0]["en"]
        for service in ("tobacco-retail-licence", "real-estate-records-query", "marriage-registration")
        for section in newest(purposes.notice_code(service)).content["sections"]
        if section["code"] == "retention"
    }

    assert "10 years" in first["tobacco-retail-licence"] and "5 years" in first["real-estate-records-query"]
    assert first["marriage-registration"].startswith("A filed application is kept for 6 months")
    assert "The registry keeps the marriage file" in first["marriage-registration"]


def test_a_file_with_other_words_under_a_published_version_is_refused(
    product: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = notices.read(notices.TEXTS / "general-1.yaml")
    text["sections"][0]["text"][0]["zh"] += "！"
    (tmp_path / "general-1.yaml").write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
    monkeypatch.setattr(notices, "TEXTS", tmp_path)

    with pytest.raises(NoticeChanged, match="general version 1"), database.work() as work:
        notices.publish(work)


@pytest.mark.parametrize("change", ["UPDATE notices SET content = '{}'", "DELETE FROM notices"])
def test_the_database_itself_keeps_a_published_notice(product: Flask, sql: Sql, change: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        sql(f"{change} WHERE code = 'general'")


def test_the_hash_is_of_everything_it_says(product: Flask) -> None:
    row = newest("general")

    assert notices.content_hash(row.content) == row.content_sha256
    assert notices.content_hash(row.content | {"title": {"zh": "另一份", "en": "Another"}}) != row.content_sha256


def test_a_retention_of_its_own_stands_before_the_general_rule(publish: Publish) -> None:
    own = {"zh": "办结后保存两年", "en": "Two years after completion"}
    service = publish(processing={"retention": own})
    with database.reading() as connection:
        department = connection.execute(
            departments.departments.select().where(departments.departments.c.code == service.department_code)
        ).one()

    content = service_notices.content(service, department.details, notices._newest_text("general"))

    (retention,) = (section for section in content["sections"] if section["code"] == "retention")
    assert retention["text"][0] == own
    assert len(retention["text"]) > 1
