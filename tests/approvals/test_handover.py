"""Hand-over: an office gets a submission exactly once in effect, however often it is tried."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app import clock, database
from app.people import residents
from app.people.residents import Person
from app.settings import settings
from app.submissions.history import SYSTEM
from app.submissions.submissions import take_step
from approvals import handover
from approvals.connectors import registry
from approvals.connectors.interface import OfficeAway
from tests.product import Phone, RunJobs

Cases = Callable[[str], list[dict[str, Any]]]
Control = Callable[..., None]
Ledger = Callable[[dict[str, Any]], Any]
Sql = Callable[..., list[Any]]

sweep: Any = handover.sweep


class WorkerKilled(BaseException):
    """As if the process ended here: nothing catches it, and the open transaction is undone."""


def waiting_jobs(sql: Sql, receipt: dict[str, Any]) -> list[Any]:
    return sql(
        "SELECT attempts, scheduled_at > now() AS later FROM procrastinate_jobs WHERE lock = %s AND status = 'todo'",
        f"handover:{receipt['id']}",
    )


def test_an_office_gets_the_case(
    quiet_office: None, filed: dict[str, Any], run_jobs: RunJobs, cases: Cases, ledger: Ledger
) -> None:
    run_jobs()

    [case] = cases(filed["reference"])
    row = ledger(filed)
    assert (row["state"], row["attempts"], row["office_reference"]) == ("sent", 1, case["office_reference"])
    assert row["last_error"] is None


def test_an_office_that_is_down_is_tried_again(
    filed: dict[str, Any], run_jobs: RunJobs, control: Control, cases: Cases, ledger: Ledger, sql: Sql
) -> None:
    control("office/gongan", mode="down")
    run_jobs()
    assert (ledger(filed)["state"], ledger(filed)["last_error"]) == ("waiting", "http_503")
    assert waiting_jobs(sql, filed) == [{"attempts": 1, "later": True}]

    for attempts in (2, 3):
        with pytest.raises(OfficeAway):
            handover.run(filed["id"])
        assert ledger(filed)["attempts"] == attempts

    control("office/gongan", mode="ok", auto=False)
    sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE lock = %s", f"handover:{filed['id']}")
    run_jobs()
    assert (ledger(filed)["state"], ledger(filed)["attempts"]) == ("sent", 4)
    assert len(cases(filed["reference"])) == 1
    assert waiting_jobs(sql, filed) == []


def test_nobody_answering_at_all_is_a_reason_too(
    filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    monkeypatch.setitem(settings().offices["gongan"], "url", "http://127.0.0.1:9/events")

    with pytest.raises(OfficeAway):
        handover.run(filed["id"])

    assert ledger(filed)["last_error"] == "ConnectionError"


def test_an_attempt_is_counted_before_the_call(
    filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    def die(case: Any) -> Any:
        assert ledger(filed)["attempts"] == 1, "saved, and visible to everybody"
        raise WorkerKilled

    monkeypatch.setitem(registry.CONNECTORS, "webhook", die)
    with pytest.raises(WorkerKilled):
        handover.run(filed["id"])

    assert (ledger(filed)["state"], ledger(filed)["attempts"]) == ("waiting", 1)


def test_no_connection_is_held_while_the_office_is_asked(
    filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def look(case: Any) -> Any:
        held.append(database.engine().pool.checkedout())  # type: ignore[attr-defined]
        raise OfficeAway("later")

    monkeypatch.setitem(registry.CONNECTORS, "webhook", look)
    with pytest.raises(OfficeAway):
        handover.run(filed["id"])

    assert held == [0]


def test_a_worker_killed_after_the_offices_answer_makes_no_second_case(
    quiet_office: None, filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, cases: Cases, ledger: Ledger
) -> None:
    def die(*_: Any) -> None:
        raise WorkerKilled

    with monkeypatch.context() as dying:
        dying.setattr(handover, "_settle", die)
        with pytest.raises(WorkerKilled):
            handover.run(filed["id"])
    [case] = cases(filed["reference"])
    assert ledger(filed)["state"] == "waiting"

    handover.run(filed["id"])

    assert cases(filed["reference"]) == [case]
    assert (ledger(filed)["state"], ledger(filed)["office_reference"]) == ("sent", case["office_reference"])


def test_run_twice_sends_once(
    quiet_office: None, filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    handover.run(filed["id"])

    def must_not(case: Any) -> Any:
        raise AssertionError("sent again")

    monkeypatch.setitem(registry.CONNECTORS, "webhook", must_not)
    handover.run(filed["id"])

    assert ledger(filed)["state"] == "sent"


def test_garbage_is_no_acknowledgement(filed: dict[str, Any], control: Control, cases: Cases, ledger: Ledger) -> None:
    control("office/gongan", mode="wrong")

    with pytest.raises(OfficeAway):
        handover.run(filed["id"])

    assert (ledger(filed)["state"], ledger(filed)["last_error"]) == ("waiting", "no_reference")
    assert cases(filed["reference"]) == []


def test_an_offices_early_answer_does_not_wait_for_our_record(
    control: Control, filed: dict[str, Any], run_jobs: RunJobs, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer may overtake the acknowledgement; the hand-over then finds a submission that moved on."""
    control("office/gongan", auto=False)
    settle = handover._settle

    def slowly(work: Any, submission_id: uuid.UUID, handed: Any) -> None:
        with database.work() as other:
            other.run_sql("UPDATE submissions SET state = 'accepted' WHERE id = %(id)s", {"id": submission_id})
        settle(work, submission_id, handed)

    monkeypatch.setattr(handover, "_settle", slowly)
    run_jobs()

    assert phone.get(f"/v1/submissions/{filed['id']}/progress").json["state"] == "accepted"


