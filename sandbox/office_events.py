"""Checking what comes in at an office: signature, CloudEvent and materials, in this order."""

import hashlib
import json
from contextlib import suppress
from datetime import datetime
from typing import Any

import requests
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sandbox.plain_http import send

RECEIVED = "cn.onephone.submission.received"
CHANGED = "cn.onephone.submission.changed"
CHANGE_KEYS = ("reference", "number", "step", "state", "reason", "items", "until", "case")
MATERIAL_TIMEOUT = (3, 15)  # seconds to connect, to the next bytes
TEXTS = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")
CASE_KEYS = (
    *("reference", "service", "department", "received_at", "turn", "due", "applicant", "answers"),
    *("materials", "signature"),
)


class BadSignature(Exception):
    """Signature or time stamp do not hold: 401."""


class BadEvent(Exception):
    """Not the CloudEvent that was agreed: 400."""


class BadMaterial(Exception):
    """A material is not what the event says it is: 422."""


class MaterialUnreachable(Exception):
    """A material could not be fetched just now: 503, try again later."""


def check_signature(body: bytes, headers: dict[str, str], secrets: list[str]) -> None:
    """Standard Webhooks: any of the secrets (they may be rotated), the time stamp within 5 minutes."""
    for secret in secrets:
        # The library tells most faults by its own error, but lets malformed headers through as ValueError.
        with suppress(WebhookVerificationError, ValueError):
            Webhook(secret).verify(body, headers, json_parse=False)
            return
    raise BadSignature("no secret of this office fits the signature, or the time stamp is too far away")


def read_event(body: bytes, content_type: str | None, webhook_id: str | None, office: str) -> dict[str, Any]:
    """The CloudEvent 1.0 (structured JSON mode) of a submission for this office, or of a change to one."""
    if content_type != "application/cloudevents+json":
        raise BadEvent("Content-Type must be application/cloudevents+json")
    try:
        event = json.loads(body)
    except ValueError as error:
        raise BadEvent("the body is not JSON") from error
    if not isinstance(event, dict):
        raise BadEvent("the body is not a JSON object")
    check_envelope(event)
    if event["id"] != webhook_id:
        raise BadEvent("webhook-id is not the event's id")
    if event["type"] == CHANGED:
        check_change(event, office)
    else:
        check_case(event, event.get("data"), office)
    return event


def check_envelope(event: dict[str, Any]) -> None:
    for name in TEXTS:
        if not isinstance(event.get(name), str) or not event[name]:
            raise BadEvent(f"{name} must be a text")
    if event["specversion"] != "1.0" or event["type"] not in (RECEIVED, CHANGED):
        raise BadEvent(f"only specversion 1.0 and types {RECEIVED} and {CHANGED} are known here")
    if event["datacontenttype"] != "application/json":
        raise BadEvent("datacontenttype must be application/json")
    try:
        moment = datetime.fromisoformat(event["time"])
    except ValueError as error:
        raise BadEvent("time is not RFC 3339") from error
    if moment.tzinfo is None:
        raise BadEvent("time has no offset")


def check_change(event: dict[str, Any], office: str) -> None:
    """A step that was taken at OnePhone; after a correction the whole case comes with it."""
    data = event.get("data")
    if not isinstance(data, dict) or any(key not in data for key in CHANGE_KEYS):
        raise BadEvent(f"data needs {', '.join(CHANGE_KEYS)}")
    if data["reference"] != event["subject"]:
        raise BadEvent("subject is not data.reference")
    if type(data["number"]) is not int or not isinstance(data["items"], list):
        raise BadEvent("data.number must be a number and data.items a list")
    if data["case"] is not None:
        check_case(event, data["case"], office)


def check_case(event: dict[str, Any], data: Any, office: str) -> None:
    if not isinstance(data, dict):
        raise BadEvent("data must be an object")
    if missing := [key for key in CASE_KEYS if key not in data]:
        raise BadEvent(f"data lacks {', '.join(missing)}")
    if data["reference"] != event["subject"]:
        raise BadEvent("subject is not data.reference")
    if data["department"] != office:
        raise BadEvent("this submission is for another department")
    if not isinstance(data["service"], dict) or not isinstance(data["applicant"], dict):
        raise BadEvent("data.service and data.applicant must be objects")
    if not isinstance(data["materials"], list) or not all(is_material(m) for m in data["materials"]):
        raise BadEvent("every material needs code, filename, size, sha256 and an http(s) url")


def is_material(material: object) -> bool:
    if not isinstance(material, dict) or type(material.get("size")) is not int:
        return False
    texts = [material.get(key) for key in ("code", "filename", "sha256", "url")]
    return all(isinstance(text, str) and text for text in texts) and material["url"].startswith(("http://", "https://"))


def check_materials(materials: list[dict[str, Any]]) -> None:
    """Fetch each file and compare size and SHA-256 with what was said."""
    for material in materials:
        size, digest = measure(material["url"], material["size"])
        if size != material["size"]:
            raise BadMaterial(f"{material['code']}: the size differs")
        if digest != material["sha256"].lower():
            raise BadMaterial(f"{material['code']}: the sha256 differs")


def measure(url: str, expected: int) -> tuple[int, str]:
    """Size and SHA-256 of what stands at a URL; reading stops soon after the expected size."""
    size, digest = 0, hashlib.sha256()
    try:
        with send("GET", url, timeout=MATERIAL_TIMEOUT, stream=True) as response:
            response.raise_for_status()
            for chunk in response.iter_content(65536):
                size += len(chunk)
                digest.update(chunk)
                if size > expected:
                    break
    except requests.RequestException as error:
        raise MaterialUnreachable("a material could not be fetched") from error
    return size, digest.hexdigest()
