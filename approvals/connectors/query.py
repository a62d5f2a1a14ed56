"""Query: a data source that answers on the spot, such as the housing fund's own system.

The question holds only what the source needs to find the person; the answer is the result.
"""

from __future__ import annotations

from typing import Any

import requests

from app.settings import settings
from approvals.connectors.interface import Case, Handed, OfficeAway


def send(case: Case) -> Handed:
    """Ask the data source named in the service's definition; its answer in data. Raises OfficeAway."""
    source = settings().data_sources.get(case.definition["data_source"])
    if source is None:
        raise OfficeAway("not_configured")
    try:
        answer = requests.post(
            source["url"],
            json={"document_number": case.applicant.document_number},
            headers={"Authorization": f"Bearer {source['key']}"},
            timeout=settings().outside_timeout.total_seconds(),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise OfficeAway(type(error).__name__) from None
    return Handed(office_reference=str(case.key), data=_found(answer))


def _found(answer: requests.Response) -> dict[str, Any]:
    """The data of a 200, or that nothing is known of this person (404 with its own word)."""
    try:
        body = answer.json()
    except ValueError:
        raise OfficeAway("not_json") from None
    if answer.status_code == 200 and isinstance(body, dict) and "as_of" in body:
        return {"found": True, **body}
    if answer.status_code == 404 and isinstance(body, dict) and body.get("error") == "no_account":
        return {"found": False}
    raise OfficeAway(f"http_{answer.status_code}")
