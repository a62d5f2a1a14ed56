"""What WeChat tells us by its push: credits come and go with it, once each, in whatever shape it says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.settings import settings
from notifications import wechat_events
from sandbox import wechat_push as sandbox_push
from sandbox.settings import Settings as SandboxSettings
from tests.product import Phone

Sql = Callable[..., list[Any]]
TIMEOUT = 60
POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
purge: Any = wechat_events.purge


class Pusher:
    """WeChat, pushing to our door without a network between: its own code of the sandbox signs and encrypts."""

    def __init__(self, client: FlaskClient, phone: Phone) -> None:
        self.client = client
        self.openid = f"openid-{phone.resident_id}"
        self.chosen = SandboxSettings(
            *("", "", "", "", {}, {}, {}, settings().wechat_app_id, "", settings().wechat_progress_template),
            wechat_push_token=settings().wechat_push_token,
            wechat_push_key=settings().wechat_push_keys[0],
        )

    def message(self, event: str, *entries: dict[str, str], shape: str = "json") -> bytes:
        """An event that no other of this story is like."""
        template = {"TemplateId": settings().wechat_progress_template}
        return sandbox_push.subscription(self.openid, event, [template | one for one in entries], shape)

    def send(self, message: bytes, shape: str = "json") -> TestResponse:
        query, body = sandbox_push.request_for(self.chosen, self.openid, message, shape)
        return self.post(query, body)

    def post(self, query: dict[str, str], body: bytes) -> TestResponse:
        return self.client.post("/v1/wechat/events", query_string=query, data=body)

    def tell(self, event: str, *entries: dict[str, str], shape: str = "json") -> None:
        answer = self.send(self.message(event, *entries, shape=shape), shape)
        assert (answer.status_code, answer.text) == (200, "success"), answer.text


ACCEPT = {"SubscribeStatusString": "accept", "PopupScene": "0"}
REJECT = {"SubscribeStatusString": "reject"}


@pytest.fixture
def wechat(client: FlaskClient, phone: Phone) -> Pusher:
    return Pusher(client, phone)


def test_the_address_is_checked_with_its_own_words(wechat: Pusher, client: FlaskClient) -> None:
    words = {"timestamp": str(int(time.time())), "nonce": "7"}
    query = words | {"signature": sandbox_push.sign(settings().wechat_push_token, *words.values()), "echostr": "43751"}

    answer = client.get("/v1/wechat/events", query_string=query)

    assert (answer.status_code, answer.text, answer.mimetype) == (200, "43751", "text/plain")
    assert client.get("/v1/wechat/events", query_string=query | {"signature": "0" * 40}).status_code == 401
    assert client.get("/v1/wechat/events", query_string=query | {"echostr": "<b>é"}).status_code == 401


@pytest.mark.parametrize("shape", ["json", "xml"])
def test_an_accept_that_the_client_did_not_tell_counts(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int], shape: str
) -> None:
    allow(0)

    wechat.tell(POPUP, ACCEPT, shape=shape)
    wechat.tell(POPUP, ACCEPT, {"SubscribeStatusString": "reject"}, shape=shape)

    assert credits_left() == 2


def test_an_accept_that_the_client_told_before_is_not_counted_twice(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int]
) -> None:
    allow(2)
    for expected in (2, 2, 3):
        wechat.tell(POPUP, ACCEPT)
        assert credits_left() == expected


@pytest.mark.parametrize("shape", ["json", "xml"])
def test_a_cancel_sets_the_credits_to_nothing(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int], shape: str
) -> None:
    allow(3)

    wechat.tell(CHANGE, REJECT, shape=shape)

    assert credits_left() == 0
    wechat.tell(POPUP, ACCEPT)
    assert credits_left() == 1


def test_a_refusal_in_the_prompt_takes_nothing_that_was_allowed_before(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int]
) -> None:
    allow(2)

    wechat.tell(POPUP, REJECT)

    assert credits_left() == 2


def test_an_event_that_wechat_repeats_counts_once(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int]
) -> None:
    allow(0)
    message = wechat.message(POPUP, ACCEPT)
    same = sandbox_push.request_for(wechat.chosen, wechat.openid, message, "json")

    answers = [wechat.post(*same).text, wechat.post(*same).text, wechat.send(message).text]

    assert answers == ["success"] * 3 and credits_left() == 1


def test_of_many_repeats_at_the_same_moment_one_counts(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int]
) -> None:
    allow(0)
    message = wechat.message(POPUP, ACCEPT)
    with ThreadPoolExecutor(4) as pool:
        answers = [answer.text for answer in pool.map(lambda _: wechat.send(message), range(4))]

    assert answers == ["success"] * 4 and credits_left() == 1


def test_a_signature_with_another_message_behind_it_is_refused(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only plain mode lets somebody try: there the signature covers no body."""
    allow(0)
    whole = settings()
    monkeypatch.setattr("auth.wechat_push.settings", lambda: replace_keys(whole))
    words = {"timestamp": str(int(time.time())), "nonce": "12345"}
    query = words | {"signature": sandbox_push.sign(whole.wechat_push_token, *words.values())}

    assert wechat.post(query, wechat.message(POPUP, REJECT)).text == "success"
    forged = wechat.post(query, wechat.message(POPUP, ACCEPT))

    assert (forged.status_code, forged.json["code"]) == (409, "push_replayed")
    assert credits_left() == 0


def replace_keys(whole: Any) -> Any:
    from_now = {name: getattr(whole, name) for name in ("wechat_push_token", "wechat_app_id")}
    return type("Plain", (), {**from_now, "wechat_push_keys": ()})


