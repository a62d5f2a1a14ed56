"""Rotation: data keys that an old master key wraps are wrapped anew with the current one.

The sealed values are not touched, and whoever opens one meanwhile notices nothing, because a ring unwraps with old
and current keys alike. The loop keeps nothing between its batches: killed anywhere and started again, it finds
what is left. A record that cannot be unwrapped stays as it is and is named in the progress; nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from app.crypto.envelopes import Envelope
from app.crypto.failures import SealBroken, SealKeyMissing
from app.crypto.keyring import KeyRing


class EnvelopeStore(Protocol):
    """The table of envelopes, as far as rotation needs it."""

    def next_batch(self, current_id: str, after: UUID | None, limit: int) -> Sequence[Envelope]:
        """Envelopes wrapped by another master key than this, with key ids above `after`, in the order of key ids."""

    def replace(self, old: Envelope, new: Envelope) -> bool:
        """Store the new wrapping if the old one is still there unchanged; say whether it was."""

    def save(self) -> None:
        """Make the batch last: what a commit is. Everything since the last one may be lost before it, or kept."""


@dataclass(frozen=True)
class Progress:
    """How many a run has done so far, and which data keys of the last batch nobody can unwrap, with the error's name.

    Those are for the operator's log; they are asked for again by the next run.
    """

    rewrapped: int = 0
    changed_meanwhile: int = 0
    unusable: int = 0
    named: Mapping[UUID, str] = field(default_factory=dict)


def rewrap(ring: KeyRing, store: EnvelopeStore, batch: int = 500) -> Iterator[Progress]:
    """Wrap everything with the current master key, batch by batch, and tell the progress after each.

    The work goes on while the caller asks for more, so a job may stop after any batch. Raises KeysAway: the batches
    saved so far stay, and the rest is found by the next run.
    """
    progress, after = Progress(), None
    while found := store.next_batch(ring.current_id, after, batch):
        outcomes = {envelope.key_id: _rewrap_one(ring, store, envelope) for envelope in found}
        store.save()
        after = found[-1].key_id
        progress = _advanced(progress, outcomes)
        yield progress


def _advanced(before: Progress, outcomes: Mapping[UUID, bool | str]) -> Progress:
    named = {key_id: outcome for key_id, outcome in outcomes.items() if isinstance(outcome, str)}
    done = sum(outcome is True for outcome in outcomes.values())
    changed = len(outcomes) - len(named) - done
    return Progress(before.rewrapped + done, before.changed_meanwhile + changed, before.unusable + len(named), named)


def _rewrap_one(ring: KeyRing, store: EnvelopeStore, envelope: Envelope) -> bool | str:
    """True when stored, False when another writer was faster, the error's name when it cannot be unwrapped."""
    try:
        data_key = ring.unwrap(envelope.wrapped)
    except (SealBroken, SealKeyMissing) as error:
        return type(error).__name__
    return store.replace(envelope, Envelope(envelope.key_id, ring.wrap(data_key)))
