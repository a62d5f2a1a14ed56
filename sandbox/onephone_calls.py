"""Calling OnePhone's real API over HTTP, for the demo pages."""

import uuid
from typing import Any

import requests

from sandbox.plain_http import send
from sandbox.settings import settings

TIMEOUT = (2, 10)  # seconds to connect, to the answer


class Refused(Exception):
    """OnePhone said no, or nothing (status 0). Texts are for the page."""

    def __init__(
        self, status: int, title: str, detail: str = "", code: str = "", errors: dict[str, list[str]] | None = None
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.code = status, title, detail, code
        self.errors = errors or {}


def call(
    method: str,
    path: str,
    token: str | None = None,
    body: dict[str, Any] | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """The JSON of a 2xx answer ({} when it has none). Raises Refused for everything else.

    `revision` is what the page last saw, for an act that is not to be done on anything else; `device` is the id of the
    browser, which goes along with logins and refreshes.
    """
    headers = {"Accept-Language": "zh-CN"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if device:
        headers["OnePhone-Device"] = device
    if revision:
        headers["If-Match"] = f'"{revision}"'
    if method == "POST":
        headers["Idempotency-Key"] = str(uuid.uuid4())
    if method == "PATCH":
        # This page has just read what it changes, and nobody else edits it: a demo's phone is one phone.
        headers |= {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
    try:
        response = send(method, settings().onephone_url + path, json=body, headers=headers, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise Refused(0, "一部手机办事通没有回应 OnePhone does not answer") from error
    content = read_json(response)
    if response.ok:
        return content
    title = str(content.get("title") or f"HTTP {response.status_code}")
    detail, code, errors = str(content.get("detail") or ""), str(content.get("code") or ""), content.get("errors")
    raise Refused(response.status_code, title, detail, code, errors if isinstance(errors, dict) else None)


def read_json(response: requests.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
