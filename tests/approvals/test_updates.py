"""What happens on our side after the hand-over: the office hears of it once in effect, however often it is tried."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from app import clock, database
from app.catalogue import calendars
from app.catalogue.working_days import add_working_days
from app.submissions.history import Actor
from app.submissions.submissions import take_step
from approvals import updates
from approvals.connectors.interface import OfficeAway
from tests.approvals.conftest import Sql
from tests.approvals.office_system import OfficeSystem, message
from tests.product import Phone, RunJobs, picture

Cases = Callable[[str], list[dict[str, Any]]]

LIST = [{"pointer": "/answers/address_detail", "words": "门牌号不对"}]
sweep: Any = updates.sweep
# Sixteen days from now are ten working days but for the longest holidays; a day off becomes the next working day.
SOON = (clock.today() + timedelta(days=16)).isoformat()


def ask(office: OfficeSystem, filed: dict[str, Any], sequence: int = 1) -> str:
    said = message(filed["reference"], "correction_asked", sequence, items=LIST, until=SOON, reason="一次补齐")
    return office.outcome(said)


def state(phone: Phone, filed: dict[str, Any]) -> str:
    return str(phone.get(f"/v1/submissions/{filed['id']}/progress").json["state"])


def test_an_office_asks_for_a_correction_with_its_list(
    phone: Phone, filed: dict[str, Any], office: OfficeSystem
) -> None:
    assert ask(office, filed) == "applied"

    progress = phone.get(f"/v1/submissions/{filed['id']}/progress").json
    assert progress["state"] == "correcting"
    with database.reading() as connection:
        last_day = add_working_days(calendars.current(connection), date.fromisoformat(SOON), 0).date
    assert progress["asked"] == {
        "kind": "correct",
        "words": "请补正下列内容",
        "items": LIST,
        "until": last_day.isoformat(),
    }


@pytest.mark.parametrize(
    ("kind", "said", "missing"),
    [
        ("correction_asked", {"until": SOON}, "items"),
        ("correction_asked", {"items": LIST}, "until"),
        ("declined", {"reason": "  "}, "reason"),
        ("suspended", {"reason": "评审", "days": 5}, "kind"),
        ("suspended", {"reason": "评审", "days": 5, "kind": "holiday"}, "kind"),
        ("suspended", {"reason": "评审", "kind": "expert_review"}, "days"),
        ("extended", {"days": 10}, "reason"),
        ("terminated", {"reason": "不可抗力"}, "kind"),
    ],
)
def test_who_leaves_out_what_the_law_wants_said_is_told_so_and_nothing_changes(
    phone: Phone, filed: dict[str, Any], office: OfficeSystem, kind: str, said: dict[str, Any], missing: str
) -> None:
    told = message(filed["reference"], kind)
    told["data"] |= said
    answer = office.send(told)

    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [f"/data/{missing}"]
    assert state(phone, filed) == "received"


@pytest.mark.parametrize(
    ("kind", "said"), [("accepted", {"items": LIST}), ("in_review", {"until": SOON}), ("accepted", {"days": 5})]
)
def test_an_office_asks_for_nothing_by_a_word_that_asks_for_nothing(
    phone: Phone, filed: dict[str, Any], office: OfficeSystem, kind: str, said: dict[str, Any]
) -> None:
    answer = office.send(message(filed["reference"], kind, **said))

    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [f"/data/{name}" for name in said]
    assert state(phone, filed) == "received"


def test_a_special_procedure_and_an_extension_come_from_the_office_too(
    phone: Phone, filed: dict[str, Any], office: OfficeSystem
) -> None:
    steps: list[tuple[str, dict[str, Any]]] = [
        ("accepted", {}),
        ("suspended", {"kind": "expert_review", "days": 8, "reason": "需要专家评审"}),
        ("resumed", {}),
        ("extended", {"days": 10, "reason": "情况复杂"}),
        ("refused", {"reason": "不符合条件"}),
    ]
    for sequence, (kind, said) in enumerate(steps, start=1):
        told = message(filed["reference"], kind, sequence)
        told["data"] |= said
        assert office.outcome(told) == "applied"

    events = phone.get(f"/v1/submissions/{filed['id']}/progress").json["events"]
    assert [event["step"] for event in events] == ["receive", "accept", "suspend", "resume", "extend", "refuse"]
    assert events[2]["working_days"] == 8


def test_a_correction_reaches_the_office_whole_and_once(
    phone: Phone,
    filed: dict[str, Any],
    office: OfficeSystem,
    quiet_office: None,
    cases: Cases,
    run_jobs: RunJobs,
    sql: Sql,
) -> None:
    run_jobs()
    ask(office, filed)
    phone.patch(f"/v1/submissions/{filed['id']}", {"address_detail": "太平镇幸福路19号"}, "*")
    drawn = phone.upload(filed["id"], "signature", picture(width=90))
    run_jobs()
    assert phone.post(f"/v1/submissions/{filed['id']}/signature", {"upload": drawn}).status_code == 201
    assert phone.post(f"/v1/submissions/{filed['id']}/submit", {}).status_code == 200
    run_jobs()
    refiled = sql("SELECT number FROM history WHERE submission_id = %s AND step = 'refile'", filed["id"])[0]["number"]

    updates.run(filed["id"], refiled)

    [case] = cases(filed["reference"])
    assert [(change["step"], change["state"]) for change in case["changes"]] == [("refile", "received")]
    assert case["event"]["data"]["answers"]["address_detail"] == "太平镇幸福路19号"
    [told] = sql("SELECT attempts, sent_at FROM office_updates WHERE submission_id = %s", filed["id"])
    assert told["sent_at"] is not None


def test_a_withdrawal_waits_until_the_office_has_the_case(
    phone: Phone, filed: dict[str, Any], quiet_office: None, cases: Cases, run_jobs: RunJobs, sql: Sql
) -> None:
    phone.post(f"/v1/submissions/{filed['id']}/withdraw", {"reason": "不办了"})

    with pytest.raises(OfficeAway, match="not_handed_over"):
        updates.run(filed["id"], 2)
    assert cases(filed["reference"]) == []

    run_jobs()
    run_jobs()
    [case] = cases(filed["reference"])
    assert case["state"] == "withdrawn" and [change["number"] for change in case["changes"]] == [2]


def test_an_office_that_is_away_hears_of_it_later(
    phone: Phone,
    filed: dict[str, Any],
    control: Callable[..., None],
    cases: Cases,
    run_jobs: RunJobs,
    sql: Sql,
) -> None:
    control("office/gongan", auto=False)
    run_jobs()
    control("office/gongan", mode="down", auto=False)
    phone.post(f"/v1/submissions/{filed['id']}/withdraw", {})
    with pytest.raises(OfficeAway):
        updates.run(filed["id"], 2)
    [tried] = sql("SELECT attempts, last_error, event_id FROM office_updates WHERE submission_id = %s", filed["id"])
    assert tried["attempts"] == 1 and tried["last_error"]

    control("office/gongan", mode="ok", auto=False)
    updates.run(filed["id"], 2)
    updates.run(filed["id"], 2)

    [told] = sql("SELECT attempts, last_error, event_id FROM office_updates WHERE submission_id = %s", filed["id"])
    assert told["event_id"] == tried["event_id"], "the same event, however often it is tried"
    assert told["last_error"] is None
    [case] = cases(filed["reference"])
    assert len(case["changes"]) == 1


def test_an_office_is_not_told_what_it_did_itself_nor_who_has_it_in_hand_at_our_desk(
    phone: Phone, filed: dict[str, Any], office: OfficeSystem, quiet_office: None, run_jobs: RunJobs, sql: Sql
) -> None:
    run_jobs()
    office.outcome(message(filed["reference"], "accepted"))
    with database.work() as work:
        take_step(work, uuid.UUID(filed["id"]), "take", Actor("staff", "clerk", "陈静"), clock.now())
    run_jobs()

    assert sql("SELECT 1 FROM office_updates WHERE submission_id = %s", filed["id"]) == []


def test_a_lost_update_is_found_again(
    phone: Phone, filed: dict[str, Any], quiet_office: None, run_jobs: RunJobs, sql: Sql, cases: Cases
) -> None:
    run_jobs()
    phone.post(f"/v1/submissions/{filed['id']}/withdraw", {})
    sql("DELETE FROM procrastinate_jobs WHERE task_name = 'update_office'")
    sql(
        "INSERT INTO office_updates (submission_id, number, event_id, attempts, last_attempt_at)"
        " VALUES (%s, 2, %s, 1, now() - interval '5 minutes')",
        filed["id"],
        uuid.uuid4(),
    )

    sweep(timestamp=0)
    run_jobs()

    assert [change["number"] for change in cases(filed["reference"])[0]["changes"]] == [2]
