"""Copies: everything about me, and about nobody else, whoever is killed while it is made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app import clock, database, storage
from app.privacy import copies, holdings, purges, removals
from app.settings import settings
from app.storage import StorageAway
from tests.planted import PLANTED, caller_of, found_anywhere, marked_picture, plant
from tests.product import Phone, RunJobs, picture

Sql = Callable[..., list[Any]]
ROOT = Path(__file__).parents[3]


def asked(who: Phone) -> dict[str, Any]:
    response = who.post("/v1/copies")
    assert response.status_code == 202, response.text
    assert response.headers["Location"] == f"/v1/copies/{response.json['id']}"
    return dict(response.json or {})


def fetched(who: Phone, copy: dict[str, Any]) -> zipfile.ZipFile:
    response = who.get(f"/v1/copies/{copy['id']}/archive")
    assert response.status_code == 200, response.text
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Cache-Control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(response.data))
    assert archive.testzip() is None
    return archive


def test_everything_about_me_is_in_it_and_nobody_else(
    ouyang: Phone,
    permit: dict[str, Any],
    make_clerk: Callable[[str], Phone],
    make_phone: Callable[..., Phone],
    run_jobs: RunJobs,
    reached: dict[str, Any],
    log: list[str],
) -> None:
    plant(ouyang, permit, make_clerk)
    make_phone().start("residence-permit", {"employer_name": "别人的公司"})
    copy = asked(ouyang)
    assert (copy["state"], copy["done"], copy["size"]) == ("building", 0, None)

    run_jobs()

    archive = fetched(ouyang, copy)
    shown = {name: archive.read(name) for name in archive.namelist()}
    nouns = {holding.table for holding in holdings.told()}
    assert {name for name in shown if name.startswith("data/")} == {f"data/{noun}.json" for noun in nouns}
    assert sum(name.startswith("files/") for name in shown) == 2
    assert json.loads(shown["data/residents.json"])[0]["document_number"] == PLANTED["document_number"]
    everything = b"".join(shown.values()).decode(errors="replace")
    # The subject is only kept blind, and the clerk's own words may name somebody else.
    for what, text in PLANTED.items():
        assert (text in everything) == (what not in ("subject", "reason")), what
    assert "别人的公司" not in everything and "李建国" not in everything
    page = shown["index.html"].decode()
    for words in ("本人信息", "Myself", "登录和设备", "工作人员的查询", PLANTED["address"], PLANTED["filename"]):
        assert words in page
    assert "<script" not in page and all(f'href="{name}"' in page for name in shown if name.startswith("files/"))
    manifest = json.loads(shown["manifest.json"])
    hashes = {file["name"]: file["sha256"] for file in manifest["files"]}
    assert hashes == {n: hashlib.sha256(c).hexdigest() for n, c in shown.items() if n != "manifest.json"}
    # It rests in the store, and a thief of store, dump and logs reads none of it.
    assert found_anywhere(Path(reached["folder"]) / "objects", log) == []
    sealed = b"".join(stored(copy))
    assert b"PK\x03\x04" not in sealed and PLANTED["address"].encode() not in sealed


def stored(copy: dict[str, Any]) -> list[bytes]:
    """The bytes of a copy as the store gives them to whoever has its keys."""
    client: Any = storage._inside()
    listed = client.list_objects_v2(Bucket=settings().s3_bucket, Prefix=removals.of_copy(UUID(str(copy["id"]))))
    return [b"".join(storage.chunks(entry["Key"])) for entry in listed.get("Contents", ())]


def test_words_of_residents_are_no_markup_on_the_page(phone: Phone, run_jobs: RunJobs) -> None:
    phone.start("residence-permit", {"employer_name": "<script>alert(1)</script>", "<b>": ["&", {"x": True}]})
    copy = asked(phone)
    run_jobs()

    page = fetched(phone, copy).read("index.html").decode()

    assert "<script>" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "&lt;b&gt;" in page


def test_its_progress_is_followed_by_etag(phone: Phone, run_jobs: RunJobs) -> None:
    copy = asked(phone)
    first = phone.get(f"/v1/copies/{copy['id']}")
    same = phone.get(f"/v1/copies/{copy['id']}", headers={"If-None-Match": first.headers["ETag"]})
    early = phone.get(f"/v1/copies/{copy['id']}/archive")
    run_jobs()
    after = phone.get(f"/v1/copies/{copy['id']}", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, same.status_code) == (200, 304)
    assert (early.status_code, early.json["code"]) == (409, "copy_not_ready")
    assert after.json["state"] == "ready" and after.json["done"] == after.json["total"] == copy["total"]
    assert [item["id"] for item in phone.get("/v1/copies").json["items"]] == [copy["id"]]


def test_it_is_for_its_person_with_a_fresh_login_alone(
    phone: Phone, make_phone: Callable[..., Phone], run_jobs: RunJobs
) -> None:
    copy = asked(phone)
    run_jobs()
    stranger, stale = make_phone(), make_phone(authenticated_at=clock.now() - timedelta(hours=2))
    stale.resident_id = phone.resident_id

    for path in (f"/v1/copies/{copy['id']}", f"/v1/copies/{copy['id']}/archive"):
        assert stranger.get(path).json["code"] == "copy_not_found"
    assert stale.get(f"/v1/copies/{copy['id']}/archive").json["code"] == "step_up_required"
    assert stale.post("/v1/copies").json["code"] == "step_up_required"


def test_who_asks_again_gets_the_one_that_is_being_made_and_not_too_many_a_day(phone: Phone, run_jobs: RunJobs) -> None:
    assert asked(phone)["id"] == asked(phone)["id"]
    made = set()
    for _ in range(3):
        made.add(asked(phone)["id"])
        run_jobs()

    response = phone.post("/v1/copies")

    assert len(made) == 3
    assert (response.status_code, response.json["code"]) == (409, "copy_limit_reached")


def test_after_its_days_it_is_gone_from_the_store_too(phone: Phone, run_jobs: RunJobs, sql: Sql) -> None:
    copy = asked(phone)
    run_jobs()
    assert stored(copy)

    with clock.moved(settings().copy_life + timedelta(minutes=1)):
        assert copy["id"] not in [str(item["id"]) for item in list_of(phone)]
        expire: Any = purges.expire_copies
        expire(0)
        run_jobs()

    assert stored(copy) == [] and sql("SELECT 1 FROM copies WHERE id = %s", copy["id"]) == []


def list_of(who: Phone) -> list[Any]:
    """Asked of the domain: the access token does not live as long as a copy."""
    with database.reading() as connection:
        return copies.listing(connection, caller_of(who), None, 10)


def test_the_erasure_of_the_person_takes_their_copies(phone: Phone, run_jobs: RunJobs, sql: Sql) -> None:
    copy = asked(phone)
    run_jobs()
    assert phone.post("/v1/erasures").status_code == 202
    run_jobs()

    assert sql("SELECT 1 FROM copies WHERE id = %s", copy["id"]) == []
    assert stored(copy) == []


def test_a_file_that_goes_while_the_copy_is_made_is_named_as_gone(phone: Phone, run_jobs: RunJobs) -> None:
    draft = phone.start("residence-permit")
    upload = phone.upload(draft["id"], "photo", picture())
    run_jobs()
    copy = asked(phone)
    assert phone.send("DELETE", f"/v1/uploads/{upload}").status_code == 204
    run_jobs()

    archive = fetched(phone, copy)

    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["gone_meanwhile"] == ["files/001-photo.png"]
    assert not [name for name in archive.namelist() if name.startswith("files/")]


def test_a_store_that_is_away_costs_nothing_but_time(
    phone: Phone, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch, sql: Sql
) -> None:
    copy = asked(phone)
    calls = []

    def fails(key: str, content: bytes, kind: str) -> None:
        calls.append(key)
        if len(calls) > 3:
            raise StorageAway
        original(key, content, kind)

    original = storage.put
    with monkeypatch.context() as away:
        away.setattr(storage, "put", fails)
        with pytest.raises(StorageAway):
            build: Any = copies.build
            build(copy["id"])
    assert phone.get(f"/v1/copies/{copy['id']}").json["done"] == 3

    run_jobs()
    assert json.loads(fetched(phone, copy).read("manifest.json"))["gone_meanwhile"] == []


def test_building_and_fetching_keep_to_a_little_memory(phone: Phone, run_jobs: RunJobs) -> None:
    """An upload of 24 MB goes through in pieces of one."""
    draft = phone.start("residence-permit")
    slot = phone.slot(draft["id"], "photo", picture()).json
    run_jobs()
    big = os.urandom(24 * 1024 * 1024)
    storage.put(f"clean/{slot['id']}/1", big, "image/png")
    with database.work() as work:
        values = {"id": slot["id"], "key": f"clean/{slot['id']}/1", "size": len(big)}
        work.run_sql("UPDATE uploads SET state = 'clean', key = %(key)s, size = %(size)s WHERE id = %(id)s", values)
    copy = asked(phone)
    size = len(big)
    del big

    with peak() as built:
        build: Any = copies.build
        build(copy["id"])
    with peak() as sent:
        response = phone.get(f"/v1/copies/{copy['id']}/archive", buffered=False)
        assert sum(len(piece) for piece in response.iter_encoded()) > size

    assert built[0] < 12 * 1024 * 1024 and sent[0] < 12 * 1024 * 1024, (built, sent)


@contextmanager
def peak() -> Iterator[list[int]]:
    """The most bytes of Python's own that the block needed at once."""
    found: list[int] = []
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def worker() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "onephone", "worker"]
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this took too long"
        time.sleep(0.01)


