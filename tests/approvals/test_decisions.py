"""Decisions: an office may say things twice, too early or too late; each is applied once, in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from app import clock, database
from app.clock import today
from app.identifiers import new_reference
from app.submissions.history import SYSTEM
from app.submissions.submissions import take_step
from approvals import decisions
from tests.approvals.office_system import PDF, OfficeSystem, message, result
from tests.clocks import CLERK
from tests.product import Phone

Sql = Callable[..., list[Any]]
TIMEOUT = 60

sweep: Any = decisions.sweep


@pytest.fixture
def steps(sql: Sql, filed: dict[str, Any]) -> Callable[[], list[str]]:
    """The history of the filed submission."""
    ask = "SELECT step FROM history WHERE submission_id = %s ORDER BY number"
    return lambda: [row["step"] for row in sql(ask, filed["id"])]


@pytest.fixture
def outcomes(sql: Sql, filed: dict[str, Any]) -> Callable[[], list[str]]:
    """How the office's messages about it are recorded, by sequence."""
    ask = "SELECT outcome FROM office_messages WHERE submission_id = %s ORDER BY sequence"
    return lambda: [row["outcome"] for row in sql(ask, filed["id"])]


def test_accepted_then_approved_with_a_document(
    office: OfficeSystem, filed: dict[str, Any], phone: Phone, steps: Callable[[], list[str]]
) -> None:
    assert office.outcome(message(filed["reference"], "accepted")) == "applied"
    assert office.outcome(message(filed["reference"], "approved", 2, result=result())) == "applied"

    assert steps() == ["receive", "accept", "approve", "complete"]
    given = phone.get(f"/v1/submissions/{filed['id']}/result").json
    assert (given["kind"], given["filename"]) == ("document", "结果通知书.pdf")
    assert requests.get(given["url"], timeout=TIMEOUT).content == PDF
    assert given["sha256"] == hashlib.sha256(PDF).hexdigest()


def test_every_step_tells_who_and_why(office: OfficeSystem, filed: dict[str, Any], phone: Phone) -> None:
    office.outcome(message(filed["reference"], "accepted"))
    office.outcome(message(filed["reference"], "in_review", 2, opinion=None))
    office.outcome(message(filed["reference"], "refused", 3, reason="不符合居住年限", opinion="内部意见"))

    events = phone.get(f"/v1/submissions/{filed['id']}/progress").json["events"]
    assert [event["step"] for event in events] == ["receive", "accept", "review", "refuse"]
    assert events[-1]["opinion"] == "不符合居住年限"


def test_a_declined_submission_ends(
    office: OfficeSystem, filed: dict[str, Any], steps: Callable[[], list[str]]
) -> None:
    assert office.outcome(message(filed["reference"], "declined", reason="不属于本机关职权")) == "applied"

    assert office.outcome(message(filed["reference"], "accepted", 2)) == "ignored"
    assert steps() == ["receive", "decline"]


def test_the_same_message_again_changes_nothing(
    office: OfficeSystem, filed: dict[str, Any], steps: Callable[[], list[str]]
) -> None:
    accepted = message(filed["reference"], "accepted")
    assert office.outcome(accepted) == "applied"

    assert [office.outcome(accepted) for _ in range(3)] == ["already_applied"] * 3
    assert steps() == ["receive", "accept"]


def test_one_message_delivered_sixteen_times_at_once_is_applied_once(
    product: Flask, filed: dict[str, Any], steps: Callable[[], list[str]]
) -> None:
    accepted, start = message(filed["reference"], "accepted"), Barrier(16)

    def deliver(_: int) -> str:
        mine = OfficeSystem(product.test_client())
        start.wait()
        return mine.outcome(accepted)

    with ThreadPoolExecutor(16) as pool:
        said = sorted(pool.map(deliver, range(16)))

    assert said == ["already_applied"] * 15 + ["applied"]
    assert steps() == ["receive", "accept"]


def test_an_approval_that_comes_too_early_waits(
    office: OfficeSystem,
    filed: dict[str, Any],
    phone: Phone,
    steps: Callable[[], list[str]],
    outcomes: Callable[[], list[str]],
) -> None:
    assert office.outcome(message(filed["reference"], "approved", 3, result=result())) == "parked"
    assert office.outcome(message(filed["reference"], "in_review", 2)) == "parked"
    assert steps() == ["receive"]
    assert phone.get(f"/v1/submissions/{filed['id']}/result").status_code == 404

    assert office.outcome(message(filed["reference"], "accepted", 1)) == "applied"

    assert steps() == ["receive", "accept", "review", "approve", "complete"]
    assert outcomes() == ["applied"] * 3
    assert phone.get(f"/v1/submissions/{filed['id']}/result").json["kind"] == "document"


