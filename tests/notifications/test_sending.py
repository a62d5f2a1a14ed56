"""Sending: one push about one event, never two, and its record says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from notifications import sending
from notifications.channels.wechat import WechatBusy
from tests.notifications.scripted_wechat import OK, ScriptedWechat
from tests.product import Phone, RunJobs

Allow = Callable[[int], None]
Attempt = Callable[[], Any]
Credits = Callable[[], int]
Sql = Callable[..., list[Any]]
TIMEOUT = 60


class WorkerKilled(BaseException):
    """As if the process ended here: nothing catches it, and the open transaction is undone."""


def pushes(outside: str, reference: str) -> list[Any]:
    found = requests.get(f"{outside}/wechat/phone/messages?person=li-jianguo", timeout=TIMEOUT).json()["items"]
    return [item for item in found if item["data"]["character_string2"]["value"] == reference]


def told(scripted: ScriptedWechat, filed: dict[str, Any]) -> list[Any]:
    """What WeChat was asked to say about this submission; of another story's an office may just have answered."""
    return [one for one in scripted.messages if filed["reference"] in str(one)]


def test_a_push_reaches_the_phone_once(
    outside: str, really_allow: Allow, filed: dict[str, Any], attempt: Attempt, credits_left: Credits
) -> None:
    really_allow(2)

    for _ in range(3):
        sending.notify(filed["id"], 1)

    [push] = pushes(outside, filed["reference"])
    assert push["data"]["phrase3"]["value"] == "已收件"
    assert attempt() == ("accepted", "ok")
    assert credits_left() == 1


def test_filing_alone_leads_to_a_push(
    outside: str, really_allow: Allow, filed: dict[str, Any], run_jobs: RunJobs
) -> None:
    really_allow(1)

    run_jobs()

    assert [push["data"]["phrase3"]["value"] for push in pushes(outside, filed["reference"])] == ["已收件"]


def test_of_an_answer_on_the_spot_only_the_end_is_told(
    outside: str, really_allow: Allow, phone: Phone, run_jobs: RunJobs
) -> None:
    really_allow(3)
    reference = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json["reference"]

    run_jobs()
    run_jobs()

    assert [push["data"]["phrase3"]["value"] for push in pushes(outside, reference)] == ["已办结"]
    [item] = phone.get("/v1/inbox").json["items"]
    assert item["channels"] == [{"channel": "wechat", "state": "accepted"}]


def test_without_a_binding_there_is_the_inbox(filed: dict[str, Any], phone: Phone, attempt: Attempt) -> None:
    sending.notify(filed["id"], 1)

    [item] = phone.get("/v1/inbox").json["items"]
    assert (item["reference"], item["channels"]) == (filed["reference"], [])
    assert attempt() is None


def test_without_a_credit_wechat_is_not_even_asked(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], attempt: Attempt
) -> None:
    allow(0)

    sending.notify(filed["id"], 1)

    assert attempt() == ("skipped", "no_credit")
    assert told(scripted, filed) == []


def test_a_consent_that_was_taken_back_counts_at_once(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], phone: Phone, attempt: Attempt, credits_left: Credits
) -> None:
    """PIPL art. 15. Not one more message goes out, though credits are left; the inbox has it."""
    allow(3)
    for consent in phone.get("/v1/consents").json["items"]:
        assert phone.post(f"/v1/consents/{consent['id']}/withdraw").status_code == 200

    sending.notify(filed["id"], 1)

    assert told(scripted, filed) == []
    assert attempt() == ("skipped", "consent_withdrawn")
    assert credits_left() == 3
    [item] = phone.get("/v1/inbox").json["items"]
    assert item["reference"] == filed["reference"]


def test_who_consents_again_is_told_again(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], phone: Phone, attempt: Attempt
) -> None:
    allow(3)
    for consent in phone.get("/v1/consents").json["items"]:
        phone.post(f"/v1/consents/{consent['id']}/withdraw")
    allow(1)

    sending.notify(filed["id"], 1)

    assert attempt() == ("accepted", "ok")


