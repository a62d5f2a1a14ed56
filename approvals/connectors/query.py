"""Query: a data source that answers on the spot, such as the housing fund's own system.

The question holds only what the source needs to find the person; the answer is the result.
"""

from __future__ import annotations

from typing import Any

import requests

from app import outside_calls
from app.settings import settings
from approvals.connectors.interface import Case, Handed, OfficeAway


def send(case: Case) -> Handed:
    """Ask the data source named in the service's definition; its answer in data. Raises OfficeAway."""
    source = settings().data_sources.get(case.definition["data_source"])
    if source is None:
        raise OfficeAway("not_configured")
    try:
        asked, shown = {"document_number": case.applicant.document_number}, {"Authorization": f"Bearer {source['key']}"}
        answer = outside_calls.call("POST", source["url"], json=asked, headers=shown)
    except requests.RequestException as error:
        raise OfficeAway(type(error).__name__) from None
    return Handed(office_reference=str(case.key), data=_found(answer))


def _found(answer: requests.Response) -> dict[str, Any]:
    """The data of a 200, or that nothing is known of this person (404 with its own word)."""
    try:
        body = outside_calls.read_object(answer)
    except ValueError:
        raise OfficeAway("not_json") from None
    if answer.status_code == 200 and "as_of" in body:
        return {"found": True, **body}
    if answer.status_code == 404 and body.get("error") == "no_account":
        return {"found": False}
    raise OfficeAway(f"http_{answer.status_code}")