def test_a_parked_message_sent_again_is_known(office: OfficeSystem, filed: dict[str, Any]) -> None:
    early = message(filed["reference"], "approved", 2, result=result())
    assert office.outcome(early) == "parked"

    assert office.outcome(early) == "already_applied"


def test_an_approval_after_a_refusal_changes_nothing(
    office: OfficeSystem,
    filed: dict[str, Any],
    phone: Phone,
    steps: Callable[[], list[str]],
    outcomes: Callable[[], list[str]],
) -> None:
    office.outcome(message(filed["reference"], "accepted", 1))
    office.outcome(message(filed["reference"], "refused", 2, reason="材料不符"))

    assert office.outcome(message(filed["reference"], "approved", 3, result=result())) == "ignored"

    assert steps() == ["receive", "accept", "refuse"]
    assert outcomes() == ["applied", "applied", "ignored"]
    assert phone.get(f"/v1/submissions/{filed['id']}/result").status_code == 404


def test_an_extension_that_comes_too_early_waits_and_one_that_the_law_forbids_holds_up_nobody(
    office: OfficeSystem, filed: dict[str, Any], steps: Callable[[], list[str]], outcomes: Callable[[], list[str]]
) -> None:
    """行政许可法 第四十二条: ten days, once."""
    extended = [("extended", 2, 99), ("extended", 3, 5), ("extended", 4, 5)]
    for kind, sequence, days in extended:
        assert office.outcome(message(filed["reference"], kind, sequence, days=days, reason="案情复杂")) == "parked"

    assert office.outcome(message(filed["reference"], "accepted", 1)) == "applied"

    assert steps() == ["receive", "accept", "extend"]
    assert outcomes() == ["applied", "ignored", "applied", "ignored"]


def test_an_office_names_the_paper_that_its_extension_rests_on(
    office: OfficeSystem, filed: dict[str, Any], sql: Sql
) -> None:
    """行政许可法 第四十二条第二款: a joint procedure is extended by the government's approval, which has a number."""
    office.outcome(message(filed["reference"], "accepted"))
    said = {"days": 5, "reason": "案情复杂", "document": "示例政批〔2026〕8号"}

    assert office.outcome(message(filed["reference"], "extended", 2, **said)) == "applied"

    ask = "SELECT terms FROM history WHERE submission_id = %s AND step = 'extend'"
    [row] = sql(ask, filed["id"])
    assert row["terms"]["document"] == said["document"]


_ORDERS = [(3, 4, 6, 5), (4, 3, 6, 5), (3, 5, 4, 6), (3, 5, 6, 4), (4, 5, 6, 3), (6, 3, 4, 5), (6, 5, 4, 3)]


@pytest.mark.parametrize("order", _ORDERS, ids=str)
def test_two_special_procedures_are_over_in_whatever_order_they_are_told(
    order: tuple[int, ...], office: OfficeSystem, filed: dict[str, Any], sql: Sql
) -> None:
    """What leads back to where the case stands is early, and not late, while a word before it is under way."""
    for sequence, kind in enumerate(("accepted", "in_review"), start=1):
        office.outcome(message(filed["reference"], kind, sequence))
    for sequence in order:
        said = {"kind": "hearing", "reason": "需要听证", "days": 5} if sequence % 2 else {}
        office.outcome(message(filed["reference"], "suspended" if said else "resumed", sequence, **said))

    [row] = sql("SELECT state FROM submissions WHERE id = %s", filed["id"])
    waiting = sql("SELECT 1 FROM office_messages WHERE submission_id = %s AND outcome = 'parked'", filed["id"])
    assert (row["state"], waiting) == ("in_review", [])


def test_a_special_procedure_that_our_desk_ended_is_not_ended_by_the_offices_own_word_too(
    office: OfficeSystem, filed: dict[str, Any], steps: Callable[[], list[str]], outcomes: Callable[[], list[str]]
) -> None:
    """Nothing of the office is under way, so its word is late and ends no later procedure."""
    hearing = {"kind": "hearing", "reason": "需要听证", "days": 5}
    office.outcome(message(filed["reference"], "accepted", 1))
    office.outcome(message(filed["reference"], "suspended", 2, **hearing))
    with database.work() as work:
        take_step(work, UUID(filed["id"]), "resume", CLERK, clock.now())
    office.outcome(message(filed["reference"], "resumed", 3))
    office.outcome(message(filed["reference"], "suspended", 4, **hearing))

    assert steps() == ["receive", "accept", "suspend", "resume", "suspend"]
    assert outcomes() == ["applied", "applied", "ignored", "applied"]


