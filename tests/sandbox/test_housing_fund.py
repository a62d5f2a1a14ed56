"""The housing fund's balance query."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.persons import PERSONS

KEY = {"Authorization": "Bearer fund key"}


def number_of(person: str) -> str:
    number = PERSONS[person].document_number
    assert number is not None
    return number


@pytest.mark.parametrize("person", ["li-jianguo", "zhang-wei"])
def test_balance(client: FlaskClient, person: str) -> None:
    response = client.post("/housing-fund/balance", json={"document_number": number_of(person)}, headers=KEY)
    assert response.status_code == 200
    found = response.get_json()
    assert set(found) == {"account_masked", "balance_fen", "monthly_fen", "status", "as_of", "unit"}
    assert isinstance(found["balance_fen"], int) and "*" in found["account_masked"]
    assert len(found["as_of"]) == 10


@pytest.mark.parametrize("number", [number_of("ouyang-xue"), number_of("wang-guilan"), "", "1"])
def test_no_account(client: FlaskClient, number: str) -> None:
    response = client.post("/housing-fund/balance", json={"document_number": number}, headers=KEY)
    assert response.status_code == 404 and response.get_json() == {"error": "no_account"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer no"}, {"Authorization": "fund key"}])
def test_bad_key(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {"document_number": number_of("li-jianguo")}
    assert client.post("/housing-fund/balance", json=body, headers=headers).status_code == 401


@pytest.mark.parametrize("body", [[], {}, {"document_number": 5}, None])
def test_bad_body(client: FlaskClient, body: Any) -> None:
    assert client.post("/housing-fund/balance", json=body, headers=KEY).status_code == 400
