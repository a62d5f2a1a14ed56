"""The people of the journeys: a resident with a phone, and a clerk at a desk. They only know HTTP."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from PIL import Image, ImageDraw

from tests.journeys.http import PATIENCE_SECONDS, Client, Unexpected

_FINAL = ("completed", "declined", "refused")


def portrait() -> bytes:
    """An identity photo, 358 × 441 pixels, as a phone would take it (JPEG)."""
    image = Image.new("RGB", (358, 441), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((109, 90, 249, 260), fill="#e8b98f")
    draw.rectangle((60, 300, 298, 441), fill="#3b5b8c")
    return _encoded(image, "JPEG")


def drawn_signature() -> bytes:
    """A line drawn with a finger (PNG)."""
    image = Image.new("RGB", (400, 160), "white")
    points = [(30 + 17 * i, 80 + (40 if i % 2 else -40) * (1 - i / 24)) for i in range(20)]
    ImageDraw.Draw(image).line(points, fill="black", width=5)
    return _encoded(image, "PNG")


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def log_in(
    api: Client, sandbox: Client, person: str, path: str, callback: str, level: int | None = None
) -> dict[str, Any]:
    """Log in at the sandbox's e-ID as a browser would: page, choice, redirect, code. At the person's usual level."""
    start = {"provider": "sandbox", "redirect_uri": sandbox.base + callback}
    login = api.post(path, start).json()
    address = urlsplit(login["authorize_url"])
    page = f"{address.path}?{address.query}"
    sandbox.get(page)
    answer = sandbox.send(
        "POST", page, data={"person": person} | ({"level": level} if level else {}), expect=(302, 303)
    )
    returned = parse_qs(urlsplit(answer.headers["Location"]).query)
    proof = {name: returned[name][0] for name in ("code", "state", "iss")} | {"secret": login["secret"]}
    tokens: dict[str, Any] = api.post(f"{path}/{login['id']}/complete", proof).json()
    return tokens


@dataclass
class Resident:
    """A person with a phone."""

    key: str
    api: Client
    sandbox: Client
    sub: dict[str, Any] = field(default_factory=dict)
    etag: str = ""
    read: list[dict[str, Any]] = field(default_factory=list)
    """The notices that were shown, as they are told when filing."""

    @property
    def path(self) -> str:
        return f"/v1/submissions/{self.sub['id']}"

    def log_in(self, level: int | None = None) -> dict[str, Any]:
        tokens = log_in(self.api, self.sandbox, self.key, "/v1/logins", "/phone/callback", level)
        self.api.token = tokens["access_token"]
        return tokens

    def bind_wechat(self, messages: int) -> dict[str, Any]:
        """Let the mini-program log in and allow so many progress messages, one tap each."""
        template = self.sandbox.get("/wechat/phone/template").json()["template_id"]
        accepted = {"person": self.key, "template_id": template, "times": messages}
        self.sandbox.send("POST", "/wechat/phone/accept", json=accepted)
        bound: dict[str, Any] = {}
        for part in _portions(messages, 3):
            code = self.sandbox.send("POST", "/wechat/phone/login", json={"person": self.key}).json()["code"]
            wish = {"code": code, "accepted": ["progress"] * part}
            bound = self.api.send("PUT", "/v1/me/wechat", json=wish).json()
        return bound

    def start(self, service: str) -> dict[str, Any]:
        answer = self.api.post("/v1/submissions", {"service": service})
        return self._keep(answer)

    def fill_in(self, answers: dict[str, Any]) -> dict[str, Any]:
        headers = {"If-Match": self.etag, "Content-Type": "application/merge-patch+json"}
        return self._keep(self.api.send("PATCH", self.path, json={"answers": answers}, headers=headers))

    def upload(self, material: str, filename: str, content_type: str, content: bytes) -> dict[str, Any]:
        """Slot, bytes straight to the store, confirm, and wait until they were checked."""
        wish = {
            "material": material,
            "filename": filename,
            "content_type": content_type,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        slot = self.api.post(f"{self.path}/uploads", wish).json()
        post_to_store(slot["post"], filename, content, content_type)
        self.api.post(f"/v1/uploads/{slot['id']}/confirm")
        checked: dict[str, Any] = self.until(
            lambda: self.api.get(f"/v1/uploads/{slot['id']}").json(),
            lambda it: it["state"] in ("clean", "refused"),
        )
        return checked

    def sign(self, upload_id: str) -> dict[str, Any]:
        signature: dict[str, Any] = self.api.post(f"{self.path}/signature", {"upload": upload_id}).json()
        return signature

    def read_notice(self, service: str) -> dict[str, Any]:
        """What the service does with my data; what was read is told when filing."""
        notice: dict[str, Any] = self.api.get(f"/v1/services/{service}/notice").json()
        self.read = [{"code": notice["code"], "version": notice["version"]}]
        return notice

    def acknowledge(self, code: str) -> dict[str, Any]:
        """Read one of the platform's notices and say so."""
        notice: dict[str, Any] = self.api.get(f"/v1/notices/{code}").json()
        shown = {"notices": [{"code": code, "version": notice["version"]}]}
        self.api.post("/v1/acknowledgements", shown)
        return notice

    def consent(self, notice: dict[str, Any], purpose: str, kind: str) -> dict[str, Any]:
        wish = {"notice": notice["code"], "version": notice["version"], "purpose": purpose, "kind": kind}
        given: dict[str, Any] = self.api.post("/v1/consents", wish).json()
        return given

    def submit(self) -> dict[str, Any]:
        receipt: dict[str, Any] = self.api.post(f"{self.path}/submit", {"notices": self.read}).json()
        return receipt

    def progress(self) -> dict[str, Any]:
        progress: dict[str, Any] = self.api.get(f"{self.path}/progress").json()
        return progress

    def wait_for_the_end(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        ended: dict[str, Any] = self.until(self.progress, lambda it: it["state"] in _FINAL, seconds)
        return ended

    def inbox(self) -> list[dict[str, Any]]:
        """My notifications about this submission, oldest first."""
        items = self.api.get("/v1/inbox?limit=100").json()["items"]
        return [item for item in reversed(items) if item["submission"] == self.sub["id"]]

    def pushes(self) -> list[dict[str, Any]]:
        """What WeChat delivered to this phone about this submission."""
        items = self.sandbox.get(f"/wechat/phone/messages?person={self.key}").json()["items"]
        reference = self.progress()["reference"]
        return [item for item in items if item["data"]["character_string2"]["value"] == reference]

    def until(self, look: Callable[[], Any], enough: Callable[[Any], bool], seconds: float = PATIENCE_SECONDS) -> Any:
        """Look again and again until it is enough. Raises Unexpected when patience ends."""
        deadline, pause = time.monotonic() + seconds, 0.05
        while not enough(seen := look()):
            if time.monotonic() > deadline:
                raise Unexpected(f"still waiting after {seconds:.0f} s; last seen: {seen}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        return seen

    def _keep(self, answer: requests.Response) -> dict[str, Any]:
        self.sub, self.etag = answer.json(), answer.headers["ETag"]
        return self.sub


def post_to_store(post: dict[str, Any], filename: str, content: bytes, content_type: str) -> None:
    """The multipart form to the store, as `wx.uploadFile` sends it; patient as everything here."""
    address = urlsplit(post["url"])
    store = Client(f"{address.scheme}://{address.netloc}")
    files = {"file": (re.sub(r"[^\x20-\x7e]", "_", filename), content, content_type)}
    store.send("POST", address.path, data=post["fields"], files=files)


def _portions(total: int, largest: int) -> list[int]:
    return [min(largest, total - done) for done in range(0, total, largest)]


@dataclass
class Clerk:
    """A member of staff at a desk."""

    key: str
    api: Client
    sandbox: Client

    def log_in(self) -> None:
        tokens = log_in(self.api, self.sandbox, self.key, "/v1/desk/logins", "/clerk/callback")
        self.api.token = tokens["access_token"]

    def look_up(self, reference: str, reason: str) -> dict[str, Any]:
        look: dict[str, Any] = self.api.post("/v1/desk/lookups", {"reference": reference, "reason": reason}).json()
        return look
