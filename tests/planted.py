"""Twenty identifiers of one person, planted everywhere, and the search of a thief who stole dump, store and logs."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from PIL import Image, PngImagePlugin
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

from app import clock, database
from app.documents import results
from app.people import accounts
from app.people.callers import Resident
from app.people.identities import Identity, identities
from app.people.residents import Person, residents
from app.settings import settings
from auth import sessions
from notifications import subscriptions
from sandbox.postgres import programs
from tests.approvals.office_system import OfficeSystem, message, result
from tests.product import PERMIT, Phone, RunJobs, picture

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
    "child": "欧阳种小玉",
    "childs_number": "532399202001010024",
}


def vouched(person: Person) -> Identity:
    """What the sandbox's e-ID says of Ouyang, or of whoever has her subject there."""
    return Identity("sandbox", PLANTED["subject"], 3, "oidc", clock.now(), person)


@pytest.fixture
def ouyang(product: Flask) -> Phone:
    person = Person(PLANTED["name"], "111", PLANTED["document_number"], PLANTED["phone"])
    with database.work() as work:
        # Each story has an Ouyang of its own, who logs in for the first time.
        work.run(delete(identities))
        work.run(update(residents).values(proved_level=None))
        resident_id, _ = accounts.enter(work, vouched(person))
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


def plant(
    ouyang: Phone, permit: dict[str, Any], make_clerk: Callable[[str], Phone]
) -> tuple[dict[str, Any], dict[str, Any], bytes, TestResponse]:
    """Put every identifier where a life with this service puts it: a draft that tells of more, an answered query, the
    result document's bytes, and a clerk's look."""
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
        subscriptions.bind(work, caller_of(ouyang), PLANTED["openid"], ["progress"])
    asked = ouyang.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    with database.work() as work:
        results.keep_data(work, UUID(asked["id"]), {"note": PLANTED["result_data"]})
    child = {"name": PLANTED["child"], "document_number": PLANTED["childs_number"], "relation": "parent"}
    visits = {"notice": "service-old-age-allowance", "version": 1, "purpose": "home-visits", "kind": "sensitive"}
    assert ouyang.post("/v1/consents", visits | {"child": child}).status_code == 201
    wish = {"reference": permit["reference"], "reason": PLANTED["reason"]}
    looked = make_clerk("S0001").post("/v1/desk/lookups", wish)
    return told, dict(asked or {}), pdf, looked


def caller_of(who: Phone) -> Resident:
    return Resident(who.resident_id, who.resident_id, 3, clock.now())


def found_anywhere(store: Path, log: list[str]) -> list[str]:
    """What a thief finds: `name lies in the dump`, or the file of the store that holds one."""
    dumped, logged = dump(), "\n".join(log).encode()
    found = []
    for what, text in PLANTED.items():
        found += [f"{what} lies in the dump" for form in written(text) if form in dumped]
        found += [f"{what} lies in the logs" for form in written(text) if form in logged]
    return found + found_in_files(store, {form for text in PLANTED.values() for form in written(text)})
