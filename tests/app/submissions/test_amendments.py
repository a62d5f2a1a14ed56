"""After filing: what must be corrected is held apart until it is filed again, and nothing filed is ever overwritten."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock, database
from app.submissions import drafts
from app.submissions.history import Actor, Given, Item
from app.submissions.submissions import take_step
from approvals import handover
from auth import sessions
from tests import handled
from tests.product import PERMIT, Phone, RunJobs, picture

Sql = Callable[..., list[Any]]

CLERK = Actor("staff", "clerk", "陈静")
PHOTO = Item("/materials/photo", "照片模糊，请重新上传")
STREET = Item("/answers/address_detail", "门牌号不对")


@pytest.fixture
def filed(phone: Phone, make_submission: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    draft = make_submission()
    receipt = phone.post(f"/v1/submissions/{draft['id']}/submit", {})
    assert receipt.status_code == 200, receipt.text
    return dict(receipt.json or {})


def step(case: dict[str, Any], name: str, **given: Any) -> None:
    with database.work() as work:
        take_step(work, uuid.UUID(case["id"]), name, CLERK, clock.now(), Given(**given))


def asked(case: dict[str, Any], *items: Item) -> None:
    step(case, "ask_correction", items=items, until=handled.day_after(8))


def path(case: dict[str, Any], tail: str = "") -> str:
    return f"/v1/submissions/{case['id']}{tail}"


def typed(phone: Phone, case: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    seen = phone.get(path(case))
    saved = phone.patch(path(case), answers, seen.headers["ETag"])
    assert saved.status_code == 200, saved.text
    return dict(saved.json or {})


def sign(phone: Phone, case: dict[str, Any], run_jobs: RunJobs) -> None:
    drawn = phone.upload(case["id"], "signature", picture(width=90))
    run_jobs()
    assert phone.post(path(case, "/signature"), {"upload": drawn}).status_code == 201


def tokens_of(phone: Phone) -> dict[str, Any]:
    with database.work() as work:
        return sessions.open_for_resident(work, phone.resident_id, 3, clock.now(), "test phone")


def filed_answers(case: dict[str, Any]) -> dict[str, Any]:
    from_office: dict[str, Any] = handed(case).answers
    return from_office


def handed(case: dict[str, Any]) -> Any:
    with database.work() as work:
        row = work.run(drafts.with_key().where(drafts.submissions.c.id == uuid.UUID(case["id"]))).one()
        return handover.case_of(work, row, row.id)


def test_the_list_is_told_with_its_day_and_what_comes_next(phone: Phone, filed: dict[str, Any]) -> None:
    asked(filed, PHOTO, STREET)

    progress = phone.get(path(filed, "/progress")).json

    assert progress["state"] == "correcting"
    assert progress["asked"]["kind"] == "correct"
    assert [item["pointer"] for item in progress["asked"]["items"]] == [PHOTO.pointer, STREET.pointer]
    assert progress["asked"]["until"] == handled.day_after(8).isoformat()
    assert "再次提交" in progress["next"]


def test_a_list_that_became_longer_is_due_later_and_says_so(phone: Phone, filed: dict[str, Any], sql: Sql) -> None:
    asked(filed, PHOTO)
    day = "UPDATE submissions SET correction_due = correction_due + 7 WHERE id = %s RETURNING correction_due"
    (moved,) = sql(day, filed["id"])

    told = phone.get(path(filed, "/progress")).json["asked"]

    assert told["until"] == moved["correction_due"].isoformat(), "the day that counts, not the one that was said first"


def test_what_is_being_corrected_changes_nothing_that_was_filed(
    phone: Phone, filed: dict[str, Any], run_jobs: RunJobs
) -> None:
    before = handed(filed)
    asked(filed, PHOTO, STREET)

    typed(phone, filed, {"address_detail": "太平镇幸福路19号"})
    old_photo = next(file for file in phone.get(path(filed)).json["uploads"] if file["material"] == "photo")
    assert phone.send("DELETE", f"/v1/uploads/{old_photo['id']}").status_code == 204
    phone.upload(filed["id"], "photo", picture(width=70))
    run_jobs()

    now = handed(filed)
    assert now.answers == before.answers
    assert [(file.material, file.sha256) for file in now.files] == [
        (file.material, file.sha256) for file in before.files
    ]
    mine = phone.get(path(filed)).json
    assert mine["answers"]["address_detail"] == "太平镇幸福路19号"
    assert old_photo["sha256"] not in [file["sha256"] for file in mine["uploads"]]


def test_filed_again_it_stands_and_both_filings_and_their_difference_can_be_read(
    phone: Phone, filed: dict[str, Any], run_jobs: RunJobs, sql: Sql
) -> None:
    asked(filed, STREET, PHOTO)
    typed(phone, filed, {"address_detail": "太平镇幸福路19号"})
    old_photo = next(file for file in phone.get(path(filed)).json["uploads"] if file["material"] == "photo")
    phone.send("DELETE", f"/v1/uploads/{old_photo['id']}")
    phone.upload(filed["id"], "photo", picture(width=70))
    sign(phone, filed, run_jobs)

    receipt = phone.post(path(filed, "/submit"), {})

    assert receipt.status_code == 200, receipt.text
    assert receipt.json["reference"] == filed["reference"] and receipt.json["turn"] == filed["turn"]
    assert receipt.json["content_sha256"] != filed["content_sha256"]
    assert filed_answers(filed)["address_detail"] == "太平镇幸福路19号"
    [round_two] = phone.get(path(filed, "/changes")).json["items"]
    assert round_two["round"] == 2 and round_two["filed_at"]
    [change] = round_two["answers"]
    assert (change["pointer"], change["before"], change["after"]) == (
        "/answers/address_detail",
        PERMIT["address_detail"],
        "太平镇幸福路19号",
    )
    assert [file["material"] for file in round_two["added"]] == ["photo", "signature"]
    assert [file["sha256"] for file in round_two["left_out"]] == [old_photo["sha256"]]
    rows = sql("SELECT round, content_sha256 FROM signatures WHERE submission_id = %s ORDER BY round", filed["id"])
    assert [row["content_sha256"] for row in rows] == [filed["content_sha256"], receipt.json["content_sha256"]]


def test_a_clerk_sees_what_changed_masked_and_nothing_of_what_is_not_filed_yet(
    phone: Phone, filed: dict[str, Any], run_jobs: RunJobs, make_clerk: Callable[[str], Phone]
) -> None:
    def corrections() -> list[dict[str, Any]]:
        look = make_clerk("S0001").post(
            "/v1/desk/lookups", {"reference": filed["reference"], "reason": "核对补正", "reason_kind": "handling"}
        )
        assert look.status_code in (200, 201), look.text
        found: list[dict[str, Any]] = (look.json or {})["submission"]["corrections"]
        return found

    asked(filed, STREET)
    typed(phone, filed, {"address_detail": "太平镇幸福路19号"})
    assert corrections() == []
    sign(phone, filed, run_jobs)
    phone.post(path(filed, "/submit"), {})

    [one] = corrections()
    assert one["round"] == 2 and one["added"] == ["signature"]
    [before], [after] = one["before"], one["after"]
    assert before["field"] == after["field"] == "/answers/address_detail"
    assert "19号" not in after["value"] and "18号" not in before["value"]


def test_a_correction_is_checked_and_signed_like_a_filing_and_loses_nothing_when_refused(
    phone: Phone, filed: dict[str, Any], run_jobs: RunJobs
) -> None:
    asked(filed, STREET)
    typed(phone, filed, {"address_detail": ""})
    incomplete = phone.post(path(filed, "/submit"), {})
    typed(phone, filed, {"address_detail": "太平镇幸福路20号"})
    unsigned = phone.post(path(filed, "/submit"), {})

    assert (incomplete.status_code, incomplete.json["code"]) == (422, "submission_incomplete")
    assert (unsigned.status_code, unsigned.json["code"]) == (422, "signature_outdated")
    assert phone.get(path(filed)).json["answers"]["address_detail"] == "太平镇幸福路20号"
    assert phone.get(path(filed, "/progress")).json["state"] == "correcting"


def test_whoever_has_nothing_to_change_files_again_without_signing_anew(phone: Phone, filed: dict[str, Any]) -> None:
    asked(filed, PHOTO)

    receipt = phone.post(path(filed, "/submit"), {})

    assert receipt.status_code == 200, receipt.text
    assert receipt.json["content_sha256"] == filed["content_sha256"]


def test_a_weak_login_files_no_correction_and_keeps_it(
    phone: Phone, filed: dict[str, Any], make_phone: Callable[..., Phone]
) -> None:
    asked(filed, PHOTO)
    with clock.moved(timedelta(days=2)):
        late = phone.post(path(filed, "/submit"), {})
    assert late.status_code in (401, 403)
    assert phone.get(path(filed, "/progress")).json["state"] == "correcting"


def test_two_phones_file_the_same_correction_at_once(phone: Phone, filed: dict[str, Any], sql: Sql) -> None:
    asked(filed, PHOTO)
    gate, answers = threading.Barrier(2), []

    def tap() -> None:
        other = Phone(phone.resident_id, phone.tokens, phone.client.application.test_client())
        gate.wait()
        answers.append(other.post(path(filed, "/submit"), {}).status_code)

    taps = [threading.Thread(target=tap) for _ in range(2)]
    for thread in taps:
        thread.start()
    for thread in taps:
        thread.join()

    assert sorted(answers) == [200, 409]
    assert len(sql("SELECT 1 FROM history WHERE submission_id = %s AND step = 'refile'", filed["id"])) == 1


def test_after_filing_nothing_else_can_be_edited(phone: Phone, filed: dict[str, Any]) -> None:
    patched = phone.patch(path(filed), {"address_detail": "别处"}, "*")
    slot = phone.slot(filed["id"], "photo", picture())

    assert (patched.status_code, slot.status_code) == (409, 409)


@pytest.fixture
def deferrable(phone: Phone) -> dict[str, Any]:
    """A submission of a service whose photo may be brought later, filed without it."""
    return {"id": str(handled.file(phone, handled.service(handled.department())))}


def test_what_was_offered_is_promised_and_brought_in_time(
    phone: Phone, deferrable: dict[str, Any], run_jobs: RunJobs
) -> None:
    filed, until = deferrable, handled.day_after(10)
    step(filed, "offer_promise", items=(PHOTO,), until=until)
    offer = phone.get(path(filed, "/progress")).json["asked"]
    assert (offer["kind"], offer["until"]) == ("promise", until.isoformat())

    promised = phone.post(path(filed, "/promise"))

    assert promised.status_code == 200, promised.text
    assert (promised.json["state"], promised.json["asked"]["kind"]) == ("accepted", "bring")
    empty_handed = phone.post(path(filed, "/keep-promise"))
    assert (empty_handed.status_code, list(empty_handed.json["errors"])) == (422, ["/materials/photo"])
    assert phone.slot(filed["id"], "deed", picture()).status_code == 422, "only what was promised"
    phone.upload(filed["id"], "photo", picture(width=75))
    run_jobs()
    kept = phone.post(path(filed, "/keep-promise"))
    assert kept.status_code == 200, kept.text
    assert kept.json["asked"] is None and kept.json["state"] == "accepted"
    assert phone.post(path(filed, "/keep-promise")).json["code"] == "nothing_promised"
    assert [file.material for file in handed(filed).files] == ["photo"]


def test_nothing_can_be_promised_that_was_not_offered_or_too_late(phone: Phone, deferrable: dict[str, Any]) -> None:
    filed = deferrable
    assert phone.post(path(filed, "/promise")).json["code"] == "nothing_promised"
    step(filed, "offer_promise", items=(PHOTO,), until=handled.day_after(4))
    with clock.moved(timedelta(days=30)):
        phone.tokens = tokens_of(phone)
        assert phone.post(path(filed, "/promise")).json["code"] == "nothing_promised"


def test_a_withdrawal_ends_it_and_drops_only_what_was_not_filed(
    phone: Phone, filed: dict[str, Any], run_jobs: RunJobs, sql: Sql
) -> None:
    asked(filed, PHOTO)
    typed(phone, filed, {"address_detail": "别处"})
    unfiled = phone.upload(filed["id"], "photo", picture(width=71))

    done = phone.post(path(filed, "/withdraw"), {"reason": "不办了"})

    assert (done.status_code, done.json["state"]) == (200, "withdrawn")
    assert filed_answers(filed)["address_detail"] == PERMIT["address_detail"]
    assert phone.get(f"/v1/uploads/{unfiled}").status_code == 404
    [kept] = sql("SELECT amended, completed_at FROM submissions WHERE id = %s", filed["id"])
    assert kept["amended"] is None and kept["completed_at"] is not None
    again = phone.post(path(filed, "/withdraw"), {})
    assert (again.status_code, again.json["code"]) == (409, "step_not_allowed")


def test_nobody_withdraws_corrects_or_reads_the_changes_of_somebody_elses(
    filed: dict[str, Any], make_phone: Callable[..., Phone]
) -> None:
    asked(filed, PHOTO)
    stranger = make_phone()

    answers = [
        stranger.post(path(filed, "/withdraw"), {}),
        stranger.post(path(filed, "/submit"), {}),
        stranger.post(path(filed, "/promise")),
        stranger.get(path(filed, "/changes")),
        stranger.patch(path(filed), {"address_detail": "别处"}, "*"),
    ]

    assert {answer.status_code for answer in answers} == {404}


def test_fetching_the_result_delivers_it_once(phone: Phone, run_jobs: RunJobs, outside: str, sql: Sql) -> None:
    asked_for = dict(phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json or {})
    run_jobs()
    assert phone.get(path(asked_for, "/progress")).json["asked"]["kind"] == "collect"

    first, again = (phone.post(path(asked_for, "/collect")) for _ in range(2))

    assert first.json["data"] == again.json["data"]
    assert phone.get(path(asked_for, "/progress")).json["state"] == "delivered"
    delivered = sql("SELECT terms FROM history WHERE submission_id = %s AND step = 'deliver'", asked_for["id"])
    assert [row["terms"] for row in delivered] == [{"kind": "download"}]
