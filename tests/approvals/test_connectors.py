"""One promise, every connector: a case is handed over once in effect, or OfficeAway says that it was not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import database
from app.settings import settings
from app.submissions import drafts
from approvals import handover
from approvals.connectors import registry
from approvals.connectors.interface import Case, Handed, OfficeAway
from tests.approvals.connector_doubles import Remembering, crashing, refusing
from tests.product import Phone, RunJobs

Ledger = Callable[[dict[str, Any]], Any]
SERVICES = {"webhook": "residence-permit", "query": "housing-fund-balance"}


@pytest.fixture(params=[*registry.CONNECTORS, "remembering"])
def connector(request: pytest.FixtureRequest, quiet_office: None) -> Callable[[Case], Handed]:
    """Every connector that takes cases; a new one in CONNECTORS is tested by itself."""
    known: dict[str, Callable[[Case], Handed]] = {**registry.CONNECTORS, "remembering": Remembering()}
    return known[request.param]


@pytest.fixture
def case(request: pytest.FixtureRequest, phone: Phone, asked: Callable[[Phone], dict[str, Any]]) -> Case:
    """A case of a service that asks for the connector under test."""
    name = request.node.callspec.params.get("connector", "webhook")
    receipt = asked(phone) if SERVICES.get(name) == "housing-fund-balance" else request.getfixturevalue("filed")
    with database.work() as work:
        attempt = handover._count_attempt(work, receipt["id"])
        row = work.run(drafts.with_key().where(drafts.submissions.c.id == receipt["id"])).one()
        return handover.case_of(work, row, attempt.event_id)


def test_every_connector_of_a_definition_exists(product: Any, sql: Callable[..., list[Any]]) -> None:
    delivered = "SELECT definition->>'connector' AS name FROM service_versions WHERE service_code NOT LIKE 'test-%%'"
    asked_for = {row["name"] for row in sql(delivered)}

    assert asked_for <= set(registry.CONNECTORS)
    assert set(SERVICES) == set(registry.CONNECTORS), "name a service here for the new connector"


def test_a_case_is_taken_and_numbered(connector: Callable[[Case], Handed], case: Case) -> None:
    handed = connector(case)

    assert isinstance(handed.office_reference, str) and 0 < len(handed.office_reference) <= 100
    assert handed.data is None or isinstance(handed.data, dict)


def test_the_same_case_again_is_the_same(connector: Callable[[Case], Handed], case: Case) -> None:
    assert connector(case) == connector(case)


@pytest.mark.parametrize("name", registry.CONNECTORS)
def test_an_outside_that_nobody_configured_is_away(
    name: str, filed: dict[str, Any], phone: Phone, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = asked(phone) if name == "query" else filed
    for configured in (settings().offices, settings().data_sources):
        for key in list(configured):
            monkeypatch.delitem(configured, key)

    with pytest.raises(OfficeAway, match="not_configured"):
        handover.run(receipt["id"])


@pytest.mark.parametrize("double", [refusing, crashing], ids=lambda double: double.__name__)
def test_a_bad_connector_loses_nothing(
    double: Callable[[Case], Handed],
    quiet_office: None,
    filed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    run_jobs: RunJobs,
    ledger: Ledger,
    sql: Callable[..., list[Any]],
) -> None:
    with monkeypatch.context() as bad:
        bad.setitem(registry.CONNECTORS, "webhook", double)
        run_jobs()
    assert (ledger(filed)["state"], ledger(filed)["attempts"]) == ("waiting", 1)

    sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE lock = %s", f"handover:{filed['id']}")
    run_jobs()

    assert (ledger(filed)["state"], ledger(filed)["attempts"]) == ("sent", 2)


def test_a_crash_is_noted_by_its_kind_and_quotes_nobody(
    filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    monkeypatch.setitem(registry.CONNECTORS, "webhook", crashing)

    with pytest.raises(ZeroDivisionError):
        handover.run(filed["id"])

    assert ledger(filed)["last_error"] == "ZeroDivisionError"
