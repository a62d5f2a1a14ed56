"""Envelopes: what is sealed opens for its owner, place and row, and nothing else does."""

import math
import pickle
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.crypto.envelopes import OVERHEAD, DataKey, Envelope, SealedBytes
from app.crypto.failures import SealBroken, SealError, SealKeyMissing, SealVersionUnknown
from app.crypto.keyring import FileKeyRing, KeyRing, Wrapped
from app.crypto.suites import INTERNATIONAL, NATIONAL, SUITES, Suite

PLACE, ROW = "residents.name", UUID(int=7)

KEYS = [DataKey(UUID(int=1), b"secret of one owner, of 32 bytes", suite) for suite in SUITES.values()]
OTHERS = [DataKey(UUID(int=2), b"secret of another, of 32 bytes..", suite) for suite in SUITES.values()]

keys = st.sampled_from(KEYS)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
any_text = st.text(st.characters(codec=None, exclude_categories=()))
contents = st.binary() | any_text | json_values


@given(keys, contents, st.text(max_size=40), st.text(max_size=40) | st.uuids())
def test_what_was_sealed_opens_the_same(key: DataKey, content: Any, place: str, row: str | UUID) -> None:
    opened = key.open(key.seal(content, place, row), place, row)
    assert opened == content and type(opened) is type(content)


# The name 阿依古丽 as the first release sealed it; a release that cannot open these has lost everybody's data.
AS_FIRST_SEALED = {
    "international": (
        "01010100000000000000000000000000000001"
        "000102030405060708090a0b"
        "1351069135e754d921b05014a918b7bb17bc572e1264afcfa3a43cf7"
    ),
    "national": (
        "01020100000000000000000000000000000001"
        "000102030405060708090a0b"
        "0337f0762997d5174108dc84e497c56862d609c013bbd67b1d9d80b5"
    ),
}


def test_what_the_first_release_sealed_opens(suite: Suite) -> None:
    key = DataKey(UUID(int=1), bytes(range(32)), suite)
    assert key.open(bytes.fromhex(AS_FIRST_SEALED[suite.name]), PLACE, ROW) == "阿依古丽"


@given(keys, contents, st.data())
def test_any_flipped_bit_is_detected(key: DataKey, content: Any, data: st.DataObject) -> None:
    sealed = bytearray(key.seal(content, PLACE, ROW))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealError):
        key.open(bytes(sealed), PLACE, ROW)


def test_every_single_bit_of_a_value_counts(suite: Suite) -> None:
    key = DataKey(UUID(int=1), b"s" * 32, suite)
    sealed = key.seal("阿依古丽·买买提", PLACE, ROW)
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealError):
            key.open(bytes(flipped), PLACE, ROW)


@given(keys, contents, st.data())
def test_a_truncated_value_is_broken(key: DataKey, content: Any, data: st.DataObject) -> None:
    sealed = key.seal(content, PLACE, ROW)
    with pytest.raises(SealBroken):
        key.open(sealed[: data.draw(st.integers(0, len(sealed) - 1))], PLACE, ROW)


@given(keys, contents, st.binary(min_size=1, max_size=40))
def test_a_lengthened_value_is_broken(key: DataKey, content: Any, more: bytes) -> None:
    with pytest.raises(SealBroken):
        key.open(key.seal(content, PLACE, ROW) + more, PLACE, ROW)


names = st.text(max_size=12)


@given(keys, contents, st.tuples(names, names), st.tuples(names, names))
def test_a_moved_value_is_broken(key: DataKey, content: Any, here: tuple[str, str], there: tuple[str, str]) -> None:
    """Including places and rows that read the same one after the other: (`ab`, `c`) and (`a`, `bc`)."""
    sealed = key.seal(content, *here)
    if here != there:
        with pytest.raises(SealBroken):
            key.open(sealed, *there)


@pytest.mark.parametrize(("here", "there"), [(("ab", "c"), ("a", "bc")), (("a", ""), ("", "a"))])
def test_place_and_row_do_not_run_together(suite: Suite, here: tuple[str, str], there: tuple[str, str]) -> None:
    key = DataKey(UUID(int=1), b"s" * 32, suite)
    with pytest.raises(SealBroken):
        key.open(key.seal("text", *here), *there)


@given(st.sampled_from(list(zip(KEYS, OTHERS, strict=True))), contents)
def test_anothers_value_names_the_key_it_needs(both: tuple[DataKey, DataKey], content: Any) -> None:
    mine, yours = both
    sealed = yours.seal(content, PLACE, ROW)
    with pytest.raises(SealKeyMissing, match=str(yours.key_id)):
        mine.open(sealed, PLACE, ROW)
    relabelled = sealed[:3] + mine.key_id.bytes + sealed[19:]
    with pytest.raises(SealBroken):
        mine.open(relabelled, PLACE, ROW)


def test_the_secret_of_one_owner_under_the_id_of_another_opens_nothing(suite: Suite) -> None:
    sealed = DataKey(UUID(int=1), b"s" * 32, suite).seal("text", PLACE, ROW)
    relabelled = sealed[:3] + UUID(int=2).bytes + sealed[19:]
    with pytest.raises(SealBroken):
        DataKey(UUID(int=2), b"s" * 32, suite).open(relabelled, PLACE, ROW)


def test_both_suites_are_readable_whichever_writes(file_ring: FileKeyRing) -> None:
    envelope, international = Envelope.create(INTERNATIONAL, file_ring)
    national = envelope.open(NATIONAL, file_ring)
    old, new = international.seal("旧", PLACE, ROW), national.seal("新", PLACE, ROW)
    assert (old.suite, new.suite) == (INTERNATIONAL, NATIONAL)
    for key in (international, national):
        assert (key.open(old, PLACE, ROW), key.open(new, PLACE, ROW)) == ("旧", "新")
    relabelled = bytes((old[0], NATIONAL.number)) + old[2:]
    with pytest.raises(SealBroken):
        national.open(relabelled, PLACE, ROW)


