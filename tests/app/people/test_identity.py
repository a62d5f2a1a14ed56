"""Step-up: what a service asks of a login holds at signing and filing, says how to get there, and changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock, database
from app.people import identity
from auth import sessions
from tests.product import PERMIT, Phone, RunJobs, picture

Sql = Callable[..., list[Any]]


@pytest.fixture
def draft(phone: Phone, run_jobs: RunJobs) -> dict[str, Any]:
    """A permit that lacks nothing but the signature; `drawn` is the image for it."""
    made = phone.start("residence-permit", PERMIT)
    phone.upload(made["id"], "photo", picture())
    made["drawn"] = phone.upload(made["id"], "signature", picture(width=80))
    run_jobs()
    return made


def again(phone: Phone, level: int, ago: timedelta) -> Phone:
    """The same person after another login."""
    with database.work() as work:
        tokens = sessions.open_for_resident(work, phone.resident_id, level, clock.now() - ago, "phone")
    return Phone(phone.resident_id, tokens, phone.client)


def sign(phone: Phone, draft: dict[str, Any]) -> Any:
    return phone.post(f"/v1/submissions/{draft['id']}/signature", {"upload": draft["drawn"]})


def submit(phone: Phone, draft: dict[str, Any]) -> Any:
    return phone.post(f"/v1/submissions/{draft['id']}/submit")


WEAK, OLD = (2, timedelta(0)), (3, timedelta(days=300))


@pytest.mark.parametrize("act", [sign, submit], ids=["signing", "filing"])
@pytest.mark.parametrize("login", [WEAK, OLD], ids=["too weak", "too old"])
def test_a_lesser_login_is_told_how_to_go_on_and_the_draft_is_untouched(
    phone: Phone, draft: dict[str, Any], sql: Sql, act: Callable[..., Any], login: tuple[int, timedelta]
) -> None:
    everything = "SELECT s::text, u::text FROM submissions s JOIN uploads u ON u.submission_id = s.id WHERE s.id = %s"
    before = sql(f"{everything} ORDER BY u.id", draft["id"])

    answer = act(again(phone, *login), draft)

    assert (answer.status_code, answer.json["code"]) == (403, "step_up_required")
    assert answer.json["required_level"] == 3 and answer.json["max_age_seconds"] > 0
    assert "sandbox" in answer.json["providers"]
    assert sql(f"{everything} ORDER BY u.id", draft["id"]) == before
    assert sql("SELECT 1 FROM signatures WHERE submission_id = %s", draft["id"]) == []


def test_after_the_step_up_the_very_same_draft_goes_its_way(phone: Phone, draft: dict[str, Any]) -> None:
    assert sign(again(phone, *WEAK), draft).status_code == 403
    stronger = again(phone, 3, timedelta(0))

    assert sign(stronger, draft).status_code == 201
    assert submit(again(phone, *OLD), draft).status_code == 403
    assert submit(stronger, draft).status_code == 200


def test_only_the_providers_that_reach_the_level_are_named(product: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {
        "wechat": {"levels": {"wechat": 1}},
        "county": {"levels": {"low": 1, "middle": 2}},
        "province": {"levels": {"middle": 2, "high": 3}},
        "card": {"levels": {"chip": 4}},
        "nothing-said": {},
    }
    monkeypatch.setattr(identity, "settings", lambda: _Settings(offered))

    assert identity.providers_reaching(1) == ["card", "county", "province", "wechat"]
    assert identity.providers_reaching(3) == ["card", "province"]
    assert identity.providers_reaching(4) == ["card"]


class _Settings:
    def __init__(self, offered: dict[str, Any]) -> None:
        self.eid_providers = offered


@pytest.mark.parametrize("service", ["housing-fund-balance", "real-estate-records-query"])
def test_filing_at_once_asks_for_the_same(phone: Phone, sql: Sql, service: str) -> None:
    key = str(uuid.uuid4())

    answer = again(phone, *WEAK).post("/v1/submissions", {"service": service, "submit": True}, key=key)

    assert (answer.status_code, answer.json["code"]) == (403, "step_up_required")
    assert sql("SELECT 1 FROM submissions WHERE applicant_id = %s", phone.resident_id) == []
