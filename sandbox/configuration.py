"""The environment of a demo: keys and secrets made once, addresses from the ports.

What must stay the same from start to start lies in two files, readable by their owner only: `secrets.json`
and `token-keys.json`. Everything else follows from the ports, so a stack may move to other ports and keep
its data.
"""

import base64
import json
import os
import secrets
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, KeySet

from sandbox.office_names import WEBHOOK_OFFICES
from sandbox.ports import Ports

BUCKET = "onephone"
WITHOUT_PAGES = {"wechat": {"protocol": "wechat"}, "phone": {"protocol": "phone"}}
"""Ways to log in that send nobody to a page; what they speak to is configured by variables of its own."""
LEVELS = {f"urn:sandbox:eid:level:{level}": level for level in (1, 2, 3, 4)}


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read; a crash leaves the old one or the new one, never a half."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    handle = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as output:
        output.write(text)
    new.replace(file)


def webhook_secret() -> str:
    """Return a Standard Webhooks secret: 24 to 64 random bytes in base64 behind "whsec_"."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


MADE_ONCE: dict[str, Callable[[], str]] = {
    "eid_client_secret": lambda: secrets.token_urlsafe(32),
    "desk_client_secret": lambda: secrets.token_urlsafe(32),
    "province_secret": lambda: secrets.token_urlsafe(32),
    "province_organisation_secret": lambda: secrets.token_urlsafe(32),
    "network_id_secret": lambda: secrets.token_urlsafe(32),
    "housing_fund_key": lambda: secrets.token_urlsafe(32),
    "wechat_app_id": lambda: "wx" + secrets.token_hex(8),
    "wechat_app_secret": lambda: secrets.token_hex(16),
    "wechat_template": lambda: secrets.token_urlsafe(32),
    # An EncodingAESKey: 32 bytes in base64 without the sign at its end, and letters and digits only.
    "wechat_push_key": lambda: "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(42)) + "A",
    "wechat_push_token": lambda: secrets.token_hex(12),
    "sms_access_key": lambda: secrets.token_hex(8),
    "sms_secret_key": lambda: secrets.token_urlsafe(32),
    **{f"office_{code}": webhook_secret for code in WEBHOOK_OFFICES},
}


def kept_secrets(data: Path) -> dict[str, str]:
    """Return this demo's secrets, making those that are not there yet."""
    file = data / "secrets.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = {name: make() for name, make in MADE_ONCE.items() if name not in kept}
    if missing:
        kept |= missing
        write_private(file, json.dumps(kept, indent=2))
    return kept


def token_keys_file(data: Path) -> Path:
    """Return the file with the private JWK Set (RFC 7517) that signs access tokens: one ES256 key."""
    file = data / "token-keys.json"
    if not file.exists():
        key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(8), "use": "sig", "alg": "ES256"}, private=True)
        write_private(file, json.dumps(KeySet([key]).as_dict(private=True), indent=2))
    return file


