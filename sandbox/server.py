"""The sandbox as one Flask application: what OnePhone normally meets outside, played on one port."""

from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, render_template

from sandbox import (
    clerk,
    clerk_logins,
    eid,
    eid_records,
    housing_fund,
    network_id,
    office,
    office_cases,
    office_names,
    phone,
    phone_corrections,
    phone_data,
    phone_logins,
    phone_privacy,
    sessions,
    sms,
    switches,
    ticket_login,
    tsa,
    wechat,
    wechat_records,
)
from sandbox.memory import Memory, memory
from sandbox.office_answers import Sender
from sandbox.persons import PERSONS
from sandbox.settings import Settings, settings
from sandbox.switches import modes, parts, read_switch

LARGEST_BODY = 2 * 1024 * 1024  # bytes
MODULES = (
    *(eid, ticket_login, network_id, housing_fund, office, phone, phone_corrections, phone_privacy, phone_data),
    *(phone_logins, clerk, clerk_logins, switches, wechat, sms, tsa),
)
_KEPT = (clerk_logins, eid_records, ticket_login, network_id, office_cases, sessions, sms, switches, wechat_records)
SCHEMAS = [module.SCHEMA for module in _KEPT]


def create_app(chosen: Settings) -> Flask:
    """The application; `app.extensions["sandbox.sender"]` is to be started and stopped by whoever runs it."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    if folder := Path(chosen.database).parent:
        folder.mkdir(parents=True, exist_ok=True)
    store = Memory(chosen.database, SCHEMAS)
    app.extensions["sandbox.settings"] = chosen
    app.extensions["sandbox.memory"] = store
    app.extensions["sandbox.parts"] = [
        "eid",
        ticket_login.PART,
        network_id.PART,
        *(f"office/{c}" for c in chosen.offices),
        "wechat",
        "sms",
        "housing-fund",
        tsa.PART,
    ]
    app.extensions["sandbox.sender"] = Sender(store, chosen)
    eid.prepare(app, chosen.keys_file)
    for module in MODULES:
        app.register_blueprint(module.blueprint)
    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/health", view_func=health)
    app.after_request(harden)
    return app


def home() -> str:
    """What stands in for what, how it is doing, and the switches."""
    return render_template("home.html", cards=[card(part) for part in parts()], onephone=settings().onephone_url)


def health() -> Response:
    return jsonify(status="ok")


def harden(response: Response) -> Response:
    """Pages load nothing from elsewhere, run no scripts and are framed by nobody; answers are not kept."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def card(part: str) -> dict[str, Any]:
    """What the home page says about a part."""
    shown = {"part": part, "switch": read_switch(memory(), part), "modes": modes(part), "link": None}
    if part.startswith("office/"):
        code = part.removeprefix("office/")
        counts = office_cases.count_cases(memory(), code)
        state = f"{counts['cases']} 件 cases · {counts['unsent']} 条待发 answers unsent"
        return shown | {
            "name": office_names.name(code),
            "english": "Approval system",
            "state": state,
            "link": f"/{part}",
        }
    if part == "wechat":
        sent = sum(len(wechat_records.messages_of(key)) for key in PERSONS)
        left = sum(wechat_records.credits_of(key) for key in PERSONS)
        state = f"{sent} 条已推送 messages · {left} 次订阅 credits left"
        return shown | {"name": "微信", "english": "WeChat (api.weixin.qq.com)", "state": state}
    if part == "sms":
        state = f"{sms.count_messages()} 条短信和语音 messages and calls"
        return shown | {"name": "短信语音", "english": "Messages and calls", "state": state, "link": "/sms/inbox"}
    if part == "eid":
        state = f"{len(PERSONS)} 位虚构人物 fictional people"
        configuration = "/eid/.well-known/openid-configuration"
        return shown | {"name": "电子身份", "english": "e-ID (OpenID)", "state": state, "link": configuration}
    if part == tsa.PART:
        state = "RFC 3161 · 时间戳 stamps each day's tree head"
        return shown | {"name": "时间戳服务", "english": "Time-stamping authority", "state": state}
    if part == ticket_login.PART:
        state = "票据 + HMAC；自然人和法人 ticket + HMAC; natural and legal persons"
        return shown | {"name": "省统一身份认证", "english": "Provincial login", "state": state}
    if part == network_id.PART:
        state = "网号、网证 pseudonym and credential"
        return shown | {"name": "国家网络身份认证", "english": "National network identity", "state": state}
    state = f"{len(housing_fund.ACCOUNTS)} 个账户 accounts"
    return shown | {"name": "公积金中心", "english": "Housing fund", "state": state}
