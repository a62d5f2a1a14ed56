"""The clerk's page over HTTP, in front of the real product: open what is assigned, press a button, read what came."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests import handled
from tests.product import Phone


@pytest.fixture
def desk(outside: str) -> requests.Session:
    """Chen Jing's browser, logged in at the sandbox's sign-on."""
    browser = requests.Session()
    chosen = browser.post(f"{outside}/clerk/login", timeout=30)
    arrived = browser.post(chosen.url, data={"person": "chen-clerk"}, timeout=30)
    assert arrived.url == f"{outside}/clerk", arrived.text
    return browser


@pytest.fixture
def case(phone: Phone, make_clerk: Callable[[str], Phone]) -> uuid.UUID:
    """Filed with the police, and Chen Jing's to handle."""
    submission_id = handled.file(phone, handled.service("gongan"), street="幸福路18号")
    handled.assign(submission_id, make_clerk("S0001"))
    return submission_id


def test_a_clerk_opens_a_case_and_takes_its_steps(
    desk: requests.Session, outside: str, case: uuid.UUID, sql: Callable[..., list[Any]]
) -> None:
    opened = desk.post(f"{outside}/clerk/handle", data={"submission": str(case)}, timeout=30)
    assert opened.status_code == 200
    for button in ("accept", "decline", "ask_correction", "offer_promise"):
        assert f'name="step" value="{button}"' in opened.text
    assert 'value="approve"' not in opened.text and "李**" in opened.text and "李建国" not in opened.text
    assert "<script" not in opened.text

    wish = {"submission": str(case), "revision": revision(sql, case), "step": "ask_correction"}
    until = handled.day_after(10).isoformat()
    outside_the_guide = wish | {"items": "/materials/diploma 学历证明", "until": until}
    refused = desk.post(f"{outside}/clerk/step", data=outside_the_guide, timeout=30)
    assert "办事指南以外的内容不得要求" in refused.text and "/items/0" in refused.text

    listed = wish | {"items": "/materials/photo 照片过期\n/answers/street 门牌号不全\n", "until": until}
    asked = desk.post(f"{outside}/clerk/step", data=listed, timeout=30)
    assert "待补正" in asked.text and "公补正〔" in asked.text and "照片过期" in asked.text
    assert [row["step"] for row in sql("SELECT step FROM history WHERE submission_id = %s ORDER BY number", case)] == [
        "receive",
        "ask_correction",
    ]


def test_a_button_on_an_old_page_does_nothing(
    desk: requests.Session, outside: str, case: uuid.UUID, sql: Callable[..., list[Any]]
) -> None:
    seen = {"submission": str(case), "revision": revision(sql, case)}
    assert "已受理" in desk.post(f"{outside}/clerk/step", data=seen | {"step": "accept"}, timeout=30).text

    late = desk.post(f"{outside}/clerk/step", data=seen | {"step": "review"}, timeout=30)

    assert "412 stale" in late.text
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 2


def revision(sql: Callable[..., list[Any]], case: uuid.UUID) -> str:
    return str(sql("SELECT revision FROM submissions WHERE id = %s", case)[0]["revision"])
