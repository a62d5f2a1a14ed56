"""An office's approval system as it looks from our door: it signs what it says, truthfully unless told otherwise."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient
from standardwebhooks import Webhook
from werkzeug.test import TestResponse

from app.settings import settings

PDF = b"%PDF-1.7\n% " + "办理结果通知书".encode() + b"\n%%EOF\n"


def result(pdf: bytes = PDF, **changes: Any) -> dict[str, Any]:
    """A result document as an approval carries it."""
    return {
        "filename": "结果通知书.pdf",
        "content_type": "application/pdf",
        "sha256": hashlib.sha256(pdf).hexdigest(),
        "content": base64.b64encode(pdf).decode(),
        **changes,
    }


def message(reference: str, kind: str, sequence: int = 1, /, **data: Any) -> dict[str, Any]:
    """The CloudEvent of an answer; `kind` is accepted, in_review, approved, refused or declined."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "https://office.example/gongan",
        "type": f"cn.onephone.submission.{kind}",
        "subject": reference,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {"office_reference": "GA-1", "handler": "杨志强", "opinion": "同意", "sequence": sequence, **data},
    }


@dataclass
class OfficeSystem:
    """Sends messages to our door over one client."""

    client: FlaskClient
    code: str = "gongan"

    def headers(
        self, body: str, message_id: str, secret: str | None = None, at: datetime | None = None
    ) -> dict[str, str]:
        moment = at or datetime.now(UTC)
        secret = secret or settings().offices[self.code]["secrets"][0]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(secret).sign(message_id, moment, body),
        }

    def post(self, body: str, headers: dict[str, str]) -> TestResponse:
        return self.client.post(
            f"/v1/offices/{self.code}/events", data=body, headers=headers, content_type="application/cloudevents+json"
        )

    def send(
        self, said: dict[str, Any], signed_id: str | None = None, secret: str | None = None, at: datetime | None = None
    ) -> TestResponse:
        body = json.dumps(said, ensure_ascii=False)
        return self.post(body, self.headers(body, signed_id or said["id"], secret, at))

    def outcome(self, said: dict[str, Any]) -> str:
        response = self.send(said)
        assert response.status_code == 202, response.text
        return str(response.json["outcome"])
