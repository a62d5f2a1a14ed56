"""Myself: what my e-ID says of me, and the WeChat I tie to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from werkzeug.test import TestResponse

from tests.product import Phone


def wechat_code(outside: str, person: str) -> str:
    """What `wx.login` gives on this person's phone."""
    answer = requests.post(f"{outside}/wechat/phone/login", json={"person": person}, timeout=60)
    return str(answer.json()["code"])


def bind(phone: Phone, code: str, accepted: list[str]) -> TestResponse:
    return phone.send("PUT", "/v1/me/wechat", json={"code": code, "accepted": accepted})


def test_my_numbers_are_masked_even_for_me(make_phone: Callable[..., Phone]) -> None:
    phone = make_phone(level=2)

    profile = phone.get("/v1/me").json

    assert profile == {
        "id": str(phone.resident_id),
        "name": "李建国",
        "document_type": "111",
        "document_number": "532***********0316",
        "phone": "199****0002",
        "identity_level": 2,
        "elder_mode": False,
    }


def test_binding_wechat_counts_the_messages_i_allowed(phone: Phone, outside: str) -> None:
    first = bind(phone, wechat_code(outside, "li-jianguo"), ["progress"])
    again = bind(phone, wechat_code(outside, "li-jianguo"), ["progress"])
    nothing = bind(phone, wechat_code(outside, "li-jianguo"), [])

    assert first.json == {"bound": True, "credits": {"progress": 1}}
    assert again.json["credits"] == nothing.json["credits"] == {"progress": 2}


def test_another_wechat_starts_with_its_own_credits(phone: Phone, outside: str) -> None:
    bind(phone, wechat_code(outside, "li-jianguo"), ["progress", "progress", "progress"])

    other = bind(phone, wechat_code(outside, "zhang-wei"), ["progress"])

    assert other.json["credits"] == {"progress": 1}


def test_a_code_that_wechat_does_not_know_or_has_seen_is_refused(phone: Phone, outside: str) -> None:
    code = wechat_code(outside, "li-jianguo")
    assert bind(phone, code, []).status_code == 200

    for bad in (code, "invented"):
        response = bind(phone, bad, ["progress"])

        assert (response.status_code, response.json["code"]) == (422, "wechat_code_refused")
        assert response.json["wechat_errcode"] in (40029, 40163)


@pytest.mark.parametrize("accepted", [["marketing"], ["progress"] * 4, "progress", [None]])
def test_only_the_messages_we_know_can_be_allowed(phone: Phone, accepted: Any) -> None:
    response = bind(phone, "code", accepted)

    assert (response.status_code, response.json["code"]) == (422, "content_invalid")
    assert all(pointer.startswith("/accepted") for pointer in response.json["errors"])


@pytest.fixture(params=["down", "wrong"])
def wechat_away(request: pytest.FixtureRequest, outside: str) -> Iterator[None]:
    requests.put(f"{outside}/wechat/control", json={"mode": request.param}, timeout=60).raise_for_status()
    yield
    requests.put(f"{outside}/wechat/control", json={"mode": "ok"}, timeout=60).raise_for_status()


def test_while_wechat_is_away_the_phone_is_told_to_try_again(phone: Phone, wechat_away: None) -> None:
    response = bind(phone, "code", ["progress"])

    assert (response.status_code, response.json["code"]) == (503, "wechat_away")
    assert int(response.headers["Retry-After"]) > 0
