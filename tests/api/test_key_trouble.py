"""Trouble with keys in the running product: a clear answer without data, a line for the operator, others served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.crypto import data_keys, key_file
from app.settings import settings
from tests.product import PERMIT, Phone

Sql = Callable[..., list[Any]]
SECRETS = ("李建国", "532399198806150316", "19900000002", "太平镇幸福路18号")


@pytest.fixture
def file() -> Iterator[Path]:
    """The key file of this process, given back as it was."""
    path = Path(settings().key_file)
    kept = path.with_suffix(".kept")
    shutil.copy2(path, kept)
    yield path
    kept.replace(path)


def told(log: list[str], event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, log) if line["event"] == event]


def assert_clear(answer: Any, status: int, code: str, log: list[str]) -> None:
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    for secret in SECRETS:
        assert secret not in answer.text and secret not in "".join(log)


def swapped(sql: Sql, one: Phone, two: Phone) -> None:
    """What two people's keys are wrapped in, swapped; their ids stay."""
    rows = sql("SELECT owner_id, wrapped FROM data_keys WHERE owner_id = ANY(%s)", [one.resident_id, two.resident_id])
    for row, taken in zip(rows, reversed(rows), strict=True):
        sql("UPDATE data_keys SET wrapped = %s WHERE owner_id = %s", taken["wrapped"], row["owner_id"])


