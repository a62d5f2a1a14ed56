"""Signed events as OnePhone's worker sends them to an office."""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.sandbox.fake_onephone import PHOTO

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
OLD_SECRET = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"


def submission(reference: str = "530000-TEST-1", **data: Any) -> dict[str, Any]:
    """The CloudEvent of a submission for gongan."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "http://app.test",
        "type": "cn.onephone.submission.received",
        "subject": reference,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "reference": reference,
            "service": {"code": "residence-permit", "version": 1, "name": "居住证办理"},
            "department": "gongan",
            "received_at": "2026-11-20T08:00:00+00:00",
            "turn": 1,
            "due": {"acceptance": "2026-11-27", "decision": "2026-12-18"},
            "applicant": {"name": "李建国", "document_type": "111", "document_number": "x", "phone": "y"},
            "answers": {"address": "昆明市"},
            "materials": [],
            "signature": None,
            **data,
        },
    }


def photo(url: str, **changes: Any) -> dict[str, Any]:
    """A material that stands at `url`, described truthfully unless changed."""
    true = {"size": len(PHOTO), "sha256": hashlib.sha256(PHOTO).hexdigest(), "url": url}
    return {
        "code": "photo",
        "name": "照片",
        "filename": "photo.png",
        "content_type": "image/png",
        **true,
        **changes,
    }


def signed(event: Any, secret: str = SECRET, at: datetime | None = None) -> dict[str, Any]:
    """Keyword arguments for a test client's post()."""
    moment = at or datetime.now(UTC)
    body = json.dumps(event)
    event_id = event["id"] if isinstance(event, dict) else "none"
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, moment, body),
    }
    return {"data": body, "headers": headers, "content_type": "application/cloudevents+json"}
