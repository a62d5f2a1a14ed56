"""Inbox: what was told, to whom, and over which channels it was tried, as the heart of it sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from app import clock, database
from app.crypto import data_keys
from app.people.callers import Resident
from app.submissions.history import OPINION
from app.submissions.steps import QUIET, STEPS
from notifications import inbox, sending
from tests.notifications.scripted_wechat import ScriptedWechat
from tests.product import Phone

Sql = Callable[..., list[Any]]


def listed(who: Phone, language: str = "zh", before: Any = None, limit: int = 100) -> list[dict[str, Any]]:
    caller = Resident(who.resident_id, who.resident_id, 3, clock.now())
    with database.reading() as connection:
        return inbox.listing(connection, caller, before, limit, language)


@pytest.fixture
def whole_story(filed: dict[str, Any], sql: Sql) -> dict[str, Any]:
    """A submission with a history of every step there is, each told to its resident."""
    with database.reading() as connection:
        key = data_keys.of(connection, UUID(filed["id"]))
    for number, step in enumerate(list(STEPS)[1:], start=2):
        # Its hashes are not looked at here, but a row continues the one before it.
        sql(
            "INSERT INTO history (submission_id, number, at, step, from_state, state, actor_kind, actor_role,"
            " department_code, opinion, previous_hash, personal_digest, row_hash, hash_algorithm)"
            " SELECT submission_id, %s, at, %s, state, state, 'office', 'office', department_code, %s,"
            " row_hash, personal_digest, row_hash, hash_algorithm FROM history"
            " WHERE submission_id = %s AND number = 1",
            number,
            step,
            key.seal("理由", OPINION, f"{filed['id']}/{number}"),
            filed["id"],
        )
    for number in range(1, len(STEPS) + 1):
        sending.notify(filed["id"], number)
    return filed


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_step_can_be_shown(whole_story: dict[str, Any], phone: Phone, language: str) -> None:
    shown = listed(phone, language)

    assert len(shown) == len(STEPS.keys() - QUIET)
    assert all(item["title"] and item["text"] for item in shown)
    assert {item["reference"] for item in shown} == {whole_story["reference"]}


def test_pages_show_each_once_newest_first(whole_story: dict[str, Any], phone: Phone) -> None:
    everything = [item["id"] for item in listed(phone)]

    first = listed(phone, limit=3)
    rest = listed(phone, before=first[-1]["id"])

    assert [item["id"] for item in first + rest] == everything == sorted(everything, reverse=True)


def test_the_channels_tell_what_became_of_a_push(
    scripted: ScriptedWechat, allow: Callable[[int], None], filed: dict[str, Any], phone: Phone
) -> None:
    allow(1)
    scripted.script = [{"errcode": 40037}]

    sending.notify(filed["id"], 1)

    assert [item["channels"] for item in listed(phone)] == [[{"channel": "wechat", "state": "refused"}]]


def test_a_notification_of_an_event_that_is_not_there_is_impossible(filed: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="No row was found"):
        sending.notify(filed["id"], 99)


def test_nobody_elses_is_listed(make_phone: Callable[..., Phone], whole_story: dict[str, Any]) -> None:
    assert listed(make_phone()) == []
