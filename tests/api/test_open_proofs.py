"""Proofs over HTTP: what a holder downloads is verified by the script alone, and nothing else passes."""

from __future__ import annotations

import base64
import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app import clock
from app.crypto import sm2
from app.settings import settings
from app.submissions import chain
from app.submissions.history import Given, office
from app.supervision import time_stamps, tree_heads
from tests.app.supervision.histories import CLERK, by_force, filed, handled, step
from tests.product import Phone

DAY = timedelta(days=1)
CHECKOUT = Path(__file__).resolve().parents[2]


def publish_today() -> str:
    """Let the day pass, and its tree be made; the day."""
    with clock.moved(DAY):
        tree_heads.sweep(clock.now())
    return clock.today().isoformat()


def verify(folder: Path, proof: Any, head: Any) -> subprocess.CompletedProcess[str]:
    """Run the script by itself: no site packages, no environment, no other folder."""
    (folder / "proof.json").write_text(json.dumps(proof, ensure_ascii=False), encoding="utf-8")
    given = head
    if not isinstance(head, str):
        (folder / "head.json").write_text(json.dumps(head, ensure_ascii=False), encoding="utf-8")
        given = "head.json"
    command = [sys.executable, "-I", "-S", "verifier.py", "proof.json", given]
    return subprocess.run(command, cwd=folder, env={"PYTHONIOENCODING": "utf-8"}, capture_output=True, text=True)


@pytest.fixture
def script(phone: Phone, tmp_path: Path) -> Path:
    """A folder with nothing in it but the script, as it is downloaded."""
    answer = phone.client.get("/v1/open/verifier")
    assert answer.status_code == 200 and answer.mimetype == "text/x-python"
    (tmp_path / "verifier.py").write_bytes(answer.data)
    return tmp_path


def proven(phone: Phone) -> tuple[Any, Any]:
    """A proof and its head, read as anyone reads them; there are other submissions beside it."""
    submission = handled(phone)
    for _ in range(4):
        filed(phone)
    day = publish_today()
    return phone.get(f"/v1/submissions/{submission}/proof").json, phone.client.get(f"/v1/open/tree-heads/{day}").json


def test_a_proof_downloaded_over_http_is_verified_by_the_script_alone(
    alone: str, phone: Phone, outside: str, tmp_path: Path
) -> None:
    submission = handled(phone)
    day = publish_today()
    assert phone.client.get("/v1/open/tree-heads").json["items"][0]["day"] == day
    api = settings().public_url
    bearer = {"Authorization": f"Bearer {phone.tokens['access_token']}"}
    (tmp_path / "verifier.py").write_bytes(requests.get(f"{api}/v1/open/verifier", timeout=60).content)
    proof = requests.get(f"{api}/v1/submissions/{submission}/proof", headers=bearer, timeout=60).json()
    head = requests.get(f"{api}{proof['tree']['head']}", timeout=60).json()

    for root in (head, head["root"], head["root"].upper()):
        done = verify(tmp_path, proof, root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "核验通过。 Everything holds." in done.stdout and "4 rows continue each other" in done.stdout
        assert "Not checked: the head's signature and time stamp" in done.stdout
        assert proof["rows"][0]["facts"]["terms"]["content_sha256"] in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the recipe is openssl's: `make extras` installs it")
def test_openssl_verifies_the_signature_of_a_head(alone: str, phone: Phone, tmp_path: Path) -> None:
    filed(phone)
    head = phone.client.get(f"/v1/open/tree-heads/{publish_today()}").json
    if head["signature"]["key"]["algorithm"] != "Ed25519":
        pytest.skip("SM2 needs an openssl with Chinese algorithms")
    raw = base64.b64decode(head["signature"]["key"]["public_key"])
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + raw)
    (tmp_path / "signature").write_bytes(base64.b64decode(head["signature"]["value"]))
    command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in signed -sigfile signature"
    for signed, code in ((head["signed"], 0), (head["signed"] + " ", 1)):
        (tmp_path / "signed").write_text(signed)
        assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True).returncode == code


RECIPE = re.compile(r"```bash\n(jq -j \.signed .+?)```", re.DOTALL)


@pytest.mark.skipif(not all(map(shutil.which, ("openssl", "jq", "bash"))), reason="see `make extras`")
def test_the_recipe_of_the_guide_verifies_signature_and_time_stamp(
    alone: str, phone: Phone, outside: str, tmp_path: Path
) -> None:
    """The very lines that docs/api-guide.md has, one by one, as somebody follows them."""
    filed(phone)
    day = publish_today()
    assert time_stamps.sweep() >= 1
    head = dict(phone.client.get(f"/v1/open/tree-heads/{day}").json or {})
    if head["signature"]["key"]["algorithm"] != "Ed25519":
        pytest.skip("SM2 needs an openssl with Chinese algorithms")
    (found,) = RECIPE.findall((CHECKOUT / "docs/api-guide.md").read_text(encoding="utf-8"))
    roots = Path(str(settings().tsa_certificates)).read_text()

    def follow(signed: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "head.json").write_text(json.dumps(head | {"signed": signed}), encoding="utf-8")
        (tmp_path / "roots.pem").write_text(roots)
        return subprocess.run(["bash", "-c", found], cwd=tmp_path, capture_output=True, text=True)

    done, bent = follow(head["signed"]), follow(head["signed"] + " ")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Signature Verified Successfully" in done.stdout and "Verification: OK" in done.stdout + done.stderr
    assert bent.returncode != 0
    assert "Signature Verified Successfully" not in bent.stdout and "Verification: OK" not in bent.stdout + bent.stderr


