"""An office takes only what is signed and true, takes it once, and answers until it is heard."""

import base64
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook

from tests.sandbox.conftest import MakeApp
from tests.sandbox.fake_onephone import FakeOnePhone
from tests.sandbox.office_mail import OLD_SECRET, SECRET, photo, signed, submission

EVENTS = "/office/gongan/events"
YEAR = datetime.now(UTC).year


def cases(client: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/office/gongan", headers={"Accept": "application/json"}).get_json()[
        "items"
    ]
    return found


# What comes in


def test_receives(client: FlaskClient) -> None:
    response = client.post(EVENTS, **signed(submission()))
    assert response.status_code == 202
    assert response.get_json() == {"office_reference": f"GA-{YEAR}-000001"}
    assert client.post(EVENTS, **signed(submission("R2"))).get_json() == {"office_reference": f"GA-{YEAR}-000002"}
    assert [case["reference"] for case in cases(client)] == ["530000-TEST-1", "R2"]


def test_any_of_its_secrets_will_do(client: FlaskClient) -> None:
    assert client.post(EVENTS, **signed(submission(), OLD_SECRET)).status_code == 202


def test_same_id_again_is_the_same_case(client: FlaskClient) -> None:
    event = submission()
    first, again = client.post(EVENTS, **signed(event)), client.post(EVENTS, **signed(event))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.get_json() == again.get_json() and len(cases(client)) == 1


def test_same_id_many_times_at_once(make_app: MakeApp) -> None:
    app, event, gate = make_app(), submission(), threading.Barrier(8)

    def knock(_: int) -> tuple[int, str]:
        gate.wait()
        response = app.test_client().post(EVENTS, **signed(event))
        return response.status_code, response.get_json()["office_reference"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(knock, range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [202]
    assert {reference for _, reference in answers} == {f"GA-{YEAR}-000001"}
    assert len(cases(app.test_client())) == 1


def test_signature_of_another_secret(client: FlaskClient) -> None:
    response = client.post(EVENTS, **signed(submission(), "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA=="))
    assert response.status_code == 401 and cases(client) == []


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_header(client: FlaskClient, header: str) -> None:
    post = signed(submission())
    del post["headers"][header]
    assert client.post(EVENTS, **post).status_code == 401


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("webhook-id", "another"),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "nan"),
        ("webhook-timestamp", "1"),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1,%%%"),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v2,AAAA"),
        ("webhook-signature", ","),
    ],
)
def test_malformed_header(client: FlaskClient, header: str, value: str) -> None:
    post = signed(submission())
    post["headers"][header] = value
    assert client.post(EVENTS, **post).status_code == 401
    assert cases(client) == []


def test_changed_body(client: FlaskClient) -> None:
    post = signed(submission())
    post["data"] = post["data"].replace('"turn": 1', '"turn": 2')
    assert client.post(EVENTS, **post).status_code == 401


@pytest.mark.parametrize(("minutes", "status"), [(-4.9, 202), (-5.1, 401), (4.9, 202), (5.1, 401)])
def test_timestamp_within_five_minutes(client: FlaskClient, minutes: float, status: int) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    assert client.post(EVENTS, **signed(submission(), at=at)).status_code == status


def without(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in keys}


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"type": "cn.onephone.submission.accepted"},
        {"datacontenttype": "text/plain"},
        {"time": "yesterday"},
        {"time": "2026-11-20T08:00:00"},
        {"subject": "another reference"},
        {"source": ""},
        {"source": 5},
        {"data": None},
        {"data": []},
        {"data": without(submission()["data"], "due")},
        {"data": submission()["data"] | {"department": "minzheng"}},
        {"data": submission()["data"] | {"materials": None}},
        {"data": submission()["data"] | {"materials": ["photo"]}},
        {"data": submission()["data"] | {"materials": [photo("file:///etc/passwd")]}},
        {"data": submission()["data"] | {"materials": [photo("http://x", size="5")]}},
        {"data": submission()["data"] | {"applicant": "李建国"}},
    ],
)
def test_not_the_agreed_event(client: FlaskClient, change: dict[str, Any]) -> None:
    assert client.post(EVENTS, **signed(submission() | change)).status_code == 400
    assert cases(client) == []


