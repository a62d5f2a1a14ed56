"""Offices' keys: the next one is written down beforehand, the old one runs out by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock, offices
from app.settings import SettingsError, settings


@pytest.fixture
def configured(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    def to(*entries: Any) -> None:
        monkeypatch.setitem(settings().offices["gongan"], "secrets", list(entries))

    return to


def at(hours: int) -> str:
    return (clock.now() + timedelta(hours=hours)).isoformat()


def holding() -> list[tuple[str, bool]]:
    return [(key.secret, key.is_old) for key in offices.signing_keys("gongan")]


def test_texts_always_hold_and_the_first_signs(configured: Any) -> None:
    configured("first", "second")

    assert holding() == [("first", False), ("second", False)]


def test_a_key_comes_and_another_goes_at_its_hour(configured: Any) -> None:
    configured({"secret": "old", "until": at(3)}, {"secret": "new", "since": at(1)})

    assert holding() == [("old", False)], "nothing to change to yet"
    with clock.moved(timedelta(hours=2)):
        assert holding() == [("new", False), ("old", True)], "we sign with the new one"
    with clock.moved(timedelta(hours=4)):
        assert holding() == [("new", False)]


def test_nobody_has_no_keys(product: Flask) -> None:
    assert offices.signing_keys("nobody") == offices.client_secrets("nobody") == []
    assert offices.public_keys("nobody") == []


@pytest.mark.parametrize(
    "office",
    [
        '{"secrets": [{"secret": "x", "since": "2026-01-01T00:00:00"}]}',
        '{"secrets": [{"secret": "x", "since": "tomorrow"}]}',
        '{"secrets": [{"since": "2026-01-01T00:00:00Z"}]}',
        '{"secrets": [{"secret": "x", "till": "2026-01-01T00:00:00Z"}]}',
        '{"secrets": [""]}',
        '{"client_secrets": [7]}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        '"text"',
    ],
)
def test_keys_that_nobody_understands_stop_the_start(
    product: Flask, monkeypatch: pytest.MonkeyPatch, office: str
) -> None:
    monkeypatch.setenv("OFFICES", f'{{"gongan": {office}}}')

    with pytest.raises(SettingsError, match="OFFICES"):
        settings.__wrapped__()
