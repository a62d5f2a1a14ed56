"""Signed webhook: a CloudEvents 1.0 envelope, signed as Standard Webhooks, posted to the office.

The event id is the same at every try, so an office that got it before answers with the number it gave then.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import requests
import rfc8785
from standardwebhooks import Webhook

from app import offices, outside_calls
from app.settings import settings
from approvals.connectors.interface import Case, Change, File, Handed, OfficeAway

EVENT_TYPE = "cn.onephone.submission.received"
CHANGE_TYPE = "cn.onephone.submission.changed"


def send(case: Case) -> Handed:
    """Post the case; the office's reference. Raises OfficeAway."""
    return Handed(_office_reference(_post(case.department_code, _event(case))))


def tell(case: Case, change: Change) -> None:
    """Post what happened to the case since. Raises OfficeAway."""
    answer = _post(case.department_code, _changed(case, change))
    if not 200 <= answer.status_code < 300:
        raise OfficeAway(f"http_{answer.status_code}")


def _post(department_code: str, event: dict[str, Any]) -> requests.Response:
    office, keys = settings().offices.get(department_code), offices.signing_keys(department_code)
    if office is None or not keys:
        raise OfficeAway("not_configured")
    body = rfc8785.dumps(event).decode()
    try:
        headers = _signed_headers(keys[0].secret, event["id"], body)
        return outside_calls.call("POST", office["url"], data=body.encode(), headers=headers)
    except requests.RequestException as error:
        raise OfficeAway(type(error).__name__) from None


def _office_reference(answer: requests.Response) -> str:
    """The office's number in a 2xx answer. A 200 with garbage is not an acknowledgement."""
    if not 200 <= answer.status_code < 300:
        raise OfficeAway(f"http_{answer.status_code}")
    try:
        reference = outside_calls.read_object(answer).get("office_reference")
    except ValueError:
        raise OfficeAway("no_reference") from None
    if not isinstance(reference, str) or not 0 < len(reference) <= 100:
        raise OfficeAway("no_reference")
    return reference


def _signed_headers(secret: str, event_id: str, body: str) -> dict[str, str]:
    at = datetime.now(UTC)
    return {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body),
    }


def _event(case: Case) -> dict[str, Any]:
    return _envelope(str(case.key), EVENT_TYPE, case.reference, case.received_at, _content(case))


def _changed(case: Case, change: Change) -> dict[str, Any]:
    """The step, and where the content is new the whole case as it stands now."""
    data = {
        "reference": case.reference,
        "number": change.number,
        "step": change.step,
        "state": change.state,
        "reason": change.reason,
        "items": [{"pointer": pointer, "words": words} for pointer, words in change.items],
        "until": change.until,
        "case": _content(case) if change.with_content else None,
    }
    return _envelope(str(change.key), CHANGE_TYPE, case.reference, change.at, data)


def _envelope(event_id: str, kind: str, subject: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": settings().public_url,
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def _content(case: Case) -> dict[str, Any]:
    return {
        "reference": case.reference,
        "service": {
            "code": case.service_code,
            "version": case.service_version,
            "name": case.service_name,
        },
        "department": case.department_code,
        "received_at": case.received_at.isoformat(),
        "turn": case.turn,
        "due": {"acceptance": case.acceptance_due.isoformat(), "decision": case.decision_due.isoformat()},
        "applicant": asdict(case.applicant),
        "answers": case.answers,
        "materials": [_material(file) for file in case.files],
        "signature": case.signature,
    }


def _material(file: File) -> dict[str, Any]:
    return {"code": file.material, **{k: v for k, v in asdict(file).items() if k != "material"}}
