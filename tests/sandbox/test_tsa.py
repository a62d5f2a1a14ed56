"""The time-stamping authority refuses what RFC 3161 has it refuse, each with its reason."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp
from flask.testing import FlaskClient

from sandbox import tsa, tsa_keys
from sandbox.tsa import Refused
from tests.sandbox.conftest import MakeApp


def query(**changes: Any) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(b"x").digest()}
    return bytes(tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "nonce": 7} | changes).dump())


def imprint(algorithm: str, size: int) -> dict[str, Any]:
    return {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": bytes(size)}


REFUSED = {
    "an old hash": (query(message_imprint=imprint("sha1", 20)), "bad_alg"),
    "an imprint that is too short": (query(message_imprint=imprint("sha256", 20)), "bad_data_format"),
    "another policy": (query(req_policy="1.2.3.4"), "unaccepted_policy"),
    "a version that is none": (query(version=2), "bad_request"),
    "half a request": (query()[:-5], "bad_data_format"),
    "more after it": (query() + b"\x00", "bad_data_format"),
    "nothing": (b"", "bad_data_format"),
    "an extension": (
        query(extensions=[{"extn_id": "1.2.3.4", "critical": True, "extn_value": b"\x05\x00"}]),
        "unaccepted_extensions",
    ),
}


@pytest.mark.parametrize(("asked", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_rfc_forbids_is_refused_with_its_reason(asked: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"^{reason}$"):
        tsa.checked(asked)


def test_the_keys_are_made_once(tmp_path: Path) -> None:
    own, root = tmp_path / "a" / "tsa.pem", tmp_path / "root.pem"
    tsa_keys.make(own, root)
    before = own.read_bytes(), root.read_bytes()
    tsa_keys.make(own, root)
    assert (own.read_bytes(), root.read_bytes()) == before
    assert own.stat().st_mode & 0o777 == 0o600


def test_the_answer_names_nonce_and_imprint_and_brings_the_certificate_only_when_asked(tmp_path: Path) -> None:
    own = tmp_path / "tsa.pem"
    tsa_keys.make(own, tmp_path / "root.pem")
    for wanted in (True, False):
        answer = tsp.TimeStampResp.load(tsa.granted(query(cert_req=wanted), datetime.now(UTC), own)).native
        signed = answer["time_stamp_token"]["content"]
        info = signed["encap_content_info"]["content"]
        assert answer["status"]["status"] == "granted" and info["nonce"] == 7
        assert info["message_imprint"]["hashed_message"] == hashlib.sha256(b"x").digest()
        assert bool(signed["certificates"]) is wanted


@pytest.fixture
def client(make_app: MakeApp, tmp_path: Path) -> FlaskClient:
    tsa_keys.make(tmp_path / "tsa.pem", tmp_path / "root.pem")
    return make_app(tsa_file=str(tmp_path / "tsa.pem")).test_client()


def test_over_http_a_refusal_is_an_answer_and_another_media_type_is_none(client: FlaskClient) -> None:
    granted = client.post("/tsa", data=query(), content_type=tsa.QUERY)
    assert (granted.status_code, granted.mimetype) == (200, tsa.REPLY)
    assert tsp.TimeStampResp.load(granted.data).native["status"]["status"] == "granted"

    refused = client.post("/tsa", data=query(version=2), content_type=tsa.QUERY)
    status = tsa.Rejection.load(refused.data).native["status"]
    assert (refused.status_code, status["status"], status["fail_info"]) == (200, "rejection", {"bad_request"})

    assert client.post("/tsa", data=query(), content_type="application/json").status_code == 415


def test_it_has_bad_days_too(client: FlaskClient) -> None:
    for mode, status in (("down", 503), ("wrong", 200), ("ok", 200)):
        assert client.put("/tsa/control", json={"mode": mode}).status_code == 200
        answer = client.post("/tsa", data=query(), content_type=tsa.QUERY)
        assert (answer.status_code, answer.mimetype == tsa.REPLY) == (status, mode == "ok")
