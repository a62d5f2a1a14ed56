"""Rotation: whatever interrupts it, no data key is lost and the next run finishes the work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.crypto import key_file, rotation
from app.crypto.envelopes import DataKey, Envelope
from app.crypto.failures import KeysAway
from app.crypto.keyring import FileKeyRing, Wrapped
from app.crypto.rotation import Progress
from app.crypto.suites import INTERNATIONAL, NATIONAL


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Store:
    """A table as a transaction sees it: what is not saved is gone after a kill."""

    saved: dict[UUID, Envelope]
    kill_at: int = -1
    unsaved: dict[UUID, Envelope] = field(default_factory=dict)
    steps: int = 0

    def next_batch(self, current_id: str, after: UUID | None, limit: int) -> Sequence[Envelope]:
        self.step()
        seen = self.saved | self.unsaved
        left = [seen[key] for key in sorted(seen) if seen[key].wrapped.master_key_id != current_id]
        return [envelope for envelope in left if after is None or envelope.key_id > after][:limit]

    def replace(self, old: Envelope, new: Envelope) -> bool:
        self.step()
        if (self.saved | self.unsaved)[old.key_id] != old:
            return False
        self.unsaved[old.key_id] = new
        return True

    def save(self) -> None:
        self.step()
        self.saved |= self.unsaved
        self.unsaved = {}

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed


@pytest.fixture
def made(keys_path: Path) -> tuple[FileKeyRing, list[tuple[Envelope, DataKey]]]:
    """Ten owners under the first of two master keys."""
    ring = FileKeyRing(keys_path)
    owners = [Envelope.create(INTERNATIONAL, ring) for _ in range(10)]
    key_file.add_master_key(keys_path, NATIONAL)
    return ring, owners


def last(ring: FileKeyRing, store: Store, batch: int = 3) -> Progress:
    told = list(rotation.rewrap(ring, store, batch))
    return told[-1] if told else Progress()


def assert_all_open(ring: FileKeyRing, store: Store, owners: list[tuple[Envelope, DataKey]]) -> None:
    for envelope, key in owners:
        sealed = key.seal("text", "residents.name", "1")
        assert store.saved[envelope.key_id].open(INTERNATIONAL, ring).open(sealed, "residents.name", "1") == "text"


Made = tuple[FileKeyRing, list[tuple[Envelope, DataKey]]]


def test_every_data_key_comes_under_the_current_master_key(made: Made) -> None:
    ring, owners = made
    store = Store({envelope.key_id: envelope for envelope, _ in owners})
    told = [progress.rewrapped for progress in rotation.rewrap(ring, store, 3)]
    assert told == [3, 6, 9, 10]
    assert {envelope.wrapped.master_key_id for envelope in store.saved.values()} == {ring.current_id}
    assert_all_open(ring, store, owners)
    assert last(ring, store) == Progress()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 20), max_size=6), st.integers(1, 12))
def test_killed_anywhere_and_started_again(made: Made, kills: list[int], batch: int) -> None:
    ring, owners = made
    store = Store({envelope.key_id: envelope for envelope, _ in owners})
    for kill_at in kills:
        store = Store(store.saved, kill_at)
        try:
            last(ring, store, batch)
        except Killed:
            assert_all_open(ring, store, owners)
    finished = Store(store.saved)
    last(ring, finished, batch)
    assert {envelope.wrapped.master_key_id for envelope in finished.saved.values()} == {ring.current_id}
    assert_all_open(ring, finished, owners)


def test_a_caller_may_stop_after_any_batch(made: Made) -> None:
    ring, owners = made
    store = Store({envelope.key_id: envelope for envelope, _ in owners})
    assert next(rotation.rewrap(ring, store, 4)).rewrapped == 4
    assert last(ring, store).rewrapped == 6


def test_what_cannot_be_unwrapped_stays_and_is_named(made: Made) -> None:
    ring, owners = made
    lost, broken = owners[2][0], owners[7][0]
    store = Store({envelope.key_id: envelope for envelope, _ in owners})
    store.saved[lost.key_id] = Envelope(lost.key_id, Wrapped("lost", lost.wrapped.blob))
    store.saved[broken.key_id] = Envelope(broken.key_id, Wrapped(broken.wrapped.master_key_id, b"broken"))
    before = dict(store.saved)
    told = list(rotation.rewrap(ring, store, 4))
    assert (told[-1].rewrapped, told[-1].unusable) == (8, 2)
    named = [name for progress in told for name in progress.named.items()]
    assert named == [(lost.key_id, "KeyNotInRing"), (broken.key_id, "SealBroken")]
    assert [store.saved[gone.key_id] for gone in (lost, broken)] == [before[gone.key_id] for gone in (lost, broken)]


def test_a_faster_writer_wins(made: Made) -> None:
    ring, owners = made

    class Contested(Store):
        def replace(self, old: Envelope, new: Envelope) -> bool:
            if old == owners[0][0]:
                self.saved[old.key_id] = Envelope(old.key_id, ring.wrap(ring.unwrap(old.wrapped)))
            return super().replace(old, new)

    store = Contested({envelope.key_id: envelope for envelope, _ in owners})
    assert last(ring, store) == Progress(9, 1)
    assert_all_open(ring, store, owners)


def test_an_owner_who_was_erased_meanwhile_is_not_brought_back(made: Made) -> None:
    """`replace` says False for a row that is gone, and the loop goes on."""
    ring, owners = made

    class Erasing(Store):
        def replace(self, old: Envelope, new: Envelope) -> bool:
            if old == owners[0][0]:
                del self.saved[old.key_id]
                return False
            return super().replace(old, new)

    store = Erasing({envelope.key_id: envelope for envelope, _ in owners})
    assert last(ring, store).rewrapped == 9
    assert owners[0][0].key_id not in store.saved


def test_a_keeper_that_goes_away_keeps_what_was_done(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    ring, owners = made
    store = Store({envelope.key_id: envelope for envelope, _ in owners})
    wrap, calls = ring.wrap, []

    def going(data_key: bytes) -> Wrapped:
        calls.append(1)
        if len(calls) > 5:
            raise KeysAway("gone for a while")
        return wrap(data_key)

    monkeypatch.setattr(ring, "wrap", going)
    with pytest.raises(KeysAway):
        last(ring, store)
    assert sum(e.wrapped.master_key_id == ring.current_id for e in store.saved.values()) == 3
    monkeypatch.undo()
    assert last(ring, Store(store.saved)).rewrapped == 7
