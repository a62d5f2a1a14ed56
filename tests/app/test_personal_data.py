"""Personal data: found nowhere at rest and in no log, while those who may see it do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
import rfc8785
from flask import Flask

from app import database
from app.crypto import data_keys, sealed
from app.crypto.failures import SealKeyMissing
from app.settings import settings
from sandbox import objects
from tests.planted import PLANTED, dump, found_anywhere, found_in_files, plant, written
from tests.product import Phone, picture

Sql = Callable[..., list[Any]]


def test_every_personal_column_is_sealed_and_says_what_it_is_for(product: Flask) -> None:
    assert sealed.plain_personal_columns(database.metadata) == []
    assert sealed.unmarked_sealed_columns(database.metadata) == []
    assert len(list(sealed.personal_columns(database.metadata))) >= 12


def test_a_stolen_dump_and_a_stolen_store_say_nothing_of_the_person(
    ouyang: Phone,
    permit: dict[str, Any],
    make_clerk: Callable[[str], Phone],
    reached: dict[str, Any],
    log: list[str],
    sql: Sql,
) -> None:
    told, asked, pdf, looked = plant(ouyang, permit, make_clerk)

    # Those who may see it do.
    mine = ouyang.get(f"/v1/submissions/{permit['id']}").json
    assert mine["answers"]["address_detail"] == PLANTED["address"]
    assert PLANTED["filename"] in {upload["filename"] for upload in mine["uploads"]}
    assert ouyang.get(f"/v1/submissions/{told['id']}").json["answers"]["bank_card"] == PLANTED["bank_card"]
    events = ouyang.get(f"/v1/submissions/{permit['id']}/progress").json["events"]
    assert PLANTED["opinion"] in [event["opinion"] for event in events]
    document = ouyang.get(f"/v1/submissions/{permit['id']}/result").json
    assert document["filename"] == PLANTED["result_name"]
    assert requests.get(document["url"], timeout=60).content == pdf
    answer = ouyang.get(f"/v1/submissions/{asked['id']}/result").json
    assert answer["data"] == {"note": PLANTED["result_data"]}
    assert looked.json["submission"]["applicant"]["name"] == "欧阳***"

    # Whoever steals the dump, the store or the logs does not.
    assert permit["reference"].encode() in dump(), "the dump is one of this database"
    assert b"request" in "\n".join(log).encode()
    assert found_anywhere(Path(reached["folder"]) / "objects", log) == []


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


# ——— Guessing: what a thief of the dump can try offline. ———


def plain_hashes(content: bytes) -> list[bytes]:
    digests = [hashlib.new(name, content) for name in ("sha256", "sha1", "md5", "sha512")]
    return [form for digest in digests for form in (digest.hexdigest().encode(), digest.digest().hex().encode())]


def test_a_thief_who_guesses_the_answers_can_not_see_that_he_is_right(phone: Phone) -> None:
    """Everything but the salt stands in the dump in plain, so the answers of a short form could be tried one by one."""
    body = {"service": "housing-fund-balance", "submit": True}
    receipt = phone.post("/v1/submissions", body, key="guessed-4711").json
    content = {
        "submission": receipt["id"],
        "service": "housing-fund-balance",
        "version": phone.get(f"/v1/submissions/{receipt['id']}").json["service"]["version"],
        "applicant": str(phone.resident_id),
        "answers": {},
        "attachments": [],
    }
    salted = rfc8785.dumps(content | {"salt": receipt["content_salt"]})
    assert hashlib.sha256(salted).hexdigest() == receipt["content_sha256"], "the person can prove it, with the receipt"
    request = b"POST /v1/submissions?\n" + json.dumps(body).encode()
    guesses = [rfc8785.dumps(content), rfc8785.dumps(content | {"salt": ""}), rfc8785.dumps({}), request]
    guesses += [json.dumps(body, separators=(",", ":")).encode(), *(text.encode() for text in PLANTED.values())]

    dumped = dump()

    assert receipt["content_sha256"].encode() in dumped
    assert receipt["content_salt"].encode() not in dumped
    assert [guess for guess in guesses for form in plain_hashes(guess) if form in dumped] == []


def test_the_salt_is_the_owners_and_goes_with_the_key(phone: Phone, sql: Sql) -> None:
    body = {"service": "housing-fund-balance", "submit": True}
    one, two = (phone.post("/v1/submissions", body).json for _ in range(2))
    assert one["content_salt"] != two["content_salt"] and len(one["content_salt"]) == 32
    with database.reading() as connection:
        assert data_keys.of(connection, UUID(one["id"])).salt("content") == one["content_salt"]
    sql("DELETE FROM data_keys WHERE owner_id = %s", one["id"])
    with database.reading() as connection, pytest.raises(SealKeyMissing):
        data_keys.of(connection, UUID(one["id"]))
