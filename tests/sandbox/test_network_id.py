"""The national network identity tells a result once, to who asked for it, and a name only to who may know it."""

import base64
import hmac
import time
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox.persons import PERSONS
from tests.sandbox.conftest import MakeApp

BACK = "http://app.test/back"
APPS = {
    "org": {"access_key": "key", "secret": "hidden", "app_ids": {"android": "0002", "ios": "0003"}, "back": [BACK]},
    "other": {"access_key": "key-2", "secret": "hidden-2", "app_ids": {"ios": "0003"}, "back": [BACK]},
}


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    return make_app(network_id_apps=APPS).test_client()


def call(client: FlaskClient, name: str, org: str = "org", at: float | None = None, **content: Any) -> TestResponse:
    path, known = f"/network-id/{name}", APPS[org]
    date = formatdate(time.time() if at is None else at, usegmt=True)
    text = f"POST\n{path}\n\n{known['access_key']}\n{date}\n"
    headers = {
        "X-BG-HMAC-ACCESS-KEY": str(known["access_key"]),
        "X-BG-HMAC-SIGNATURE": base64.b64encode(
            hmac.digest(str(known["secret"]).encode(), text.encode(), "sha256")
        ).decode(),
        "X-BG-HMAC-ALGORITHM": "hmac-sha256",
        "X-BG-DATE-TIME": date,
    }
    return client.post(path, json={"orgID": org, **content}, headers=headers)


def begin(client: FlaskClient, mode: str = "R01", plaintext: bool = False) -> str:
    found = str(call(client, "bizSeq", mode=mode, plaintext=plaintext).json["bizSeq"])
    assert len(found) == 32
    return found


def address(biz_seq: str, **changes: str) -> str:
    asked = {"orgID": "org", "appID": "0002", "bizSeq": biz_seq, "type": "0", "back": BACK, "state": "s"}
    return f"/network-id/app?{urlencode(asked | changes)}"


def prove(client: FlaskClient, biz_seq: str, consent: bool = False, **changes: str) -> dict[str, str]:
    form = {"person": "li-jianguo"} | ({"consent": "1"} if consent else {})
    response = client.post(address(biz_seq, **changes), data=form)
    assert response.status_code == 302, response.text
    return dict(parse_qsl(urlsplit(response.location).query))


def verify(client: FlaskClient, given: dict[str, str], org: str = "org", **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        name: given[name] for name in ("bizSeq", "idCardAuthData", "certPwdData") if name in given
    }
    return dict(call(client, "verify", org, **(content | changes)).json or {})


def test_the_result_names_nobody(client: FlaskClient) -> None:
    given = prove(client, begin(client))
    assert given["state"] == "s" and "certPwdData" not in given

    told = verify(client, given)

    assert told["resultCode"] == "C0000000" and told["mode"] == "R01"
    assert PERSONS["li-jianguo"].name not in str(told) and str(PERSONS["li-jianguo"].document_number) not in str(told)


def test_somebody_is_the_same_pseudonym_each_time(client: FlaskClient) -> None:
    pids = {verify(client, prove(client, begin(client)))["pid"] for _ in range(2)}

    assert len(pids) == 1


@pytest.mark.parametrize(
    ("asked", "consented", "asks_again"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_a_name_is_told_only_where_all_agree(
    client: FlaskClient, asked: bool, consented: bool, asks_again: bool
) -> None:
    given = prove(client, begin(client, plaintext=asked), consented)

    assert "plaintext" not in verify(client, given, plaintext=asks_again)


def test_a_name_is_told_where_all_agree(client: FlaskClient) -> None:
    told = verify(client, prove(client, begin(client, plaintext=True), consent=True), plaintext=True)

    assert told["plaintext"] == {"name": "李建国", "idNumber": PERSONS["li-jianguo"].document_number}


def test_the_mode_with_a_password_gives_password_data(client: FlaskClient) -> None:
    given = prove(client, begin(client, "R02"), type="1")

    assert verify(client, {**given, "certPwdData": "guessed"})["resultCode"] != "C0000000"
    again = prove(client, begin(client, "R02"), type="1")
    assert verify(client, again)["resultCode"] == "C0000000"


def test_a_transaction_is_verified_once(client: FlaskClient) -> None:
    given = prove(client, begin(client))
    assert verify(client, given)["resultCode"] == "C0000000"

    assert verify(client, given)["resultCode"] != "C0000000"


@pytest.mark.parametrize("changes", [{"bizSeq": "0" * 32}, {"idCardAuthData": "x"}, {"org": "other"}], ids=str)
def test_another_transaction_or_organisation_is_refused(client: FlaskClient, changes: dict[str, Any]) -> None:
    assert verify(client, prove(client, begin(client)), **changes)["resultCode"] != "C0000000"


def test_who_has_not_proved_it_yet_is_not_verified(client: FlaskClient) -> None:
    given = {"bizSeq": begin(client), "idCardAuthData": "None"}

    assert verify(client, given)["resultCode"] != "C0000000"


@pytest.mark.parametrize(
    "changes",
    [{"orgID": "other"}, {"appID": "0009"}, {"bizSeq": "0" * 32}, {"type": "1"}, {"back": "https://evil.example"}],
    ids=str,
)
def test_the_app_opens_for_its_own_callers_only(client: FlaskClient, changes: dict[str, str]) -> None:
    assert client.get(address(begin(client), **changes)).status_code == 400


def test_the_app_opens_once(client: FlaskClient) -> None:
    found = begin(client)
    prove(client, found)

    assert client.post(address(found), data={"person": "zhang-wei"}).status_code == 400


def test_who_cancels_or_is_nobody(client: FlaskClient) -> None:
    found = begin(client)

    assert client.post(address(found), data={"person": "chen-clerk"}).status_code == 400
    back = client.post(address(found), data={"person": "deny"}).location
    assert "C0401001" in back and "idCardAuthData" not in back


def test_the_page_is_in_two_languages_and_asks_for_consent_only_where_it_is_needed(client: FlaskClient) -> None:
    plain, asking = (client.get(address(begin(client, plaintext=one))).text for one in (False, True))

    assert "自愿" in plain and "Voluntary" in plain
    assert "单独同意" not in plain and "单独同意" in asking


@pytest.mark.parametrize("name", ["bizSeq", "verify"])
def test_an_old_signature_is_refused(client: FlaskClient, name: str) -> None:
    assert call(client, name, at=time.time() - 600, mode="R01").status_code == 401


def test_an_unknown_mode_or_organisation_begins_nothing(client: FlaskClient) -> None:
    assert call(client, "bizSeq", mode="R09").json["resultCode"] != "C0000000"
    assert client.post("/network-id/bizSeq", json={"orgID": "nobody", "mode": "R01"}).status_code == 401
    assert client.post("/network-id/bizSeq", json=[]).status_code == 401
