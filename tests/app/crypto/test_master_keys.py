"""Master keys by settings: each keeper serves the whole product, data moves between them, and memory is short."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import onephone
from app.crypto import blind_indexes, data_keys, key_file, key_making
from app.crypto.failures import KeyNotInRing, KeysAway, SealBroken, SealKeyMissing
from app.crypto.hsm import Token
from app.crypto.keyring import FileKeyRing, Wrapped
from app.crypto.master_keys import Remembering, Rings
from app.crypto.suites import NATIONAL
from app.settings import Settings, settings
from tests.product import Phone

Sql = Callable[..., list[Any]]
Choose = Callable[..., Settings]


@pytest.fixture
def choose(
    product: Flask, monkeypatch: pytest.MonkeyPatch, sql: Sql, request: pytest.FixtureRequest
) -> Iterator[Choose]:
    """choose("kms", "file", kms_key_ids=…): this process's keepers until the story ends, with all in the file."""

    used: dict[str, Any] = {}
    kinds: dict[str, None] = {}

    def changed(*keepers: str, **more: Any) -> Settings:
        used.update(more)
        kinds.update(dict.fromkeys(keepers))
        chosen = replace(settings(), master_keys=keepers, **more)
        for module in (data_keys, key_making):
            monkeypatch.setattr(module, "settings", lambda: chosen)
        data_keys.forget()
        return chosen

    yield changed
    # However the story ended, the next one finds every data key under the file's master key again.
    changed(*dict.fromkeys(("file", *kinds)), **used | {"key_file": settings().key_file} | reachable(request))
    list(data_keys.rewrap())
    monkeypatch.undo()
    data_keys.forget()
    sql("DELETE FROM index_keys")


