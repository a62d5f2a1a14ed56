"""Sending an office's answers to OnePhone in the background, until each is acknowledged with a 2xx.

Nothing is held in the process: what is owed stands in SQLite, so a killed sandbox goes on where it stopped,
and a killed OnePhone gets everything when it is back. Every try sends the same event id and the same body.
"""

import base64
import hashlib
import json
import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from standardwebhooks.webhooks import Webhook

from sandbox import office_cases as cases
from sandbox.memory import Memory
from sandbox.office_result import make_result
from sandbox.plain_http import send
from sandbox.settings import Settings
from sandbox.switches import read_switch

HANDLER = "杨志强"
OPINIONS = {
    "accepted": "材料齐全，符合法定形式，予以受理。",
    "in_review": "已进入审查。",
    "approved": "符合条件，准予办理。",
    "refused": "不符合法定条件，不予办理。",
    "declined": "不属于本机关职权范围，不予受理。",
    "correction_asked": "材料不齐全，请一次补齐。",
    "suspended": "需要专家评审，所需时间不计入办理期限。",
    "resumed": "专家评审已经结束，继续审查。",
    "extended": "情况复杂，经本机关负责人批准延长期限。",
    "terminated": "因不可抗力，事项无法办理。",
    "delivered": "结果已在窗口送达。",
}
WITH_REASON = ("refused", "declined", "suspended", "extended", "terminated")
USUAL_TERMS: dict[str, dict[str, Any]] = {
    "suspended": {"kind": "expert_review", "days": 10},
    "extended": {"days": 10},
    "terminated": {"kind": "impossible"},
    "delivered": {"kind": "window"},
}
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds between tries
LONGEST_WAIT = 1.0  # seconds; how late a switch turned on again is noticed
SENDERS = 8
TIMEOUT = (2, 10)  # seconds to connect, to the answer
log = logging.getLogger(__name__)


class Sender:
    """One thread looks for what is due, a few threads send. At most one answer of a case is under way."""

    def __init__(self, store: Memory, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._under_way: set[int] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS, "office-answer")
        self._thread = threading.Thread(target=self._run, name="office-answers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent; the rest stays owed."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def wake(self) -> None:
        """Something may be due earlier than thought."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._dispatch()
                pause = self._pause()
            except Exception:  # The thread must outlive a full disk or a locked database.
                log.exception("the sender of answers stumbled")
                pause = LONGEST_WAIT
            self._wake.wait(pause)

    def _dispatch(self) -> None:
        for answer in cases.due_answers(self.store, time.time()):
            if answer["case_id"] not in self._under_way:
                self._under_way.add(answer["case_id"])
                self._pool.submit(self._send, answer).add_done_callback(self._sent(answer["case_id"]))

    def _sent(self, case_id: int) -> Any:
        def done(future: Future[None]) -> None:
            if not future.cancelled() and future.exception():
                log.error("an answer could not be made or kept", exc_info=future.exception())
            self._under_way.discard(case_id)
            self._wake.set()

        return done

    def _pause(self) -> float:
        due = cases.next_due(self.store)
        if due is None:
            return LONGEST_WAIT
        # What is due already is under way, and its end wakes this thread.
        return min(due - time.time(), LONGEST_WAIT) if due > time.time() else LONGEST_WAIT / 5

    def _send(self, answer: dict[str, Any]) -> None:
        body = answer["body"] or self._write(answer)
        good, result = self._post(answer["office"], answer["event_id"], body)
        if good:
            wanted = 2 if read_switch(self.store, f"office/{answer['office']}")["twice"] else 1
            cases.keep_success(self.store, answer, result, wanted, time.time())
        else:
            pause = min(FIRST_PAUSE * 2 ** min(answer["attempts"], 10), LONGEST_PAUSE)
            cases.keep_failure(self.store, answer["id"], result, time.time() + pause)

    def _write(self, answer: dict[str, Any]) -> str:
        """Compose an answer once and keep it, so that every try sends the same bytes."""
        try:
            terms = cases.terms_of(self.store, answer["event_id"])
            body = json.dumps(compose(answer, self.settings.url, terms), ensure_ascii=False)
        except Exception as error:
            cases.keep_failure(self.store, answer["id"], f"not made: {error}", time.time() + LONGEST_PAUSE)
            raise
        cases.keep_body(self.store, answer["id"], body)
        return body

    def _post(self, office: str, event_id: str, body: str) -> tuple[bool, str]:
        headers = sign(self.settings.offices[office]["secrets"][0], event_id, body)
        url = f"{self.settings.onephone_url}/v1/offices/{office}/events"
        try:
            response = send("POST", url, data=body.encode(), headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            return False, type(error).__name__
        return 200 <= response.status_code < 300, f"{response.status_code} {outcome(response)}".strip()


def compose(answer: dict[str, Any], url: str, terms: dict[str, Any] | None = None) -> dict[str, Any]:
    """The CloudEvent of an answer; an approval carries its result document. `terms` are what a clerk said beside it."""
    data: dict[str, Any] = {
        "office_reference": answer["office_reference"],
        "handler": HANDLER,
        "opinion": OPINIONS[answer["kind"]],
        "sequence": answer["sequence"],
        **usual_terms(answer),
        **(terms or {}),
    }
    if answer["kind"] in WITH_REASON:
        data["reason"] = answer["reason"] or OPINIONS[answer["kind"]]
    if answer["kind"] == "approved":
        data["result"] = result_of(answer)
    return {
        "specversion": "1.0",
        "id": answer["event_id"],
        "source": f"{url}/office/{answer['office']}",
        "type": f"cn.onephone.submission.{answer['kind']}",
        "subject": answer["reference"],
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": data,
    }


def usual_terms(answer: dict[str, Any]) -> dict[str, Any]:
    """What this office says with a step when its clerk only pressed the button."""
    if answer["kind"] == "correction_asked":
        case = json.loads(answer["event"])["data"]
        first = [f"/materials/{m['code']}" for m in case["materials"]] or [f"/answers/{n}" for n in case["answers"]]
        words = answer["reason"] or "请重新提供，内容要清楚、完整。"
        last_day = datetime.now(UTC) + timedelta(days=15)
        return {"items": [{"pointer": first[0], "words": words}], "until": last_day.date().isoformat()}
    return dict(USUAL_TERMS.get(answer["kind"], {}))


def result_of(answer: dict[str, Any]) -> dict[str, str]:
    received = json.loads(answer["event"])["data"]
    pdf = make_result(answer["office"], answer["office_reference"], received)
    return {
        "filename": f"办理结果通知书-{answer['office_reference']}.pdf",
        "content_type": "application/pdf",
        "sha256": hashlib.sha256(pdf).hexdigest(),
        "content": base64.b64encode(pdf).decode(),
    }


def sign(secret: str, event_id: str, body: str) -> dict[str, str]:
    """Standard Webhooks headers, with the time of this very try."""
    now = datetime.now(UTC)
    return {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, body),
    }


def outcome(response: requests.Response) -> str:
    """A word of OnePhone's answer for the page: the outcome, or the code of the problem."""
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get("outcome") or body.get("code") or "")[:60] if isinstance(body, dict) else ""
