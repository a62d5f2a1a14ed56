"""Uploads: only what was declared, and really is what it says, ever becomes part of a submission."""

from __future__ import annotations

import hashlib
import io
import threading
import uuid
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from app import database, storage
from app.documents import uploads
from app.submissions import discards, drafts
from tests.lines import resident
from tests.product import Phone, RunJobs, picture, store, wait_until_somebody_waits

MakeSubmission = Callable[..., dict[str, Any]]
Sql = Callable[..., list[Any]]

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture
def draft(phone: Phone) -> str:
    """A residence permit that takes a photo; its id."""
    return str(phone.start("residence-permit")["id"])


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it unpacks to 20,000 × 20,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = (20_000).to_bytes(4, "big")
    pixels = zlib.compress(bytes(1_000_000), 9)
    header = side + side + bytes([1, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def settled(phone: Phone, upload: str, run_jobs: RunJobs) -> tuple[str, str | None]:
    run_jobs()
    found = phone.get(f"/v1/uploads/{upload}").json
    return found["state"], found["refusal"]


def stored_key(sql: Sql, upload: str) -> str:
    return str(sql("SELECT key FROM uploads WHERE id = %s", upload)[0]["key"])


def test_a_sound_photo_goes_from_slot_to_received_to_clean(phone: Phone, draft: str, run_jobs: RunJobs) -> None:
    content = picture("JPEG")

    slot = phone.slot(draft, "photo", content, "image/jpeg")
    assert slot.status_code == 201
    assert slot.json["state"] == "slot"
    assert store(slot.json["post"], content).status_code in (200, 201, 204)
    confirmed = phone.post(f"/v1/uploads/{slot.json['id']}/confirm")
    run_jobs()

    assert (confirmed.status_code, confirmed.json["state"]) == (202, "received")
    upload = phone.get(f"/v1/uploads/{slot.json['id']}").json
    assert upload["state"] == "clean"
    assert upload["sha256"] == hashlib.sha256(content).hexdigest()
    assert phone.get(f"/v1/submissions/{draft}").json["uploads"] == [upload]


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"material": "selfie"}, "/material"),
        ({"content_type": "application/pdf"}, "/content_type"),
        ({"content_type": "image/svg+xml"}, "/content_type"),
        ({"size": 5_242_881}, "/size"),
        ({"size": 0}, "/size"),
        ({"size": -1}, "/size"),
        ({"sha256": "A" * 64}, "/sha256"),
        ({"sha256": "a" * 63}, "/sha256"),
        ({"filename": ""}, "/filename"),
        ({"filename": "a" * 201}, "/filename"),
    ],
)
def test_a_slot_is_only_given_for_what_the_guide_asks_for(
    phone: Phone, draft: str, wish: dict[str, Any], pointer: str
) -> None:
    response = phone.slot(draft, content=picture(), **({"material": "photo"} | wish))

    assert (response.status_code, response.json["code"]) in ((422, "invalid_content"), (422, "content_invalid"))
    assert list(response.json["errors"]) == [pointer]
    assert phone.get(f"/v1/submissions/{draft}").json["uploads"] == []


def test_a_service_without_materials_gives_no_slots(phone: Phone) -> None:
    draft = phone.start("housing-fund-balance")["id"]

    for material in ("photo", "signature"):
        assert phone.slot(draft, material, picture()).status_code == 422


def test_only_so_many_slots_are_given_for_one_material(phone: Phone, draft: str) -> None:
    given = [phone.slot(draft, "photo", picture()).status_code for _ in range(20)]

    refused = phone.slot(draft, "photo", picture())

    assert given == [201] * 20
    assert (refused.status_code, refused.json["code"]) == (409, "upload_limit_reached")
    assert phone.slot(draft, "residence-proof", picture()).status_code == 201


def test_confirming_before_the_bytes_are_there_says_so_and_may_be_repeated(
    phone: Phone, draft: str, run_jobs: RunJobs
) -> None:
    content = picture()
    slot = phone.slot(draft, "photo", content).json
    early = phone.post(f"/v1/uploads/{slot['id']}/confirm", key="confirm-1")
    assert (early.status_code, early.json["code"]) == (409, "upload_missing")

    store(slot["post"], content)
    again = phone.post(f"/v1/uploads/{slot['id']}/confirm", key="confirm-1")

    assert again.status_code == 202
    assert settled(phone, slot["id"], run_jobs) == ("clean", None)


def test_confirming_twice_is_the_same_as_once(phone: Phone, draft: str, run_jobs: RunJobs, sql: Sql) -> None:
    upload = phone.upload(draft, "photo", picture())

    again = phone.post(f"/v1/uploads/{upload}/confirm")

    assert (again.status_code, again.json["state"]) == (202, "received")
    jobs = sql("SELECT 1 FROM procrastinate_jobs WHERE args->>'upload_id' = %s", upload)
    assert len(jobs) == 1
    assert settled(phone, upload, run_jobs) == ("clean", None)


