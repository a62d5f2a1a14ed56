"""Blind indexes: they find by every spelling, under every key of the ring, and tell nothing without one."""

import hashlib
from pathlib import Path

import pytest

from app.crypto import blind_indexes, index_keys, key_file
from app.crypto.blind_indexes import DOCUMENT_NUMBER, FULL_NAME, INDEX_SIZE, PHONE, NothingToIndex, Purpose
from app.crypto.failures import SealBroken, SealKeyMissing
from app.crypto.index_keys import IndexKeys, WrappedIndexKey
from app.crypto.keyring import KeyRing, Wrapped
from app.crypto.suites import INTERNATIONAL, NATIONAL, Suite, SuiteSecret


def keys_of(suite: Suite) -> IndexKeys:
    return IndexKeys({1: SuiteSecret(suite, b"i" * 32)})


def test_the_old_and_the_new_number_find_each_other(suite: Suite) -> None:
    keys = keys_of(suite)
    stored = blind_indexes.index(keys, DOCUMENT_NUMBER, "11010519491231002X")
    assert stored == blind_indexes.index(keys, DOCUMENT_NUMBER, "１１０１０５ ４９１２３１ ００２")
    assert stored in blind_indexes.candidates(keys, DOCUMENT_NUMBER, "110105491231002")
    assert len(stored) == INDEX_SIZE == 33 and stored[0] == 1


def test_phones_and_names_are_found_by_any_spelling(suite: Suite) -> None:
    keys = keys_of(suite)
    assert blind_indexes.index(keys, PHONE, "+86 138-0013-8000") == blind_indexes.index(keys, PHONE, "13800138000")
    one, other = (blind_indexes.index(keys, FULL_NAME, name) for name in ("阿依古丽·买买提", "阿依古丽• 买买提"))
    assert one == other != blind_indexes.index(keys, FULL_NAME, "阿依古丽")


def test_an_index_is_the_mac_of_the_normal_form(suite: Suite) -> None:
    key = suite.derive(b"i" * 32, b"onephone blind index\0phone")
    expected = b"\1" + suite.mac(key, b"13800138000")
    assert blind_indexes.index(keys_of(suite), PHONE, "13800138000") == expected


def test_each_purpose_and_each_suite_has_a_key_of_its_own() -> None:
    def same(text: str) -> str:
        return text

    keys = [keys_of(INTERNATIONAL), keys_of(NATIONAL)]
    purposes = [Purpose(name, same) for name in ("phone", "agent_phone", "document_number")]
    made = {blind_indexes.index(held, purpose, "13800138000") for held in keys for purpose in purposes}
    assert len(made) == 6
    plain = (
        INTERNATIONAL.digest(b"13800138000"),
        NATIONAL.digest(b"13800138000"),
        hashlib.md5(b"13800138000").digest(),
    )
    assert not any(digest in index for digest in plain for index in made)


def test_a_new_index_key_makes_and_the_old_one_still_finds(keys_path: Path) -> None:
    before = index_keys.in_file(keys_path)
    stored = blind_indexes.index(before, PHONE, "13800138000")
    assert key_file.add_index_key(keys_path, NATIONAL) == 2
    after = index_keys.in_file(keys_path)
    found = blind_indexes.candidates(after, PHONE, "13800138000")
    assert [index[0] for index in found] == [2, 1] and found[1] == stored
    assert blind_indexes.index(after, PHONE, "13800138000") == found[0]
    assert not blind_indexes.is_current(after, stored) and blind_indexes.is_current(after, found[0])


@pytest.mark.parametrize(("purpose", "text"), [(PHONE, ""), (PHONE, " - "), (FULL_NAME, " · "), (DOCUMENT_NUMBER, "—")])
def test_nothing_is_not_indexed(suite: Suite, purpose: Purpose, text: str) -> None:
    with pytest.raises(NothingToIndex, match=purpose.name):
        blind_indexes.index(keys_of(suite), purpose, text)


def test_a_missing_index_key_is_named(suite: Suite) -> None:
    with pytest.raises(SealKeyMissing, match="version 2"):
        keys_of(suite).purpose_key("phone", 2)


@pytest.mark.parametrize("versions", [[], [0], [256]])
def test_versions_fit_a_byte(versions: list[int]) -> None:
    with pytest.raises(ValueError, match="from 1 to 255"):
        IndexKeys({version: SuiteSecret(INTERNATIONAL, b"i" * 32) for version in versions})


def test_index_keys_may_live_under_any_ring(ring: KeyRing) -> None:
    record = index_keys.new_wrapped(1, INTERNATIONAL, ring)
    once, again = (index_keys.unwrapped([record], ring) for _ in range(2))
    assert blind_indexes.index(once, PHONE, "13800138000") == blind_indexes.index(again, PHONE, "13800138000")
    broken = Wrapped(record.wrapped.master_key_id, record.wrapped.blob[:-8])
    with pytest.raises(SealBroken):
        index_keys.unwrapped([WrappedIndexKey(1, INTERNATIONAL, broken)], ring)


def test_a_fingerprint_is_known_again_also_after_a_new_key(suite: Suite) -> None:
    old = keys_of(suite)
    new = IndexKeys({1: SuiteSecret(suite, b"i" * 32), 2: SuiteSecret(NATIONAL, b"j" * 32)})
    stored = blind_indexes.fingerprint(old, "request", b"POST /v1 {}")
    assert blind_indexes.is_fingerprint(new, stored, "request", b"POST /v1 {}")
    assert not blind_indexes.is_fingerprint(new, stored, "request", b"POST /v1 {} ")
    assert not blind_indexes.is_fingerprint(new, stored, "other", b"POST /v1 {}")
    assert blind_indexes.fingerprint(new, "request", b"POST /v1 {}")[0] == 2
    assert stored[1:] != hashlib.sha256(b"POST /v1 {}").digest()
    with pytest.raises(SealKeyMissing):
        blind_indexes.is_fingerprint(old, b"\2" + stored[1:], "request", b"POST /v1 {}")
