"""Copies of earlier submissions, and drafts that move to a newer version: what fits stays, the rest is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import storage
from app.documents import uploads
from app.privacy import removals
from tests.app.submissions.conftest import CHILD, NAME, Publish, field, form
from tests.product import PERMIT, Phone, picture

Sql = Callable[..., list[Any]]
MakeSubmission = Callable[..., dict[str, Any]]

MINE = {"who": "self", "street": "幸福路18号"}
NEWER = form([NAME, field("who", required=True), CHILD, field("town")], who={"enum": ["self", "child"]})
"""The form of the next version, which asks for a town and for no street any more."""


def copy_of(phone: Phone, submission: str, **more: Any) -> Any:
    return phone.post("/v1/submissions", {"copy_of": submission, **more})


def upgrade(phone: Phone, draft: str, etag: str = '"1"', **options: Any) -> Any:
    return phone.post(f"/v1/submissions/{draft}/upgrade", headers={"If-Match": etag}, **options)


def filed_with_a_photo(phone: Phone, code: str) -> str:
    draft = str(phone.start(code, MINE)["id"])
    uploads.inspect(phone.upload(draft, "photo", picture()))
    assert phone.post(f"/v1/submissions/{draft}/submit").status_code == 200
    return draft


def key_of(sql: Sql, upload: str) -> str:
    return str(sql("SELECT key FROM uploads WHERE id = %s", upload)[0]["key"])


def test_a_copy_takes_over_answers_and_reusable_files(phone: Phone, publish: Publish, sql: Sql) -> None:
    earlier = filed_with_a_photo(phone, publish().code)
    before = phone.get(f"/v1/submissions/{earlier}").json

    made = copy_of(phone, earlier, answers={"who": "child"})

    assert made.status_code == 201, made.text
    assert (made.json["state"], made.json["dropped"]) == ("draft", [])
    assert made.json["answers"] == {**MINE, "name": "李建国", "who": "child"}
    (copied,) = made.json["uploads"]
    assert (copied["material"], copied["filename"], copied["state"]) == ("photo", "文件.png", "received")
    for _ in range(2):
        uploads.inspect(copied["id"])
    assert list(phone.get(f"/v1/submissions/{made.json['id']}").json["missing"]) == [
        "/answers/child_name",
        "/materials/birth-certificate",
    ]
    assert phone.get(f"/v1/submissions/{earlier}").json == before
    theirs, mine = key_of(sql, before["uploads"][0]["id"]), key_of(sql, copied["id"])
    assert theirs != mine and storage.size_of(theirs) == storage.size_of(mine) == len(picture())


def test_a_copied_file_lives_and_dies_on_its_own(phone: Phone, publish: Publish, sql: Sql) -> None:
    earlier = filed_with_a_photo(phone, publish().code)
    theirs = key_of(sql, phone.get(f"/v1/submissions/{earlier}").json["uploads"][0]["id"])
    gone, kept = (copy_of(phone, earlier).json for _ in range(2))
    for made in (gone, kept):
        uploads.inspect(made["uploads"][0]["id"])

    assert phone.send("DELETE", f"/v1/submissions/{gone['id']}").status_code == 204
    removals.run()
    assert storage.size_of(theirs) is not None

    storage.remove(theirs)
    assert storage.size_of(key_of(sql, kept["uploads"][0]["id"])) == len(picture())


def test_a_file_that_was_removed_before_it_was_copied_is_told(phone: Phone, publish: Publish, sql: Sql) -> None:
    earlier = filed_with_a_photo(phone, publish().code)
    (copied,) = copy_of(phone, earlier).json["uploads"]
    storage.remove(key_of(sql, phone.get(f"/v1/submissions/{earlier}").json["uploads"][0]["id"]))

    uploads.inspect(copied["id"])

    shown = phone.get(f"/v1/uploads/{copied['id']}").json
    assert (shown["state"], shown["refusal"]) == ("refused", "source_gone")


def test_the_same_key_copies_once(phone: Phone, publish: Publish, sql: Sql) -> None:
    earlier = filed_with_a_photo(phone, publish().code)

    wish = {"copy_of": earlier}
    first, again = (phone.post("/v1/submissions", wish, key="one-copy") for _ in range(2))

    assert first.json == again.json
    assert len(sql("SELECT 1 FROM uploads WHERE owner_id = %s", phone.resident_id)) == 2


def test_a_copy_is_made_for_the_current_version(phone: Phone, publish: Publish) -> None:
    service = publish()
    earlier = filed_with_a_photo(phone, service.code)
    publish(version=2, form=NEWER)

    made = copy_of(phone, earlier).json

    assert made["service"]["version"] == 2
    assert made["answers"] == {"who": "self", "name": "李建国"}
    assert made["dropped"] == ["/answers/street"]


def test_only_ones_own_submission_that_is_not_shut_away_is_copied(
    phone: Phone, make_phone: Callable[..., Phone], sql: Sql
) -> None:
    mine = phone.start("residence-permit", PERMIT)["id"]

    assert copy_of(make_phone(), mine).json["code"] == "submission_not_found"
    sql("UPDATE submissions SET restricted_at = now() WHERE id = %s", mine)
    assert copy_of(phone, mine).json["code"] == "submission_not_found"


@pytest.mark.parametrize("more", [{"service": "residence-permit"}, {"submit": True}])
def test_a_copy_is_neither_another_service_nor_filed_unread(phone: Phone, more: dict[str, Any]) -> None:
    refused = copy_of(phone, phone.start("residence-permit", PERMIT)["id"], **more)

    assert (refused.status_code, list(refused.json["errors"])) == (422, ["/copy_of"])


def test_a_draft_says_that_there_is_a_newer_version_and_is_filed_under_its_own(phone: Phone, publish: Publish) -> None:
    service = publish(materials=[])
    path = f"/v1/submissions/{phone.start(service.code, MINE)['id']}"
    assert phone.get(path).json["newer_version"] is None

    publish(version=2, form=NEWER, materials=[])

    assert phone.get(path).json["newer_version"] == 2
    assert phone.post(f"{path}/submit").status_code == 200
    filed = phone.get(path).json
    assert (filed["service"]["version"], filed["newer_version"]) == (1, None)


def test_moved_to_the_newer_version_it_keeps_what_fits_and_tells_the_rest(phone: Phone, publish: Publish) -> None:
    service = publish()
    draft = phone.start(service.code, MINE)["id"]
    uploads.inspect(phone.upload(draft, "photo", picture()))
    publish(version=2, form=NEWER, materials=[])

    moved = upgrade(phone, draft)

    assert moved.status_code == 200, moved.text
    assert moved.json["answers"] == {"who": "self", "name": "李建国"}
    assert moved.json["dropped"] == ["/answers/street", "/materials/photo"]
    assert (moved.json["service"]["version"], moved.json["newer_version"], moved.json["uploads"]) == (2, None, [])
    assert moved.headers["ETag"] == '"2"'
    assert phone.post(f"/v1/submissions/{draft}/submit").status_code == 200


def test_moving_it_again_changes_nothing(phone: Phone, publish: Publish) -> None:
    service = publish()
    draft = phone.start(service.code, MINE)["id"]
    publish(version=2, form=NEWER)
    first = upgrade(phone, draft, key="moved-once")

    assert upgrade(phone, draft, key="moved-once").json == first.json
    again = upgrade(phone, draft, '"2"').json
    assert (again["revision"], again["dropped"], again["answers"]) == (2, [], first.json["answers"])


def test_nothing_moves_unseen(phone: Phone, make_phone: Callable[..., Phone], publish: Publish) -> None:
    service = publish()
    draft = phone.start(service.code, MINE)["id"]
    publish(version=2, form=NEWER)

    stale, blind = upgrade(phone, draft, '"7"'), phone.post(f"/v1/submissions/{draft}/upgrade")

    assert (stale.status_code, blind.status_code, upgrade(make_phone(), draft).status_code) == (412, 428, 404)
    assert phone.get(f"/v1/submissions/{draft}").json["service"]["version"] == 1


def test_an_old_signature_does_not_stand_for_the_new_version(
    phone: Phone, make_submission: MakeSubmission, publish: Publish, sql: Sql
) -> None:
    draft = make_submission()["id"]
    path = f"/v1/submissions/{draft}"
    definition = sql(
        "SELECT v.definition FROM service_versions v JOIN submissions s"
        " ON (s.service_code, s.service_version) = (v.service_code, v.version) WHERE s.id = %s",
        draft,
    )[0]["definition"]
    code = f"{publish().code}-signed"
    publish(**definition | {"code": code, "version": 1})
    publish(**definition | {"code": code, "version": 2})
    sql("UPDATE submissions SET service_code = %s, service_version = 1 WHERE id = %s", code, draft)

    moved = upgrade(phone, draft, phone.get(path).headers["ETag"])

    assert moved.status_code == 200, moved.text
    assert moved.json["answers"] == PERMIT and list(moved.json["missing"]) == ["/signature"]
    assert phone.post(f"{path}/submit").json["code"] == "signature_required"
