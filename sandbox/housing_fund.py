"""The housing fund centre's balance query (公积金查询): POST /housing-fund/balance with a bearer key."""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.persons import PERSONS
from sandbox.settings import settings
from sandbox.switches import obeys

PART = "housing-fund"
CHINA_OFFSET = timedelta(hours=8)

ACCOUNTS: dict[str, dict[str, Any]] = {
    "li-jianguo": {
        "account_masked": "5323****0118",
        "balance_fen": 8_643_217,
        "monthly_fen": 236_000,
        "status": "正常",
        "unit": "彩云建筑工程有限公司（虚构）",
    },
    "zhang-wei": {
        "account_masked": "5323****0742",
        "balance_fen": 15_207_766,
        "monthly_fen": 318_400,
        "status": "正常",
        "unit": "滇池软件有限公司（虚构）",
    },
}

blueprint = Blueprint("housing_fund", __name__, url_prefix="/housing-fund")


@blueprint.post("/balance")
@obeys(PART)
def balance() -> tuple[Response, int]:
    """{"document_number"} → the account; 401 bad key, 400 bad body, 404 {"error": "no_account"}."""
    if not key_is_right(request.headers.get("Authorization", "")):
        return jsonify(error="bad_key"), 401
    body = request.get_json(silent=True)
    number = body.get("document_number") if isinstance(body, dict) else None
    if not isinstance(number, str):
        return jsonify(error="bad_request"), 400
    account = find_account(number)
    return (jsonify(account), 200) if account else (jsonify(error="no_account"), 404)


def key_is_right(header: str) -> bool:
    expected = f"Bearer {settings().data_sources[PART]['key']}"
    return hmac.compare_digest(header.encode(), expected.encode())


def find_account(document_number: str) -> dict[str, Any] | None:
    """The account of a person, as of yesterday in China (the centre's books close at night)."""
    for key, account in ACCOUNTS.items():
        if PERSONS[key].document_number == document_number.strip().upper():
            yesterday = datetime.now(UTC) + CHINA_OFFSET - timedelta(days=1)
            return {**account, "as_of": f"{yesterday:%Y-%m-%d}"}
    return None
