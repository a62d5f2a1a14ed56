"""Time stamps: no answer is kept that does not hold, and a head without one gets it later."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from flask import Flask
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from app import clock, outside_calls
from app.settings import settings
from app.supervision import time_stamps, tree_heads, tree_verification
from app.supervision.time_stamps import AuthorityAway, NotStamped
from sandbox import tsa, tsa_keys
from tests.app.supervision.histories import by_force, filed
from tests.product import Phone

Sql = Callable[..., list[Any]]
DAY = timedelta(days=1)
MESSAGE = b"the head of a tree"


@pytest.fixture
def authority(outside: str) -> Iterator[Callable[..., None]]:
    """authority(mode="down"): how the sandbox's authority behaves until the story ends."""

    def behave(**changes: Any) -> None:
        assert requests.put(f"{outside}/tsa/control", json=changes, timeout=60).status_code == 200

    yield behave
    behave(mode="ok", delay_s=2)


Answer = Callable[[bytes, Path], bytes]


@pytest.fixture
def answers(product: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Answer], None]:
    """answers(lambda query, keys: …): what comes back over the wire instead."""
    keys, root = tmp_path / "tsa.pem", tmp_path / "root.pem"
    tsa_keys.make(keys, root)
    changed = replace(settings(), tsa_certificates=str(root))
    monkeypatch.setattr(time_stamps, "settings", lambda: changed)

    def use(answer: Answer) -> None:
        monkeypatch.setattr(time_stamps, "_post", lambda query: answer(query, keys))

    return use


def granted(query: bytes, keys: Path) -> bytes:
    return tsa.granted(query, datetime.now(UTC), keys)


def other_query(query: bytes) -> bytes:
    """What somebody else asks: another message and nonce."""
    return TimestampRequestBuilder().data(b"another").hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()


def same_message(query: bytes) -> bytes:
    """The same message again, with another nonce: its answer is a replayed one."""
    return TimestampRequestBuilder().data(MESSAGE).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()


def bent(query: bytes, keys: Path) -> bytes:
    """A true answer with the last bit of its signature turned."""
    answer = bytearray(granted(query, keys))
    answer[-1] ^= 1
    return bytes(answer)


def by_a_stranger(query: bytes, keys: Path) -> bytes:
    """An authority that nobody here trusts."""
    strange = keys.with_name("strange.pem")
    tsa_keys.make(strange, keys.with_name("strange-root.pem"))
    return granted(query, strange)


def by_a_certificate_for_something_else(query: bytes, keys: Path) -> bytes:
    """Signed under the trusted root itself, whose certificate is not for time stamps."""
    key, _ = tsa_keys.load(keys)
    name = tsa_keys.name("A server")
    own = tsa_keys.certificate(name, name, key, key, ExtendedKeyUsageOID.SERVER_AUTH)
    from_pem = keys.read_bytes().split(b"-----BEGIN CERTIFICATE")[0]
    wrong = keys.with_name("wrong.pem")
    wrong.write_bytes(from_pem + own.public_bytes(Encoding.PEM))
    return granted(query, wrong)


def refused(query: bytes, keys: Path) -> bytes:
    return bytes(tsa.Rejection({"status": {"status": "rejection", "fail_info": {"bad_alg"}}}).dump())


WRONG: dict[str, Answer] = {
    "another message": lambda query, keys: granted(other_query(query), keys),
    "another nonce": lambda query, keys: granted(same_message(query), keys),
    "a signature that was bent": bent,
    "a stranger's": by_a_stranger,
    "a certificate for something else": by_a_certificate_for_something_else,
    "a refusal": refused,
    "a clock that is wrong": lambda query, keys: tsa.granted(query, datetime.now(UTC) - timedelta(hours=1), keys),
    "nothing": lambda query, keys: b"",
    "half of one": lambda query, keys: granted(query, keys)[:400],
    "no DER": lambda query, keys: b"<html>",
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
def test_an_answer_that_does_not_hold_is_not_taken(answer: Answer, answers: Callable[[Answer], None]) -> None:
    answers(answer)
    with pytest.raises(NotStamped):
        time_stamps.ask(MESSAGE)


def test_a_true_answer_is_taken_and_verifies_later_without_the_request(
    answers: Callable[[Answer], None], tmp_path: Path
) -> None:
    answers(granted)
    stamp = time_stamps.ask(MESSAGE)
    assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert time_stamps.verify(stamp.token, MESSAGE, time_stamps.trusted_roots()) == stamp.at
    with pytest.raises(NotStamped):
        time_stamps.verify(stamp.token, b"another message", time_stamps.trusted_roots())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="`make extras` installs it; ours is checked above")
def test_openssl_verifies_our_stamps_too(answers: Callable[[Answer], None], tmp_path: Path) -> None:
    answers(granted)
    (tmp_path / "token").write_bytes(time_stamps.ask(MESSAGE).token)
    (tmp_path / "message").write_bytes(MESSAGE)
    command = ["openssl", "ts", "-verify", "-data", "message", "-in", "token", "-CAfile", "root.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Verification: OK" in done.stdout, done.stderr


def test_a_head_is_published_while_the_authority_is_away_and_stamped_when_it_is_back(
    alone: str, phone: Phone, sql: Sql, authority: Callable[..., None], log: list[str]
) -> None:
    filed(phone)
    day, message = clock.today().isoformat(), "tree_head_unstamped"
    with clock.moved(DAY):
        tree_heads.sweep(clock.now())
    head = f"/v1/open/tree-heads/{day}"
    for mode in ("down", "wrong"):
        authority(mode=mode)
        assert time_stamps.sweep() == 0
        assert phone.client.get(head).json["time_stamp"] is None, "visibly so"
    assert any(message in line and day in line for line in log)

    authority(mode="ok")
    assert time_stamps.sweep() == 1 and time_stamps.sweep() == 0
    stamp = phone.client.get(head).json["time_stamp"]
    assert stamp["token"] and stamp["at"]
    assert [fault for progress in tree_verification.trees() for fault in progress.faults] == []

    by_force("UPDATE time_stamps SET token = set_byte(token, octet_length(token) - 1, 0)")
    found = [fault.part for progress in tree_verification.trees() for fault in progress.faults]
    assert found == ["time_stamp"]


def test_a_slow_authority_is_not_waited_for_without_end(
    authority: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = replace(settings(), outside_timeout=timedelta(seconds=0.3))
    monkeypatch.setattr(outside_calls, "settings", lambda: hasty)
    authority(mode="slow", delay_s=1)
    with pytest.raises(AuthorityAway):
        time_stamps.ask(MESSAGE)


def test_without_an_authority_nothing_is_asked(product: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_stamps, "settings", lambda: replace(settings(), tsa_url=None))
    assert time_stamps.sweep() == 0
