"""A clerk opens what is assigned to them, sees what is legal now, and does it; everybody else is told no, on record."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import clock, database
from app.submissions import history
from app.submissions.submissions import StepNotAllowed, take_step
from tests import handled
from tests.handled import DEED, PHOTO, day_after
from tests.product import Phone

Sql = Callable[..., list[Any]]
Hire = Callable[[str, str], Phone]


@pytest.fixture
def bureau(product: Any) -> str:
    return handled.department()


@pytest.fixture
def clerk(make_newcomer: Hire, bureau: str) -> Phone:
    return make_newcomer("clerk", bureau)


@pytest.fixture
def head(make_newcomer: Hire, bureau: str) -> Phone:
    return make_newcomer("head", bureau)


@pytest.fixture
def case(phone: Phone, bureau: str, clerk: Phone) -> uuid.UUID:
    """A submission that was filed and is the clerk's to handle."""
    submission_id = handled.file(phone, handled.service(bureau), street="幸福路18号")
    handled.assign(submission_id, clerk)
    return submission_id


def read(who: Phone, case: uuid.UUID) -> TestResponse:
    return who.get(f"/v1/desk/submissions/{case}/steps")


def take(who: Phone, case: uuid.UUID, step: str, etag: str | None = None, **given: Any) -> TestResponse:
    headers = {} if etag is None else {"If-Match": etag}
    return who.post(f"/v1/desk/submissions/{case}/steps", {"step": step, **given}, headers=headers)


def names(answer: TestResponse) -> list[str]:
    return [one["step"] for one in answer.json["steps"]]


def test_a_clerk_sees_what_is_legal_now_and_what_each_step_needs(clerk: Phone, case: uuid.UUID) -> None:
    answer = read(clerk, case)

    assert answer.status_code == 200 and answer.headers["ETag"] == f'"{answer.json["revision"]}"'
    assert names(answer) == ["accept", "decline", "ask_correction", "offer_promise"]
    correction = answer.json["steps"][2]
    assert correction["needs"] == ["items", "until"] and correction["notice"] == "correction"
    assert correction["text"] == {"zh": "告知补正", "en": "Ask for corrections"}
    assert correction["to"] == "correcting"
    assert [kind["kind"] for kind in answer.json["steps"][1]["kinds"]] == ["not_needed", "not_ours", "not_corrected"]
    assert answer.json["submission"]["applicant"]["name"] == "李**"
    assert [row["step"] for row in answer.json["history"]] == ["receive"]


def test_a_step_moves_the_submission_and_says_what_may_follow(
    clerk: Phone, case: uuid.UUID, phone: Phone, sql: Sql
) -> None:
    taken = take(clerk, case, "accept")

    assert taken.status_code == 200, taken.text
    assert (taken.json["state"], taken.json["number"]) == ("accepted", 2)
    assert taken.json["notice"]["number"] == f"测试受理〔{clock.today().year}〕1号"
    assert names(taken) == ["review", "suspend", "ask_extension", "approve", "refuse"]
    (row,) = sql("SELECT * FROM history WHERE submission_id = %s AND number = 2", case)
    assert (row["actor_kind"], row["actor_role"], row["actor_id"]) == ("staff", "clerk", clerk.resident_id)
    told = phone.get(f"/v1/submissions/{case}/progress").json["events"][-1]
    assert told["actor"] == {"kind": "staff", "name": "新来的"}


def test_the_same_key_takes_a_step_once(clerk: Phone, case: uuid.UUID, sql: Sql) -> None:
    path, wish = f"/v1/desk/submissions/{case}/steps", {"step": "accept"}
    first, again = clerk.post(path, wish, key="once"), clerk.post(path, wish, key="once")

    assert (first.status_code, again.status_code) == (200, 200) and first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 2


def test_what_is_missing_is_named_and_nothing_happens(clerk: Phone, case: uuid.UUID, sql: Sql) -> None:
    answer = take(clerk, case, "ask_correction", items=[])

    assert (answer.status_code, answer.json["code"]) == (422, "step_incomplete")
    assert set(answer.json["errors"]) == {"/items", "/until"}
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 1


def test_a_paper_outside_the_guide_is_never_asked_for(clerk: Phone, case: uuid.UUID) -> None:
    """安阳市政务服务条例 第二十三条."""
    wish = [{"pointer": PHOTO, "words": "照片过期"}, {"pointer": "/materials/marriage-proof", "words": "婚姻证明"}]
    answer = take(clerk, case, "ask_correction", items=wish, until=day_after(10).isoformat())

    assert (answer.status_code, answer.json["code"]) == (422, "outside_the_guide")
    assert list(answer.json["errors"]) == ["/items/1"]


