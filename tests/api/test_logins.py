"""Logins through a real OpenID provider: the sandbox's, which refuses what the RFCs tell it to refuse."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from tests.product import Phone

Sql = Callable[..., list[Any]]


def begin(client: FlaskClient, outside: str, doors: str = "", **wish: Any) -> dict[str, Any]:
    """A login under way; `doors` is "" for residents and "/desk" for staff."""
    page = "/clerk/callback" if doors else "/phone/callback"
    response = client.post(f"/v1{doors}/logins", json={"provider": "sandbox", "redirect_uri": outside + page, **wish})
    assert response.status_code == 201, response.text
    return cast(dict[str, Any], response.json)


def say_who(login: dict[str, Any], person: str, **form: str) -> dict[str, str]:
    """What the provider sends the person back with."""
    answer = requests.post(login["authorize_url"], data={"person": person, **form}, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def finish(client: FlaskClient, login: dict[str, Any], back: dict[str, str], doors: str = "") -> TestResponse:
    answer = {"secret": login["secret"]} | {name: back[name] for name in ("code", "state", "iss") if name in back}
    return client.post(f"/v1{doors}/logins/{login['id']}/complete", json=answer)


def me(client: FlaskClient, tokens: TestResponse) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {tokens.json['access_token']}"}
    return cast(dict[str, Any], client.get("/v1/me", headers=headers).json)


def refused(response: TestResponse, status: int, code: str) -> None:
    assert (response.status_code, response.json["code"]) == (status, code), response.text
    assert "access_token" not in response.text


def test_the_person_is_sent_to_the_provider_with_pkce_state_and_nonce(client: FlaskClient, outside: str) -> None:
    first, second = begin(client, outside), begin(client, outside)

    asked = [parse_qs(urlsplit(login["authorize_url"]).query) for login in (first, second)]
    assert first["authorize_url"].startswith(f"{outside}/eid/authorize?")
    for query in asked:
        assert query["response_type"] == ["code"]
        assert query["code_challenge_method"] == ["S256"]
        assert len(base64.urlsafe_b64decode(query["code_challenge"][0] + "=")) == 32
        assert query["redirect_uri"] == [f"{outside}/phone/callback"]
        assert "client_secret" not in query and "code_verifier" not in query
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name], f"{name} is used once"
        assert len(asked[0][name][0]) >= 43


def test_a_resident_logs_in_and_is_who_the_eid_says(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside)

    tokens = finish(client, login, say_who(login, "ouyang-xue"))

    assert tokens.status_code == 200
    assert tokens.json["token_type"] == "Bearer"
    assert tokens.json["expires_in"] == 900
    profile = me(client, tokens)
    assert (profile["name"], profile["identity_level"]) == ("欧阳雪", 3)


def test_the_same_person_is_the_same_resident_next_time(client: FlaskClient, outside: str) -> None:
    seen = set()
    for person in ("li-jianguo", "li-jianguo", "zhang-wei"):
        login = begin(client, outside)
        seen.add((person, me(client, finish(client, login, say_who(login, person)))["id"]))

    assert len(seen) == 2


def test_less_than_was_asked_for_is_refused(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside, level=4)

    refused(finish(client, login, say_who(login, "li-jianguo", level="2")), 403, "login_too_weak")


def test_a_step_up_asks_the_provider_for_that_level_first(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside, level=4)

    wanted = parse_qs(urlsplit(login["authorize_url"]).query)["acr_values"][0].split()

    assert wanted[0].endswith(":level:4")
    assert me(client, finish(client, login, say_who(login, "li-jianguo")))["identity_level"] == 4


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"provider": "nobody"}, "/provider"),
        ({"redirect_uri": "https://evil.example/"}, "/redirect_uri"),
        ({"level": 5}, "/level"),
        ({"level": 0}, "/level"),
        ({"level": "3"}, "/level"),
    ],
)
def test_a_login_only_starts_for_known_providers_addresses_and_levels(
    client: FlaskClient, outside: str, wish: dict[str, Any], pointer: str
) -> None:
    usual = {"provider": "sandbox", "redirect_uri": f"{outside}/phone/callback"}

    response = client.post("/v1/logins", json=usual | wish)

    assert (response.status_code, list(response.json["errors"])) == (422, [pointer])


@pytest.mark.parametrize("tail", ["/", "?next=https://evil.example", "#", "/../callback"])
def test_a_registered_address_is_matched_exactly(client: FlaskClient, outside: str, tail: str) -> None:
    wish = {"provider": "sandbox", "redirect_uri": f"{outside}/phone/callback{tail}"}

    assert client.post("/v1/logins", json=wish).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"code": "another"},
        {"iss": "https://evil.example"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_answer_that_does_not_fit_is_refused_and_the_login_is_spent(
    client: FlaskClient, outside: str, change: dict[str, str]
) -> None:
    login = begin(client, outside)
    back = say_who(login, "li-jianguo")

    refused(finish(client, login, back | change), 403, "login_refused")

    refused(finish(client, login, back), 403, "login_refused")


def test_a_login_is_good_for_one_use(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside)
    back = say_who(login, "li-jianguo")
    assert finish(client, login, back).status_code == 200

    refused(finish(client, login, back), 403, "login_refused")


def test_a_code_of_another_login_is_refused(client: FlaskClient, outside: str) -> None:
    mine, stolen = begin(client, outside), begin(client, outside)
    code = say_who(stolen, "li-jianguo")["code"]

    # The thief's login has another verifier and another nonce, so the code is worth nothing there.
    refused(finish(client, mine, say_who(mine, "zhang-wei") | {"code": code}), 403, "login_refused")


def test_a_login_expires(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside)
    back = say_who(login, "li-jianguo")

    with clock.moved(timedelta(minutes=11)):
        refused(finish(client, login, back), 403, "login_refused")


def test_an_unknown_login_is_refused_like_any_other(client: FlaskClient) -> None:
    nobodys = {"id": str(uuid.uuid4()), "secret": "s"}

    refused(finish(client, nobodys, {"code": "c", "state": "s"}), 403, "login_refused")
    assert client.post("/v1/logins/1/complete", json={}).status_code == 404


def test_who_presses_cancel_at_the_provider_comes_back_without_a_code(client: FlaskClient, outside: str) -> None:
    back = say_who(begin(client, outside), "deny")

    assert back["error"] == "access_denied"
    assert "code" not in back


@pytest.fixture
def provider_down(client: FlaskClient, outside: str) -> Iterator[None]:
    requests.put(f"{outside}/eid/control", json={"mode": "down"}, timeout=60).raise_for_status()
    yield
    requests.put(f"{outside}/eid/control", json={"mode": "ok"}, timeout=60).raise_for_status()


def test_while_the_provider_is_away_the_person_is_told_to_try_again(
    client: FlaskClient, outside: str, request: pytest.FixtureRequest
) -> None:
    login = begin(client, outside)
    back = say_who(login, "li-jianguo")
    request.getfixturevalue("provider_down")

    response = finish(client, login, back)

    refused(response, 503, "provider_away")
    assert int(response.headers["Retry-After"]) > 0


def test_staff_log_in_at_their_own_door_only(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside, "/desk")
    back = say_who(login, "chen-clerk")

    refused(finish(client, login, back), 403, "login_refused")
    fresh = begin(client, outside, "/desk")
    tokens = finish(client, fresh, say_who(fresh, "chen-clerk"), "/desk")

    assert tokens.status_code == 200
    headers = {"Authorization": f"Bearer {tokens.json['access_token']}"}
    wish = {"reference": "261122-0000-0000-0000-00", "reason": "核对"}
    assert client.post("/v1/desk/lookups", json=wish, headers=headers).status_code == 422
    assert client.get("/v1/me", headers=headers).status_code == 401


def test_whoever_is_not_on_the_staff_list_does_not_get_in_whatever_the_provider_says(
    client: FlaskClient, outside: str
) -> None:
    login = begin(client, outside, "/desk")

    refused(finish(client, login, say_who(login, "li-jianguo"), "/desk"), 403, "login_refused")


@pytest.fixture
def dismissed(client: FlaskClient, sql: Sql) -> Iterator[str]:
    """A member of staff who left; back again afterwards."""
    sql("UPDATE staff SET active = false WHERE staff_number = 'S0002'")
    yield "zhao-auditor"
    sql("UPDATE staff SET active = true WHERE staff_number = 'S0002'")


def test_whoever_left_does_not_get_in(client: FlaskClient, outside: str, dismissed: str) -> None:
    login = begin(client, outside, "/desk")

    refused(finish(client, login, say_who(login, dismissed), "/desk"), 403, "login_refused")


def test_staff_who_log_in_as_residents_need_a_document_of_their_own(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside)

    refused(finish(client, login, say_who(login, "chen-clerk")), 403, "login_refused")


def test_a_refresh_token_is_good_once_and_its_second_use_ends_the_session(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside)
    first = finish(client, login, say_who(login, "li-jianguo")).json["refresh_token"]

    second = client.post("/v1/tokens/refresh", json={"refresh_token": first}).json["refresh_token"]

    for spent in (first, second):
        refused(client.post("/v1/tokens/refresh", json={"refresh_token": spent}), 401, "refresh_token_invalid")


def test_logging_out_ends_the_session(client: FlaskClient, outside: str) -> None:
    login = begin(client, outside)
    tokens = finish(client, login, say_who(login, "li-jianguo")).json
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    assert client.delete("/v1/sessions/current", headers=headers).status_code == 204

    offered = {"refresh_token": tokens["refresh_token"]}
    refused(client.post("/v1/tokens/refresh", json=offered), 401, "refresh_token_invalid")


def test_a_clerk_logs_out_of_the_desk(make_clerk: Callable[[str], Phone], sql: Callable[..., list[Any]]) -> None:
    clerk = make_clerk("S0001")

    assert clerk.send("DELETE", "/v1/desk/sessions/current").status_code == 204

    refresh = clerk.client.post("/v1/tokens/refresh", json={"refresh_token": clerk.tokens["refresh_token"]})
    assert refresh.json["code"] == "refresh_token_invalid"
