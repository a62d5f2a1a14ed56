"""Every setting of the service, read once from the environment.

A missing or wrong value stops the start, and all faults are named together, so that an operator
mends them in one go. There is no default here that would be unsafe in production.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_network
from typing import Any

import environs
from marshmallow import ValidationError, validate

_A_MINUTE_TO_A_YEAR = validate.Range(min=timedelta(minutes=1), max=timedelta(days=366))
_AT_MOST_A_DAY = validate.Range(min=timedelta(seconds=1), max=timedelta(days=1))
MASTER_KEY_KEEPERS = ("file", "kms", "hsm")
"""Who can keep master keys; `MASTER_KEYS` names one, or several while data moves from one to another."""


class SettingsError(SystemExit):
    """The environment does not describe a service that can start; the text names every fault."""


@dataclass(frozen=True, repr=False)
class Settings:
    """What a deployment decides. Durations are timedeltas, sizes are bytes. Printed it shows none of its secrets."""

    environment: str
    database_url: str
    database_owner_url: str | None
    database_pool: int
    public_url: str
    token_keys_file: str
    key_file: str
    crypto_suite: str
    master_keys: tuple[str, ...]
    kms_key_ids: tuple[str, ...]
    kms_installation: str
    kms_endpoint_url: str | None
    kms_region: str
    kms_access_key_id: str | None
    kms_secret_access_key: str | None
    hsm_library: str
    hsm_token: str
    hsm_pin: str
    hsm_key_labels: tuple[str, ...]
    opened_key_life: timedelta
    s3_endpoint_url: str
    s3_public_url: str
    s3_region: str
    s3_bucket: str
    s3_access_key_id: str
    s3_secret_access_key: str
    eid_providers: dict[str, dict[str, Any]]
    staff_providers: dict[str, dict[str, Any]]
    offices: dict[str, dict[str, Any]]
    data_sources: dict[str, dict[str, Any]]
    wechat_api_url: str
    wechat_app_id: str
    wechat_app_secret: str
    wechat_progress_template: str
    wechat_push_token: str
    wechat_push_keys: tuple[str, ...]
    sms_api_url: str
    sms_access_key: str
    sms_secret_key: str
    sms_sign: str
    sms_code_template: str
    voice_code_template: str
    handover_retry_cap: timedelta
    worker_concurrency: int
    looks_per_hour: int
    unmasking_life: timedelta
    tsa_url: str | None
    tsa_certificates: str | None
    alarm_near_days: int
    unhandled_per_clerk: int
    trusted_proxies: tuple[str, ...]
    throttles: dict[str, tuple[int, int]]
    metrics_token: str
    staff_password_length: int
    staff_password_classes: int
    staff_password_days: int
    passkey_origins: tuple[str, ...]
    refresh_token_life: timedelta
    session_idle: timedelta
    elder_session_life: timedelta
    elder_session_idle: timedelta
    staff_session_life: timedelta
    staff_session_idle: timedelta
    refresh_grace: timedelta = timedelta(seconds=30)
    access_token_life: timedelta = timedelta(minutes=15)
    login_life: timedelta = timedelta(minutes=10)
    staff_lock_after: int = 5
    staff_lock_life: timedelta = timedelta(minutes=30)
    first_password_life: timedelta = timedelta(days=3)
    draft_life: timedelta = timedelta(days=90)
    upload_slot_life: timedelta = timedelta(minutes=10)
    office_download_life: timedelta = timedelta(hours=24)
    idempotency_life: timedelta = timedelta(hours=24)
    copy_life: timedelta = timedelta(days=3)
    body_limit: int = 256 * 1024
    office_body_limit: int = 8 * 1024 * 1024
    look_life: timedelta = timedelta(hours=1)
    outside_timeout: timedelta = timedelta(seconds=15)

    @property
    def is_demo(self) -> bool:
        return self.environment == "demo"


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises SettingsError naming every missing or wrong variable.
    """
    env = environs.Env(eager=False)
    url = validate.URL(schemes={"http", "https"}, require_tld=False)
    eid_providers = env.json("EID_PROVIDERS")
    read: dict[str, Any] = {
        "environment": env.str("ONEPHONE_ENV", validate=validate.OneOf(["demo", "production"])),
        "database_url": env.str("DATABASE_URL"),
        "database_owner_url": env.str("DATABASE_OWNER_URL", None),
        "database_pool": env.int("DATABASE_POOL", 8, validate=validate.Range(min=1, max=200)),
        "public_url": env.str("PUBLIC_URL", validate=url),
        "token_keys_file": env.str("TOKEN_KEYS_FILE"),
        **_keepers(env),
        "crypto_suite": env.str(
            "CRYPTO_SUITE", "international", validate=validate.OneOf(["international", "national"])
        ),
        "s3_endpoint_url": env.str("S3_ENDPOINT_URL", validate=url),
        "s3_public_url": env.str("S3_PUBLIC_URL", None),
        "s3_region": env.str("S3_REGION", "us-east-1"),
        "s3_bucket": env.str("S3_BUCKET"),
        "s3_access_key_id": env.str("S3_ACCESS_KEY_ID"),
        "s3_secret_access_key": env.str("S3_SECRET_ACCESS_KEY"),
        "eid_providers": eid_providers,
        "staff_providers": env.json("STAFF_PROVIDERS"),
        "offices": env.json("OFFICES", validate=_are_offices),
        "data_sources": env.json("DATA_SOURCES"),
        "wechat_api_url": env.str("WECHAT_API_URL", "https://api.weixin.qq.com", validate=url),
        "wechat_app_id": env.str("WECHAT_APP_ID"),
        "wechat_app_secret": env.str("WECHAT_APP_SECRET"),
        "wechat_progress_template": env.str("WECHAT_PROGRESS_TEMPLATE"),
        # EncodingAESKey of the message push, the current one first; without any, pushes come in plain.
        "wechat_push_token": env.str("WECHAT_PUSH_TOKEN", ""),
        "wechat_push_keys": tuple(env.list("WECHAT_PUSH_KEYS", [], validate=_are_push_keys) or ()),
        **_carrier(env, eid_providers),
        "handover_retry_cap": env.timedelta("HANDOVER_RETRY_CAP_SECONDS", timedelta(seconds=300)),
        "worker_concurrency": env.int("WORKER_CONCURRENCY", 4, validate=validate.Range(min=1, max=64)),
        "looks_per_hour": env.int("LOOKS_PER_HOUR", 120, validate=validate.Range(min=1, max=100_000)),
        **_authority(env, url),
        "alarm_near_days": env.int("ALARM_NEAR_DAYS", 1, validate=validate.Range(min=1, max=10)),
        "unhandled_per_clerk": env.int("UNHANDLED_PER_CLERK", 3, validate=validate.Range(min=1, max=1000)),
        "unmasking_life": env.timedelta("UNMASKING_SECONDS", timedelta(minutes=10), validate=_AT_MOST_A_DAY),
        "trusted_proxies": env.list("TRUSTED_PROXIES", [], validate=_are_networks),
        "throttles": env.json("THROTTLES", {}, validate=_are_throttles),
        "staff_password_length": env.int("STAFF_PASSWORD_LENGTH", 12, validate=validate.Range(min=8, max=64)),
        "staff_password_classes": env.int("STAFF_PASSWORD_CLASSES", 1, validate=validate.Range(min=1, max=4)),
        "staff_password_days": env.int("STAFF_PASSWORD_DAYS", 0, validate=validate.Range(min=0, max=3650)),
        "passkey_origins": env.list("PASSKEY_ORIGINS", []),
        "metrics_token": env.str("METRICS_TOKEN", "", validate=_is_long_or_absent),
        **_session_lives(env),
    }
    try:
        env.seal()
    except environs.EnvValidationError as error:
        faults = "\n".join(f"  {name}: {' '.join(words)}" for name, words in _by_variable(error.error_messages).items())
        raise SettingsError(f"The environment is not complete:\n{faults}") from None
    read["s3_public_url"] = read["s3_public_url"] or read["s3_endpoint_url"]
    read["public_url"] = read["public_url"].rstrip("/")
    read["passkey_origins"] = tuple(read["passkey_origins"]) or (read["public_url"],)
    read["trusted_proxies"] = tuple(read["trusted_proxies"])
    read["throttles"] = {name: (most, seconds) for name, (most, seconds) in read["throttles"].items()}
    return Settings(**read)