@pytest.mark.parametrize(
    "more",
    [{"items": [{"pointer": "/materials/gift", "words": "请另交一份"}]}, {"until": "0001-01-01"}, {"days": 366}],
)
def test_nothing_is_asked_by_the_back_door_of_a_step_that_asks_nothing(
    clerk: Phone, phone: Phone, case: uuid.UUID, more: dict[str, Any]
) -> None:
    answer = take(clerk, case, "accept", **more)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid_content")
    assert set(answer.json["errors"]) == {f"/{name}" for name in more}
    assert len(phone.get(f"/v1/submissions/{case}/progress").json["events"]) == 1
    assert take(clerk, case, "accept").status_code == 200


def test_an_illegal_step_is_refused_with_what_would_be_legal(clerk: Phone, case: uuid.UUID) -> None:
    answer = take(clerk, case, "approve")

    assert (answer.status_code, answer.json["code"]) == (409, "step_not_allowed")
    assert answer.json["state"] == "received" and "accept" in answer.json["legal"]


def test_papers_that_nobody_promised_are_not_taken_in(clerk: Phone, case: uuid.UUID, sql: Sql) -> None:
    assert take(clerk, case, "accept").status_code == 200

    answer = take(clerk, case, "keep_promise")

    assert (answer.status_code, answer.json["code"]) == (409, "nothing_promised")
    assert "keep_promise" not in take(clerk, case, "accept").json["legal"]
    assert [row["step"] for row in sql("SELECT step FROM history WHERE submission_id = %s ORDER BY number", case)] == [
        "receive",
        "accept",
    ]


def attempts(sql: Sql, who: Phone) -> list[tuple[str, str, str]]:
    rows = sql("SELECT kind, outcome, reason_kind FROM looks WHERE staff_id = %s ORDER BY id", who.resident_id)
    return [(row["kind"], row["outcome"], row["reason_kind"]) for row in rows]


@pytest.mark.parametrize(
    ("role", "step", "status", "code"),
    [
        ("clerk", "accept", 403, "not_assigned"),  # The same department, but another clerk's.
        ("head", "deem_accepted", 403, "step_not_of_role"),
        ("head", "withdraw", 403, "step_not_of_role"),
        ("supervisor", "accept", 403, "step_not_of_role"),
        ("adviser", "accept", 403, "not_a_handler"),
        ("auditor", "accept", 403, "not_a_handler"),
        ("administrator", "accept", 403, "not_a_handler"),
    ],
)
def test_who_may_not_take_a_step_is_on_record_and_changes_nothing(
    phone: Phone,
    make_newcomer: Hire,
    bureau: str,
    case: uuid.UUID,
    sql: Sql,
    role: str,
    step: str,
    status: int,
    code: str,
) -> None:
    before = sql("SELECT * FROM submissions WHERE id = %s", case)
    somebody = make_newcomer(role, bureau)

    answer = take(somebody, case, step)

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert attempts(sql, somebody) == [("handling", "not_allowed", "handling")]
    assert phone.get(f"/v1/submissions/{case}/looks").json["items"] == [], "nothing was shown, so nobody looked"
    assert sql("SELECT * FROM submissions WHERE id = %s", case) == before
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 1


def test_another_departments_submission_is_as_good_as_none(make_newcomer: Hire, case: uuid.UUID, sql: Sql) -> None:
    for role in ("clerk", "head"):
        stranger = make_newcomer(role, "minzheng")

        assert (read(stranger, case).status_code, take(stranger, case, "accept").status_code) == (404, 404)
        assert attempts(sql, stranger) == [("handling", "nothing", "handling")] * 2


def test_a_head_handles_anything_of_the_department(head: Phone, case: uuid.UUID) -> None:
    assert take(head, case, "accept").status_code == 200
    assert "terminate" in names(read(head, case))


def test_a_head_takes_nobody_past_the_line(head: Phone, phone: Phone, bureau: str, sql: Sql) -> None:
    """What waits is taken up first, in its turn or for a reason that the resident and supervisors see."""
    service = handled.service(bureau)
    handled.file(phone, service)
    acquaintance = handled.file(phone, service)

    refused = take(head, acquaintance, "accept")
    assert (refused.status_code, refused.json["code"]) == (403, "not_assigned")
    assert names(read(head, acquaintance)) == ["terminate"]
    assert sql("SELECT waiting, taken FROM submissions WHERE id = %s", acquaintance) == [
        {"waiting": True, "taken": None}
    ]

    wish = {"reason_kind": "emergency", "reason": "危急"}
    assert head.post(f"/v1/desk/submissions/{acquaintance}/take", wish).status_code == 200
    assert take(head, acquaintance, "accept").status_code == 200
    row = sql("SELECT taken_as FROM submissions WHERE id = %s", acquaintance)[0]
    assert row["taken_as"] == "emergency"


def test_opening_what_is_handled_is_a_look_that_the_resident_reads(
    clerk: Phone, case: uuid.UUID, phone: Phone, sql: Sql
) -> None:
    read(clerk, case)

    assert attempts(sql, clerk) == [("handling", "shown", "handling")]
    (look,) = phone.get(f"/v1/submissions/{case}/looks").json["items"]
    assert look["reason_kind"] == "handling" and "办理业务" in look["text"]