def test_the_store_takes_no_more_and_no_fewer_bytes_than_declared(phone: Phone, draft: str) -> None:
    content = picture()

    for other in (content + b"x", content[:-1], b""):
        slot = phone.slot(draft, "photo", content).json
        assert store(slot["post"], other).status_code >= 400
        assert phone.post(f"/v1/uploads/{slot['id']}/confirm").json["code"] == "upload_missing"


def test_the_store_takes_no_other_type_and_no_other_key_than_the_form_says(phone: Phone, draft: str) -> None:
    content = picture()
    post = phone.slot(draft, "photo", content).json["post"]

    for change in ({"Content-Type": "text/html"}, {"key": f"clean/{uuid.uuid4()}"}):
        assert store({**post, "fields": {**post["fields"], **change}}, content).status_code == 403


def test_other_bytes_of_the_same_size_are_refused(phone: Phone, draft: str, run_jobs: RunJobs, sql: Sql) -> None:
    declared = picture()
    other = declared[:-1] + bytes([declared[-1] ^ 1])
    slot = phone.slot(draft, "photo", declared).json
    store(slot["post"], other)
    phone.post(f"/v1/uploads/{slot['id']}/confirm")

    assert settled(phone, slot["id"], run_jobs) == ("refused", "checksum_mismatch")
    assert storage.size_of(stored_key(sql, slot["id"])) is None, "what was refused is not kept"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(PDF, "image/png", id="a PDF that says PNG"),
        pytest.param(picture("JPEG"), "image/png", id="a JPEG that says PNG"),
        pytest.param(picture("PNG"), "image/jpeg", id="a PNG that says JPEG"),
        pytest.param(picture("GIF"), "image/png", id="a GIF that says PNG"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/png", id="SVG"),
        pytest.param(b"<html><script>alert(1)</script></html>", "image/jpeg", id="HTML"),
        pytest.param(b"MZ" + bytes(200), "image/png", id="a program"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(200), "image/png", id="only the beginning of a PNG"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(200), "image/jpeg", id="only the beginning of a JPEG"),
        pytest.param(b"x", "image/png", id="one byte"),
        pytest.param(bomb(), "image/png", id="a decompression bomb"),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    phone: Phone, draft: str, run_jobs: RunJobs, content: bytes, kind: str
) -> None:
    upload = phone.upload(draft, "photo", content, kind)

    assert settled(phone, upload, run_jobs) == ("refused", "type_mismatch")


def test_a_pdf_is_taken_where_the_guide_allows_one(phone: Phone, draft: str, run_jobs: RunJobs) -> None:
    upload = phone.upload(draft, "residence-proof", PDF, "application/pdf")

    assert settled(phone, upload, run_jobs) == ("clean", None)


def test_one_bad_file_takes_no_other_with_it(phone: Phone, draft: str, run_jobs: RunJobs) -> None:
    bad = phone.upload(draft, "photo", PDF, "image/png")
    good = phone.upload(draft, "photo", picture())

    run_jobs()

    assert phone.get(f"/v1/uploads/{bad}").json["state"] == "refused"
    assert phone.get(f"/v1/uploads/{good}").json["state"] == "clean"


def test_a_strangers_upload_is_not_found(phone: Phone, make_phone: Callable[..., Phone], draft: str) -> None:
    stranger, upload = make_phone(), phone.upload(draft, "photo", picture())

    answers = [
        stranger.get(f"/v1/uploads/{upload}"),
        stranger.post(f"/v1/uploads/{upload}/confirm"),
        stranger.send("DELETE", f"/v1/uploads/{upload}"),
    ]

    assert [(a.status_code, a.json["code"]) for a in answers] == [(404, "upload_not_found")] * 3
    assert stranger.slot(draft, "photo", picture()).json["code"] == "submission_not_found"
    assert phone.get(f"/v1/uploads/{upload}").status_code == 200


def test_a_removed_file_is_gone_for_its_owner_and_missing_again(phone: Phone, draft: str, run_jobs: RunJobs) -> None:
    upload = phone.upload(draft, "photo", picture())
    run_jobs()
    assert "/materials/photo" not in phone.get(f"/v1/submissions/{draft}").json["missing"]

    removed = phone.send("DELETE", f"/v1/uploads/{upload}")

    assert removed.status_code == 204
    shown = phone.get(f"/v1/submissions/{draft}").json
    assert shown["uploads"] == []
    assert shown["missing"]["/materials/photo"] == ["请上传本人相片"]
    assert phone.get(f"/v1/uploads/{upload}").status_code == 404
    assert phone.send("DELETE", f"/v1/uploads/{upload}").status_code == 404


