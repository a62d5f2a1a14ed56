"""What happens in the life of a submission, as past-tense facts.

The heart announces; it does not know who listens. `wsgi.py` holds the one table of listeners.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class SubmissionReceived:
    """A submission was filed and stored; it is now the department's turn."""

    submission_id: UUID


@dataclass(frozen=True)
class StepTaken:
    """A submission took a step that its resident should hear of; `number` is its history row."""

    submission_id: UUID
    number: int


@dataclass(frozen=True)
class UploadReceived:
    """The bytes of an upload are in the store and wait to be checked."""

    upload_id: UUID


@dataclass(frozen=True)
class ConsentWithdrawn:
    """A resident took back their consent to a purpose of a notice; it does not stand any more."""

    resident_id: UUID
    notice: str
    purpose: str


@dataclass(frozen=True)
class DraftExpiring:
    """A draft will be erased in a few days unless its resident goes on with it."""

    submission_id: UUID


@dataclass(frozen=True)
class IdentityAdded:
    """Another login joined a resident's account, by proof or by its owner's hand; `provider` is the configured name."""

    resident_id: UUID
    provider: str


@dataclass(frozen=True)
class IdentityRemoved:
    """A login was taken from a resident's account; `provider` is the configured name of its e-ID."""

    resident_id: UUID
    provider: str


@dataclass(frozen=True)
class SessionStolen:
    """A refresh token of a resident was used again, or on another device: somebody had copied it, and the session
    was ended. `sign_in_id` is its line in their sign-in history."""

    resident_id: UUID
    sign_in_id: UUID


Listener = Callable[[Any, Any], None]
"""Gets the unit of work (`app.database.Work`, which stands above this file) and the event; may only add jobs."""

_listeners: Mapping[type, Sequence[Listener]] = {}


def listen(listeners: Mapping[type, Sequence[Listener]]) -> None:
    """Set who hears what. Called once, by the switchboard."""
    global _listeners
    _listeners = listeners


def tell(work: Any, event: object) -> None:
    """Let every listener add its job to the same unit of work."""
    for listener in _listeners.get(type(event), ()):
        listener(work, event)