def test_a_notice_that_covers_more_waits_for_a_new_consent(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], attempt: Attempt, sql: Sql
) -> None:
    """PIPL art. 14: another purpose needs another consent; the old one does not stand for it."""
    allow(3)
    sql(
        "INSERT INTO notices (code, version, content, content_sha256, scopes)"
        " SELECT code, 99, content, 'wider', %s FROM notices WHERE code = 'wechat-push'",
        '{"progress-messages": {"sha256": "wider", "consents": 2}}',
    )
    try:
        sending.notify(filed["id"], 1)
    finally:
        sql("ALTER TABLE notices DISABLE TRIGGER notices_unchangeable")
        sql("DELETE FROM notices WHERE code = 'wechat-push' AND version = 99")
        sql("ALTER TABLE notices ENABLE TRIGGER notices_unchangeable")

    assert attempt() == ("skipped", "consent_withdrawn")
    assert told(scripted, filed) == []


def test_a_worker_that_dies_over_a_push_leaves_it_unknown(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(2)

    def die(*_: Any) -> None:
        raise WorkerKilled

    with monkeypatch.context() as dying:
        dying.setattr(sending, "_settle", die)
        with pytest.raises(WorkerKilled):
            sending.notify(filed["id"], 1)
    assert attempt() == ("sending", None)

    for _ in range(2):
        sending.notify(filed["id"], 1)

    assert attempt() == ("unknown", "worker_died")
    assert len(told(scripted, filed)) == 1, "the first one may have arrived, so there is never a second"


@pytest.mark.parametrize("answer", ["hang up", b"<html>", b"[]", 500, 502, 504], ids=str)
def test_an_answer_that_was_lost_leaves_it_unknown(
    scripted: ScriptedWechat,
    allow: Allow,
    filed: dict[str, Any],
    attempt: Attempt,
    credits_left: Credits,
    answer: Any,
) -> None:
    allow(2)
    scripted.script = [answer]

    for _ in range(2):
        sending.notify(filed["id"], 1)

    assert attempt() == ("unknown", "answer_lost")
    assert len(told(scripted, filed)) == 1
    assert credits_left() == 2


def test_a_refusal_is_final_and_takes_the_credits(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], attempt: Attempt, credits_left: Credits
) -> None:
    allow(3)
    scripted.script = [{"errcode": 43101, "errmsg": "user refuse to accept the msg, rid: 1"}]

    for _ in range(2):
        sending.notify(filed["id"], 1)

    assert attempt() == ("refused", "errcode_43101")
    assert (len(told(scripted, filed)), credits_left()) == (1, 0)


@pytest.mark.parametrize("errcode", [40003, 40037, 41030, 47003, 45168])
def test_other_refusals_are_final_and_keep_the_credits(
    scripted: ScriptedWechat,
    allow: Allow,
    filed: dict[str, Any],
    attempt: Attempt,
    credits_left: Credits,
    errcode: int,
) -> None:
    allow(3)
    scripted.script = [{"errcode": errcode, "errmsg": "no"}]

    sending.notify(filed["id"], 1)

    assert attempt() == ("refused", f"errcode_{errcode}")
    assert credits_left() == 3


@pytest.mark.parametrize("busy", [{"errcode": -1}, {"errcode": 43108}, {"errcode": 45009}, 503, 429], ids=str)
def test_a_busy_wechat_is_asked_again(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], attempt: Attempt, busy: Any
) -> None:
    allow(1)
    scripted.script = [busy, OK]

    with pytest.raises(WechatBusy):
        sending.notify(filed["id"], 1)
    assert attempt() is None

    sending.notify(filed["id"], 1)
    assert attempt() == ("accepted", "ok")


def test_a_wechat_nobody_reaches_is_asked_again(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], attempt: Attempt
) -> None:
    allow(1)
    scripted.close()

    with pytest.raises(WechatBusy):
        sending.notify(filed["id"], 1)

    assert attempt() is None


def test_simultaneous_runs_make_one_notification_and_at_most_one_push(
    scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any], sql: Sql
) -> None:
    allow(3)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: sending.notify(filed["id"], 1), range(6)))

    assert len(sql("SELECT id FROM notifications WHERE submission_id = %s", filed["id"])) == 1
    assert len(told(scripted, filed)) == 1


def test_a_push_carries_no_document_and_no_name(scripted: ScriptedWechat, allow: Allow, filed: dict[str, Any]) -> None:
    allow(1)

    sending.notify(filed["id"], 1)

    said = str(scripted.messages)
    assert "李建国" not in said and "532399198806150316" not in said and "19900000002" not in said
