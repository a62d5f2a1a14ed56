"""The provincial login gives a person away only for a fresh ticket, in a call that its own application signed well."""

import base64
import hmac
import time
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox.organisations import ORGANISATIONS
from sandbox.persons import PERSONS
from tests.sandbox.conftest import MakeApp

BACK = "http://app.test/back"
APPS = {
    "app": {"access_key": "key", "secret": "hidden", "redirect_uris": [BACK], "flow": "person"},
    "legal": {"access_key": "key-2", "secret": "hidden-2", "redirect_uris": [BACK], "flow": "organisation"},
}
ASKED = {"appId": "app", "userType": "person", "redirectUri": BACK, "state": "s-1"}
LEGAL = {"appId": "legal", "userType": "organisation"}


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    return make_app(ticket_apps=APPS).test_client()


def visit(client: FlaskClient, person: str = "li-jianguo", **changes: str) -> TestResponse:
    level = {"level": changes.pop("level")} if "level" in changes else {}
    return client.post(f"/ticket-login/login?{urlencode(ASKED | changes)}", data={"person": person} | level)


def ticket(client: FlaskClient, person: str = "li-jianguo", **changes: str) -> str:
    back = dict(parse_qsl(urlsplit(visit(client, person, **changes).location).query))
    assert back["state"] == "s-1"
    return back["ticketId"]


def signed(path: str, app: str = "app", seconds_off: float = 0, **changes: str) -> dict[str, str]:
    known, date = APPS[app], formatdate(time.time() + seconds_off, usegmt=True)
    text = f"POST\n{path}\n\n{known['access_key']}\n{date}\n"
    signature = base64.b64encode(hmac.digest(str(known["secret"]).encode(), text.encode(), "sha256")).decode()
    headers = {"X-BG-HMAC-ACCESS-KEY": str(known["access_key"]), "X-BG-HMAC-SIGNATURE": signature}
    return headers | {"X-BG-HMAC-ALGORITHM": "hmac-sha256", "X-BG-DATE-TIME": date} | changes


def call(client: FlaskClient, name: str, content: Any, app: str = "app", **how: Any) -> TestResponse:
    path = f"/ticket-login/uc/sso/{name}"
    body = {"appId": app, **content} if isinstance(content, dict) else content
    return client.post(path, json=body, headers=signed(path, app, **how))


def redeem(client: FlaskClient, found: str, app: str = "app") -> dict[str, Any]:
    token = call(client, "access_token", {"ticketId": found}, app).json["data"]["accessToken"]
    answer = call(client, "getUserInfo", {"token": token}, app).json
    assert answer is not None and answer["success"] is True
    return dict(answer["data"])


def test_a_ticket_buys_a_person(client: FlaskClient) -> None:
    person = redeem(client, ticket(client))["personInfo"]

    known = PERSONS["li-jianguo"]
    assert (person["userName"], person["idNo"], person["paperstype"]) == (known.name, known.document_number, "1")
    assert person["authLevel"] == "3"
    assert time.strptime(person["loginTime"], "%Y-%m-%d %H:%M:%S")


def test_an_organisation_is_told_with_who_acts_for_it(client: FlaskClient) -> None:
    data = redeem(client, ticket(client, "li-jianguo yunling", **LEGAL), "legal")

    assert data["legalInfo"] == {
        "corpName": ORGANISATIONS["yunling"].name,
        "uniscId": ORGANISATIONS["yunling"].credit_code,
        "role": "2",
    }
    assert data["personInfo"]["userId"] != redeem(client, ticket(client))["personInfo"]["userId"]


@pytest.mark.parametrize(
    "person", ["nobody", "", "chen-clerk x", "wang-guilan yunling", "zhang-wei", "zhang-wei nowhere"]
)
def test_nobody_else_acts_for_an_organisation(client: FlaskClient, person: str) -> None:
    assert visit(client, person, **LEGAL).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"redirectUri": "https://evil.example"},
        {"appId": "nobody"},
        {"userType": "organisation"},
        {"redirectUri": BACK + "/"},
    ],
    ids=str,
)
def test_a_login_that_is_not_as_registered_goes_nowhere(client: FlaskClient, change: dict[str, str]) -> None:
    response = visit(client, **change)

    assert response.status_code == 400 and "登录请求有误" in response.text and "This login request" in response.text


def test_the_page_asks_for_what_was_wished(client: FlaskClient) -> None:
    page = client.get(f"/ticket-login/login?{urlencode(ASKED | {'authLevel': '2'})}").text

    assert "李建国" in page and "Li Jianguo" in page and 'value="2" checked' in page
    assert redeem(client, ticket(client, authLevel="2"))["personInfo"]["authLevel"] == "2"
    assert redeem(client, ticket(client, level="1", authLevel="2"))["personInfo"]["authLevel"] == "1"


def test_who_cancels_comes_back_without_a_ticket(client: FlaskClient) -> None:
    back = dict(parse_qsl(urlsplit(visit(client, "deny").location).query))

    assert back == {"errorCode": "cancelled", "state": "s-1"}


def test_a_ticket_and_a_token_are_good_once_and_for_their_own_application(client: FlaskClient) -> None:
    found = ticket(client)
    assert call(client, "access_token", {"ticketId": found}, "legal").json["success"] is False
    token = call(client, "access_token", {"ticketId": found}).json["data"]["accessToken"]
    assert call(client, "access_token", {"ticketId": found}).json["success"] is False
    assert call(client, "getUserInfo", {"token": found}).json["success"] is False, "a ticket is no token"
    assert call(client, "getUserInfo", {"token": token}).json["success"] is True
    assert call(client, "getUserInfo", {"token": token}).json["success"] is False


@pytest.mark.parametrize(
    "how",
    [
        {"X-BG-HMAC-SIGNATURE": "x"},
        {"X-BG-HMAC-ACCESS-KEY": "key-2"},
        {"X-BG-HMAC-ALGORITHM": "none"},
        {"X-BG-DATE-TIME": "Sun, 22 Nov 2026 08:30:05 +0000"},
        {"seconds_off": -600},
        {"seconds_off": 600},
    ],
    ids=["signature", "key", "algorithm", "date", "old", "ahead"],
)
def test_what_is_not_signed_well_is_refused_and_spends_nothing(client: FlaskClient, how: dict[str, Any]) -> None:
    found = ticket(client)

    assert call(client, "access_token", {"ticketId": found}, **how).status_code == 401
    assert call(client, "access_token", {"ticketId": found}).json["success"] is True


@pytest.mark.parametrize("content", [[], "x", None, {"appId": 7}, {"appId": ["app"]}], ids=str)
def test_a_body_of_nobody_is_refused(client: FlaskClient, content: Any) -> None:
    assert call(client, "access_token", content).status_code == 401