HARMS: dict[str, tuple[str, str, str]] = {
    # What is done to one row of data_keys, the error, and what the operator reads of the reason.
    "cut": ("UPDATE data_keys SET wrapped = substr(wrapped, 1, 20) WHERE owner_id = %s", "SealBroken", "does not open"),
    "emptied": ("UPDATE data_keys SET wrapped = ''::bytea WHERE owner_id = %s", "SealBroken", "does not open"),
    "altered": (
        "UPDATE data_keys SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1) WHERE owner_id = %s",
        "SealBroken",
        "does not open",
    ),
    "of a lost master key": (
        "UPDATE data_keys SET master_key_id = '2019-lost' WHERE owner_id = %s",
        "KeyNotInRing",
        "no master key '2019-lost'",
    ),
    "gone": ("DELETE FROM data_keys WHERE owner_id = %s", "SealKeyMissing", "has no data key any more"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_harmed_data_key_is_its_owners_trouble_alone(
    make_phone: Callable[..., Phone], sql: Sql, log: list[str], harm: str
) -> None:
    statement, error, reason = HARMS[harm]
    victim, other = make_phone(), make_phone()
    [row] = sql("SELECT * FROM data_keys WHERE owner_id = %s", victim.resident_id)
    sql(statement, victim.resident_id)
    try:
        assert_clear(victim.get("/v1/me"), 500, "internal_error", log)
        [line] = told(log, "sealed_data_unusable")
        assert line["error"] == error and reason in line["detail"]
        assert str(row["key_id"]) in line["detail"] or str(victim.resident_id) in line["detail"]
        assert other.get("/v1/me").status_code == 200
        assert [row["name"] for row in sql("SELECT name FROM residents WHERE id = %s", victim.resident_id)]
    finally:
        sql("DELETE FROM data_keys WHERE owner_id = %s", victim.resident_id)
        names = ("owner_id", "key_id", "master_key_id", "wrapped", "created_at")
        sql("INSERT INTO data_keys VALUES (%s, %s, %s, %s, %s)", *(row[name] for name in names))
    assert victim.get("/v1/me").status_code == 200, "nothing was lost by it"


def test_two_keys_that_changed_owners_open_nothing(make_phone: Callable[..., Phone], sql: Sql, log: list[str]) -> None:
    one, two, other = make_phone(), make_phone(), make_phone()
    swapped(sql, one, two)
    for who in (one, two):
        assert_clear(who.get("/v1/me"), 500, "internal_error", log)
    assert {line["error"] for line in told(log, "sealed_data_unusable")} == {"SealBroken"}
    assert other.get("/v1/me").status_code == 200
    swapped(sql, one, two)
    assert one.get("/v1/me").status_code == 200


HARMED_VALUES = {
    "of another person": "UPDATE residents SET document_number = (SELECT document_number FROM residents WHERE id = %s)",
    "of another column": "UPDATE residents SET document_number = (SELECT r.name FROM residents r WHERE r.id = %s)",
}


@pytest.mark.parametrize("harm", HARMED_VALUES)
def test_a_value_that_was_moved_names_its_row_and_reason(
    make_phone: Callable[..., Phone], sql: Sql, log: list[str], harm: str
) -> None:
    victim, other = make_phone(), make_phone()
    source = other if harm == "of another person" else victim
    sql(f"{HARMED_VALUES[harm]} WHERE id = %s", source.resident_id, victim.resident_id)
    assert_clear(victim.get("/v1/me"), 500, "internal_error", log)
    [line] = told(log, "sealed_data_unusable")
    assert f"residents.document_number of {victim.resident_id}" in line["detail"]
    assert other.get("/v1/me").status_code == 200


def test_nothing_can_be_written_over_what_does_not_open(phone: Phone, sql: Sql, log: list[str]) -> None:
    draft = phone.start("residence-permit", PERMIT)
    [before] = sql("SELECT wrapped FROM data_keys WHERE owner_id = %s", draft["id"])
    sql("UPDATE data_keys SET wrapped = substr(wrapped, 1, 9) WHERE owner_id = %s", draft["id"])
    for answer in (
        phone.patch(f"/v1/submissions/{draft['id']}", {"address_detail": "新"}, '"1"'),
        phone.post(f"/v1/submissions/{draft['id']}/submit"),
        phone.slot(draft["id"], "photo", b"x"),
    ):
        assert_clear(answer, 500, "internal_error", log)
    sql("UPDATE data_keys SET wrapped = %s WHERE owner_id = %s", before["wrapped"], draft["id"])
    assert phone.get(f"/v1/submissions/{draft['id']}").json["answers"] == PERMIT


def without(path: Path) -> None:
    path.unlink()


def for_everybody(path: Path) -> None:
    path.chmod(0o644)


def half_of_it(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def no_json(path: Path) -> None:
    path.write_text("keys")


@pytest.mark.parametrize("harm", [without, for_everybody, half_of_it, no_json], ids=lambda harm: str(harm.__name__))
def test_a_key_file_that_goes_bad_is_a_503_until_it_is_mended(
    phone: Phone, file: Path, log: list[str], harm: Callable[[Path], None], sql: Sql
) -> None:
    harm(file)
    assert_clear(phone.get("/v1/me"), 503, "temporarily_unavailable", log)
    started = phone.post("/v1/submissions", {"service": "residence-permit", "answers": PERMIT}, key="bad-file")
    assert_clear(started, 503, "temporarily_unavailable", log)
    assert {line["error"] for line in told(log, "keys_unusable")} <= {"KeyFileMissing", "KeyFileUnsafe"}
    assert all(str(file) in line["detail"] for line in told(log, "keys_unusable"))
    assert sql("SELECT id FROM submissions WHERE applicant_id = %s", phone.resident_id) == [], "nothing kept unsealed"
    assert phone.client.get("/v1/services").status_code == 200, "what needs no keys goes on"

    shutil.copy2(file.with_suffix(".kept"), file)
    assert phone.get("/v1/me").status_code == 200
    again = phone.post("/v1/submissions", {"service": "residence-permit", "answers": PERMIT}, key="bad-file")
    assert again.status_code == 201


def test_a_file_with_other_keys_opens_nothing_and_changes_nothing(
    phone: Phone, file: Path, log: list[str], sql: Sql
) -> None:
    file.unlink()
    key_file.create(file, data_keys.suite())
    assert_clear(phone.get("/v1/me"), 500, "internal_error", log)
    [line] = told(log, "sealed_data_unusable")
    assert line["error"] == "KeyNotInRing"
    done = rotate_keys()
    assert "0 rewrapped" in done.stdout and " 0 unusable" not in done.stdout
    shutil.copy2(file.with_suffix(".kept"), file)
    assert phone.get("/v1/me").status_code == 200


def test_a_rotation_that_stopped_half_way_is_no_trouble_at_all(
    make_phone: Callable[..., Phone], file: Path, sql: Sql, log: list[str]
) -> None:
    phones = [make_phone() for _ in range(6)]
    broken = make_phone()
    key_file.add_master_key(file, data_keys.suite())
    sql("UPDATE data_keys SET wrapped = substr(wrapped, 1, 9) WHERE owner_id = %s", broken.resident_id)
    assert next(iter(data_keys.rewrap(batch=3))).rewrapped
    assert {who.get("/v1/me").status_code for who in phones} == {200}
    list(data_keys.rewrap())
    [row] = sql("SELECT key_id FROM data_keys WHERE owner_id = %s", broken.resident_id)
    named = told(log, "data_key_unusable")
    assert (str(row["key_id"]), "SealBroken") in [(line["key_id"], line["error"]) for line in named]
    assert {who.get("/v1/me").status_code for who in phones} == {200}
    sql("DELETE FROM data_keys WHERE owner_id = %s", broken.resident_id)
    # The kept file lacks the new key, so everything goes back under the old one before it is given back.
    content = json.loads(file.read_text())
    content["master_keys"].append(content["master_keys"].pop(0))
    file.write_text(json.dumps(content))
    list(data_keys.rewrap())


def rotate_keys() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onephone", "rotate-keys"],
        cwd=Path(__file__).resolve().parents[2],
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )


def test_a_stranger_learns_nothing_from_the_trouble_of_others(phone: Phone, sql: Sql) -> None:
    draft = phone.start("residence-permit", PERMIT)
    sql("UPDATE data_keys SET wrapped = ''::bytea WHERE owner_id = %s", draft["id"])
    assert phone.get(f"/v1/submissions/{uuid.uuid4()}").status_code == 404
    sql("DELETE FROM data_keys WHERE owner_id = %s", draft["id"])