def test_what_waits_for_a_step_that_somebody_else_takes_is_applied_by_the_sweeper(
    office: OfficeSystem, filed: dict[str, Any], steps: Callable[[], list[str]], outcomes: Callable[[], list[str]]
) -> None:
    assert office.outcome(message(filed["reference"], "in_review", 2)) == "parked"
    sweep(timestamp=0)
    assert steps() == ["receive"] and outcomes() == ["parked"]
    with database.work() as work:
        take_step(work, UUID(filed["id"]), "deem_accepted", SYSTEM, clock.now())

    sweep(timestamp=0)

    assert steps() == ["receive", "deem_accepted", "review"] and outcomes() == ["applied"]


def test_of_two_parked_endings_the_first_in_sequence_stands(
    office: OfficeSystem, filed: dict[str, Any], steps: Callable[[], list[str]], outcomes: Callable[[], list[str]]
) -> None:
    office.outcome(message(filed["reference"], "approved", 3, result=result()))
    office.outcome(message(filed["reference"], "refused", 2, reason="材料不符"))

    office.outcome(message(filed["reference"], "accepted", 1))

    assert steps() == ["receive", "accept", "refuse"]
    assert outcomes() == ["applied", "applied", "ignored"]


def test_acceptance_starts_the_clock_of_the_decision(office: OfficeSystem, filed: dict[str, Any], phone: Phone) -> None:
    office.outcome(message(filed["reference"], "accepted"))

    progress = phone.get(f"/v1/submissions/{filed['id']}/progress").json
    assert progress["due"]["decision"] >= today().isoformat()


def refused(office: OfficeSystem, said: dict[str, Any], code: str, status: int) -> dict[str, Any]:
    response = office.send(said)
    assert (response.status_code, response.json["code"]) == (status, code), response.text
    return {**(response.json or {}), "instance": None}


def test_another_offices_reference_looks_like_none(client: FlaskClient, filed: dict[str, Any]) -> None:
    minzheng = OfficeSystem(client, "minzheng")
    theirs = refused(minzheng, message(filed["reference"], "accepted"), "office_case_not_found", 404)

    assert theirs == refused(minzheng, message(new_reference(today()), "accepted"), "office_case_not_found", 404)


@pytest.mark.parametrize("reference", ["x", "261122-0000-0000-0000-00", "' OR 1=1 --", "２６１１２２"])
def test_an_impossible_reference_is_none(office: OfficeSystem, reference: str) -> None:
    refused(office, message(reference, "accepted"), "office_case_not_found", 404)


def test_a_draft_has_no_reference_an_office_could_name(office: OfficeSystem, phone: Phone) -> None:
    draft = phone.start("residence-permit")

    refused(office, message(draft["id"], "accepted"), "office_case_not_found", 404)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (result(sha256="0" * 64), "/data/result/sha256"),
        (result(b"<html>no pdf</html>"), "/data/result/content"),
        (result(content="%%%"), "/data/result/content"),
        (result(content="办理"), "/data/result/content"),
        (result(b""), "/data/result/content"),
        (result(content_type="image/png"), "/data/result/content_type"),
        (result(sha256="x"), "/data/result/sha256"),
        (result(filename=""), "/data/result/filename"),
        ({"filename": "x.pdf"}, "/data/result/content"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_document_that_is_not_what_it_says_changes_nothing(
    office: OfficeSystem,
    filed: dict[str, Any],
    steps: Callable[[], list[str]],
    outcomes: Callable[[], list[str]],
    document: dict[str, Any],
    place: str,
) -> None:
    office.outcome(message(filed["reference"], "accepted"))
    approved = message(filed["reference"], "approved", 2, result=document)

    response = office.send(approved)
    assert (response.status_code, place in response.json["errors"]) == (422, True), response.text
    assert steps() == ["receive", "accept"]
    assert outcomes() == ["applied"]

    approved["data"]["result"] = result()
    assert office.outcome(approved) == "applied", "the office may send the mended message under the same id"


def test_the_event_must_be_the_one_that_was_signed_for(
    office: OfficeSystem, filed: dict[str, Any], steps: Callable[[], list[str]]
) -> None:
    response = office.send(message(filed["reference"], "accepted"), signed_id="another")

    assert (response.status_code, list(response.json["errors"])) == (422, ["/id"])
    assert steps() == ["receive"]
