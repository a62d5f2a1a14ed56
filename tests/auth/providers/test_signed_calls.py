"""Signed calls: the shape that provinces ask (domain-facts §2.2, example B), and what comes back believed or not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from flask import Flask

from app import clock
from app.settings import settings
from auth.providers.interface import LoginRefused, ProviderAway, Wish
from auth.providers.network_id import NetworkIdProvider
from auth.providers.signed_calls import SignedCalls
from auth.providers.ticket import TicketProvider
from tests.auth.providers.drivers import TIMEOUT, fresh_handshake

AT = datetime(2026, 11, 22, 8, 30, 5, tzinfo=UTC)
CALLS = SignedCalls("key-1", "hidden-secret")
BACK = "https://app.example/back"


def test_a_request_is_signed_line_by_line() -> None:
    headers = CALLS.headers("POST", "https://province.example/uc/sso/access_token?b=2&a=%E5%80%BC", AT)

    signed = b"POST\n/uc/sso/access_token\na=%E5%80%BC&b=2\nkey-1\nSun, 22 Nov 2026 08:30:05 GMT\n"
    expected = base64.b64encode(hmac.new(b"hidden-secret", signed, hashlib.sha256).digest()).decode()
    assert headers == {
        "X-BG-HMAC-ACCESS-KEY": "key-1",
        "X-BG-HMAC-SIGNATURE": expected,
        "X-BG-HMAC-ALGORITHM": "hmac-sha256",
        "X-BG-DATE-TIME": "Sun, 22 Nov 2026 08:30:05 GMT",
    }


def test_the_date_is_in_gmt_wherever_the_moment_was_told() -> None:
    told = CALLS.headers("POST", "https://province.example/", AT.astimezone(clock.CHINA))

    assert told == CALLS.headers("POST", "https://province.example/", AT)


def test_neither_is_the_secret_shown() -> None:
    assert "hidden" not in repr(CALLS)


def knock(outside: str, environment: dict[str, str], **changes: str | None) -> requests.Response:
    """Redeem a ticket that does not exist, by a request whose headers are changed."""
    options = json.loads(environment["EID_PROVIDERS"])["province"]
    url = f"{outside}/ticket-login/uc/sso/access_token"
    headers = SignedCalls(options["access_key"], options["secret_key"]).headers("POST", url, clock.now())
    changed = {**headers, **changes}
    sent = {name: value for name, value in changed.items() if value is not None}
    return requests.post(url, json={"ticketId": "x", "appId": options["app_id"]}, headers=sent, timeout=TIMEOUT)


def test_the_province_understands_our_signature(outside: str, settings_environment: dict[str, str]) -> None:
    answer = knock(outside, settings_environment)

    assert (answer.status_code, answer.json()["success"]) == (200, False), "signed well; the ticket is no ticket"


@pytest.mark.parametrize(
    "changes",
    [
        {"X-BG-HMAC-SIGNATURE": base64.b64encode(b"x" * 32).decode()},
        {"X-BG-HMAC-SIGNATURE": None},
        {"X-BG-HMAC-ALGORITHM": "hmac-sha1"},
        {"X-BG-HMAC-ALGORITHM": None},
        {"X-BG-HMAC-ACCESS-KEY": "access-key-organisation"},
        {"X-BG-HMAC-ACCESS-KEY": "unknown"},
        {"X-BG-DATE-TIME": None},
        {"X-BG-DATE-TIME": "yesterday"},
        {"X-BG-DATE-TIME": "Sun, 22 Nov 2020 08:30:05 GMT"},
    ],
    ids=str,
)
def test_the_province_refuses_what_is_not_signed_well(
    outside: str, settings_environment: dict[str, str], changes: dict[str, str | None]
) -> None:
    assert knock(outside, settings_environment, **changes).status_code == 401


@pytest.mark.parametrize("minutes", [-6, 6])
def test_the_province_refuses_a_signature_of_another_time(
    outside: str, settings_environment: dict[str, str], minutes: int
) -> None:
    """A whole request that somebody recorded, or a clock that is wrong: the signature itself holds."""
    with clock.moved(timedelta(minutes=minutes)):
        assert knock(outside, settings_environment).status_code == 401


class Liar:
    """A provider in a thread that says whatever a story wants; `told` maps the end of a path to status and body."""

    def __init__(self) -> None:
        self.told: dict[str, tuple[int, bytes]] = {}
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, body = liar.told[self.path.rsplit("/", 1)[1]]
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", liar.url + "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def say(self, name: str, content: Any, status: int = 200) -> None:
        self.told[name] = (status, json.dumps(content).encode())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def liar(product: Flask) -> Iterator[Liar]:
    made = Liar()
    yield made
    made.close()


PERSON = {
    "userId": "u1",
    "userName": "李建国",
    "paperstype": "1",
    "idNo": "532399198806150316",
    "phone": "19900000002",
    "authLevel": "3",
    "loginTime": "2026-11-22 16:30:05",
}
LEGAL = {"corpName": "云岭沙箱商贸有限公司", "uniscId": "91532399MA6YUNX11M", "role": "1"}


def ask_province(liar: Liar, flow: str = "person") -> Any:
    provider = TicketProvider(liar.url, liar.url, "app", "key", "secret", [BACK], {"1": 1, "2": 2, "3": 3}, flow=flow)
    handshake = fresh_handshake()
    return provider.identify(handshake, {"ticket": "t", "state": handshake.state})


def redeem(liar: Liar, flow: str = "person", legal: Any = None, **changes: Any) -> Any:
    liar.say("access_token", {"success": True, "data": {"accessToken": "token"}})
    about = {name: value for name, value in {**PERSON, **changes}.items() if value is not None}
    liar.say("getUserInfo", {"success": True, "data": {"personInfo": about, "legalInfo": legal}})
    return ask_province(liar, flow)


def test_what_the_province_says_becomes_a_proof(liar: Liar) -> None:
    proof = redeem(liar)

    assert (proof.subject, proof.level, proof.method) == ("u1", 3, "ticket")
    assert proof.authenticated_at == AT
    assert proof.identity("province").phone is None, "a phone that a province knows is not one that was proved now"


@pytest.mark.parametrize(("theirs", "ours"), [("1", "111"), ("3", "516"), ("4", "511"), ("5", "553")])
def test_documents_have_the_national_codes(liar: Liar, theirs: str, ours: str) -> None:
    assert redeem(liar, paperstype=theirs).claims["document_type"] == ours


@pytest.mark.parametrize("level", ["9", "", None, 3.5, ["3"]], ids=str)
def test_an_unknown_level_is_none(liar: Liar, level: Any) -> None:
    assert redeem(liar, authLevel=level).level == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"userName": None},
        {"userName": 7},
        {"idNo": ""},
        {"paperstype": "77"},
        {"loginTime": None},
        {"loginTime": "yesterday"},
        {"loginTime": 1732263000},
    ],
    ids=str,
)
def test_half_a_person_or_a_proof_of_no_time_is_refused(liar: Liar, changes: dict[str, Any]) -> None:
    with pytest.raises(LoginRefused):
        redeem(liar, **changes)


def test_whoever_acts_for_an_organisation_is_another_identity(liar: Liar) -> None:
    own, acting = redeem(liar), redeem(liar, "organisation", LEGAL)

    organisation = acting.identity("province").organisation
    assert organisation is not None
    assert (organisation.credit_code, organisation.role) == ("91532399MA6YUNX11M", "legal_representative")
    assert acting.subject != own.subject
    assert redeem(liar, "organisation", LEGAL | {"role": "2"}).claims["organisation_role"] == "handler"


def test_the_persons_flow_opens_no_organisation(liar: Liar) -> None:
    assert redeem(liar, "person", LEGAL).identity("province").organisation is None


@pytest.mark.parametrize("legal", [None, [], LEGAL | {"role": "9"}, LEGAL | {"uniscId": None}], ids=str)
def test_an_organisation_that_is_not_vouched_for_is_refused(liar: Liar, legal: Any) -> None:
    with pytest.raises(LoginRefused):
        redeem(liar, "organisation", legal)


NONSENSE = [
    (200, b""),
    (200, b"<html>"),
    (200, b"[]"),
    (200, b"null"),
    (200, b"7"),
    (200, b"{}"),
    (500, b"{}"),
    (302, b""),
]


@pytest.mark.parametrize("name", ["access_token", "getUserInfo"])
@pytest.mark.parametrize(
    "told", [*NONSENSE, (200, b'{"success": true}'), (200, b'{"success": true, "data": {}}')], ids=str
)
def test_a_province_that_talks_nonsense_is_away(liar: Liar, name: str, told: tuple[int, bytes]) -> None:
    liar.say("access_token", {"success": True, "data": {"accessToken": "token"}})
    liar.told[name] = told

    with pytest.raises(ProviderAway):
        ask_province(liar)


def network_id(liar: Liar) -> NetworkIdProvider:
    return NetworkIdProvider(liar.url, "org", {"ios": "0003"}, "key", "secret", {"R01": 3, "R02": 4})


SEQ = "a" * 32
KEPT = {"biz_seq": SEQ, "mode": "R01", "plaintext": True}
RESULT = {"resultCode": "C0000000", "bizSeq": SEQ, "mode": "R01", "pid": "p1", "authTime": int(AT.timestamp() * 1000)}


def verify(liar: Liar, kept: dict[str, Any] | None = None, **changes: Any) -> Any:
    handshake = fresh_handshake()
    handshake.kept.update(kept or KEPT)
    liar.say("verify", {name: value for name, value in {**RESULT, **changes}.items() if value is not None})
    answer = {"biz_seq": SEQ, "id_card_auth_data": "data", "cert_pwd_data": "password"}
    return network_id(liar).identify(handshake, answer)


def test_the_result_is_a_pseudonym_and_no_more(liar: Liar) -> None:
    proof = verify(liar)

    assert (proof.subject, proof.level, proof.claims) == ("p1", 3, {})
    assert proof.authenticated_at == AT
    assert proof.identity("network-id").person is None


def test_name_and_number_are_dropped_where_nobody_agreed_to_them(liar: Liar) -> None:
    """管理办法: 未经用户单独同意, 不得要求提供明文身份信息."""
    plain = {"name": "李建国", "idNumber": "532399198806150316"}

    assert verify(liar, KEPT | {"plaintext": False}, plaintext=plain).claims == {}
    assert verify(liar, plaintext=plain).claims["document_number"] == "532399198806150316"


@pytest.mark.parametrize(
    "changes",
    [
        {"bizSeq": "b" * 32},
        {"bizSeq": None},
        {"mode": "R02"},
        {"authTime": None},
        {"authTime": "yesterday"},
        {"authTime": 10**30},
        {"resultCode": "C0401001"},
        {"resultCode": "C0412002"},
        {"plaintext": {"name": "李建国"}},
    ],
    ids=str,
)
def test_a_result_that_does_not_hold_is_refused(liar: Liar, changes: dict[str, Any]) -> None:
    with pytest.raises(LoginRefused):
        verify(liar, **changes)


@pytest.mark.parametrize("changes", [{"resultCode": None}, {"resultCode": 0}, {"pid": None}, {"pid": 7}], ids=str)
def test_a_result_that_says_nothing_is_away(liar: Liar, changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderAway):
        verify(liar, **changes)


@pytest.mark.parametrize("told", NONSENSE, ids=str)
def test_a_service_that_talks_nonsense_is_away(liar: Liar, told: tuple[int, bytes]) -> None:
    handshake = fresh_handshake()
    handshake.kept.update(KEPT)
    liar.told["bizSeq"] = liar.told["verify"] = told

    with pytest.raises(ProviderAway):
        network_id(liar).begin(fresh_handshake(), Wish())
    with pytest.raises(ProviderAway):
        network_id(liar).identify(handshake, {"biz_seq": SEQ, "id_card_auth_data": "data"})


@pytest.mark.parametrize("seq", ["", "short", "a" * 33, "a" * 31 + "!", 7, None], ids=str)
def test_a_sequence_number_of_another_shape_begins_nothing(liar: Liar, seq: Any) -> None:
    liar.say("bizSeq", {"resultCode": "C0000000", "bizSeq": seq})

    with pytest.raises(ProviderAway):
        network_id(liar).begin(fresh_handshake(), Wish())


def test_who_does_not_answer_in_time_is_away(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        # It listens and never answers: nobody serves its requests.
        monkeypatch.setitem(vars(settings()), "outside_timeout", timedelta(seconds=0.2))
        with pytest.raises(ProviderAway):
            CALLS.post(f"http://127.0.0.1:{silent.server_address[1]}/", {})