def reachable(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Where the story's KMS is in truth, whatever it pretended."""
    return {"kms_endpoint_url": request.getfixturevalue("kms_url")} if "kms_url" in request.fixturenames else {}


@pytest.fixture
def kms(kms_url: str, kms_client: Any) -> dict[str, Any]:
    """The settings of a KMS with one key."""
    return {
        "kms_key_ids": (kms_client.create_key()["KeyMetadata"]["KeyId"],),
        "kms_installation": "test",
        "kms_endpoint_url": kms_url,
        "kms_access_key_id": "test",
        "kms_secret_access_key": "test",
    }


@pytest.fixture
def hsm(token: Token) -> dict[str, Any]:
    """The settings of a token with keys."""
    label = f"of-{time.monotonic_ns()}"
    return {"hsm_library": token.library, "hsm_token": token.label, "hsm_pin": token.pin, "hsm_key_labels": (label,)}


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return request.param, request.getfixturevalue(request.param)


def rewrap() -> int:
    """How many data keys came under the current master key; none may be left."""
    told = list(data_keys.rewrap())
    assert data_keys.count_old() == 0
    return told[-1].rewrapped if told else 0


@pytest.mark.parametrize("kept", ["kms", "hsm"], indirect=True)
def test_a_story_moves_from_the_file_to_another_keeper_and_back(
    kept: tuple[str, dict[str, Any]], choose: Choose, make_phone: Callable[..., Phone], sql: Sql
) -> None:
    keeper, its = kept
    before = make_phone()
    file_id = data_keys.ring().current_id
    data_keys.of_the_house()

    # Both keepers side by side: nothing has to be moved before the next person may come.
    choose(keeper, "file", **its)
    assert "index keys of the key file are in the database" in key_making.make()
    assert key_making.make() == "the keys are there already"
    meanwhile = make_phone()
    assert [phone.get("/v1/me").status_code for phone in (before, meanwhile)] == [200, 200]
    assert rewrap() >= 2

    # The new keeper alone.
    choose(keeper, **its)
    after = make_phone()
    assert {row["master_key_id"] for row in sql("SELECT master_key_id FROM data_keys")} == {
        (its.get("kms_key_ids") or its["hsm_key_labels"])[0]
    }
    for phone in (before, meanwhile, after):
        assert phone.get("/v1/me").json["name"] == "李建国"
        again = [phone.post("/v1/submissions", {"service": "residence-permit"}, key="moving") for _ in range(2)]
        assert again[1].headers["Idempotent-Replayed"] == "true" and again[0].json == again[1].json
    wanted = data_keys.candidates(blind_indexes.DOCUMENT_NUMBER, "532399198806150316")
    found = sql("SELECT id FROM residents WHERE document_number_index = ANY(%s)", wanted)
    assert {before.resident_id, after.resident_id} <= {row["id"] for row in found}, "an index is the same everywhere"

    # And back.
    choose("file", keeper, **its)
    assert key_making.make() == "the key file is there already"
    rewrap()
    choose("file")
    assert data_keys.ring().current_id == file_id
    assert [phone.get("/v1/me").status_code for phone in (before, meanwhile, after)] == [200] * 3


def test_a_new_key_file_takes_over_the_index_keys(
    choose: Choose, kms: dict[str, Any], tmp_path: Path, sql: Sql
) -> None:
    index = data_keys.index(blind_indexes.PHONE, "19900000002")
    choose("kms", "file", **kms)
    key_making.make()
    choose("file", "kms", key_file=str(tmp_path / "keys.json"), **kms)
    assert "with the index keys" in key_making.make()
    data_keys.forget()
    assert data_keys.index(blind_indexes.PHONE, "19900000002") == index


@pytest.mark.parametrize("kept", ["kms", "hsm"], indirect=True)
def test_keys_of_sealed_data_are_never_made_anew(
    kept: tuple[str, dict[str, Any]], choose: Choose, phone: Phone, sql: Sql
) -> None:
    keeper, its = kept
    choose(keeper, **its)
    with pytest.raises(SealKeyMissing, match="no index keys"):
        key_making.make()
    assert sql("SELECT * FROM index_keys") == []
    with pytest.raises(SealKeyMissing, match="onephone keys"):
        data_keys.index(blind_indexes.PHONE, "19900000002")


def test_a_key_that_the_token_lost_is_not_made_anew(
    choose: Choose, hsm: dict[str, Any], phone: Phone, sql: Sql
) -> None:
    [was] = sql("SELECT master_key_id AS id FROM data_keys WHERE owner_id = %s", phone.resident_id)
    sql("UPDATE data_keys SET master_key_id = %s WHERE owner_id = %s", hsm["hsm_key_labels"][0], phone.resident_id)
    try:
        choose("hsm", "file", **hsm)
        with pytest.raises(SealKeyMissing, match="give it back"):
            key_making.make()
    finally:
        sql("UPDATE data_keys SET master_key_id = %s WHERE owner_id = %s", was["id"], phone.resident_id)


def test_a_kms_that_is_away_is_a_503_and_then_all_is_as_before(
    choose: Choose, kms: dict[str, Any], make_phone: Callable[..., Phone], log: list[str]
) -> None:
    choose("kms", "file", **kms)
    key_making.make()
    phone = make_phone()
    assert phone.get("/v1/me").status_code == 200

    choose("kms", "file", **kms | {"kms_endpoint_url": "http://127.0.0.1:9"})
    away = phone.get("/v1/me")
    assert (away.status_code, away.json["code"]) == (503, "temporarily_unavailable")
    assert "李建国" not in away.text + "".join(log)
    with pytest.raises(KeysAway):
        list(data_keys.rewrap())

    choose("kms", "file", **kms)
    assert phone.get("/v1/me").status_code == 200
    choose("file", "kms", **kms)
    rewrap()


def test_the_command_makes_keys_for_each_keeper(
    choose: Choose,
    kms: dict[str, Any],
    hsm: dict[str, Any],
    phone: Phone,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def command(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["onephone", *words])
        capsys.readouterr()
        onephone.main()
        return capsys.readouterr().out

    choose("hsm", "kms", "file", **kms, **hsm)
    assert "in the database now" in command("keys")
    assert "there already" in command("keys")
    assert "there already: master key" in command("keys", "--add")
    labels = (hsm["hsm_key_labels"][0] + "-new", *hsm["hsm_key_labels"])
    choose("hsm", "kms", "file", **kms, **hsm | {"hsm_key_labels": labels})
    assert f"new master key {labels[0]}" in command("keys", "--add")
    assert "older master key: 0" in command("rotate-keys")
    choose("kms", "hsm", "file", **kms, **hsm | {"hsm_key_labels": labels})
    assert "make the key in your KMS" in command("keys", "--add")
    assert "older master key: 0" in command("rotate-keys")
    assert phone.get("/v1/me").status_code == 200


# ——— Several rings as one, and the memory of a ring. ———


class Counting:
    """A ring that tells how often its keeper was asked."""

    def __init__(self, ring: FileKeyRing) -> None:
        self.ring, self.asked = ring, 0
        self.current_id = ring.current_id

    def ids(self) -> tuple[str, ...]:
        return tuple(self.ring.ids())

    def wrap(self, data_key: bytes) -> Wrapped:
        return self.ring.wrap(data_key)

    def unwrap(self, wrapped: Wrapped) -> bytes:
        self.asked += 1
        return self.ring.unwrap(wrapped)


def test_each_ring_unwraps_its_own(file_ring: FileKeyRing, tmp_path: Path) -> None:
    other_path = tmp_path / "other.json"
    key_file.create(other_path, NATIONAL)
    other = FileKeyRing(other_path)
    both = Rings([other, file_ring])
    assert both.current_id == other.current_id and list(both.ids()) == [*other.ids(), *file_ring.ids()]
    for ring in (other, file_ring, both):
        assert both.unwrap(ring.wrap(b"k" * 32)) == b"k" * 32
    with pytest.raises(KeyNotInRing, match="of-old"):
        both.unwrap(Wrapped("of-old", b"blob"))


def test_what_was_opened_is_remembered_for_a_while_only(
    file_ring: FileKeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("app.crypto.master_keys.time.monotonic", lambda: now[0])
    keeper = Counting(file_ring)
    ring = Remembering(keeper, 60)
    old = file_ring.wrap(b"o" * 32)
    assert [ring.unwrap(old) for _ in range(5)] == [b"o" * 32] * 5
    assert keeper.asked == 1
    assert ring.unwrap(ring.wrap(b"n" * 32)) == b"n" * 32
    assert keeper.asked == 1, "what it wrapped itself it knows"
    now[0] += 61
    ring.unwrap(old)
    assert keeper.asked == 2
    assert len(ring._opened) == 1, "what is older is not even in memory"


def test_it_remembers_no_more_than_it_may(file_ring: FileKeyRing) -> None:
    ring = Remembering(Counting(file_ring), 60, most=3)
    for number in range(10):
        ring.unwrap(file_ring.wrap(bytes([number]) * 32))
    assert len(ring._opened) == 3


def test_an_altered_wrapping_is_not_answered_from_memory(file_ring: FileKeyRing) -> None:
    ring = Remembering(Counting(file_ring), 60)
    wrapped = ring.wrap(b"k" * 32)
    with pytest.raises(SealBroken):
        ring.unwrap(Wrapped(wrapped.master_key_id, wrapped.blob[:-1] + bytes([wrapped.blob[-1] ^ 1])))
    with pytest.raises(SealKeyMissing):
        ring.unwrap(Wrapped("other", wrapped.blob))


def test_an_erased_person_is_gone_at_once_whatever_is_remembered(
    choose: Choose, kms: dict[str, Any], make_phone: Callable[..., Phone], sql: Sql
) -> None:
    choose("kms", "file", **kms)
    key_making.make()
    phone = make_phone()
    assert phone.get("/v1/me").status_code == 200
    sql("DELETE FROM data_keys WHERE owner_id = %s", phone.resident_id)
    assert phone.get("/v1/me").status_code == 500
    choose("file", "kms", **kms)
    rewrap()
