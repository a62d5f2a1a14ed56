"""The register: every personal column and every field of a form stands in it, with what it is for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, MetaData, Table

import wsgi
from app import database
from app.catalogue.forms import Form
from app.crypto.sealed import Sealed, personal, personal_columns
from app.privacy import activities
from tests.app.privacy.conftest import VISITORS, Publish, published_with_the_program, purpose
from tests.product import Phone

HOME = Path(wsgi.__file__).parent
DEMO = [definition["code"] for definition in published_with_the_program()]


@pytest.fixture
def register(product: Flask) -> list[dict[str, Any]]:
    """The platform's activities and those of the demo's services."""
    with database.reading() as connection:
        found = activities.register(connection)
    return [one for one in found if one["service"] is None or one["service"]["code"] in DEMO]


def test_every_personal_column_belongs_to_one_activity_with_a_purpose_in_both_languages() -> None:
    """PIPL art. 6, 56. A new personal column needs a line in app/privacy/activities.yaml."""
    assert activities.faults() == []


def test_a_column_nobody_registered_is_found() -> None:
    planted = MetaData()
    Table("secrets", planted, Column("diary", Sealed, info=personal(purpose="to read")))

    assert "secrets.diary belongs to no activity" in activities.faults(planted)


def test_every_column_and_every_field_stands_in_the_register_in_both_languages(
    register: list[dict[str, Any]],
) -> None:
    kinds = [kind for activity in register for kind in activity["kinds"]]
    codes = {kind["code"] for kind in kinds}
    fields = {field.path for definition in published_with_the_program() for field in Form.of(definition).fields()}

    assert {str(column) for column, _ in personal_columns(database.metadata)} | fields <= codes
    assert [kind for kind in kinds for language in ("zh", "en") if not kind["purpose"].get(language, "").strip()] == []


def test_what_is_sensitive_or_shared_needs_an_assessment_and_its_record_is_there(
    register: list[dict[str, Any]],
) -> None:
    """PIPL art. 55: 处理敏感个人信息、向其他个人信息处理者提供个人信息 …应当事前进行个人信息保护影响评估."""
    needed = {one["code"]: one["assessment"] for one in register if one["assessment"]["needed"]}

    assert {"accounts", "wechat-messages", "service-residence-permit-handling"} <= set(needed)
    for code, assessment in needed.items():
        path, anchor = assessment["record"].split("#")
        anchors = re.findall(r'^<a id="(.+)"></a>$', (HOME / path).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in anchors, code


def test_an_assessment_that_is_needed_and_not_there_is_told(publish: Publish) -> None:
    service = publish(processing={"purposes": [purpose("visits", "illness", recipients=VISITORS)]})
    with database.reading() as connection:
        found = activities.register(connection)

    (visits,) = (one for one in found if one["code"] == f"service-{service.code}-visits")
    assert visits["assessment"] == {"needed": True, "because": ["sensitive", "sharing"], "record": None}
    assert (visits["basis"], visits["required"], visits["consents"]) == ("consent", False, ["sensitive", "sharing"])
    (line,) = (line for line in activities.as_markdown([visits], "zh").splitlines() if "目的visits" in line)
    assert line.endswith("| **缺少** |")


@pytest.mark.parametrize(("language", "head"), [("zh", "处理活动"), ("en", "Activity")])
def test_the_table_is_one_for_people(register: list[dict[str, Any]], language: str, head: str) -> None:
    lines = activities.as_markdown(register, language).splitlines()

    assert lines[2].startswith(f"| {head} |")
    assert len(lines) == 4 + len(register)
    assert {line.count("|") for line in lines[2:]} == {7}


def test_the_command_prints_it(product: Flask, settings_environment: dict[str, str]) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "-m", "onephone", "privacy-register", *words]
        done = subprocess.run(command, cwd=HOME, env=os.environ | settings_environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "银行卡号（敏感）" in run()
    assert "Bank card number (sensitive)" in run("--language", "en")
    assert {one["code"] for one in json.loads(run("--format", "json"))} >= {"accounts", "wechat-messages"}


def test_auditors_read_it_and_others_do_not(make_clerk: Callable[[str], Phone], phone: Phone) -> None:
    path = "/v1/supervision/processing-activities"

    read = make_clerk("S0002").get(path)
    refused = make_clerk("S0001").get(path)

    assert read.status_code == 200
    assert "accounts" in {one["code"] for one in read.json["items"]}
    assert (refused.status_code, refused.json["code"]) == (403, "register_not_allowed")
    assert phone.get(path).status_code == 401
