"""A sandbox per test, and a OnePhone that only records what it is told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sandbox.server import create_app
from sandbox.settings import Settings
from tests.sandbox.fake_onephone import FakeOnePhone
from tests.sandbox.office_mail import OLD_SECRET, SECRET

MakeApp = Callable[..., Flask]


@pytest.fixture
def onephone() -> Iterator[FakeOnePhone]:
    fake = FakeOnePhone()
    yield fake
    fake.close()


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return Settings(
        url="http://sandbox.test",
        database=str(tmp_path / "sandbox.sqlite3"),
        onephone_url="http://127.0.0.1:9",  # Nobody listens on the discard port.
        keys_file=str(tmp_path / "keys.json"),
        clients={
            "onephone": {"secret": "resident secret", "redirect_uris": ["http://app.test/back"]},
            "onephone-desk": {"secret": "desk secret", "redirect_uris": ["http://desk.test/back"]},
        },
        offices={
            "gongan": {"url": "unused", "secrets": [SECRET, OLD_SECRET]},
            "minzheng": {"secrets": [SECRET]},
        },
        data_sources={"housing-fund": {"url": "unused", "key": "fund key"}},
        wechat_app_id="wx-test",
        wechat_app_secret="wechat secret",
        wechat_template="progress-template",
    )


@pytest.fixture
def make_app(chosen: Settings) -> Iterator[MakeApp]:
    """make_app(code_life=…, running=True): an application, its sender started if running."""
    made: list[Flask] = []

    def make(running: bool = False, **changes: Any) -> Flask:
        app = create_app(replace(chosen, **changes))
        made.append(app)
        if running:
            app.extensions["sandbox.sender"].start()
        return app

    yield make
    for app in made:
        app.extensions["sandbox.sender"].stop()
        app.extensions["sandbox.memory"].close()


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    return make_app().test_client()