@pytest.mark.parametrize("missing", ["specversion", "source", "type", "subject", "time", "data"])
def test_event_lacks_something(client: FlaskClient, missing: str) -> None:
    assert client.post(EVENTS, **signed(without(submission(), missing))).status_code == 400


def test_not_json_and_not_a_cloud_event(client: FlaskClient) -> None:
    at = datetime.now(UTC)
    for body in ("{", "[]", "5"):
        headers = {"webhook-id": "x", "webhook-timestamp": str(int(at.timestamp()))}
        headers["webhook-signature"] = Webhook(SECRET).sign("x", at, body)
        response = client.post(EVENTS, data=body, headers=headers, content_type="application/cloudevents+json")
        assert response.status_code == 400
    post = signed(submission()) | {"content_type": "application/json"}
    assert client.post(EVENTS, **post).status_code == 400


def test_webhook_id_must_be_the_events_id(client: FlaskClient) -> None:
    event, at = submission(), datetime.now(UTC)
    body = json.dumps(event)
    headers = {"webhook-id": "another", "webhook-timestamp": str(int(at.timestamp()))}
    headers["webhook-signature"] = Webhook(SECRET).sign("another", at, body)
    response = client.post(EVENTS, data=body, headers=headers, content_type="application/cloudevents+json")
    assert response.status_code == 400


def test_unknown_office(client: FlaskClient) -> None:
    assert client.post("/office/nowhere/events", **signed(submission())).status_code == 404
    assert client.get("/office/nowhere").status_code == 404


def test_true_material(client: FlaskClient, onephone: FakeOnePhone) -> None:
    event = submission(materials=[photo(onephone.url + "/photo.png")])
    assert client.post(EVENTS, **signed(event)).status_code == 202


@pytest.mark.parametrize("lie", [{"size": 5}, {"size": 5000}, {"size": 0}, {"sha256": "0" * 64}])
def test_untrue_material(client: FlaskClient, onephone: FakeOnePhone, lie: dict[str, Any]) -> None:
    event = submission(materials=[photo(onephone.url + "/photo.png", **lie)])
    response = client.post(EVENTS, **signed(event))
    assert (response.status_code, response.get_json()["error"]) == (422, "bad_material")
    assert cases(client) == []


@pytest.mark.parametrize("where", ["{}/gone.png", "http://127.0.0.1:9/photo.png"])
def test_unreachable_material_may_be_tried_again(client: FlaskClient, onephone: FakeOnePhone, where: str) -> None:
    event = submission(materials=[photo(where.format(onephone.url))])
    assert client.post(EVENTS, **signed(event)).status_code == 503
    event["data"]["materials"] = [photo(onephone.url + "/photo.png")]
    assert client.post(EVENTS, **signed(event)).status_code == 202


@pytest.mark.parametrize(("mode", "status"), [("down", 503), ("wrong", 200)])
def test_misbehaving_office_keeps_nothing(client: FlaskClient, mode: str, status: int) -> None:
    client.put("/office/gongan/control", json={"mode": mode})
    response = client.post(EVENTS, **signed(submission()))
    assert response.status_code == status and response.get_json(silent=True) is None
    assert cases(client) == []
    assert client.get("/office/gongan").status_code == 200


# What goes out


def checked(onephone: FakeOnePhone) -> None:
    """Every event that arrived is signed for this moment, under its own id."""
    for headers, body in onephone.events:
        Webhook(SECRET).verify(body, headers)
        assert headers["Webhook-Id"] == json.loads(body)["id"]
        assert headers["Content-Type"] == "application/cloudevents+json"


