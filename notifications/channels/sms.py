"""Messages and calls to a phone, by a carrier's signed HTTP API; today they carry one-time codes only.

    POST {SMS_API_URL}/v1/messages
    X-Access-Key, X-Timestamp (seconds since 1970), X-Nonce,
    X-Signature: base64(HMAC-SHA256(secret key, "POST\\n{path}\\n{timestamp}\\n{nonce}\\n{SHA-256 of the body in hex}"))
    {"message_id", "kind": "sms"|"voice", "to", "sign", "template", "parameters": {"code", "minutes"}}

The carrier delivers one message_id once, so a message whose answer was lost may be offered again. Numbers and codes
stand in no log and in no job: the job holds the id of the code, which lies sealed until the carrier has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
import structlog

from app import clock, database, jobs, outside_calls
from app.people import one_time_codes
from app.people.one_time_codes import Dispatch
from app.settings import settings

log = structlog.get_logger()

_FINAL = frozenset({"number_invalid", "daily_limit", "number_blocked"})
_OUR_FAULT = frozenset({"signature_invalid", "access_key_unknown", "timestamp_stale", "template_unknown"})


class CarrierAway(Exception):
    """The carrier surely or possibly did not take the message; it may be offered again under the same id."""


class CarrierRefused(Exception):
    """The carrier will never deliver this message; its word for why."""


@jobs.task(one_time_codes.SEND_JOB)
def send_code(code_id: str) -> None:
    """Have one code delivered. May run twice: what was handed over, used or has expired is not sent again."""
    waiting = one_time_codes.to_send(UUID(code_id))
    if waiting is None:
        return
    try:
        deliver(waiting)
    except CarrierRefused as refusal:
        log.warning("code_undeliverable", code=code_id, reason=str(refusal))
    with database.work() as work:
        one_time_codes.sent(work, waiting.id)


def deliver(dispatch: Dispatch) -> None:
    """Hand one code to the carrier, as a message or as a call. Raises CarrierRefused, CarrierAway."""
    template = settings().voice_code_template if dispatch.voice else settings().sms_code_template
    message = {
        "message_id": str(dispatch.id),
        "kind": "voice" if dispatch.voice else "sms",
        "to": dispatch.phone,
        "sign": settings().sms_sign,
        "template": template,
        "parameters": {"code": dispatch.code, "minutes": str(dispatch.minutes)},
    }
    status, answer = _call(json.dumps(message, ensure_ascii=False).encode())
    if status == 200 and answer.get("status") == "accepted":
        return
    reason = str(answer.get("error"))
    if reason in _FINAL:
        raise CarrierRefused(reason)
    if reason in _OUR_FAULT:
        log.error("carrier_misconfigured", alarm=True, reason=reason)
    # An operator may mend our fault while the code is still good.
    raise CarrierAway


def _call(body: bytes) -> tuple[int, dict[str, Any]]:
    """(status, answer); raises CarrierAway without the text of what went wrong, which may quote the message."""
    url = f"{settings().sms_api_url}/v1/messages"
    try:
        answer = outside_calls.call("POST", url, data=body, headers=_signed(urlsplit(url).path, body))
        return answer.status_code, outside_calls.read_object(answer)
    except (requests.RequestException, ValueError):
        raise CarrierAway from None


def _signed(path: str, body: bytes) -> dict[str, str]:
    timestamp, nonce = str(int(clock.now().timestamp())), secrets.token_hex(16)
    text = "\n".join(("POST", path, timestamp, nonce, hashlib.sha256(body).hexdigest()))
    signature = hmac.digest(settings().sms_secret_key.encode(), text.encode(), "sha256")
    return {
        "Content-Type": "application/json",
        "X-Access-Key": settings().sms_access_key,
        "X-Timestamp": timestamp,
        "X-Nonce": nonce,
        "X-Signature": base64.b64encode(signature).decode(),
    }
