"""Configured providers: several at once, and a wrong option stops the start in words an operator understands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.settings import SettingsError, settings
from auth.providers import configured, demo, options
from auth.providers.configured import RESIDENTS, STAFF

LEVELS = {"high": 3}
BACK = ["https://app.example/back"]
OIDC = {
    "protocol": "oidc",
    "issuer": "https://eid.example",
    "client_id": "onephone",
    "client_secret": "hidden-word",
    "redirect_uris": BACK,
    "levels": LEVELS,
}
TICKET = {
    "protocol": "ticket",
    "login_url": "https://province.example/login",
    "api_url": "https://gateway.example",
    "app_id": "app",
    "access_key": "key",
    "secret_key": "hidden-word",
    "redirect_uris": BACK,
    "levels": {"3": 3},
}
NETWORK_ID = {
    "protocol": "network_id",
    "url": "https://network-id.example",
    "org_id": "00005300",
    "app_ids": {"ios": "0003"},
    "access_key": "key",
    "secret_key": "hidden-word",
    "levels": {"R01": 3},
}

Configure = Callable[..., dict[str, Any]]


@pytest.fixture
def configure(product: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """configure(name={…}, …): the residents' providers of an installation that has these, in production."""

    def made(**entries: Any) -> dict[str, Any]:
        chosen = replace(settings(), environment="production", eid_providers=entries, staff_providers={})
        for module in (configured, options, demo):
            monkeypatch.setattr(module, "settings", lambda: chosen)
        configured.providers.cache_clear()
        configured.check()
        return configured.providers(RESIDENTS)

    yield made
    monkeypatch.undo()
    configured.providers.cache_clear()


def test_several_protocols_at_once(configure: Configure) -> None:
    found = configure(national=OIDC, province=TICKET, network=NETWORK_ID, another=OIDC | {"client_id": "second"})

    assert {name: one.protocol for name, one in found.items()} == {
        "national": "oidc",
        "province": "ticket",
        "network": "network_id",
        "another": "oidc",
    }


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (7, "an object of options"),
        ({}, "protocol is to be one of"),
        (OIDC | {"protocol": "saml"}, "protocol is to be one of"),
        ({k: v for k, v in OIDC.items() if k != "issuer"}, "misses issuer"),
        (OIDC | {"_keys": []}, "has no option _keys"),
        (OIDC | {"levles": {}}, "has no option levles"),
        (OIDC | {"issuer": "http://eid.example"}, "issuer is to be an https:// address"),
        (OIDC | {"issuer": "eid.example"}, "issuer is to be an https:// address"),
        (OIDC | {"issuer": "https://[eid"}, "issuer is no address"),
        (OIDC | {"client_secret": ""}, "client_secret is to be a text"),
        (OIDC | {"client_secret": ["hidden-word"]}, "client_secret is to be a text"),
        (OIDC | {"levels": {}}, "levels is to map"),
        (OIDC | {"levels": {"high": "hidden-word"}}, "whole number from 0 to 4"),
        (OIDC | {"levels": {"high": 5}}, "whole number from 0 to 4"),
        (OIDC | {"levels": {"high": True}}, "whole number from 0 to 4"),
        (OIDC | {"claims": {"name": 7}}, "claims is to map texts to texts"),
        (OIDC | {"redirect_uris": []}, "redirect_uris is to be a list"),
        (OIDC | {"redirect_uris": "https://app.example/back"}, "redirect_uris is to be a list"),
        (OIDC | {"redirect_uris": ["https://*.example/back"]}, "one whole address"),
        (OIDC | {"redirect_uris": ["https://app.example/#back"]}, "one whole address"),
        (OIDC | {"redirect_uris": ["/back"]}, "one whole address"),
        (TICKET | {"flow": "companies"}, "flow is to be person or organisation"),
        (TICKET | {"secret_key": None}, "secret_key is to be a text"),
        (NETWORK_ID | {"levels": {"R09": 3}}, "levels names no mode of the service: R09"),
        ({"protocol": "refusing"}, "for ONEPHONE_ENV=demo only"),
        ({"protocol": "crashing"}, "for ONEPHONE_ENV=demo only"),
        ({"protocol": "demo", "redirect_uris": BACK, "persons": {}, "person": "x"}, "for ONEPHONE_ENV=demo only"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_option_is_named_and_no_value_is_told(configure: Configure, entry: Any, words: str) -> None:
    with pytest.raises(SettingsError) as told:
        configure(fine=OIDC, wrong=entry)

    assert "EID_PROVIDERS, wrong: " in str(told.value) and words in str(told.value)
    assert "hidden-word" not in str(told.value) and "fine" not in str(told.value)


def test_every_fault_is_told_at_once(configure: Configure) -> None:
    with pytest.raises(SettingsError) as told:
        configure(first={}, second=OIDC | {"levels": {}})

    assert "first" in str(told.value) and "second" in str(told.value)


def test_the_start_of_the_product_stops_with_these_words(settings_environment: dict[str, str]) -> None:
    environment = os.environ | settings_environment | {"STAFF_PROVIDERS": json.dumps({"office": OIDC | {"levels": 3}})}

    done = subprocess.run(
        [sys.executable, "-c", "import wsgi; wsgi.create_app()"], env=environment, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "STAFF_PROVIDERS, office: levels is to map" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sandboxs_own_configuration_is_sound(product: Flask) -> None:
    assert {"sandbox", "province", "province-organisation", "network-id"} <= set(configured.providers(RESIDENTS))
    assert set(configured.providers(STAFF)) == {"sandbox"}