@pytest.mark.parametrize("content", ["", "x" * 2**20, "汉" * 350_000, b"", b"\0" * 2**20, None, [], {}])
def test_empty_and_large_contents(suite: Suite, content: Any) -> None:
    key = DataKey(UUID(int=1), b"s" * 32, suite)
    sealed = key.seal(content, PLACE, ROW)
    assert key.open(sealed, PLACE, ROW) == content
    if isinstance(content, (str, bytes)):
        assert len(sealed) == OVERHEAD + len(content.encode() if isinstance(content, str) else content)


def test_equal_contents_have_different_seals(suite: Suite) -> None:
    key = DataKey(UUID(int=1), b"s" * 32, suite)
    assert len({key.seal("same", PLACE, ROW) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("header", [b"\0\1\1", b"\2\1\1", b"\1\0\1", b"\1\3\1", b"\1\1\3", b"\xff\xff\xff"])
def test_unknown_versions_say_so(header: bytes) -> None:
    with pytest.raises(SealVersionUnknown):
        KEYS[0].open(header + KEYS[0].seal("text", PLACE, ROW)[3:], PLACE, ROW)


@given(st.binary(max_size=200))
def test_what_was_never_sealed_never_comes_out(plain: bytes) -> None:
    with pytest.raises(SealError):
        KEYS[0].open(plain, PLACE, ROW)


def test_nothing_that_goes_wrong_shows_the_text() -> None:
    text = "110105194912310021"
    sealed = KEYS[0].seal(text, PLACE, ROW)
    for broken in (sealed[:-1], sealed[:20], b"\7" + sealed[1:], text.encode() * 5):
        with pytest.raises(SealError) as raised:
            KEYS[0].open(broken, PLACE, ROW)
        assert text not in f"{raised.value!r}{raised.value.__cause__!r}" and PLACE.split(".")[0] in str(raised.value)
    for unsayable in ({"number": text, "at": object()}, {"number": text, "x": math.nan}, {text, "set"}):
        with pytest.raises(TypeError) as refused:
            KEYS[0].seal(unsayable, PLACE, ROW)
        assert text not in str(refused.value) and refused.value.__suppress_context__


def test_a_sealed_value_is_not_sealed_again() -> None:
    with pytest.raises(TypeError, match="already"):
        KEYS[0].seal(KEYS[0].seal("text", PLACE, ROW), PLACE, ROW)


def test_a_text_is_asked_for_by_its_kind() -> None:
    assert KEYS[0].open_text(KEYS[0].seal("text", PLACE, ROW), PLACE, ROW) == "text"
    with pytest.raises(SealBroken, match="no text"):
        KEYS[0].open_text(KEYS[0].seal(b"bytes", PLACE, ROW), PLACE, ROW)


def test_an_open_key_shows_and_sends_nothing() -> None:
    key = KEYS[0]
    assert "secret of one owner" not in repr(key)
    with pytest.raises(TypeError, match="not stored or sent"):
        pickle.dumps(key)


def test_a_sealed_value_does_not_fill_the_log() -> None:
    assert repr(KEYS[0].seal("", PLACE, ROW)) == "<sealed, 47 bytes>"


# -- envelopes and rings --


def test_an_envelope_gives_its_key_back(ring: KeyRing, suite: Suite) -> None:
    envelope, key = Envelope.create(suite, ring)
    sealed = key.seal({"姓名": "欧阳雪"}, PLACE, ROW)
    stored = Envelope(envelope.key_id, Wrapped(envelope.wrapped.master_key_id, envelope.wrapped.blob))
    assert stored.open(suite, ring).open(sealed, PLACE, ROW) == {"姓名": "欧阳雪"}


def test_envelopes_that_were_swapped_open_nothing(file_ring: FileKeyRing) -> None:
    one, key = Envelope.create(INTERNATIONAL, file_ring)
    two, _ = Envelope.create(INTERNATIONAL, file_ring)
    swapped = Envelope(one.key_id, two.wrapped).open(INTERNATIONAL, file_ring)
    with pytest.raises(SealBroken):
        swapped.open(key.seal("text", PLACE, ROW), PLACE, ROW)


def test_an_envelope_without_its_master_key(file_ring: FileKeyRing) -> None:
    envelope, _ = Envelope.create(INTERNATIONAL, file_ring)
    with pytest.raises(SealKeyMissing, match="of-old"):
        Envelope(envelope.key_id, Wrapped("of-old", envelope.wrapped.blob)).open(INTERNATIONAL, file_ring)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_an_altered_envelope_is_broken(file_ring: FileKeyRing, data: st.DataObject) -> None:
    envelope, _ = Envelope.create(INTERNATIONAL, file_ring)
    blob = bytearray(envelope.wrapped.blob)
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        Envelope(envelope.key_id, Wrapped(envelope.wrapped.master_key_id, bytes(blob))).open(INTERNATIONAL, file_ring)


def test_an_envelope_that_holds_something_else(file_ring: FileKeyRing) -> None:
    with pytest.raises(SealBroken, match="something else"):
        Envelope(uuid4(), file_ring.wrap(b"short")).open(INTERNATIONAL, file_ring)


def test_well_formed_is_told_without_a_key() -> None:
    sealed = KEYS[0].seal("", PLACE, ROW)
    assert sealed.well_formed
    for other in (sealed[:-1], b"\2" + sealed[1:], b"\1\7" + sealed[2:], b"", "张伟".encode() * 20):
        assert not SealedBytes(other).well_formed
