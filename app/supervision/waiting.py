"""Waiting: for every state in which a submission can wait, who moves it on by itself, or calls a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from procrastinate.tasks import Task

from app.privacy import purges
from app.supervision import alarms, deemed_acceptances, digests, lapses

Sweeper = Task[Any, Any, Any]
"""A job that the worker's clock starts."""

WAITING: Final[Mapping[str, tuple[Sweeper, ...]]] = {
    "draft": (purges.nightly,),
    "received": (deemed_acceptances.every_minute, alarms.every_minute, digests.every_five_minutes),
    "correcting": (lapses.every_minute, alarms.every_minute, digests.every_five_minutes),
    "accepted": (alarms.every_minute, lapses.every_minute, digests.every_five_minutes),
    "in_review": (alarms.every_minute, lapses.every_minute, digests.every_five_minutes),
    "suspended": (alarms.every_minute, lapses.every_minute, digests.every_five_minutes),
    "approved": (alarms.every_minute, digests.every_five_minutes),
}
"""What was received and not handed over is found by `approvals/handover.py: sweep` as well, which this room can't see.
States that are not here are final (steps.py: FINAL_STATES): nothing is owed in them."""
