"""Erasures: who closes the account is gone, but for what the law keeps, and that is stored and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app import clock, database, storage
from app.documents.uploads import ask_slot, uploads
from app.people import accounts, residents
from app.people.residents import Person
from app.privacy import erasures, held_rows, holdings, purges, removals
from app.settings import settings
from app.submissions import drafts, submissions
from app.submissions.history import SYSTEM
from app.submissions.submissions import take_step
from notifications import subscriptions
from tests.approvals.office_system import OfficeSystem, message, result
from tests.planted import PLANTED, caller_of, dump, found_anywhere, plant, vouched
from tests.product import Phone, RunJobs, picture, wait_until_somebody_waits

Sql = Callable[..., list[Any]]
MakeClerk = Callable[[str], Phone]


def later() -> Any:
    """When the last access token of a closed account has died."""
    return clock.moved(2 * settings().access_token_life + timedelta(minutes=1))


def finish() -> None:
    sweep: Any = erasures.sweep
    sweep(0)


def end_of_retention() -> Any:
    return clock.moved(timedelta(days=11 * 366))


def close(who: Phone) -> dict[str, Any]:
    response = who.post("/v1/erasures")
    assert response.status_code == 202, response.text
    return dict(response.json or {})


def completed(office: OfficeSystem, reference: str) -> None:
    assert office.outcome(message(reference, "accepted", opinion=PLANTED["opinion"])) == "applied"
    pdf = f"%PDF-1.7\n% {PLANTED['in_the_result']}\n%%EOF\n".encode()
    given = result(pdf, filename=PLANTED["result_name"])
    assert office.outcome(message(reference, "approved", 2, result=given)) == "applied"


def rows_about(person: Any) -> dict[str, int]:
    with database.reading() as connection:
        counted = {holding.table: held_rows.count(connection, holding, person) for holding in holdings.HOLDINGS}
    return {table: count for table, count in counted.items() if count}


def objects_of(sql: Sql, person: Any) -> list[str]:
    keys = [row["id"] for row in sql("SELECT id FROM uploads WHERE owner_id = %s", person)]
    return [prefix for upload_id in keys for prefix in removals.of_upload(upload_id)]


def lie_in_the_store(prefixes: list[str]) -> list[str]:
    client: Any = storage._inside()
    found = [client.list_objects_v2(Bucket=settings().s3_bucket, Prefix=prefix) for prefix in prefixes]
    return [entry["Key"] for page in found for entry in page.get("Contents", ())]


def test_the_preview_says_what_happens_and_changes_nothing(
    ouyang: Phone, permit: dict[str, Any], run_jobs: RunJobs
) -> None:
    ouyang.start("residence-permit", {"employer_name": PLANTED["employer"]})
    before = rows_about(ouyang.resident_id)

    zh = ouyang.get("/v1/erasures/preview").json
    assert zh["possible"] is False
    assert [waits["reference"] for waits in zh["waiting_for"]] == [permit["reference"]]

    completed(OfficeSystem(ouyang.client), permit["reference"])
    en = ouyang.get("/v1/erasures/preview", headers={"Accept-Language": "en"}).json
    assert en["possible"] is True and en["waiting_for"] == []
    [kept] = en["kept_restricted"]
    assert kept["reference"] == permit["reference"] and kept["retention"] == "10 years"
    assert kept["until"] == f"{clock.today().year + 10}-12-31" and "第8号" in kept["law"]
    counted = {line["title"]: line["count"] for line in en["erased_at_once"]}
    assert counted["Drafts and their files"] == 1 and counted["Logins and devices"] == 1
    assert all("PIPL" in line["why"] for line in en["erased_at_once"])
    assert rows_about(ouyang.resident_id)["sessions"] == before["sessions"]


def test_an_account_with_nothing_kept_is_gone_without_a_trace(
    ouyang: Phone, client: FlaskClient, run_jobs: RunJobs, sql: Sql
) -> None:
    draft = ouyang.start("residence-permit", {"employer_name": PLANTED["employer"]})
    ouyang.upload(draft["id"], "photo", picture())
    ouyang.slot(draft["id"], "photo", picture())
    run_jobs()
    with database.work() as work:
        subscriptions.bind(work, caller_of(ouyang), PLANTED["openid"], ["progress"])
    files = objects_of(sql, ouyang.resident_id)
    assert lie_in_the_store(files)

    erasure = close(ouyang)
    run_jobs()

    assert erasure["state"] == "confirmed" and erasure["drafts"] == 1 and erasure["kept"] == 0
    assert lie_in_the_store(files) == []
    # The person's own row and the ended logins wait for the last access token; the answer of this request is stored.
    # Allowing WeChat messages was a consent, and what was consented to can be proved as long as the person is known.
    left = {"residents", "sessions", "erasures", "idempotency_records", "consents"}
    assert set(rows_about(ouyang.resident_id)) == left
    assert sql("SELECT device FROM sessions WHERE resident_id = %s", ouyang.resident_id) == [{"device": ""}]
    with later():
        finish()
        removed: Any = removals.sweep
        removed(0)
    assert rows_about(ouyang.resident_id) == {}
    assert sql("SELECT 1 FROM data_keys WHERE owner_id IN (%s, %s)", ouyang.resident_id, draft["id"]) == []
    assert sql("SELECT prefix FROM removals WHERE prefix = ANY(%s)", files) == []
    proof = client.get(f"/v1/open/erasures/{erasure['id']}").json
    assert (proof["state"], proof["destroyed_keys"]) == ("done", 2)
    assert str(ouyang.resident_id).encode() not in dump(), "the tombstone names nobody"


def test_the_same_search_again_finds_nothing_and_the_tables_are_consistent(
    ouyang: Phone,
    permit: dict[str, Any],
    make_clerk: MakeClerk,
    reached: dict[str, Any],
    run_jobs: RunJobs,
    log: list[str],
    sql: Sql,
) -> None:
    _, asked, _, _ = plant(ouyang, permit, make_clerk)
    for step in ("accept", "approve", "complete"):
        with database.work() as work:
            take_step(work, UUID(asked["id"]), step, SYSTEM, clock.now())
    files = [*objects_of(sql, ouyang.resident_id), f"results/{permit['id']}/"]
    counted = statistics(sql)

    close(ouyang)
    run_jobs()
    with later():
        finish()
    assert sql("SELECT state FROM erasures WHERE resident_id = %s", ouyang.resident_id) == [{"state": "restricted"}]
    assert lie_in_the_store(files), "what the law keeps is still stored"

    with end_of_retention():
        with database.reading() as connection:
            assert purges.preview(connection, clock.now())
        list(purges.purge(clock.now(), "command"))
        run_jobs()
        run_again: Any = removals.sweep
        run_again(0)

    assert found_anywhere(Path(reached["folder"]) / "objects", log) == []
    assert lie_in_the_store(files) == []
    assert rows_about(ouyang.resident_id) == {}
    for gone in (str(ouyang.resident_id), permit["reference"]):
        assert gone.encode() not in dump()
    assert statistics(sql) == counted, "the supervisor's statistics still count them"
    assert orphans(sql) == {}


def statistics(sql: Sql) -> list[Any]:
    """How many of each service came how far, and how long each step took to come."""
    return sql(
        "SELECT s.service_code, s.state, count(*) AS n, min(s.received_at) AS first, count(h.number) AS steps"
        " FROM submissions s JOIN history h ON h.submission_id = s.id GROUP BY 1, 2 ORDER BY 1, 2"
    )


def orphans(sql: Sql) -> dict[str, int]:
    """Rows whose foreign key leads nowhere, by constraint: PostgreSQL checks every one of them anew."""
    found = {}
    for table in database.metadata.sorted_tables:
        for key in table.foreign_keys:
            mine, theirs = key.parent.name, key.column
            rows = sql(
                f"SELECT 1 FROM {table.name} a WHERE a.{mine} IS NOT NULL"
                f" AND NOT EXISTS (SELECT FROM {theirs.table.name} b WHERE b.{theirs.name} = a.{mine})"
            )
            if rows:
                found[f"{table.name}.{mine}"] = len(rows)
    return found


def test_with_an_office_still_at_work_nothing_is_closed(ouyang: Phone, permit: dict[str, Any]) -> None:
    response = ouyang.post("/v1/erasures", headers={"Accept-Language": "en"})

    assert (response.status_code, response.json["code"]) == (409, "submissions_unfinished")
    assert response.json["references"] == [permit["reference"]]
    assert ouyang.get(f"/v1/submissions/{permit['id']}").json["answers"]["address_detail"] == PLANTED["address"]


def test_a_login_of_an_hour_ago_closes_nothing(make_phone: Callable[..., Phone]) -> None:
    old = make_phone(authenticated_at=clock.now() - timedelta(hours=1))
    weak = make_phone(level=2)

    for who in (old, weak):
        response = who.post("/v1/erasures")
        assert (response.status_code, response.json["code"]) == (403, "step_up_required")
        assert response.json["required_level"] == 3 and response.json["max_age_seconds"] == 900
        assert who.get("/v1/me").status_code == 200


def test_two_erasures_at_once_are_one(ouyang: Phone, sql: Sql) -> None:
    ouyang.start("residence-permit", {"employer_name": PLANTED["employer"]})
    phones = [Phone(ouyang.resident_id, ouyang.tokens, ouyang.client.application.test_client()) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda who: who.post("/v1/erasures"), phones))

    # Whoever comes when the logins have ended is turned away; everybody else gets the same erasure.
    assert {answer.status_code for answer in answers} <= {202, 401}
    assert len({answer.json["id"] for answer in answers if answer.status_code == 202}) == 1
    assert len(sql("SELECT 1 FROM erasures WHERE resident_id = %s", ouyang.resident_id)) == 1


def test_every_login_ends_and_the_identity_makes_a_new_person(ouyang: Phone, sql: Sql) -> None:
    close(ouyang)

    refreshed = ouyang.client.post("/v1/tokens/refresh", json={"refresh_token": ouyang.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    person = Person(PLANTED["name"], "111", PLANTED["document_number"], PLANTED["phone"])
    with database.work() as work:
        again, _ = accounts.enter(work, vouched(person))
    assert again != ouyang.resident_id
    assert sql("SELECT phone, name_index, document_number_index FROM residents WHERE id = %s", ouyang.resident_id) == [
        {"phone": None, "name_index": None, "document_number_index": None}
    ]


def test_what_was_filed_in_the_very_moment_of_closing_is_not_lost(
    ouyang: Phone, sql: Sql, run_jobs: RunJobs, log: list[str]
) -> None:
    """The request was let in before the logins ended, and files after: it gets a receipt, so it must be worked on."""
    erasure = close(ouyang)
    sql("UPDATE sessions SET revoked_at = NULL WHERE resident_id = %s", ouyang.resident_id)
    with database.work() as work:
        filed = submissions.submit_at_once(work, caller_of(ouyang), "housing-fund-balance", {}, "zh")

    with later():
        finish()
    assert any("erasure_waits" in line for line in log)
    with database.reading() as connection:
        known = residents.applicant(connection, ouyang.resident_id)
    assert known.name == PLANTED["name"], "the office can still be told"

    for step in ("accept", "approve", "complete"):
        with database.work() as work:
            take_step(work, filed["id"], step, SYSTEM, clock.now())
    with later():
        finish()
    with database.reading() as connection:
        assert erasures.show(connection, erasure["id"])["state"] == "restricted"
    assert sql("SELECT 1 FROM submissions WHERE id = %s AND restricted_at IS NOT NULL", filed["id"])


def test_closing_waits_for_a_file_that_is_being_added_and_not_in_a_circle(phone: Phone, sql: Sql) -> None:
    draft = UUID(phone.start("residence-permit")["id"])
    wish = {"material": "photo", "filename": "a.png", "content_type": "image/png", "size": 9, "sha256": "0" * 64}

    def close_account() -> None:
        with database.work() as work:
            erasures.close(work, phone.resident_id)

    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            drafts.own_draft(work, caller_of(phone), draft)
            closing = pool.submit(close_account)
            wait_until_somebody_waits(sql, closing)
            ask_slot(work, caller_of(phone), draft, wish)
        closing.result(30)

    assert rows_about(phone.resident_id).keys() <= {"residents", "sessions", "sign_ins", "erasures"}


def test_staff_are_told_that_it_is_restricted_unless_the_law_gives_a_reason(
    ouyang: Phone, permit: dict[str, Any], make_clerk: MakeClerk, sql: Sql
) -> None:
    completed(OfficeSystem(ouyang.client), permit["reference"])
    close(ouyang)
    clerk = make_clerk("S0001")
    wish = {"reference": permit["reference"], "reason": PLANTED["reason"]}

    told = clerk.post("/v1/desk/lookups", wish).json
    assert told["submission"] is None
    assert told["restricted"]["until"] == f"{clock.today().year + 10}-12-31"
    assert "法定事由" in told["restricted"]["text"] and "litigation" in told["restricted"]["reasons"]
    assert PLANTED["address"] not in str(told)

    opened = clerk.post("/v1/desk/lookups", wish | {"legal_reason": "litigation"}).json
    assert opened["restricted"] is None and opened["submission"]["applicant"]["name"] == "欧阳***"
    looks = "SELECT outcome FROM looks JOIN looks_shown ON look_id = id WHERE submission_id = %s ORDER BY at"
    assert [look["outcome"] for look in sql(looks, permit["id"])] == ["restricted", "shown"]
    assert clerk.post("/v1/desk/lookups", wish | {"legal_reason": "curiosity"}).status_code == 422


def test_no_message_reaches_somebody_who_left(
    ouyang: Phone, permit: dict[str, Any], run_jobs: RunJobs, sql: Sql
) -> None:
    completed(OfficeSystem(ouyang.client), permit["reference"])
    close(ouyang)

    run_jobs()

    assert sql("SELECT 1 FROM notifications WHERE resident_id = %s", ouyang.resident_id) == []


def test_a_file_that_a_phone_sends_again_after_the_erasure_is_removed_too(
    ouyang: Phone, run_jobs: RunJobs, sql: Sql
) -> None:
    draft = ouyang.start("residence-permit")
    upload = ouyang.upload(draft["id"], "photo", picture())
    close(ouyang)
    run_jobs()
    with database.reading() as connection:
        assert connection.execute(uploads.select().where(uploads.c.id == upload)).one_or_none() is None
    storage.put(f"incoming/{upload}", b"once more", "image/png")

    sweep: Any = removals.sweep
    sweep(0)
    assert lie_in_the_store([f"incoming/{upload}"]), "not yet: its form has not expired"
    with clock.moved(settings().upload_slot_life + timedelta(minutes=2)):
        sweep(0)

    assert lie_in_the_store([f"incoming/{upload}"]) == []
    assert sql("SELECT 1 FROM removals WHERE prefix = %s", f"incoming/{upload}") == []


def test_nobody_learns_of_an_erasure_without_its_number(client: FlaskClient, phone: Phone) -> None:
    response = client.get(f"/v1/open/erasures/{phone.resident_id}")
    assert (response.status_code, response.json["code"]) == (404, "erasure_not_found")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_preview_is_in_both_languages(phone: Phone, language: str) -> None:
    shown = phone.get("/v1/erasures/preview", headers={"Accept-Language": language}).json
    assert any(("账户" if language == "zh" else "account") in words for words in shown["stops"])