@pytest.mark.timeout(400)
def test_a_worker_killed_in_the_middle_costs_one_member(phone: Phone, run_jobs: RunJobs, sql: Sql) -> None:
    """A real worker, kill -9, and a second one that finds the job and goes on where the first stopped."""
    draft = phone.start("residence-permit", {"employer_name": "甲公司"})
    content = marked_picture("seen in the copy")
    uploads = [phone.upload(draft["id"], "photo", content) for _ in range(18)]
    run_jobs()
    copy = asked(phone)

    def done() -> int:
        return int(sql("SELECT done FROM copies WHERE id = %s", copy["id"])[0]["done"])

    first = worker()
    try:
        # As early as there is something to keep, so that a busy machine lets us end it long before it is through.
        wait_until(lambda: done() >= 2, 120)
        first.send_signal(signal.SIGKILL)
    finally:
        first.kill()
        first.wait()
    reached = done()
    assert 2 <= reached < copy["total"], "killed in the middle"
    begun = len(stored(copy))

    second = worker()
    try:
        # The first worker's heart must stop long enough before its job is given to another.
        wait_until(lambda: done() == copy["total"], 180)
    finally:
        second.terminate()
        second.wait(60)

    archive = fetched(phone, copy)
    names = [name for name in archive.namelist() if name.startswith("files/")]
    assert len(names) == len(uploads) and all(archive.read(name) == content for name in names)
    assert json.loads(archive.read("data/submissions.json"))[0]["answers"] == {"employer_name": "甲公司"}
    runs = {piece[0] for piece in pieces_of(phone, copy)}
    assert len(runs) == 2 and begun >= reached, "what the first had written was kept"


def pieces_of(who: Phone, copy: dict[str, Any]) -> list[list[Any]]:
    with database.reading() as connection:
        row = connection.execute(copies.copies.select().where(copies.copies.c.id == copy["id"])).one()
        plan, _ = copies._opened(connection, row)
    return plan.pieces