def environment(data: Path, ports: Ports) -> dict[str, str]:
    """Return the variables of the product and the sandbox, but those that come from PostgreSQL and S3.

    JSON values are described beside each variable in app/settings.py.
    """
    kept = kept_secrets(data)
    sandbox = f"http://127.0.0.1:{ports.sandbox}"
    onephone = f"http://127.0.0.1:{ports.api}"
    eid = relying_party(sandbox, "onephone", kept["eid_client_secret"], "/phone/callback")
    desk = relying_party(sandbox, "onephone-desk", kept["desk_client_secret"], "/clerk/callback")
    province = province_login(sandbox, "person", kept["province_secret"])
    legal_persons = province_login(sandbox, "organisation", kept["province_organisation_secret"])
    network_id = network_identity(sandbox, kept["network_id_secret"])
    providers = {
        "sandbox": eid,
        "province": province,
        "province-organisation": legal_persons,
        "network-id": network_id,
    }
    return {
        "ONEPHONE_ENV": "demo",
        "API_PORT": str(ports.api),
        "PUBLIC_URL": onephone,
        "TOKEN_KEYS_FILE": str(token_keys_file(data)),
        # The product makes this one itself, by `onephone keys`: nothing here knows its shape.
        "KEY_FILE": str(data / "keys.json"),
        "EID_PROVIDERS": json.dumps(providers | WITHOUT_PAGES),
        "STAFF_PROVIDERS": json.dumps({"sandbox": desk}),
        "OFFICES": json.dumps({code: office(sandbox, code, kept[f"office_{code}"]) for code in WEBHOOK_OFFICES}),
        "DATA_SOURCES": json.dumps(
            {"housing-fund": {"url": f"{sandbox}/housing-fund/balance", "key": kept["housing_fund_key"]}}
        ),
        "WECHAT_API_URL": f"{sandbox}/wechat",
        "WECHAT_APP_ID": kept["wechat_app_id"],
        "WECHAT_APP_SECRET": kept["wechat_app_secret"],
        "WECHAT_PROGRESS_TEMPLATE": kept["wechat_template"],
        "WECHAT_PUSH_TOKEN": kept["wechat_push_token"],
        "WECHAT_PUSH_KEYS": kept["wechat_push_key"],
        "SMS_API_URL": f"{sandbox}/sms",
        "SMS_ACCESS_KEY": kept["sms_access_key"],
        "SMS_SECRET_KEY": kept["sms_secret_key"],
        "SMS_SIGN": "一部手机",
        "SMS_CODE_TEMPLATE": "SMS_LOGIN_CODE",
        "VOICE_CODE_TEMPLATE": "TTS_LOGIN_CODE",
        "HANDOVER_RETRY_CAP_SECONDS": "5",
        "SANDBOX_PORT": str(ports.sandbox),
        "SANDBOX_URL": sandbox,
        "SANDBOX_DB": str(data / "sandbox" / "sandbox.sqlite3"),
        "SANDBOX_KEYS_FILE": str(data / "sandbox" / "eid-keys.json"),
        "SANDBOX_CLIENTS": json.dumps({party["client_id"]: client(party) for party in (eid, desk)}),
        "SANDBOX_TICKET_APPS": json.dumps({one["app_id"]: ticket_app(one) for one in (province, legal_persons)}),
        "SANDBOX_NETWORK_ID_APPS": json.dumps({network_id["org_id"]: network_id_app(sandbox, network_id)}),
        "ONEPHONE_URL": onephone,
    }


def relying_party(sandbox: str, client_id: str, secret: str, callback: str) -> dict[str, Any]:
    """Return how the product logs people in at the sandbox's OpenID provider."""
    return {
        "protocol": "oidc",
        "issuer": f"{sandbox}/eid",
        "client_id": client_id,
        "client_secret": secret,
        "redirect_uris": [sandbox + callback],
        "levels": LEVELS,
    }


def client(party: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provider's side of the same registration."""
    return {"secret": party["client_secret"], "redirect_uris": party["redirect_uris"]}


def province_login(sandbox: str, flow: str, secret: str) -> dict[str, Any]:
    """Return how the product logs people in at the sandbox's province: natural or legal persons, by `flow`."""
    return {
        "protocol": "ticket",
        "flow": flow,
        "login_url": f"{sandbox}/ticket-login/login",
        "api_url": f"{sandbox}/ticket-login",
        "app_id": f"onephone-{flow}",
        "access_key": f"access-key-{flow}",
        "secret_key": secret,
        "redirect_uris": [f"{sandbox}/phone/callback"],
        "levels": {"1": 1, "2": 2, "3": 3},
    }


def ticket_app(party: Mapping[str, Any]) -> dict[str, Any]:
    """Return the province's side of the same registration."""
    kept = {name: party[name] for name in ("access_key", "redirect_uris", "flow")}
    return kept | {"secret": party["secret_key"]}


def network_identity(sandbox: str, secret: str) -> dict[str, Any]:
    """Return how the product asks the sandbox's national network identity service."""
    return {
        "protocol": "network_id",
        "url": f"{sandbox}/network-id",
        "org_id": "00005300",
        "app_ids": {"android": "0002", "ios": "0003"},
        "access_key": "access-key-network-id",
        "secret_key": secret,
        "levels": {"R01": 3, "R02": 4},
    }


def network_id_app(sandbox: str, party: Mapping[str, Any]) -> dict[str, Any]:
    """Return the service's side of the same registration, and where its app goes back to."""
    kept = {name: party[name] for name in ("access_key", "app_ids")}
    return kept | {"secret": party["secret_key"], "back": [f"{sandbox}/phone/callback"]}


def office(sandbox: str, code: str, secret: str) -> dict[str, Any]:
    return {"url": f"{sandbox}/office/{code}/events", "secrets": [secret]}


def store_environment(url: str, access_key: str, secret_key: str, region: str) -> dict[str, str]:
    """Return the S3 variables for a store that we started ourselves."""
    return {
        "S3_ENDPOINT_URL": url,
        "S3_PUBLIC_URL": url,
        "S3_REGION": region,
        "S3_BUCKET": BUCKET,
        "S3_ACCESS_KEY_ID": access_key,
        "S3_SECRET_ACCESS_KEY": secret_key,
    }
