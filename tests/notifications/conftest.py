"""What the stories of the messenger share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from app import clock, database
from app.people.callers import Resident
from app.settings import settings
from notifications import subscriptions
from notifications.channels import wechat
from tests.notifications.scripted_wechat import ScriptedWechat
from tests.product import Phone

Sql = Callable[..., list[Any]]
TIMEOUT = 60


@pytest.fixture
def scripted(product: Any, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedWechat]:
    """A scripted WeChat instead of the sandbox's, and no access token kept from before or afterwards."""
    server = ScriptedWechat()
    monkeypatch.setattr(wechat, "settings", lambda: replace(settings(), wechat_api_url=server.url))
    sql("DELETE FROM outside_tokens")
    yield server
    sql("DELETE FROM outside_tokens")
    server.close()


@pytest.fixture
def allow(phone: Phone) -> Callable[[int], None]:
    """allow(2): the phone's WeChat user is known, and allowed so many messages, as far as we know."""

    def bind(times: int) -> None:
        caller = Resident(phone.resident_id, phone.resident_id, 3, clock.now())
        with database.work() as work:
            subscriptions.bind(work, caller, f"openid-{phone.resident_id}", ["progress"] * times)

    return bind


@pytest.fixture
def really_allow(outside: str, phone: Phone) -> Callable[[int], None]:
    """really_allow(2): the same at the sandbox's WeChat, by login code and taps on the phone."""

    def bind(times: int) -> None:
        template = requests.get(f"{outside}/wechat/phone/template", timeout=TIMEOUT).json()["template_id"]
        wish = {"person": "li-jianguo", "template_id": template, "times": times}
        requests.post(f"{outside}/wechat/phone/accept", json=wish, timeout=TIMEOUT).raise_for_status()
        login = requests.post(f"{outside}/wechat/phone/login", json={"person": "li-jianguo"}, timeout=TIMEOUT)
        bound = phone.send(
            "PUT", "/v1/me/wechat", json={"code": login.json()["code"], "accepted": ["progress"] * times}
        )
        assert bound.status_code == 200, bound.text

    return bind


@pytest.fixture
def filed(phone: Phone, make_submission: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The receipt of a residence permit that was just filed: step 1 of it is to be told."""
    receipt = phone.post(f"/v1/submissions/{make_submission()['id']}/submit")
    assert receipt.status_code == 200, receipt.text
    return dict(receipt.json or {})


@pytest.fixture
def attempt(sql: Sql, filed: dict[str, Any]) -> Callable[[], Any]:
    """attempt(): (state, detail) of the push about step 1, or None."""

    def look() -> Any:
        rows = sql(
            "SELECT a.state, a.detail FROM attempts a JOIN notifications n ON n.id = a.notification_id"
            " WHERE n.submission_id = %s",
            filed["id"],
        )
        return (rows[0]["state"], rows[0]["detail"]) if rows else None

    return look


@pytest.fixture
def credits_left(sql: Sql, phone: Phone) -> Callable[[], int]:
    ask = "SELECT progress_credits FROM wechat_bindings WHERE resident_id = %s"
    return lambda: int(sql(ask, phone.resident_id)[0]["progress_credits"])
