"""Personal data: found nowhere at rest and in no log, while those who may see it do."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from flask import Flask
from PIL import Image, PngImagePlugin

from app import clock, database
from app.crypto import sealed
from app.documents import results
from app.people.callers import Resident
from app.people.residents import Person
from app.settings import settings
from auth import logins, sessions
from notifications import subscriptions
from sandbox import objects
from sandbox.postgres import programs
from tests.approvals.office_system import OfficeSystem, message, result
from tests.product import PERMIT, Phone, RunJobs, picture

Sql = Callable[..., list[Any]]

PLANTED = {
    "name": "欧阳种玉兰",
    "document_number": "532399197704015519",
    "phone": "19933344455",
    "subject": "subject-of-ouyang-0815",
    "openid": "oPlantedOpenidOfOuyang",
    "address": "太平镇种玉路九十九号丙单元",
    "household": "四川省甘孜州种玉县种玉镇",
    "employer": "种玉兰花有限公司",
    "contact_phone": "19955566677",
    "friend": "端木种瓜",
    "friends_phone": "19977788899",
    "bank_card": "6217000010001234567",
    "illness": "Chronic-melancholia-F34",
    "filename": "欧阳的身份证正面.png",
    "in_the_file": "PLANTED-WITHIN-THE-PICTURE-4711",
    "reason": "欧阳女士的邻居来电询问",
    "opinion": "材料与欧阳女士本人相符",
    "later_opinion": "等欧阳女士补交以后再定",
    "result_name": "欧阳种玉兰居住证.pdf",
    "in_the_result": "PLANTED-WITHIN-THE-RESULT-4712",
    "result_data": "balance-of-ouyang-998877",
}


def test_every_personal_column_is_sealed_and_says_what_it_is_for(product: Flask) -> None:
    assert sealed.plain_personal_columns(database.metadata) == []
    assert sealed.unmarked_sealed_columns(database.metadata) == []
    assert len(list(sealed.personal_columns(database.metadata))) >= 12


@pytest.fixture
def ouyang(product: Flask) -> Phone:
    person = Person(PLANTED["name"], "111", PLANTED["document_number"], PLANTED["phone"])
    with database.work() as work:
        resident_id = logins._resident_of(work, "sandbox", PLANTED["subject"], person)
        tokens = sessions.open_for_resident(work, resident_id, 3, clock.now(), "test phone")
    return Phone(resident_id, tokens, product.test_client())


@pytest.fixture
def permit(ouyang: Phone, run_jobs: RunJobs) -> dict[str, Any]:
    """A permit filed with everything planted in it."""
    answers = PERMIT | {
        "address_detail": PLANTED["address"],
        "hukou_address": PLANTED["household"],
        "contact_phone": PLANTED["contact_phone"],
        "emergency_contact_name": PLANTED["friend"],
        "emergency_contact_phone": PLANTED["friends_phone"],
    }
    draft = ouyang.start("residence-permit", answers)
    ouyang.upload(draft["id"], "photo", marked_picture(PLANTED["in_the_file"]), filename=PLANTED["filename"])
    drawn = ouyang.upload(draft["id"], "signature", picture(width=80))
    run_jobs()
    assert ouyang.post(f"/v1/submissions/{draft['id']}/signature", {"upload": drawn}).status_code == 201
    receipt = ouyang.post(f"/v1/submissions/{draft['id']}/submit")
    assert receipt.status_code == 200, receipt.text
    return dict(receipt.json or {})


def marked_picture(text: str) -> bytes:
    """A sound picture that says something between its pixels, uncompressed."""
    notes, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    notes.add_text("Comment", text)
    Image.new("RGB", (64, 48), "white").save(buffer, "PNG", pnginfo=notes)
    assert text.encode() in buffer.getvalue()
    return buffer.getvalue()


def written(text: str) -> set[bytes]:
    """A text as it may lie in a dump: in UTF-8, as JSON escapes it, as hex."""
    return {text.encode(), json.dumps(text)[1:-1].encode(), text.encode().hex().encode()}


def dump() -> bytes:
    program = programs() / "pg_dump"
    return subprocess.run([program, settings().database_url], check=True, capture_output=True).stdout


def found_in_files(folder: Path, texts: set[bytes]) -> list[str]:
    """The files below a folder that hold one of the texts. By grep, which is quick with large files."""
    patterns = b"\n".join(sorted(texts))
    command = ["grep", "-rlaF", "-f", "-", str(folder)]
    return subprocess.run(command, input=patterns, capture_output=True, env={"LC_ALL": "C"}).stdout.decode().split()


def test_a_stolen_dump_and_a_stolen_store_say_nothing_of_the_person(
    ouyang: Phone,
    permit: dict[str, Any],
    make_clerk: Callable[[str], Phone],
    reached: dict[str, Any],
    log: list[str],
    sql: Sql,
) -> None:
    told = ouyang.start("residence-permit", {"employer_name": PLANTED["employer"]})
    notes = {"bank_card": PLANTED["bank_card"], "illness": PLANTED["illness"]}
    assert ouyang.patch(f"/v1/submissions/{told['id']}", notes, '"1"').status_code == 200
    pdf = f"%PDF-1.7\n% {PLANTED['in_the_result']}\n%%EOF\n".encode()
    office = OfficeSystem(ouyang.client)
    parked = message(permit["reference"], "in_review", 3, opinion=PLANTED["later_opinion"])
    assert office.outcome(message(permit["reference"], "accepted", opinion=PLANTED["opinion"])) == "applied"
    given = result(pdf, filename=PLANTED["result_name"])
    assert office.outcome(message(permit["reference"], "approved", 2, result=given)) == "applied"
    assert office.outcome(parked) == "ignored"
    with database.work() as work:
        subscriptions.bind(work, _caller(ouyang), PLANTED["openid"], ["progress"])
    asked = ouyang.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    with database.work() as work:
        results.keep_data(work, UUID(asked["id"]), {"note": PLANTED["result_data"]})
    wish = {"reference": permit["reference"], "reason": PLANTED["reason"]}
    looked = make_clerk("S0001").post("/v1/desk/lookups", wish)

    # Those who may see it do.
    mine = ouyang.get(f"/v1/submissions/{permit['id']}").json
    assert mine["answers"]["address_detail"] == PLANTED["address"]
    assert PLANTED["filename"] in {upload["filename"] for upload in mine["uploads"]}
    assert ouyang.get(f"/v1/submissions/{told['id']}").json["answers"]["bank_card"] == PLANTED["bank_card"]
    events = ouyang.get(f"/v1/submissions/{permit['id']}/progress").json["events"]
    assert PLANTED["opinion"] in [event["opinion"] for event in events]
    document = ouyang.get(f"/v1/submissions/{permit['id']}/result").json
    assert document["filename"] == PLANTED["result_name"]
    assert requests.get(document["url"], timeout=10).content == pdf
    answer = ouyang.get(f"/v1/submissions/{asked['id']}/result").json
    assert answer["data"] == {"note": PLANTED["result_data"]}
    assert looked.json["submission"]["applicant"]["name"] == "欧阳***"

    # Whoever steals the dump, the store or the logs does not.
    dumped, logged = dump(), "\n".join(log).encode()
    assert permit["reference"].encode() in dumped, "the dump is one of this database"
    assert b"request" in logged
    for what, text in PLANTED.items():
        assert not [form for form in written(text) if form in dumped], f"{what} lies in the dump"
        assert not [form for form in written(text) if form in logged], f"{what} lies in the logs"
    everything = {form for text in PLANTED.values() for form in written(text)}
    assert found_in_files(Path(reached["folder"]) / "objects", everything) == []


def test_the_search_would_find_what_lies_there_unsealed(
    reached: dict[str, Any], sql: Sql, product: Flask, tmp_path: Path
) -> None:
    sql("CREATE TABLE planted (plain text, hidden bytea)")
    try:
        sql("INSERT INTO planted VALUES (%s, %s)", PLANTED["name"], PLANTED["address"].encode())
        dumped = dump()
    finally:
        sql("DROP TABLE planted")
    (tmp_path / "file").write_bytes(b"\0\1" + PLANTED["in_the_file"].encode() + b"\2")

    assert [form for form in written(PLANTED["name"]) if form in dumped]
    assert [form for form in written(PLANTED["address"]) if form in dumped]
    assert found_in_files(tmp_path, written(PLANTED["in_the_file"])) == [str(tmp_path / "file")]


def test_every_bucket_of_ours_encrypts(reached: dict[str, Any], product: Flask) -> None:
    url, access_key, secret_key = reached["store"]
    store = objects.client(url, objects.REGION, access_key, secret_key)
    found = store.get_bucket_encryption(Bucket=settings().s3_bucket)["ServerSideEncryptionConfiguration"]
    assert found["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def _caller(who: Phone) -> Resident:
    return Resident(who.resident_id, who.resident_id, 3, clock.now())


# ——— Swapped, cut, erased: a clear error for the operator, and nothing shown. ———

SWAPS = {
    "another row": ("UPDATE residents SET name = (SELECT name FROM residents WHERE id = %s) WHERE id = %s", 2),
    "another column": ("UPDATE residents SET name = phone WHERE id = %s", 1),
    "cut short": ("UPDATE residents SET name = substr(name, 1, length(name) - 1) WHERE id = %s", 1),
    "erased": ("DELETE FROM data_keys WHERE owner_id = %s", 1),
}


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("another row", "SealKeyMissing"),
        ("another column", "SealBroken"),
        ("cut short", "SealBroken"),
        ("erased", "SealKeyMissing"),
    ],
)
def test_what_was_moved_or_erased_is_a_fault_that_shows_nothing(
    make_phone: Callable[..., Phone], sql: Sql, log: list[str], how: str, error: str
) -> None:
    other, victim = make_phone(), make_phone()
    statement, places = SWAPS[how]
    sql(statement, *([other.resident_id] * (places - 1)), victim.resident_id)

    response = victim.get("/v1/me")

    assert (response.status_code, response.json["code"]) == (500, "internal_error")
    told = [json.loads(line) for line in log if '"sealed_data_unusable"' in line]
    assert [line["error"] for line in told] == [error]
    for secret in ("李建国", "532399198806150316", "19900000002"):
        assert secret not in response.text and secret not in "".join(log)
    assert other.get("/v1/me").status_code == 200


def test_two_answers_that_changed_places_open_no_more(phone: Phone, sql: Sql) -> None:
    one, two = (phone.start("residence-permit", {"employer_name": name}) for name in ("甲公司", "乙公司"))
    swap = "UPDATE submissions SET answers = (SELECT answers FROM submissions WHERE id = %s) WHERE id = %s"
    sql(swap, one["id"], two["id"])

    assert phone.get(f"/v1/submissions/{two['id']}").status_code == 500
    assert phone.get(f"/v1/submissions/{one['id']}").json["answers"] == {"employer_name": "甲公司"}


def test_two_files_of_one_submission_can_not_change_names(phone: Phone, sql: Sql) -> None:
    draft = phone.start("residence-permit")
    one, two = (phone.slot(draft["id"], "photo", picture(), filename=name).json["id"] for name in ("甲.png", "乙.png"))
    sql("UPDATE uploads SET filename = (SELECT filename FROM uploads WHERE id = %s) WHERE id = %s", one, two)

    assert phone.get(f"/v1/uploads/{two}").status_code == 500
    assert phone.get(f"/v1/uploads/{one}").json["filename"] == "甲.png"


def test_an_erased_submission_still_stands_in_the_list(phone: Phone, sql: Sql) -> None:
    draft = phone.start("residence-permit", {"employer_name": "甲公司"})
    sql("DELETE FROM data_keys WHERE owner_id = %s", draft["id"])

    assert phone.get(f"/v1/submissions/{draft['id']}").status_code == 500
    assert [item["id"] for item in phone.get("/v1/submissions").json["items"]] == [draft["id"]]


def test_an_errors_text_quotes_no_value(phone: Phone) -> None:
    with pytest.raises(Exception, match="hidden due to hide_parameters") as failed, database.work() as work:
        work.run_sql("SELECT nothing FROM nowhere WHERE %(name)s = ''", {"name": PLANTED["name"]})
    assert PLANTED["name"] not in str(failed.value)