def test_of_other_templates_other_people_and_other_events_nothing_follows(
    wechat: Pusher, allow: Callable[[int], None], credits_left: Callable[[], int]
) -> None:
    allow(1)
    wechat.tell(POPUP, ACCEPT | {"TemplateId": "another"})
    wechat.tell(CHANGE, REJECT | {"TemplateId": "another"})
    wechat.openid, mine = "openid-of-nobody", wechat.openid
    wechat.tell(CHANGE, REJECT)
    wechat.openid = mine

    assert credits_left() == 1


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"Event": POPUP},
        {"Event": ["x"], "FromUserName": "o"},
        {"Event": POPUP, "FromUserName": 7},
        {"Event": POPUP, "FromUserName": "o", "List": None},
        {"Event": POPUP, "FromUserName": "o", "List": ["x", 7, None, []]},
        {"Event": POPUP, "FromUserName": "o", "SubscribeMsgPopupEvent": "x"},
        {"Event": SENT, "FromUserName": "o", "List": {"MsgID": None, "ErrorCode": {}}},
        {"Event": SENT, "FromUserName": "o", "List": {"MsgID": "9" * 99, "ErrorCode": "０"}},
        {"Event": "user_enter_tempsession", "FromUserName": "o"},
    ],
    ids=str,
)
def test_an_event_of_no_use_is_answered_and_forgotten(wechat: Pusher, message: dict[str, Any]) -> None:
    template = {"TemplateId": settings().wechat_progress_template}
    if isinstance(message.get("List"), dict):
        message = message | {"List": message["List"] | template}

    answer = wechat.send(json.dumps(message).encode())

    assert (answer.status_code, answer.text) == (200, "success")


def test_nobody_but_wechat_gets_in(wechat: Pusher, client: FlaskClient) -> None:
    query, body = sandbox_push.request_for(wechat.chosen, wechat.openid, wechat.message(POPUP, ACCEPT), "json")
    for forged in ({}, query | {"msg_signature": "0" * 40}, query | {"nonce": "1"}, query | {"timestamp": "1"}):
        answer = wechat.post(forged, body)
        assert (answer.status_code, answer.json["code"]) == (401, "wechat_signature_invalid")
    assert client.post("/v1/wechat/events", query_string=query, data=b"x" * 70_000).status_code == 413


@pytest.mark.parametrize(("code", "status"), [("0", "accepted"), ("20003", "refused"), ("-1", "refused")])
def test_what_became_of_a_message_is_noted(
    wechat: Pusher,
    allow: Callable[[int], None],
    phone: Phone,
    filed: dict[str, Any],
    sql: Sql,
    code: str,
    status: str,
) -> None:
    allow(1)
    sql(
        "INSERT INTO notifications (id, resident_id, submission_id, number) VALUES (gen_random_uuid(), %s, %s, 1)",
        phone.resident_id,
        filed["id"],
    )
    sql(
        "INSERT INTO attempts SELECT id, 'wechat', 'accepted', 'ok', '{\"msgid\": 2258154938567852033}', now()"
        " FROM notifications WHERE submission_id = %s",
        filed["id"],
    )
    mine = "SELECT a.* FROM attempts a JOIN notifications n ON n.id = a.notification_id WHERE n.submission_id = %s"

    wechat.tell(SENT, {"MsgID": "2258154938567852034", "ErrorCode": "20003", "ErrorStatus": "failed"})
    assert sql(mine, filed["id"])[0]["state"] == "accepted", "that was another message"
    wechat.tell(SENT, {"MsgID": "2258154938567852033", "ErrorCode": code, "ErrorStatus": "x"}, shape="xml")

    [attempt] = sql(mine, filed["id"])
    assert attempt["state"] == status
    assert attempt["detail"] == ("ok" if code == "0" else f"sent_{code}")
    assert attempt["receipt"].get("sent", False) is (code == "0")


def test_nothing_of_the_person_is_kept_of_a_push(
    wechat: Pusher, allow: Callable[[int], None], sql: Sql, log: list[str]
) -> None:
    allow(0)
    wechat.tell(POPUP, ACCEPT)

    kept = b"".join(bytes(row["mac"]) + bytes(row["content_mac"]) for row in sql("SELECT * FROM wechat_pushes"))
    assert wechat.openid.encode() not in kept and wechat.openid not in "\n".join(log)


def test_old_pushes_are_forgotten(wechat: Pusher, sql: Sql) -> None:
    wechat.send(b"{}")
    with clock.moved(timedelta(days=1, minutes=1)):
        purge(0)

    assert sql("SELECT count(*) FROM wechat_pushes")[0]["count"] == 0


def test_the_sandbox_pushes_accepts_and_cancels_to_us(outside: str, really_allow: Any, credits_left: Any) -> None:
    really_allow(1)
    template = requests.get(f"{outside}/wechat/phone/template", timeout=TIMEOUT).json()["template_id"]
    tap = {"person": "li-jianguo", "template_id": template, "times": 1}
    before = credits_left()
    for shape in ("json", "xml"):
        requests.post(f"{outside}/wechat/phone/accept", json=tap | {"shape": shape}, timeout=TIMEOUT).raise_for_status()
    assert credits_left() > before

    gone = requests.post(f"{outside}/wechat/phone/cancel", json={"person": "li-jianguo"}, timeout=TIMEOUT)

    assert gone.json() == {"credits": 0} and credits_left() == 0
