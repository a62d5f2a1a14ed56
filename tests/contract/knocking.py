"""Hooks of schemathesis: what a client does beyond filling in shapes. Loaded by name, in schemathesis's process."""

from __future__ import annotations

import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any

import schemathesis
from standardwebhooks import Webhook


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Any, kwargs: dict[str, Any]) -> None:
    """Give every intended action a key of its own, and sign as an office signs."""
    if _is_sound_key(case.headers.get("Idempotency-Key")):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    # Who leaves a header out means to be turned away.
    if {"webhook-id", "webhook-timestamp", "webhook-signature"} <= set(case.headers) and isinstance(case.body, dict):
        _sign(case)


def _is_sound_key(key: Any) -> bool:
    return isinstance(key, str) and 0 < len(key) <= 255 and key.isascii() and key.isprintable() and " " not in key


def _sign(case: Any) -> None:
    """The body is signed as schemathesis will send it: by the standard library's JSON."""
    event_id = case.body.get("id")
    if not isinstance(event_id, str) or not event_id.isascii() or not event_id.isprintable():
        return
    at = datetime.now(UTC)
    case.headers["webhook-id"] = event_id
    case.headers["webhook-timestamp"] = str(int(at.timestamp()))
    case.headers["webhook-signature"] = Webhook(os.environ["OFFICE_SECRET"]).sign(event_id, at, json.dumps(case.body))
