"""The stories: what a resident does from "I want" to "here it is", told step by step.

A story is a list of steps; each step does something over HTTP and returns one line about what came back. What
must hold is checked where it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.journeys import trouble
from tests.journeys.http import Client, Unexpected
from tests.journeys.people import Clerk, Resident, drawn_signature, portrait

PERMIT = {
    "reason": "employment",
    "employer_name": "示例县太平建筑有限公司",
    "address_region": "532999",
    "address_detail": "太平镇幸福路18号3栋2单元501室",
    "residence_kind": "rented",
    "residing_since": "2025-09-01",
    "hukou_address": "四川省凉山彝族自治州西昌市西乡乡北山村3组",
    "contact_phone": "13812345678",
    "delivery": "counter",
}

ALLOWANCE = {
    "hukou_village": "太平镇太平村",
    "account_owner": "self",
    "bank_name": "云南农村信用社",
    "bank_card": "6231900000000000014",
    "paid_elsewhere": False,
    "lives_alone": True,
    "helper": "none",
}

Step = tuple[str, Callable[[], str]]


@dataclass
class Places:
    """Where the stack is, and its data folder for stories with trouble."""

    api: str
    sandbox: str
    data: Path

    def resident(self, key: str) -> Resident:
        return Resident(key, Client(self.api), Client(self.sandbox))

    def clerk(self, key: str) -> Clerk:
        return Clerk(key, Client(self.api), Client(self.sandbox))


def need(fact: bool, words: str) -> None:
    """Stop the story when something that must hold does not."""
    if not fact:
        raise Unexpected(words)


class Application:
    """A promised service with signature: the whole main job. Subclasses say which service and who."""

    title = ""
    person = ""
    service = ""
    office = ""
    answers: dict[str, Any] = {}  # noqa: RUF012 -- read only
    photo_of: str | None = None
    signed = True
    messages = 4
    consents: tuple[tuple[str, str], ...] = ()
    """Purpose and kind of what the answers above need consent to."""

    def __init__(self, places: Places, office_down: float = 0, kills: tuple[str, ...] = ()) -> None:
        self.places = places
        self.office_down = office_down
        self.kills = kills
        self.me = places.resident(self.person)
        self.clerk = places.clerk("chen-clerk")
        self.clients = (self.me.api, self.me.sandbox, self.clerk.api, self.clerk.sandbox)
        self.receipt: dict[str, Any] = {}
        self.progress: dict[str, Any] = {}
        self.notice: dict[str, Any] = {}

    def steps(self) -> Iterator[Step]:
        yield "登录 · Log in with e-ID", self.log_in
        yield "绑定微信，允许推送 · Bind WeChat and allow messages", self.bind_wechat
        yield "找事项 · Find the service", self.find
        yield "看指南 · Read the guide", self.read_guide
        yield "看告知书 · Read the privacy notices", self.read_notice
        yield from self.kill("postgres")
        yield "开始办理 · Start a draft", self.start
        yield "填表 · Fill in the form", self.fill_in
        if self.consents:
            yield "单独同意 · Consent to what is optional, one by one", self.consent
        yield from self.kill("objects")
        if self.photo_of:
            yield "上传照片 · Upload a photo", self.upload_photo
        if self.signed:
            yield "手写签名 · Sign", self.sign
        yield from self.kill("api")
        if self.office_down:
            yield "部门系统停机 · The office's system goes down", self.take_office_down
        yield "提交 · Submit", self.submit
        yield "再按一次提交 · Tap submit once more", self.submit_again
        yield from self.kill("worker")
        yield "看进度 · Follow the progress", self.follow
        yield "看结果 · Fetch the result", self.fetch_result
        yield "看消息 · Read the inbox", self.read_inbox
        yield "看微信 · Look at WeChat", self.look_at_wechat
        yield "部门只收到一次 · The office got it once", self.ask_office
        yield "窗口查询（脱敏）· A clerk looks it up, masked", self.look_up

    def kill(self, part: str) -> Iterator[Step]:
        """Kill a part in the middle of the story, if it is to be killed."""
        if part in self.kills:
            yield f"kill -9 {part}", lambda: f"pid {trouble.kill(self.places.data, part)}"

    def log_in(self) -> str:
        tokens = self.me.log_in()
        profile = self.me.api.get("/v1/me").json()
        need(tokens["token_type"] == "Bearer", "no bearer token")
        return f"{profile['name']} {profile['document_number']} level {profile['identity_level']}"

    def bind_wechat(self) -> str:
        bound = self.me.bind_wechat(self.messages)
        return f"{bound['credits']['progress']} messages allowed"

    def find(self) -> str:
        items = self.me.api.get("/v1/services").json()["items"]
        need(self.service in [item["code"] for item in items], "the service is not listed")
        return "、".join(item["name"] for item in items)

    def read_guide(self) -> str:
        answer = self.me.api.get(f"/v1/services/{self.service}")
        tag = {"If-None-Match": answer.headers["ETag"]}
        self.me.api.get(f"/v1/services/{self.service}", headers=tag, expect=(304,))
        guide = answer.json()
        basis = guide["legal_bases"][0]
        return f"{guide['name']}: {basis['title']}{basis['article']}; {len(guide['form']['layout'])} fields; 304 later"

    def read_notice(self) -> str:
        general = self.me.acknowledge("general")
        self.notice = self.me.read_notice(self.service)
        kinds = sum(len(purpose["kinds"]) for purpose in self.notice["purposes"])
        return f"{general['title']['zh']} v{general['version']}; {self.notice['title']['zh']}: {kinds} kinds of data"

    def consent(self) -> str:
        """Give what is asked for. Who played this story before has given it, and is not asked again."""
        asked = self.still_asked()
        for purpose, kind in asked:
            self.me.consent(self.notice, purpose, kind)
        need(not self.still_asked(), "given, and still asked for")
        held = self.me.api.get("/v1/consents").json()["items"]
        standing = {(one["purpose"]["code"], one["kind"]) for one in held if one["state"] == "given"}
        need(standing >= set(self.consents), f"not on record, among {standing}")
        return f"{len(asked)} given now, {len(self.consents) - len(asked)} before"

    def still_asked(self) -> list[tuple[str, str]]:
        missing = self.me.api.get(self.me.path).json()["missing"]
        return [(purpose, kind) for purpose, kind in self.consents if f"/consents/{purpose}/{kind}" in missing]

    def start(self) -> str:
        draft = self.me.start(self.service)
        return f"{draft['state_text']}; still missing: {len(draft['missing'])}"

    def fill_in(self) -> str:
        draft = self.me.fill_in(self.answers)
        wrong = [pointer for pointer in draft["missing"] if pointer.startswith("/answers")]
        need(not wrong, f"answers not taken: {draft['missing']}")
        return f"revision {draft['revision']}; still missing: {', '.join(draft['missing']) or 'nothing'}"

    def upload_photo(self) -> str:
        assert self.photo_of is not None
        upload = self.me.upload(self.photo_of, "照片.jpg", "image/jpeg", portrait())
        need(upload["state"] == "clean", f"photo is {upload}")
        return f"{upload['size']} bytes, {upload['state']}"

    def sign(self) -> str:
        upload = self.me.upload("signature", "签名.png", "image/png", drawn_signature())
        signature = self.me.sign(upload["id"])
        return f"{signature['method']}, over {signature['content_sha256'][:16]}…"

    def take_office_down(self) -> str:
        trouble.office_down(self.places.resident(self.person).sandbox, self.office, self.office_down)
        return f"down for {self.office_down:.0f} s"

    def submit(self) -> str:
        self.receipt = self.me.submit()
        due = self.receipt["due"]
        return (
            f"{self.receipt['reference']}, turn {self.receipt['turn']}, "
            f"acceptance by {due['acceptance']}, decision by {due['decision']}"
        )

    def submit_again(self) -> str:
        answer = self.me.api.post(f"{self.me.path}/submit", expect=(409,)).json()
        need(answer["reference"] == self.receipt["reference"], "a second reference")
        return f"409 {answer['code']}: {answer['reference']}"

    def follow(self) -> str:
        self.progress = self.me.wait_for_the_end(90 + self.office_down)
        need(self.progress["state"] == "completed", f"ended as {self.progress['state']}")
        steps = [event["step"] for event in self.progress["events"]]
        need(steps == ["receive", "accept", "approve", "complete"], f"steps were {steps}")
        lines = [f"{event['at'][11:19]} {event['text']} ({event['unit']})" for event in self.progress["events"]]
        return "\n".join(lines)

    def fetch_result(self) -> str:
        result = self.me.api.get(f"{self.me.path}/result").json()
        content = requests.get(result["url"], timeout=30).content
        need(content.startswith(b"%PDF-") and len(content) == result["size"], "the result is no PDF")
        return f"{result['filename']}, {len(content)} bytes of PDF"

    def read_inbox(self) -> str:
        inbox = self.me.until(self.me.inbox, lambda items: len(items) >= len(self.progress["events"]))
        need(len(inbox) == len(self.progress["events"]), f"{len(inbox)} notifications")
        return "\n".join(f"{item['title']}: {item['text']}" for item in inbox)

    def look_at_wechat(self) -> str:
        """Each event at most once. A push that a killed worker was just sending is `unknown`, never sent again."""
        settled = self.me.until(self.me.inbox, lambda items: all(_is_settled(item) for item in items), 40)
        wanted = sum(item["channels"][0]["state"] == "accepted" for item in settled)
        unknown = sum(item["channels"][0]["state"] == "unknown" for item in settled)
        phrases = [push["data"]["phrase3"]["value"] for push in self.me.pushes()]
        need(len(set(phrases)) == len(phrases), f"WeChat got {phrases}")
        need(wanted <= len(phrases) <= wanted + unknown, f"WeChat got {phrases}, the inbox says {settled}")
        need(bool(self.kills) or unknown == 0, "a push was lost although nothing was killed")
        return " → ".join(phrases)

    def ask_office(self) -> str:
        answer = self.me.sandbox.get(f"/office/{self.office}", headers={"Accept": "application/json"})
        cases = [case for case in answer.json()["items"] if case["reference"] == self.receipt["reference"]]
        need(len(cases) == 1, f"the office has {len(cases)} cases")
        return f"{cases[0]['office_reference']}, one case"

    def look_up(self) -> str:
        self.clerk.log_in()
        look = self.clerk.look_up(self.receipt["reference"], "办事人来电询问进度")
        found = look["submission"]
        need("*" in found["applicant"]["name"], "the name is not masked")
        need(found["applicant"]["document_number"].count("*") > 6, "the number is not masked")
        return f"{found['applicant']['name']} {found['applicant']['document_number']} {found['state_text']}"


class ResidencePermit(Application):
    title = "居住证申领 · Residence permit"
    person, service, office = "li-jianguo", "residence-permit", "gongan"
    answers = PERMIT
    photo_of = "photo"


class OldAgeAllowance(Application):
    title = "高龄津贴 · Old-age allowance"
    person, service, office = "wang-guilan", "old-age-allowance", "minzheng"
    answers = ALLOWANCE
    consents = (("home-visits", "sensitive"), ("home-visits", "sharing"))

    def look_up(self) -> str:
        """A clerk of another department finds nothing, and even that is recorded."""
        self.clerk.log_in()
        look = self.clerk.look_up(self.receipt["reference"], "办事人来电询问进度")
        need(look["submission"] is None, "a clerk saw another department's submission")
        return "another department's clerk: nothing to see"


class HousingFund(Application):
    """A query answered on the spot: filed in one request, no materials, no signature."""

    title = "公积金查询 · Housing-fund balance"
    person, service, office = "zhang-wei", "housing-fund-balance", "gjj"

    def steps(self) -> Iterator[Step]:
        yield "登录 · Log in with e-ID", self.log_in
        yield "看指南 · Read the guide", self.read_guide
        yield "看告知书 · Read the privacy notices", self.read_notice
        yield "一次提交 · File in one request", self.submit
        yield from self.kill("worker")
        yield "看进度 · Follow the progress", self.follow
        yield "看结果 · Read the answer", self.fetch_result
        yield "看消息 · Read the inbox", self.read_inbox

    def submit(self) -> str:
        wish = {"service": self.service, "submit": True, "notices": self.me.read}
        self.receipt = self.me.api.post("/v1/submissions", wish).json()
        self.me.sub = self.receipt
        return f"{self.receipt['reference']}, turn {self.receipt['turn']}"

    def read_inbox(self) -> str:
        """One message, not one per step: it was all over within a second."""
        inbox = self.me.until(self.me.inbox, lambda items: len(items) >= 1)
        need(len(inbox) == 1, f"{len(inbox)} notifications")
        return f"{inbox[0]['title']}: {inbox[0]['text']}"

    def fetch_result(self) -> str:
        data = self.me.api.get(f"{self.me.path}/result").json()["data"]
        need(data["found"], "no account found")
        return f"{data['account_masked']}: {data['balance_fen'] / 100:,.2f} 元 ({data['as_of']})"


def _is_settled(item: dict[str, Any]) -> bool:
    """Whether it is known what became of a notification's push, as far as it can be known."""
    return bool(item["channels"]) and item["channels"][0]["state"] in ("accepted", "unknown")


FIRST_STORIES = {"permit": ResidencePermit, "allowance": OldAgeAllowance, "query": HousingFund}