def test_an_extension_is_asked_by_the_clerk_approved_by_the_head_and_only_once(
    clerk: Phone, head: Phone, case: uuid.UUID, phone: Phone
) -> None:
    """行政许可法 第四十二条: 经本行政机关负责人批准，可以延长十日，并应当将延长期限的理由告知申请人."""
    take(clerk, case, "accept")
    why = "需要向原籍核实，李建国的电话13812345678"
    assert take(clerk, case, "extend", reason=why, days=5).json["code"] == "step_not_of_role"
    assert take(clerk, case, "ask_extension", reason=why, days=11).json["code"] == "extension_too_long"
    assert take(clerk, case, "ask_extension", reason=why, days=10).status_code == 200

    whole = read(head, case).json["history"][-1]
    assert (whole["step"], whole["visible"], whole["terms"]) == ("ask_extension", False, {"days": 10})
    assert whole["opinion"] == "需要向原籍核实，李**的电话*******5678"
    shown = phone.get(f"/v1/submissions/{case}/progress").json["events"]
    assert [event["step"] for event in shown] == ["receive", "accept"]

    assert take(head, case, "extend", reason=why, days=10).status_code == 200
    again = take(head, case, "extend", reason=why, days=1)
    assert (again.status_code, again.json["code"], again.json["why"]) == (
        409,
        "extension_not_allowed",
        "extended_before",
    )
    assert "extend" not in names(read(head, case))


def test_a_later_list_has_nothing_new_but_by_a_supervisor_with_a_reason(
    clerk: Phone, case: uuid.UUID, phone: Phone, make_newcomer: Hire
) -> None:
    """行政许可法 第三十二条第一款第四项: 一次告知申请人需要补正的全部内容."""
    until = day_after(10).isoformat()
    photo, deed = ({"pointer": pointer, "words": "请重新上传"} for pointer in (PHOTO, DEED))
    assert take(clerk, case, "ask_correction", items=[photo], until=until).status_code == 200
    refile(phone, case)

    forgotten = take(clerk, case, "ask_correction", items=[photo, deed], until=until)
    assert (forgotten.status_code, forgotten.json["code"]) == (409, "list_complete")
    assert list(forgotten.json["errors"]) == ["/items/1"]

    supervisor = make_newcomer("supervisor", "minzheng")
    silent = take(supervisor, case, "ask_correction", items=[deed], until=until)
    assert (silent.status_code, silent.json["code"]) == (422, "reason_required")
    told = take(supervisor, case, "ask_correction", items=[deed], until=until, reason="首次审查遗漏")
    assert told.status_code == 200
    refile(phone, case)
    assert take(clerk, case, "ask_correction", items=[photo, deed], until=until).status_code == 200


def refile(phone: Phone, case: uuid.UUID) -> None:
    with database.work() as work:
        take_step(work, case, "refile", history.applicant(phone.resident_id), clock.now())


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What each act came to, begun at the same moment in threads of their own."""
    barrier, outcomes = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        barrier.wait()
        outcomes[place] = act()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_two_at_the_desk_one_wins_and_the_other_is_told(
    clerk: Phone, head: Phone, case: uuid.UUID, sql: Sql
) -> None:
    outcomes = together(
        lambda: take(clerk, case, "accept"),
        lambda: take(head, case, "decline", reason="不属于本机关职权范围", kind="not_ours"),
    )

    won, lost = sorted(outcomes, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code, lost.json["code"]) == (200, 409, "step_not_allowed")
    assert lost.json["state"] == won.json["state"] and "accept" not in lost.json["legal"]
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 2


def test_who_says_what_they_saw_is_told_that_it_is_stale(clerk: Phone, head: Phone, case: uuid.UUID) -> None:
    etag = read(clerk, case).headers["ETag"]
    outcomes = together(
        lambda: take(clerk, case, "accept", etag),
        lambda: take(head, case, "decline", etag, reason="不属于本机关职权范围"),
    )

    won, lost = sorted(outcomes, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code, lost.json["code"]) == (200, 412, "stale")
    assert lost.json["revision"] == won.json["revision"]


def test_of_a_clerk_and_an_office_one_wins(clerk: Phone, case: uuid.UUID, sql: Sql) -> None:
    def office() -> str:
        try:
            with database.work() as work:
                given = handled.given_for("decline")
                take_step(work, case, "decline", history.office("王处长"), clock.now(), given)
        except StepNotAllowed as refused:
            return str(refused.facts["state"])
        return "won"

    answer, other = together(lambda: take(clerk, case, "accept"), office)

    if other == "won":
        assert (answer.status_code, answer.json["state"]) == (409, "declined")
    else:
        assert (answer.status_code, other) == (200, "accepted")
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s", case)) == 2
