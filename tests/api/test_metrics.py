"""Metrics: operators see how often what was refused, of all processes, and no person."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from auth import refusals
from tests.product import Phone

_LINE = re.compile(r'^[a-z_]+\{(?:[a-z]+="[a-z0-9_-]+",?)+\} \d+$')


def counted(client: FlaskClient, **labels: str) -> int:
    wanted = ",".join(f'{name}="{value}"' for name, value in labels.items())
    text = client.get("/metrics").text
    found = [line for line in text.splitlines() if f"{{{wanted}}}" in line]
    return int(found[0].split()[-1]) if found else 0


def test_every_refusal_is_counted_by_its_code(client: FlaskClient) -> None:
    before = counted(client, code="token_invalid")

    for _ in range(3):
        client.get("/v1/me", headers={"Authorization": "Bearer forged"})

    assert counted(client, code="token_invalid") == before + 3


def test_what_happens_at_an_entrance_is_counted_by_its_reason_and_logged(client: FlaskClient, log: list[str]) -> None:
    before = counted(client, door="staff_password", reason="locked")

    refusals.count("staff_password", "locked")

    assert counted(client, door="staff_password", reason="locked") == before + 1
    assert any('"at_the_door"' in line and '"locked"' in line for line in log)


def test_two_processes_are_summed(client: FlaskClient) -> None:
    """What a process counted is added to what others saved."""
    others = [refusals._Pending() for _ in range(2)]
    before = counted(client, door="summing", reason="told")
    for other in others:
        other.add("summing", "told")
        other.save()

    assert counted(client, door="summing", reason="told") == before + 2


def test_counts_that_cannot_be_saved_now_are_saved_later(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    pending, before = refusals._Pending(), counted(client, door="summing", reason="kept")
    pending.add("summing", "kept")
    with monkeypatch.context() as away:

        def fails(counts: Any) -> None:
            raise OperationalError("", {}, Exception())

        away.setattr(refusals, "_save", fails)
        pending.save()
    pending.save()

    assert counted(client, door="summing", reason="kept") == before + 1


def test_the_text_is_what_prometheus_reads(client: FlaskClient) -> None:
    client.get("/v1/me")
    answer = client.get("/metrics")

    lines = [line for line in answer.text.splitlines() if not line.startswith("# ")]
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert lines and all(_LINE.match(line) for line in lines), lines


def test_from_elsewhere_nobody_reads_them(client: FlaskClient) -> None:
    def status(address: str, **headers: str) -> int:
        return client.get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers).status_code

    assert status("127.0.0.1") == status("::1") == 200
    assert status("203.0.113.9") == 401
    assert status("203.0.113.9", **{"X-Forwarded-For": "127.0.0.1"}) == 401
    assert status("127.0.0.1", **{"X-Forwarded-For": "203.0.113.9"}) == 401, "a proxy asks for somebody else"


def test_with_a_token_only_who_knows_it_reads_them(
    client: FlaskClient, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.guards.settings", lambda: _WithToken())

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}, headers=headers).status_code

    assert status("a-token-of-the-watchers") == 200
    assert [
        status(one) for one in ("", "another", "标记".encode().decode("latin-1"), phone.tokens["access_token"])
    ] == [401] * 4


class _WithToken:
    metrics_token = "a-token-of-the-watchers"
    body_limit = 256 * 1024