def _authority(env: environs.Env, url: validate.Validator) -> dict[str, str | None]:
    """Who stamps the heads of the daily trees with the time, and the file with the roots it is trusted by."""
    address = env.str("TSA_URL", None, validate=lambda given: given is None or url(given))
    roots = env.str("TSA_CERTIFICATES", validate=validate.Length(min=1)) if address else None
    return {"tsa_url": address or None, "tsa_certificates": roots}


def _are_networks(texts: list[str]) -> None:
    for one in texts:
        try:
            ip_network(one, strict=False)
        except ValueError:
            raise ValidationError("Addresses or networks, with commas: 10.0.0.0/8, 192.0.2.7.") from None


def _are_throttles(changes: Any) -> None:
    """`{"login.address": [6000, 60]}`: so many tries, so many seconds, for limits of `auth/throttles.py`."""
    sound = isinstance(changes, dict) and all(
        isinstance(pair, list) and len(pair) == 2 and all(type(one) is int and one > 0 for one in pair)
        for pair in changes.values()
    )
    if not sound:
        raise ValidationError('Like {"login.address": [6000, 60]}: tries, and seconds.')


def _are_offices(offices: Any) -> None:
    """Every secret is a text, or `{"secret", "since", "until"}`; what they mean is said in app/offices.py."""
    if not isinstance(offices, dict) or not all(isinstance(office, dict) for office in offices.values()):
        raise ValidationError("An object of offices by their department's code.")
    for code, office in offices.items():
        entries = [*office.get("secrets", ()), *office.get("client_secrets", ())]
        if not all(_is_secret(entry) for entry in entries):
            raise ValidationError(f"{code}: a secret is a text, or has `secret` and instants with their zone.")
        if not all(isinstance(key, dict) and key.get("kty") in ("EC", "OKP", "RSA") for key in office.get("keys", ())):
            raise ValidationError(f"{code}: keys are public keys as JWK (RFC 7517).")


