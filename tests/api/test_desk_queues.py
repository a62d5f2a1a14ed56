"""Calling numbers at the desk: the oldest first, another one for a reason that everybody concerned can read."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock
from app.submissions.history import SYSTEM, Actor, Given, Item, applicant
from app.supervision.order_check import faults
from tests import handled
from tests.lines import OFFICE, QUOTA, Line, step
from tests.product import Phone, RunJobs

Hire = Callable[[str, str], Phone]
Sql = Callable[..., list[Any]]

WHY = {"reason_kind": "elderly_disabled_pregnant", "reason": "申请人的母亲欧阳女士八十二岁，现场核实"}


@pytest.fixture
def clerk(make_newcomer: Hire) -> Phone:
    return make_newcomer("clerk", "gongan")


def queue_of(clerk: Phone, line: Line) -> dict[str, Any]:
    found = clerk.get("/v1/desk/queues").json
    return next(dict(item) for item in found["items"] if item["service"]["code"] == line.service)


def texts(line: Line, receipt: dict[str, Any], language: str = "zh-CN") -> list[str]:
    headers = {"Accept-Language": language}
    progress = line.phone.get(f"/v1/submissions/{receipt['id']}/progress", headers=headers).json
    return [event["text"] for event in progress["events"]]


def act(clerk: Phone, receipt: dict[str, Any], what: str, **body: Any) -> Any:
    return clerk.post(f"/v1/desk/submissions/{receipt['id']}/{what}", body)


def test_next_gives_the_one_that_waits_longest_masked_and_the_resident_sees_it(line: Line, clerk: Phone) -> None:
    first, second = line.file(), line.file()

    taken = line.next(clerk)

    assert taken.status_code == 200, taken.text
    assert taken.json["submission"]["id"] == first["id"]
    assert (taken.json["in_turn"], taken.json["reason_kind"], taken.json["skipped"]) == (True, None, 0)
    assert taken.json["submission"]["applicant"]["name"] == "李**" and "李建国" not in taken.text
    assert texts(line, first) == ["收到您的申请，已出具收件凭证", "工作人员按顺序接手办理"]
    assert texts(line, first, "en")[1] == "A member of staff took it up in its turn"
    assert len(texts(line, second)) == 1
    looks = line.phone.get(f"/v1/submissions/{first['id']}/looks").json["items"]
    assert [(look["kind"], look["reason_kind"]) for look in looks] == [("submission", "handling")]
    assert clerk.get(f"/v1/desk/submissions/{first['id']}").status_code == 200, "and may be read on"


def test_the_same_key_again_gives_the_same_one_and_not_the_one_after(line: Line, clerk: Phone) -> None:
    line.file()
    line.file()
    key = str(uuid.uuid4())

    first, again = line.next(clerk, key=key), line.next(clerk, key=key)

    assert first.data == again.data and again.headers["Idempotent-Replayed"] == "true"
    assert queue_of(clerk, line)["waiting"] == 1


def test_the_queues_of_my_department_say_how_many_wait_since_when_and_what_is_due_first(
    line: Line, clerk: Phone, make_newcomer: Hire
) -> None:
    first = line.file()
    second = line.file()
    assert queue_of(clerk, line) == {
        "service": {"code": line.service, "name": "个人住房公积金查询"},
        "limited": False,
        "waiting": 2,
        "in_hand": 0,
        "mine": 0,
        "oldest": {"turn": 1, "received_at": first["received_at"]},
        "due_soonest": first["due"]["acceptance"],
    }

    line.next(clerk)

    assert (queue_of(clerk, line)["waiting"], queue_of(clerk, line)["oldest"]["turn"]) == (1, 2)
    assert (queue_of(clerk, line)["in_hand"], queue_of(clerk, line)["mine"]) == (1, 1)
    assert queue_of(make_newcomer("clerk", "gongan"), line)["mine"] == 0
    assert clerk.get("/v1/desk/queues").json["unhandled"] == 1
    assert make_newcomer("clerk", "minzheng").get("/v1/desk/queues").json["department"] == "minzheng"
    assert second["turn"] == 2


def test_another_one_needs_a_reason_of_the_list_and_words_and_the_resident_reads_the_kind(
    line: Line, clerk: Phone, sql: Sql, client: Any
) -> None:
    line.file()
    second = line.file()
    for wrong in ({"reason": "熟人"}, {"reason_kind": "acquaintance", "reason": "熟人"}, WHY | {"reason": "\u3000 \n"}):
        assert act(clerk, second, "take", **wrong).status_code == 422

    taken = act(clerk, second, "take", **WHY)

    assert taken.status_code == 200, taken.text
    assert (taken.json["in_turn"], taken.json["skipped"]) == (False, 1)
    assert texts(line, second)[-1] == "工作人员提前接手办理：老年人、残疾人、孕产妇依法优先"
    assert texts(line, second, "en")[-1].endswith(": elderly, disabled and pregnant people come first by law")
    stored = sql("SELECT reason FROM assignments WHERE submission_id = %s", second["id"])[0]["reason"]
    assert "八十二岁".encode() not in bytes(stored)
    assert "八十二岁" not in line.phone.get(f"/v1/submissions/{second['id']}/progress").text
    ledger = line.ledger(client)
    assert [(entry["taken"], entry["taken_as"], entry["out_of_turn"]) for entry in ledger] == [
        (None, None, False),
        (1, "priority_by_law", True),
    ]
    assert faults(ledger) == []


def test_a_reason_is_not_told_where_nobody_waited_longer(line: Line, clerk: Phone) -> None:
    only = line.file()

    taken = act(clerk, only, "take", **WHY)

    assert (taken.json["in_turn"], taken.json["reason_kind"]) == (True, None)
    assert texts(line, only)[-1] == "工作人员按顺序接手办理"


def test_whoever_has_too_many_that_they_did_nothing_with_gets_no_more_until_they_act(
    line: Line, clerk: Phone, sql: Sql
) -> None:
    receipts = [line.file() for _ in range(5)]
    for _ in range(3):
        assert line.next(clerk).status_code == 200

    refused = line.next(clerk)
    also = act(clerk, receipts[4], "take", **WHY)

    assert (refused.status_code, refused.json["code"]) == (409, "too_many_unhandled")
    assert (refused.json["held"], refused.json["limit"]) == (3, 3)
    assert also.json["code"] == "too_many_unhandled"
    step(receipts[0], "accept", Actor("staff", "clerk", "陈静", clerk.resident_id))
    assert line.next(clerk).json["submission"]["turn"] == 4
    step(receipts[1], "withdraw", applicant(line.phone.resident_id))
    assert line.next(clerk).json["submission"]["turn"] == 5


def test_an_empty_queue_a_foreign_one_and_the_wrong_roles_are_refused(
    line: Line, clerk: Phone, make_newcomer: Hire
) -> None:
    assert line.next(clerk).json["code"] == "queue_not_found", "nobody ever applied"
    receipt = line.file()
    other = make_newcomer("clerk", "minzheng")
    assert (line.next(other).status_code, line.next(other).json["code"]) == (404, "queue_not_found")
    assert act(other, receipt, "take", **WHY).status_code == 404
    for role in ("adviser", "supervisor", "auditor", "administrator"):
        who = make_newcomer(role, "gongan")
        for answer in (line.next(who), act(who, receipt, "take", **WHY), who.get("/v1/desk/queues")):
            assert (answer.status_code, answer.json["code"]) == (403, "step_forbidden"), role
    assert line.next(clerk).status_code == 200
    assert (line.next(clerk).status_code, line.next(clerk).json["code"]) == (404, "queue_empty")
    assert act(clerk, {"id": uuid.uuid4()}, "take", **WHY).status_code == 404
    draft = line.phone.start(line.service)
    assert act(clerk, draft, "take", **WHY).status_code == 404, "nobody sees a draft"


def test_what_somebody_has_is_not_taken_by_another_and_what_ended_by_nobody(
    line: Line, clerk: Phone, make_newcomer: Hire
) -> None:
    receipt = line.file()
    line.next(clerk)

    other = act(make_newcomer("clerk", "gongan"), receipt, "take", **WHY)
    again = act(clerk, receipt, "take", **WHY)

    assert (other.status_code, other.json["code"], other.json["mine"]) == (409, "already_taken", False)
    assert again.json["mine"] is True
    ended = line.file()
    step(ended, "withdraw", applicant(line.phone.resident_id))
    assert act(clerk, ended, "take", **WHY).json["code"] == "step_not_allowed"


def test_what_is_given_back_waits_in_its_old_place(line: Line, clerk: Phone, make_newcomer: Hire, client: Any) -> None:
    first, second = line.file(), line.file()
    line.next(clerk)
    other = make_newcomer("clerk", "gongan")
    assert act(other, first, "release", reason="我来办").json["code"] == "not_yours"

    given = act(clerk, first, "release", reason="与申请人是亲属，回避")

    assert given.status_code == 200 and given.json["handler"] is None
    assert act(clerk, first, "release", reason="再交一次").json["code"] == "not_taken"
    assert line.next(other).json["submission"]["id"] == first["id"], "before the one that came later"
    assert texts(line, first)[-2:] == ["办件已交回，按原顺序等候其他工作人员接手", "工作人员按顺序接手办理"]
    assert line.next(clerk).json["submission"]["id"] == second["id"]
    assert faults(line.ledger(client)) == []


def test_a_head_gives_back_and_hands_over_what_others_have(
    line: Line, clerk: Phone, make_newcomer: Hire, sql: Sql
) -> None:
    receipt, head = line.file(), make_newcomer("head", "gongan")
    other, stranger = make_newcomer("clerk", "gongan"), make_newcomer("clerk", "minzheng")
    numbers = {who.resident_id: number_of(sql, who) for who in (other, stranger)}
    assert act(head, receipt, "hand-over", staff_number="S0001", reason="调岗").json["code"] == "not_taken"
    line.next(clerk)
    refused = act(clerk, receipt, "hand-over", staff_number=numbers[other.resident_id], reason="调岗")
    assert refused.json["code"] == "step_forbidden"
    for unknown in ("nobody", numbers[stranger.resident_id]):
        assert act(head, receipt, "hand-over", staff_number=unknown, reason="调岗").json["code"] == "handler_not_found"

    handed = act(head, receipt, "hand-over", staff_number=numbers[other.resident_id], reason="原经办人调岗")

    assert handed.status_code == 200 and handed.json["handler"] == numbers[other.resident_id]
    assert texts(line, receipt)[-1] == "办件已转由另一位工作人员办理"
    assert act(clerk, receipt, "release", reason="还是我的").json["code"] == "not_yours"
    assert act(head, receipt, "release", reason="重新排队").status_code == 200
    kept = sql("SELECT released_by IS NOT NULL AS ended FROM assignments WHERE submission_id = %s", receipt["id"])
    assert kept == [{"ended": True}] * 2


def test_whoever_reaches_for_what_is_not_theirs_is_on_record(
    line: Line, clerk: Phone, make_newcomer: Hire, sql: Sql
) -> None:
    receipt = line.file()
    line.next(clerk)
    colleague, stranger = make_newcomer("clerk", "gongan"), make_newcomer("head", "minzheng")

    refused = act(colleague, receipt, "release", reason="给熟人办")
    strange = [
        act(stranger, receipt, "take", **WHY),
        act(stranger, receipt, "release", reason="给熟人办"),
        act(stranger, receipt, "hand-over", staff_number="S0001", reason="给熟人办"),
    ]

    assert refused.json["code"] == "not_yours" and {one.status_code for one in strange} == {404}
    for who, outcomes in ((colleague, ["not_allowed"]), (stranger, ["nothing"] * 3)):
        ask = "SELECT kind, outcome, asked_id FROM looks WHERE staff_id = %s ORDER BY id"
        kept = [(row["kind"], row["outcome"], str(row["asked_id"])) for row in sql(ask, who.resident_id)]
        assert kept == [("handling", outcome, receipt["id"]) for outcome in outcomes]
    assert len(line.phone.get(f"/v1/submissions/{receipt['id']}/looks").json["items"]) == 1, "nothing was shown to them"


def number_of(sql: Sql, who: Phone) -> str:
    return str(sql("SELECT staff_number FROM staff WHERE id = %s", who.resident_id)[0]["staff_number"])


def test_where_the_number_is_limited_those_accepted_come_first_in_the_order_of_acceptance(
    make_line: Callable[..., Line], clerk: Phone, client: Any
) -> None:
    """行政许可法 第五十七条."""
    line = make_line(quota=QUOTA)
    first, second, third = (line.file() for _ in range(3))
    step(second, "deem_accepted", SYSTEM)
    step(first, "deem_accepted", SYSTEM)

    called = [line.next(clerk).json for _ in range(3)]

    assert [one["submission"]["id"] for one in called] == [second["id"], first["id"], third["id"]]
    assert [one["acceptance_turn"] for one in called] == [1, 2, None]
    ledger = line.ledger(client)
    assert [entry["taken_as"] for entry in ledger] == ["acceptance_order", "acceptance_order", "in_turn"]
    assert faults(ledger) == []


def test_nobody_is_sent_a_message_because_somebody_took_it_up(line: Line, clerk: Phone, run_jobs: RunJobs) -> None:
    """A WeChat credit is worth more than that; the history shows it."""
    receipt = line.file()
    line.next(clerk)
    step(receipt, "accept", Actor("staff", "clerk", "陈静", clerk.resident_id))

    run_jobs()

    told = [item for item in line.phone.get("/v1/inbox").json["items"] if item["submission"] == receipt["id"]]
    assert {item["title"] for item in told} == {"申请已收到", "申请已受理"}


def test_supervisors_and_auditors_see_who_took_whom_out_of_turn_and_why(
    line: Line, clerk: Phone, make_newcomer: Hire, sql: Sql
) -> None:
    for _ in range(2):
        line.file()
    jumped = [line.file(), line.file()]
    act(clerk, jumped[0], "take", **WHY)
    act(clerk, jumped[1], "take", reason_kind="emergency", reason="手机13812345678的家属来电，急救")
    path, number = f"/v1/supervision/out-of-turn?service={line.service}", number_of(sql, clerk)

    for role in ("supervisor", "auditor"):
        reader = make_newcomer(role, "minzheng")
        counted = reader.get(path).json
        assert counted["total"] == 2
        groups = {
            (item["staff"]["number"], item["reason_kind"], item["takes"], item["skipped"]) for item in counted["items"]
        }
        assert groups == {(number, "elderly_disabled_pregnant", 1, 2), (number, "emergency", 1, 2)}
        assert reader.get(f"{path}&reason_kind=emergency").json["total"] == 1
        assert reader.get(f"{path}&staff_number=S0001").json["total"] == 0
        assert reader.get(f"{path}&department=minzheng").json["total"] == 0
    later = (clock.now() + timedelta(minutes=1)).isoformat().replace("+", "%2B")
    assert reader.get(f"{path}&since={later}").json["total"] == 0
    for strange in ("since=9999-12-31T23:59:59Z", "until=0001-01-01T00:00:00%2B14:00"):
        assert reader.get(f"{path}&{strange}").status_code == 422, "there is no such time in China"
    listed = reader.get(path.replace("out-of-turn?", "out-of-turn/takes?limit=1&")).json
    assert [item["reference"] for item in listed["items"]] == [jumped[1]["reference"]] and listed["next_cursor"]
    assert "家属来电" in listed["items"][0]["reason"] and "13812345678" not in listed["items"][0]["reason"]
    for role in ("clerk", "head", "adviser", "administrator"):
        who = make_newcomer(role, "gongan")
        for address in (path, path.replace("out-of-turn?", "out-of-turn/takes?")):
            assert (who.get(address).status_code, who.get(address).json["code"]) == (403, "takes_not_readable")


def test_a_correction_keeps_its_handler_and_its_place(line: Line, clerk: Phone, sql: Sql) -> None:
    receipt = line.file()
    line.next(clerk)
    asked = Given(items=(Item("/materials/photo", "照片不清楚"),), until=handled.day_after(20))
    step(receipt, "ask_correction", Actor("staff", "clerk", "陈静", clerk.resident_id), asked)
    step(receipt, "refile", applicant(line.phone.resident_id))

    assert queue_of(clerk, line) | {"due_soonest": None} == {
        **queue_of(clerk, line),
        "waiting": 0,
        "mine": 1,
        "due_soonest": None,
    }
    assert sql("SELECT waiting, taken FROM submissions WHERE id = %s", receipt["id"]) == [
        {"waiting": False, "taken": 1}
    ]
    assert line.next(clerk).json["code"] == "queue_empty"


def test_an_office_that_answers_by_itself_takes_its_cases_out_of_the_line(line: Line, clerk: Phone) -> None:
    line.file()
    second = line.file()
    step(second, "accept", OFFICE)

    assert queue_of(clerk, line)["waiting"] == 1
    assert line.next(clerk).json["submission"]["turn"] == 1
    assert line.next(clerk).json["code"] == "queue_empty"