def bend(text: str) -> str:
    """The same hexadecimal text with one digit changed."""
    return ("1" if text[0] == "0" else "0") + text[1:]


def set_fact(name: str, proof: Any) -> None:
    proof["rows"][1]["facts"][name] = "x"


def set_personal(name: str, proof: Any) -> None:
    proof["rows"][1]["personal"][name] = {"salt": "00" * 16, "value": "x"}


TAMPERED: dict[str, Callable[[Any], Any]] = {
    **{f"a fact: {name}": partial(set_fact, name) for name in chain.FACTS},
    **{f"what is personal: {name}": partial(set_personal, name) for name in chain.PERSONAL},
    "another opinion": lambda proof: proof["rows"][3]["personal"]["opinion"].update(value="材料不全"),
    "a row left out": lambda proof: proof["rows"].pop(1),
    "the last row left out": lambda proof: proof["rows"].pop(),
    "two rows swapped": lambda proof: proof["rows"].insert(1, proof["rows"].pop(2)),
    "another row's hash": lambda proof: proof["rows"][3].update(row_hash=bend(proof["rows"][3]["row_hash"])),
    "the facts left out of the last row, and another hash": lambda proof: (
        proof["rows"][3].pop("facts"),
        proof["rows"][3].update(row_hash="ab" * 32),
    ),
    "another submission": lambda proof: proof.update(submission="019aa0de-5b50-7a1c-9a6e-6a1f6f0f2b11"),
    "another place in the tree": lambda proof: proof["tree"].update(leaf_index=proof["tree"]["leaf_index"] ^ 1),
    "another size": lambda proof: proof["tree"].update(tree_size=proof["tree"]["tree_size"] + 9),
    "a shorter path": lambda proof: proof["tree"]["path"].pop(),
    "another path": lambda proof: proof["tree"]["path"].__setitem__(0, bend(proof["tree"]["path"][0])),
    "another row in the tree": lambda proof: proof["tree"].update(row=2),
    "hashes alone, which could be anybody's": lambda proof: [row.pop("facts", None) for row in proof["rows"]],
    "no rows": lambda proof: proof.update(rows=[]),
    "an unknown hash": lambda proof: proof["rows"][0].update(hash_algorithm="md5"),
    "no tree": lambda proof: proof.update(tree=None),
    "no proof at all": lambda proof: proof.clear(),
}


def test_nothing_that_was_tampered_with_passes(alone: str, phone: Phone, script: Path) -> None:
    proof, head = proven(phone)
    assert verify(script, proof, head).returncode == 0
    for name, tamper in TAMPERED.items():
        changed = copy.deepcopy(proof)
        tamper(changed)
        assert changed != proof, name
        done = verify(script, changed, head)
        assert done.returncode == 1 and "✗" in done.stdout, name
        assert done.stderr == "", name


def test_another_root_or_a_head_that_contradicts_itself_does_not_pass(alone: str, phone: Phone, script: Path) -> None:
    proof, head = proven(phone)
    for change in (
        {"root": bend(head["root"])},
        {"day": "2026-01-01"},
        {"head_hash": bend(head["head_hash"])},
        {"signed": head["signed"].replace('"tree_size":', '"tree_size":1')},
    ):
        assert verify(script, proof, head | change).returncode == 1, change
    assert verify(script, proof, bend(head["root"])).returncode == 1
    assert verify(script, proof, "no-such-file.json").returncode == 1
    usage = subprocess.run([sys.executable, "-I", "-S", "verifier.py"], cwd=script, capture_output=True)
    assert usage.returncode == 2


def test_rows_after_the_tree_are_told_as_not_published_yet(alone: str, phone: Phone, script: Path) -> None:
    submission = filed(phone)
    before = phone.get(f"/v1/submissions/{submission}/proof").json
    assert (before["tree"], before["published_rows"]) == (None, 0)
    day = publish_today()
    step(submission, "accept", office("杨志强"), Given("材料齐全"))

    proof = phone.get(f"/v1/submissions/{submission}/proof").json
    assert (proof["published_rows"], len(proof["rows"])) == (1, 2)
    done = verify(script, proof, phone.client.get(f"/v1/open/tree-heads/{day}").json)
    assert done.returncode == 0 and "the 1 rows after that are not published yet" in done.stdout