def _is_secret(entry: Any) -> bool:
    if isinstance(entry, str):
        return bool(entry)
    if not isinstance(entry, dict) or not isinstance(entry.get("secret"), str):
        return False
    try:
        instants = [datetime.fromisoformat(entry[name]) for name in ("since", "until") if name in entry]
    except (TypeError, ValueError):
        return False
    # One without a zone would hold at another time on another machine.
    return all(instant.tzinfo is not None for instant in instants) and entry.keys() <= {"secret", "since", "until"}


def _is_long_or_absent(token: str) -> None:
    if token and len(token) < 20:
        raise ValidationError("At least 20 characters, or absent.")


def _carrier(env: environs.Env, providers: Any) -> dict[str, Any]:
    """Who carries messages and calls to phones: needed as soon as somebody can log in by a one-time code."""
    named = providers.values() if isinstance(providers, Mapping) else ()
    needed = any(isinstance(options, Mapping) and options.get("protocol") == "phone" for options in named)

    def words(name: str) -> str:
        return str(env.str(name, validate=validate.Length(min=1)) if needed else env.str(name, ""))

    return {
        "sms_api_url": words("SMS_API_URL").rstrip("/"),
        "sms_access_key": words("SMS_ACCESS_KEY"),
        "sms_secret_key": words("SMS_SECRET_KEY"),
        "sms_sign": words("SMS_SIGN"),
        "sms_code_template": words("SMS_CODE_TEMPLATE"),
        "voice_code_template": words("VOICE_CODE_TEMPLATE"),
    }


def _are_push_keys(keys: list[str]) -> None:
    """Raises ValidationError: an EncodingAESKey is 43 letters and digits, which are 32 bytes in base64."""
    for key in keys:
        if not re.fullmatch(r"[A-Za-z0-9]{43}", key):
            raise ValidationError("Each is to be an EncodingAESKey of 43 letters and digits.")


def _keepers(env: environs.Env) -> dict[str, Any]:
    """Who keeps the master keys, and what that keeper needs: the variables of the others may be absent."""
    known = [validate.Length(min=1), validate.ContainsOnly(MASTER_KEY_KEEPERS)]
    kinds = env.list("MASTER_KEYS", ["file"], validate=known) or []

    def words(name: str, keeper: str) -> str:
        return str(env.str(name, validate=validate.Length(min=1)) if keeper in kinds else env.str(name, ""))

    def names(name: str, keeper: str) -> tuple[str, ...]:
        return tuple(one.strip() for one in words(name, keeper).split(",") if one.strip())

    return {
        "master_keys": tuple(dict.fromkeys(kinds)),
        "key_file": words("KEY_FILE", "file"),
        "kms_key_ids": names("KMS_KEY_IDS", "kms"),
        "kms_installation": words("KMS_INSTALLATION", "kms"),
        "kms_endpoint_url": env.str("KMS_ENDPOINT_URL", None),
        "kms_region": env.str("KMS_REGION", "us-east-1"),
        "kms_access_key_id": env.str("KMS_ACCESS_KEY_ID", None),
        "kms_secret_access_key": env.str("KMS_SECRET_ACCESS_KEY", None),
        "hsm_library": words("HSM_LIBRARY", "hsm"),
        "hsm_token": words("HSM_TOKEN", "hsm"),
        "hsm_pin": words("HSM_PIN", "hsm"),
        "hsm_key_labels": names("HSM_KEY_LABELS", "hsm"),
        "opened_key_life": env.timedelta("OPENED_KEY_SECONDS", timedelta(seconds=60)),
    }


def _session_lives(env: environs.Env) -> dict[str, timedelta]:
    """How long a session lasts in all, and without a sign of its client; a desk is left alone for half an hour at most
    (domain-facts §4.2: automatic logout, 30 minutes are common)."""

    def seconds(name: str, default: timedelta) -> Any:
        return env.timedelta(name, default, validate=_A_MINUTE_TO_A_YEAR)

    return {
        "refresh_token_life": seconds("SESSION_SECONDS", timedelta(days=30)),
        "session_idle": seconds("SESSION_IDLE_SECONDS", timedelta(days=14)),
        "elder_session_life": seconds("ELDER_SESSION_SECONDS", timedelta(days=90)),
        "elder_session_idle": seconds("ELDER_SESSION_IDLE_SECONDS", timedelta(days=60)),
        "staff_session_life": seconds("STAFF_SESSION_SECONDS", timedelta(hours=12)),
        "staff_session_idle": seconds("STAFF_SESSION_IDLE_SECONDS", timedelta(minutes=30)),
    }


def _by_variable(faults: list[str] | Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """environs' faults by the name of their variable."""
    return faults if isinstance(faults, Mapping) else {"settings": faults}
