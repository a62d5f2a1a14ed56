"""What the stories of the courier share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from tests.approvals.office_system import OfficeSystem
from tests.product import Phone

Sql = Callable[..., list[Any]]
TIMEOUT = 60


@pytest.fixture
def office(client: FlaskClient) -> OfficeSystem:
    return OfficeSystem(client)


@pytest.fixture
def filed(phone: Phone, make_submission: Callable[..., dict[str, Any]], sql: Sql) -> dict[str, Any]:
    """The receipt of a residence permit that was just filed; its hand-over still waits as a job."""
    draft = make_submission()
    receipt = phone.post(f"/v1/submissions/{draft['id']}/submit")
    assert receipt.status_code == 200, receipt.text
    return dict(receipt.json or {})


@pytest.fixture
def asked(phone: Phone) -> Callable[[Phone], dict[str, Any]]:
    """asked(who): the receipt of a question for the housing fund balance."""

    def ask(who: Phone) -> dict[str, Any]:
        receipt = who.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True})
        assert receipt.status_code == 201, receipt.text
        return dict(receipt.json or {})

    return ask


@pytest.fixture
def control(outside: str) -> Iterator[Callable[..., None]]:
    """control("office/gongan", mode="down"): change a stand-in until the story ends."""
    touched: set[str] = set()

    def change(part: str, **changes: Any) -> None:
        touched.add(part)
        requests.put(f"{outside}/{part}/control", json=changes, timeout=TIMEOUT).raise_for_status()

    yield change
    for part in touched:
        change(part, mode="ok", auto=True, twice=False)


@pytest.fixture
def quiet_office(control: Callable[..., None]) -> None:
    """The office takes cases, and answers none by itself."""
    control("office/gongan", auto=False)


@pytest.fixture
def cases(outside: str) -> Callable[[str], list[dict[str, Any]]]:
    """cases(reference): what the office of the sandbox has of a submission."""

    def look(reference: str) -> list[dict[str, Any]]:
        page = requests.get(f"{outside}/office/gongan", headers={"Accept": "application/json"}, timeout=TIMEOUT)
        return [case for case in page.json()["items"] if case["reference"] == reference]

    return look


@pytest.fixture
def ledger(sql: Sql) -> Callable[[dict[str, Any]], Any]:
    """ledger(receipt): the hand-over's row, or None."""

    def look(receipt: dict[str, Any]) -> Any:
        rows = sql("SELECT * FROM handovers WHERE submission_id = %s", receipt["id"])
        return rows[0] if rows else None

    return look