def test_what_staff_keep_among_themselves_is_bound_by_its_hash_and_not_shown(
    alone: str, phone: Phone, script: Path
) -> None:
    submission = handled(phone)
    step(submission, "ask_extension", CLERK, Given("案情复杂", days=5))
    day = publish_today()
    proof = phone.get(f"/v1/submissions/{submission}/proof").json

    assert sorted(proof["rows"][4]) == ["number", "previous_hash", "row_hash"]
    assert "案情复杂" not in json.dumps(proof, ensure_ascii=False)
    assert str(CLERK.id) not in json.dumps(proof), "a clerk's id is nobody's business"
    assert proof["rows"][1]["personal"]["actor_id"].keys() == {"digest"}
    assert proof["rows"][0]["personal"]["actor_id"]["value"] == str(phone.resident_id)
    done = verify(script, proof, phone.client.get(f"/v1/open/tree-heads/{day}").json)
    assert done.returncode == 0 and "1 of them are internal steps" in done.stdout


def test_the_first_row_names_the_hash_on_the_receipt(phone: Phone) -> None:
    receipt = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json
    proof = phone.get(f"/v1/submissions/{receipt['id']}/proof").json
    assert proof["rows"][0]["facts"]["terms"] == {"content_sha256": receipt["content_sha256"]}


def test_a_proof_is_its_applicants_alone(phone: Phone, make_phone: Callable[..., Phone]) -> None:
    submission, draft = filed(phone), phone.start("residence-permit")["id"]
    stranger = make_phone()
    for who, which in ((stranger, submission), (phone, UUID(int=1)), (phone, draft)):
        answer = who.get(f"/v1/submissions/{which}/proof")
        assert (answer.status_code, answer.json["code"]) == (404, "submission_not_found")
    assert phone.client.get(f"/v1/submissions/{submission}/proof").status_code == 401


def test_heads_are_listed_the_latest_first_and_signed_by_a_key_that_is_there(alone: str, phone: Phone) -> None:
    filed(phone)
    with clock.moved(4 * DAY):
        tree_heads.sweep(clock.now())
    seen, cursor = [], ""
    while True:
        answer = phone.client.get(f"/v1/open/tree-heads?limit=3{cursor}")
        seen += answer.json["items"]
        if answer.json["next_cursor"] is None:
            break
        cursor = f"&cursor={answer.json['next_cursor']}"
    assert [head["day"] for head in seen] == [(clock.today() + n * DAY).isoformat() for n in (3, 2, 1, 0)]
    assert [head["previous_hash"] for head in seen[:-1]] == [head["head_hash"] for head in seen[1:]]
    for head in seen:
        key = base64.b64decode(head["signature"]["key"]["public_key"])
        value, said = base64.b64decode(head["signature"]["value"]), head["signed"].encode()
        if head["signature"]["key"]["algorithm"] == "SM2":
            assert sm2.verify(key, said, value)
        else:
            Ed25519PublicKey.from_public_bytes(key).verify(value, said)


@pytest.mark.parametrize("day", ["2026-13-01", "1999-01-01", "today", "20260101x"])
def test_a_day_without_a_head_is_not_found(day: str, phone: Phone) -> None:
    answer = phone.client.get(f"/v1/open/tree-heads/{day}")
    assert (answer.status_code, answer.json["code"]) == (404, "tree_head_not_found")


def test_a_cursor_that_names_no_day_is_refused(phone: Phone) -> None:
    wrong = base64.urlsafe_b64encode(b"yesterday").decode().rstrip("=")
    assert phone.client.get(f"/v1/open/tree-heads?cursor={wrong}").json["code"] == "cursor_invalid"


def test_a_change_after_publication_shows_in_the_proof(alone: str, phone: Phone, script: Path) -> None:
    """A superuser rewrites a row and everything after it; the tree of that day still tells."""
    submission = handled(phone)
    day = publish_today()
    with_every_right(submission)
    proof = phone.get(f"/v1/submissions/{submission}/proof").json
    done = verify(script, proof, phone.client.get(f"/v1/open/tree-heads/{day}").json)
    assert done.returncode == 1 and "Rows 1 to 4 are not under the root" in done.stdout


def with_every_right(submission: UUID) -> None:
    """Change the last row's time, and hash it anew, so that the chain holds again."""
    columns = ", ".join((*chain.FACTS, *chain.LINK))
    values = by_force(f"SELECT {columns} FROM history WHERE submission_id = %s AND number = 4", submission)[0]
    row = dict(zip((*chain.FACTS, *chain.LINK), values, strict=True))
    row["at"] -= timedelta(days=1)
    link = chain.link_with(row["hash_algorithm"], row, row["personal_digest"], row["previous_hash"])
    by_force(
        "UPDATE history SET at = %s, row_hash = %s WHERE submission_id = %s AND number = 4",
        row["at"],
        link["row_hash"],
        submission,
    )
