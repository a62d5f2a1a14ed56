"""Merkle trees as RFC 9162 §2.1 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.crypto.suites import INTERNATIONAL, NATIONAL, Suite
from app.supervision import merkle, verifier

SHA = INTERNATIONAL


def by_the_rfc(suite: Suite, hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, word for word: split at the largest power of two smaller than n."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else suite.digest(b"")
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return suite.digest(b"\x01" + by_the_rfc(suite, hashes[:split]) + by_the_rfc(suite, hashes[split:]))


def path_by_the_rfc(suite: Suite, hashes: list[bytes], index: int) -> list[bytes]:
    """PATH of RFC 9162 §2.1.3.1."""
    if len(hashes) == 1:
        return []
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    left, right = hashes[:split], hashes[split:]
    if index < split:
        return [*path_by_the_rfc(suite, left, index), by_the_rfc(suite, right)]
    return [*path_by_the_rfc(suite, right, index - split), by_the_rfc(suite, left)]


def leaves(suite: Suite, count: int) -> list[bytes]:
    return [merkle.leaf(suite, number.to_bytes(4)) for number in range(count)]


def test_the_roots_of_certificate_transparencys_own_test_vectors() -> None:
    """The eight leaves of the reference implementation (transparency-dev/merkle, testonly/constants.go)."""
    data = [
        bytes.fromhex(text)
        for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    ]
    hashes = [merkle.leaf(SHA, one) for one in data]
    assert merkle.root(SHA, []).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root(SHA, hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.root(SHA, hashes[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle.root(SHA, hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("suite", [INTERNATIONAL, NATIONAL], ids=lambda suite: suite.name)
def test_every_leaf_of_every_small_tree_is_proven(suite: Suite) -> None:
    for size in range(1, 34):
        hashes = leaves(suite, size)
        root = merkle.root(suite, hashes)
        assert root == by_the_rfc(suite, hashes)
        for index in range(size):
            path = merkle.path(suite, hashes, index)
            assert path == path_by_the_rfc(suite, hashes, index)
            assert merkle.root_by_path(suite, hashes[index], index, size, path) == root
            assert verifier.climb(suite.digest, hashes[index], index, size, path) == root


@given(size=st.integers(1, 70), block=st.sampled_from([1, 2, 4, 8, 16]), data=st.data())
def test_a_tree_of_the_roots_of_blocks_is_the_same_tree(size: int, block: int, data: st.DataObject) -> None:
    hashes = leaves(SHA, size)
    blocks = [hashes[at : at + block] for at in range(0, size, block)]
    roots = [merkle.root(SHA, one) for one in blocks]
    assert merkle.root(SHA, roots) == merkle.root(SHA, hashes)
    index = data.draw(st.integers(0, size - 1))
    place = merkle.path(SHA, blocks[index // block], index % block) + merkle.path(SHA, roots, index // block)
    assert place == merkle.path(SHA, hashes, index)


@given(size=st.integers(1, 40), data=st.data())
def test_a_proof_of_anything_else_leads_elsewhere(size: int, data: st.DataObject) -> None:
    hashes, index = leaves(SHA, size), data.draw(st.integers(0, size - 1))
    root, path = merkle.root(SHA, hashes), merkle.path(SHA, hashes, index)
    strange = merkle.leaf(SHA, b"another row")
    assert merkle.root_by_path(SHA, strange, index, size, path) != root
    assert merkle.root_by_path(SHA, hashes[index], index, size, [*path, strange]) != root
    assert merkle.root_by_path(SHA, hashes[index], index, size, path[:-1]) != root or size == 1
    assert merkle.root_by_path(SHA, hashes[index], size, size, path) is None
    if path:
        bent = [bytes([path[0][0] ^ 1]) + path[0][1:], *path[1:]]
        assert merkle.root_by_path(SHA, hashes[index], index, size, bent) != root


@given(data=st.binary(max_size=300))
def test_the_verifiers_own_sm3_is_sm3(data: bytes) -> None:
    assert verifier.sm3(data) == NATIONAL.digest(data)
