"""The request headers that operations take, as `openapi.yaml` shows them."""

from __future__ import annotations

import re
from typing import Any

from auth import devices

KEY_LIMIT = 255

REVISION = re.compile('(?:W/)?"([0-9]{1,9})"')


def header(name: str, words: str, required: bool = True, **more: Any) -> dict[str, Any]:
    """One header parameter; `more` may hold its schema and an example."""
    shown = {"in": "header", "name": name, "required": required, "description": words}
    return {**shown, "schema": {"type": "string", **more.pop("schema", {})}, **more}


IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "A new random value for each intended action; the same one when the action is tried again.",
    schema={"minLength": 1, "maxLength": KEY_LIMIT, "pattern": r"^[\x21-\x7e]+$"},
    example="0d7c1d0e-6f0b-4c3a-9f1f-3c1f8a3b2a55",
)

IF_MATCH = header(
    "If-Match",
    "The ETag of the state this edit was made on.",
    schema={"pattern": f"^{REVISION.pattern}$"},
    example='"3"',
)

IF_MATCH_OPTIONAL = {**IF_MATCH, "required": False}

CLIENT = header(
    "OnePhone-Client",
    "The client's platform and version; one that is too old for a service is told so.",
    required=False,
    example="wechat/2.3.1",
)

DEVICE = header(
    "OnePhone-Device",
    "A random id of at least 128 bits in base64url that the client makes once and keeps: its logins are bound to it, "
    "so that a stolen refresh token is worth nothing elsewhere. Without one, nothing is bound.",
    required=False,
    schema={"pattern": devices.PATTERN},
    example="Zk3vJc1qR8mW0yTnB5hX2w",
)

IF_NONE_MATCH = header(
    "If-None-Match",
    "The ETag the client has; when it still holds the answer is 304 without a body.",
    required=False,
)

SIGNED_ID = header("webhook-id", "The id of the event, the same at every try.")

SIGNED_TIME = header("webhook-timestamp", "Seconds since 1970 at the moment of sending; at most five minutes off.")