def test_a_file_that_is_taken_out_while_its_draft_is_dropped_keeps_nobody_waiting_in_a_circle(
    phone: Phone, draft: str, sql: Sql
) -> None:
    """Whoever changes a file locks its submission first, as everybody does."""
    slot, caller = phone.slot(draft, "photo", picture("JPEG"), "image/jpeg").json, resident(phone)
    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            drafts.own_draft(work, caller, uuid.UUID(draft))
            removing = pool.submit(phone.send, "DELETE", f"/v1/uploads/{slot['id']}")
            wait_until_somebody_waits(sql, removing)
            discards.drop(work, caller, uuid.UUID(draft), None)
        removed = removing.result(30)

    assert (removed.status_code, removed.json["code"]) == (404, "upload_not_found")


def test_after_filing_no_file_comes_or_goes(phone: Phone, make_submission: MakeSubmission, run_jobs: RunJobs) -> None:
    draft = make_submission()["id"]
    late = phone.slot(draft, "residence-proof", picture(width=96)).json
    store(late["post"], picture(width=96))
    photo = next(u["id"] for u in phone.get(f"/v1/submissions/{draft}").json["uploads"] if u["material"] == "photo")
    reference = phone.post(f"/v1/submissions/{draft}/submit").json["reference"]

    answers = [
        phone.slot(draft, "photo", picture()),
        phone.post(f"/v1/uploads/{late['id']}/confirm"),
        phone.send("DELETE", f"/v1/uploads/{photo}"),
    ]

    assert [(a.status_code, a.json["code"]) for a in answers] == [(409, "already_submitted")] * 3
    assert {a.json["reference"] for a in answers} == {reference}
    run_jobs()
    states = {u["id"]: u["state"] for u in phone.get(f"/v1/submissions/{draft}").json["uploads"]}
    assert (states[photo], states[late["id"]]) == ("clean", "slot")


def test_overwriting_the_slot_after_the_check_changes_nothing(
    phone: Phone, draft: str, run_jobs: RunJobs, sql: Sql
) -> None:
    content = picture()
    slot = phone.slot(draft, "photo", content).json
    store(slot["post"], content)
    phone.post(f"/v1/uploads/{slot['id']}/confirm")
    assert settled(phone, slot["id"], run_jobs) == ("clean", None)

    store(slot["post"], bytes(len(content)))
    phone.post(f"/v1/uploads/{slot['id']}/confirm")
    uploads.inspect(slot["id"])

    assert settled(phone, slot["id"], run_jobs) == ("clean", None)
    assert b"".join(storage.chunks(stored_key(sql, slot["id"]))) == content


def test_overwriting_the_slot_during_the_check_never_makes_other_bytes_clean(
    phone: Phone, draft: str, sql: Sql
) -> None:
    content = picture()
    slots = [phone.slot(draft, "photo", content).json for _ in range(8)]
    for slot in slots:
        store(slot["post"], content)
        phone.post(f"/v1/uploads/{slot['id']}/confirm")

    for slot in slots:
        cheat = threading.Thread(
            target=lambda p: [store(p, bytes(len(content))) for _ in range(4)], args=[slot["post"]]
        )
        cheat.start()
        uploads.inspect(slot["id"])
        cheat.join()

    for row in sql("SELECT state, key FROM uploads WHERE submission_id = %s", draft):
        assert row["state"] in ("clean", "refused")
        if row["state"] == "clean":
            assert b"".join(storage.chunks(row["key"])) == content


def test_two_checks_of_one_file_at_once_leave_it_clean_and_whole(phone: Phone, draft: str, sql: Sql) -> None:
    content = picture()
    upload = phone.upload(draft, "photo", content)
    faults: list[Exception] = []

    def inspect() -> None:
        try:
            uploads.inspect(upload)
        except storage.StorageAway as away:  # The other one was quicker: this job is tried again and finds it done.
            faults.append(away)

    checks = [threading.Thread(target=inspect) for _ in range(3)]
    for check in checks:
        check.start()
    for check in checks:
        check.join()

    assert len(faults) < 3
    assert phone.get(f"/v1/uploads/{upload}").json["state"] == "clean"
    assert b"".join(storage.chunks(stored_key(sql, upload))) == content


def test_a_check_that_got_lost_is_asked_for_again(phone: Phone, draft: str, sql: Sql, run_jobs: RunJobs) -> None:
    upload = phone.upload(draft, "photo", picture())
    sql("DELETE FROM procrastinate_jobs WHERE args->>'upload_id' = %s", upload)
    sql("UPDATE uploads SET created_at = now() - interval '16 minutes' WHERE id = %s", upload)

    sweep: Any = uploads.sweep
    sweep(0)

    assert settled(phone, upload, run_jobs) == ("clean", None)


def test_a_photo_of_too_many_pixels_is_refused_although_it_is_sound(
    phone: Phone, draft: str, run_jobs: RunJobs
) -> None:
    buffer = io.BytesIO()
    Image.new("1", (8_000, 7_000)).save(buffer, "PNG")

    upload = phone.upload(draft, "photo", buffer.getvalue())

    assert settled(phone, upload, run_jobs) == ("refused", "type_mismatch")
