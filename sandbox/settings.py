"""What the sandbox is told when it starts. Read once, from the environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flask import current_app

REQUIRED = (
    "SANDBOX_DB",
    "SANDBOX_KEYS_FILE",
    "SANDBOX_CLIENTS",
    "OFFICES",
    "DATA_SOURCES",
    "WECHAT_APP_ID",
    "WECHAT_APP_SECRET",
    "WECHAT_PROGRESS_TEMPLATE",
)


@dataclass(frozen=True)
class Settings:
    """Everything that differs between two sandboxes. Lives are seconds."""

    url: str
    database: str
    onephone_url: str
    keys_file: str
    clients: dict[str, dict[str, Any]]
    offices: dict[str, dict[str, Any]]
    data_sources: dict[str, dict[str, Any]]
    wechat_app_id: str = field(repr=False)
    wechat_app_secret: str = field(repr=False)
    wechat_template: str
    wechat_push_token: str = field(default="", repr=False)
    wechat_push_key: str = field(default="", repr=False)
    sms_access_key: str = ""
    sms_secret_key: str = field(default="", repr=False)
    ticket_apps: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    network_id_apps: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    code_life: float = 60
    login_code_life: float = 300
    access_token_life: int = 7200

    @property
    def issuer(self) -> str:
        return f"{self.url}/eid"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from environment variables; SystemExit names every missing one at once."""
    if missing := [name for name in REQUIRED if not environment.get(name)]:
        raise SystemExit(f"sandbox: please set {', '.join(missing)}")
    return Settings(
        url=environment.get("SANDBOX_URL", f"http://127.0.0.1:{read_port(environment)}").rstrip("/"),
        database=environment["SANDBOX_DB"],
        onephone_url=environment.get("ONEPHONE_URL", "http://127.0.0.1:8000").rstrip("/"),
        keys_file=environment["SANDBOX_KEYS_FILE"],
        clients=json.loads(environment["SANDBOX_CLIENTS"]),
        offices=json.loads(environment["OFFICES"]),
        data_sources=json.loads(environment["DATA_SOURCES"]),
        wechat_app_id=environment["WECHAT_APP_ID"],
        wechat_app_secret=environment["WECHAT_APP_SECRET"],
        wechat_template=environment["WECHAT_PROGRESS_TEMPLATE"],
        wechat_push_token=environment.get("WECHAT_PUSH_TOKEN", ""),
        wechat_push_key=environment.get("WECHAT_PUSH_KEYS", "").split(",")[0],
        sms_access_key=environment.get("SMS_ACCESS_KEY", ""),
        sms_secret_key=environment.get("SMS_SECRET_KEY", ""),
        ticket_apps=json.loads(environment.get("SANDBOX_TICKET_APPS", "{}")),
        network_id_apps=json.loads(environment.get("SANDBOX_NETWORK_ID_APPS", "{}")),
    )


def read_port(environment: Mapping[str, str] = os.environ) -> int:
    return int(environment.get("SANDBOX_PORT", "8100"))


def settings() -> Settings:
    """The settings of the running application."""
    return cast(Settings, current_app.extensions["sandbox.settings"])