def test_answers_by_itself(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    client = make_app(running=True, onephone_url=onephone.url).test_client()
    start = monotonic()
    client.post(EVENTS, **signed(submission()))
    accepted, approved = onephone.wait_for(2)
    assert monotonic() - start > 0.7
    checked(onephone)
    assert accepted["type"] == "cn.onephone.submission.accepted"
    assert accepted["subject"] == approved["subject"] == "530000-TEST-1"
    assert accepted["source"] == "http://sandbox.test/office/gongan" and accepted["specversion"] == "1.0"
    assert datetime.fromisoformat(accepted["time"]).tzinfo is not None
    assert accepted["data"] == {
        "office_reference": f"GA-{YEAR}-000001",
        "handler": "杨志强",
        "opinion": "材料齐全，符合法定形式，予以受理。",
        "sequence": 1,
    }
    assert approved["type"] == "cn.onephone.submission.approved" and approved["data"]["sequence"] == 2
    result = approved["data"]["result"]
    pdf = base64.b64decode(result["content"], validate=True)
    assert pdf.startswith(b"%PDF-") and result["content_type"] == "application/pdf"
    assert hashlib.sha256(pdf).hexdigest() == result["sha256"] and result["filename"].endswith(".pdf")
    sleep(0.3)
    assert len(onephone.events) == 2
    assert cases(client)[0]["state"] == "approved"


def test_repeats_the_same_event_until_heard(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    onephone.statuses = [500, 404, 202]
    client = make_app(running=True, onephone_url=onephone.url).test_client()
    client.post(EVENTS, **signed(submission()))
    events = onephone.wait_for(4)
    checked(onephone)
    assert events[0] == events[1] == events[2] and events[0]["type"].endswith("accepted")
    assert events[3]["type"].endswith("approved") and events[3]["id"] != events[0]["id"]


def test_twice(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    client = make_app(running=True, onephone_url=onephone.url).test_client()
    client.put("/office/gongan/control", json={"twice": True})
    client.post(EVENTS, **signed(submission()))
    events = onephone.wait_for(4)
    assert events[0] == events[1] and events[2] == events[3] and events[0]["id"] != events[2]["id"]
    sleep(0.3)
    assert len(onephone.events) == 4


def test_by_hand(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    client = make_app(running=True, onephone_url=onephone.url).test_client()
    client.put("/office/gongan/control", json={"auto": False})
    client.post(EVENTS, **signed(submission()))
    sleep(0.5)
    assert onephone.events == []
    page = f"/office/gongan/cases/GA-{YEAR}-000001"
    response = client.post(page, data={"kind": "accepted"})
    assert (response.status_code, response.location) == (303, f"/office/gongan#GA-{YEAR}-000001")
    onephone.wait_for(1)
    assert client.post(page, json={"kind": "refused", "reason": "居住不满半年"}).status_code == 202
    _, refusal = onephone.wait_for(2)
    assert refusal["type"] == "cn.onephone.submission.refused"
    assert refusal["data"]["reason"] == "居住不满半年" and refusal["data"]["sequence"] == 2
    assert "result" not in refusal["data"]


@pytest.mark.parametrize("body", [{}, [], {"kind": "lost"}, {"kind": "refused", "reason": 5}])
def test_answer_that_is_none(client: FlaskClient, body: Any) -> None:
    client.post(EVENTS, **signed(submission()))
    assert client.post(f"/office/gongan/cases/GA-{YEAR}-000001", json=body).status_code == 400
    assert client.post("/office/gongan/cases/GA-0", json={"kind": "accepted"}).status_code == 404


def test_an_office_that_is_down_says_nothing(make_app: MakeApp, onephone: FakeOnePhone) -> None:
    # Down before the first answer is due, however long the machine takes in between.
    app = make_app(onephone_url=onephone.url)
    client = app.test_client()
    client.post(EVENTS, **signed(submission()))
    client.put("/office/gongan/control", json={"mode": "down"})
    app.extensions["sandbox.sender"].start()
    sleep(0.6)
    assert onephone.events == []
    client.put("/office/gongan/control", json={"mode": "ok"})
    onephone.wait_for(2)


def test_page_shows_masked_cases_and_escapes(make_app: MakeApp) -> None:
    client = make_app().test_client()
    client.put("/office/gongan/control", json={"auto": False})
    event = submission(applicant={"name": "欧阳雪"}, service={"name": {"zh": "<script>x</script>"}})
    client.post(EVENTS, **signed(event))
    page = client.get("/office/gongan").text
    assert "欧阳*" in page and "欧阳雪" not in page
    assert "&lt;script&gt;" in page and "<script>" not in page
    for kind in ("accepted", "correction_asked", "declined"):
        assert f'value="{kind}"' in page