def test_the_sweeper_finds_what_was_forgotten(filed: dict[str, Any], sql: Sql) -> None:
    """A job that got lost, by a restore of old data for example, must not lose the submission."""
    sql("DELETE FROM procrastinate_jobs WHERE lock = %s", f"handover:{filed['id']}")
    sweep(timestamp=0)
    assert waiting_jobs(sql, filed) == [], "two minutes are not over: the job may just be under way"

    sql("UPDATE submissions SET received_at = now() - interval '3 minutes' WHERE id = %s", filed["id"])
    sweep(timestamp=0)
    assert len(waiting_jobs(sql, filed)) == 1

    sweep(timestamp=0)
    assert len(waiting_jobs(sql, filed)) == 1, "one is enough"


def test_the_sweeper_leaves_alone_what_was_sent(quiet_office: None, filed: dict[str, Any], sql: Sql) -> None:
    handover.run(filed["id"])
    sql("DELETE FROM procrastinate_jobs WHERE lock = %s", f"handover:{filed['id']}")
    sql("UPDATE submissions SET received_at = now() - interval '3 minutes' WHERE id = %s", filed["id"])

    sweep(timestamp=0)

    assert waiting_jobs(sql, filed) == []


def test_a_data_source_answers_on_the_spot(
    outside: str, phone: Phone, asked: Callable[[Phone], dict[str, Any]], run_jobs: RunJobs
) -> None:
    receipt = asked(phone)

    run_jobs()

    progress = phone.get(f"/v1/submissions/{receipt['id']}/progress").json
    assert progress["state"] == "completed"
    assert [event["step"] for event in progress["events"]] == ["receive", "accept", "approve", "complete"]
    data = phone.get(f"/v1/submissions/{receipt['id']}/result").json["data"]
    assert data["found"] is True and isinstance(data["balance_fen"], int)


def test_an_answer_for_who_withdrew_meanwhile_is_not_kept_and_not_asked_for_again(
    outside: str, phone: Phone, asked: Callable[[Phone], dict[str, Any]], run_jobs: RunJobs, ledger: Ledger
) -> None:
    receipt = asked(phone)
    assert phone.post(f"/v1/submissions/{receipt['id']}/withdraw", {}).status_code < 300

    run_jobs()

    assert ledger(receipt)["state"] == "sent"
    assert phone.get(f"/v1/submissions/{receipt['id']}/progress").json["state"] == "withdrawn"
    assert phone.get(f"/v1/submissions/{receipt['id']}/result").status_code == 404


def test_having_no_account_is_an_answer(
    outside: str, make_phone: Callable[..., Phone], asked: Callable[[Phone], dict[str, Any]], sql: Sql
) -> None:
    somebody = make_phone()
    with database.work() as work:
        residents.refresh(work, somebody.resident_id, Person("王秀英", "111", "532399199611020466", None))
    receipt = asked(somebody)

    handover.run(receipt["id"])

    assert somebody.get(f"/v1/submissions/{receipt['id']}/result").json["data"] == {"found": False}


@pytest.mark.parametrize(("mode", "reason"), [("down", "not_json"), ("wrong", "not_json")])
def test_a_data_source_that_is_away_is_asked_again(
    phone: Phone,
    asked: Callable[[Phone], dict[str, Any]],
    control: Control,
    ledger: Ledger,
    mode: str,
    reason: str,
) -> None:
    receipt = asked(phone)
    control("housing-fund", mode=mode)
    with pytest.raises(OfficeAway):
        handover.run(receipt["id"])
    assert ledger(receipt)["last_error"] == reason
    assert phone.get(f"/v1/submissions/{receipt['id']}/progress").json["state"] == "received"
    assert phone.get(f"/v1/submissions/{receipt['id']}/result").json["code"] == "result_not_ready"

    control("housing-fund", mode="ok")
    handover.run(receipt["id"])
    assert phone.get(f"/v1/submissions/{receipt['id']}/progress").json["state"] == "completed"


def test_a_data_source_is_not_recorded_twice(
    outside: str, phone: Phone, asked: Callable[[Phone], dict[str, Any]], sql: Sql
) -> None:
    receipt = asked(phone)

    handover.run(receipt["id"])
    handover.run(receipt["id"])

    steps = sql("SELECT step FROM history WHERE submission_id = %s ORDER BY number", receipt["id"])
    assert [row["step"] for row in steps] == ["receive", "accept", "approve", "complete"]


def test_an_answer_on_the_spot_that_comes_after_the_law_has_accepted_is_kept(
    phone: Phone, asked: Callable[[Phone], dict[str, Any]], outside: str, sql: Sql
) -> None:
    """The office was away for days, and nobody else decides this."""
    filed = asked(phone)
    with database.work() as work:
        take_step(work, uuid.UUID(filed["id"]), "deem_accepted", SYSTEM, clock.now())

    handover.run(filed["id"])

    assert sql("SELECT state FROM submissions WHERE id = %s", filed["id"]) == [{"state": "completed"}]
    assert phone.get(f"/v1/submissions/{filed['id']}/result").status_code == 200
