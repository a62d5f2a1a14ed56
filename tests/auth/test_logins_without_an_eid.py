"""Who has no e-ID gets in by a code or by WeChat, sees and fills in, and proves who they are before they file."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from tests.auth.conftest import Browser
from tests.product import RunJobs

TIMEOUT = 60
NUMBERS = (f"1990005{place:04d}" for place in itertools.count())


class Way:
    """Logging in without a page, over the API."""

    def __init__(self, client: FlaskClient, outside: str, run_jobs: RunJobs) -> None:
        self.client, self.outside, self.run_jobs = client, outside, run_jobs

    def complete(self, login: Any, **answer: str) -> dict[str, Any]:
        found = self.client.post(f"/v1/logins/{login['id']}/complete", json={"secret": login["secret"], **answer})
        assert found.status_code == 200, found.text
        return dict(found.json or {})

    def by_code(self, number: str, voice: bool = False) -> dict[str, Any]:
        login = self.client.post("/v1/logins", json={"provider": "phone", "phone": number, "voice": voice}).json
        assert (login["protocol"], login["sent_to"]) == ("phone", f"199****{number[-4:]}")
        self.run_jobs()
        inbox = requests.get(
            f"{self.outside}/sms/inbox", {"to": number}, headers={"Accept": "application/json"}, timeout=TIMEOUT
        )
        found = re.search(r"code is ([0-9 ]+)", inbox.json()["items"][0]["text"])
        assert found is not None
        return self.complete(login, code=found[1])

    def by_wechat(self, person: str, with_number: bool = False) -> dict[str, Any]:
        login = self.client.post("/v1/logins", json={"provider": "wechat"}).json
        answer = {"code": self.tap("login", person)}
        if with_number:
            answer["phone_code"] = self.tap("number", person)
        return self.complete(login, **answer)

    def tap(self, what: str, person: str) -> str:
        page = requests.post(f"{self.outside}/wechat/phone/{what}", json={"person": person}, timeout=TIMEOUT)
        return str(page.json()["code"])

    def ask(self, method: str, path: str, tokens: dict[str, Any], **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {tokens['access_token']}", **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def me(self, tokens: dict[str, Any]) -> dict[str, Any]:
        return dict(self.ask("GET", "/v1/me", tokens).json or {})


@pytest.fixture
def way(client: FlaskClient, outside: str, run_jobs: RunJobs) -> Way:
    return Way(client, outside, run_jobs)


@pytest.mark.parametrize("voice", [False, True])
def test_a_code_opens_an_account_of_level_1_that_proves_nobody(way: Way, voice: bool) -> None:
    me = way.me(way.by_code(next(NUMBERS), voice))

    assert (me["identity_level"], me["name"], me["document_number"]) == (1, None, None)


def test_the_same_wechat_user_is_the_same_account_and_another_is_another(way: Way) -> None:
    ids = [way.me(way.by_wechat(person))["id"] for person in ("wang-guilan", "wang-guilan", "zhang-wei")]

    assert ids[0] == ids[1] != ids[2]


def test_wechat_gives_the_number_that_was_tapped(way: Way) -> None:
    assert way.me(way.by_wechat("wang-guilan", with_number=True))["identity_level"] == 1


def test_nobody_becomes_a_person_by_that_persons_number(way: Way, browser: Browser) -> None:
    """The number is 欧阳雪's, as her e-ID says; whoever holds her phone today need not be her."""
    proved = way.me(browser.log_in("ouyang-xue").json)
    by_wechat = way.me(way.by_wechat("ouyang-xue", with_number=True))

    assert by_wechat["id"] != proved["id"] and by_wechat["name"] is None


def test_who_proves_nobody_fills_in_a_draft_and_is_told_how_to_go_on(way: Way) -> None:
    tokens = way.by_code(next(NUMBERS))
    key = {"Idempotency-Key": "draft-1"}
    draft = way.ask("POST", "/v1/submissions", tokens, json={"service": "residence-permit", "answers": {}}, headers=key)
    assert draft.status_code == 201, draft.text

    submitted = way.ask(
        "POST", f"/v1/submissions/{draft.json['id']}/submit", tokens, headers={"Idempotency-Key": "submit-1"}
    )

    assert (submitted.status_code, submitted.json["code"]) == (403, "step_up_required")
    assert submitted.json["required_level"] >= 2
    kept = way.ask("GET", f"/v1/submissions/{draft.json['id']}", tokens)
    assert (kept.status_code, kept.json["state"]) == (200, "draft")
