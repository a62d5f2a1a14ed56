"""Settings: a deployment either starts whole or says everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.settings import Settings, SettingsError, settings

COMPLETE = {
    "ONEPHONE_ENV": "production",
    "DATABASE_URL": "postgresql://onephone:hidden-word@db/onephone",
    "PUBLIC_URL": "https://one.example/",
    "TOKEN_KEYS_FILE": "/run/secrets/keys.json",
    "S3_ENDPOINT_URL": "https://store.example",
    "S3_BUCKET": "onephone",
    "S3_ACCESS_KEY_ID": "key",
    "S3_SECRET_ACCESS_KEY": "hidden-word",
    "KEY_FILE": "/keys.json",
    "EID_PROVIDERS": "{}",
    "STAFF_PROVIDERS": "{}",
    "OFFICES": "{}",
    "DATA_SOURCES": "{}",
    "WECHAT_APP_ID": "wx0",
    "WECHAT_APP_SECRET": "hidden-word",
    "WECHAT_PROGRESS_TEMPLATE": "template",
}
OPTIONAL = (
    "CRYPTO_SUITE",
    "DATABASE_POOL",
    "S3_PUBLIC_URL",
    "S3_REGION",
    "WECHAT_API_URL",
    "HANDOVER_RETRY_CAP_SECONDS",
    "MASTER_KEYS",
    "OPENED_KEY_SECONDS",
    "WECHAT_PUSH_TOKEN",
    "WECHAT_PUSH_KEYS",
    *("SMS_API_URL", "SMS_ACCESS_KEY", "SMS_SECRET_KEY", "SMS_SIGN", "SMS_CODE_TEMPLATE", "VOICE_CODE_TEMPLATE"),
)
CARRIER = {
    "SMS_API_URL": "https://carrier.example/",
    "SMS_ACCESS_KEY": "key",
    "SMS_SECRET_KEY": "hidden-word",
    "SMS_SIGN": "一部手机",
    "SMS_CODE_TEMPLATE": "SMS_1",
    "VOICE_CODE_TEMPLATE": "TTS_1",
}
KMS = {"MASTER_KEYS": "kms", "KEY_FILE": None, "KMS_KEY_IDS": "b, a", "KMS_INSTALLATION": "here"}
HSM = {
    "MASTER_KEYS": "hsm",
    "KEY_FILE": None,
    "HSM_LIBRARY": "/lib.so",
    "HSM_TOKEN": "onephone",
    "HSM_PIN": "hidden-word",
    "HSM_KEY_LABELS": "2026",
}

Read = Callable[..., Settings]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """read(NAME=value or None, …): the settings of a complete environment with these changes."""

    def settings_of(**changes: str | None) -> Settings:
        with monkeypatch.context() as environment:
            for name in (*COMPLETE, *OPTIONAL, "WORKER_CONCURRENCY"):
                environment.delenv(name, raising=False)
            for name, value in {**COMPLETE, **changes}.items():
                if value is not None:
                    environment.setenv(name, value)
            settings.cache_clear()
            return settings()

    yield settings_of
    settings.cache_clear()


def test_a_complete_environment_is_enough(read: Read) -> None:
    found = read()

    assert not found.is_demo
    assert found.public_url == "https://one.example", "paths are put behind it"
    assert found.s3_public_url == found.s3_endpoint_url
    assert found.wechat_api_url == "https://api.weixin.qq.com"


def test_every_fault_is_named_at_once(read: Read) -> None:
    with pytest.raises(SettingsError) as stopped:
        read(
            DATABASE_URL=None,
            S3_BUCKET=None,
            ONEPHONE_ENV="staging",
            PUBLIC_URL="one",
            DATABASE_POOL="many",
            OFFICES="{",
        )

    for name in ("DATABASE_URL", "S3_BUCKET", "ONEPHONE_ENV", "PUBLIC_URL", "DATABASE_POOL", "OFFICES"):
        assert f"\n  {name}: " in str(stopped.value)
    assert "TOKEN_KEYS_FILE" not in str(stopped.value), "what is right is not named"


@pytest.mark.parametrize("name", COMPLETE)
def test_nothing_that_matters_has_a_silent_default(read: Read, name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(**{name: None})


@pytest.mark.parametrize("keeper", [KMS, HSM], ids=lambda keeper: str(keeper["MASTER_KEYS"]))
def test_a_keeper_of_master_keys_needs_its_own_variables_and_no_others(
    read: Read, keeper: dict[str, str | None]
) -> None:
    found = read(**keeper)
    assert found.master_keys == (keeper["MASTER_KEYS"],)
    assert found.key_file == ""
    assert "hidden-word" not in repr(found), "no secrets where settings are printed"
    for name in keeper.keys() - {"MASTER_KEYS", "KEY_FILE"}:
        for nothing in (None, ""):
            with pytest.raises(SettingsError, match=name):
                read(**keeper | {name: nothing})


def test_keepers_side_by_side_keep_their_order(read: Read) -> None:
    found = read(**KMS | {"MASTER_KEYS": "kms,file", "KEY_FILE": "/keys.json"})
    assert found.master_keys == ("kms", "file")
    assert found.kms_key_ids == ("b", "a"), "the first one wraps"
    with pytest.raises(SettingsError, match="KEY_FILE"):
        read(**KMS | {"MASTER_KEYS": "kms,file"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MASTER_KEYS", ""),
        ("MASTER_KEYS", "file,paper"),
        ("OPENED_KEY_SECONDS", "soon"),
        ("ONEPHONE_ENV", "Production"),
        ("CRYPTO_SUITE", "plain"),
        ("DATABASE_POOL", "0"),
        ("DATABASE_POOL", "201"),
        ("WORKER_CONCURRENCY", "0"),
        ("S3_ENDPOINT_URL", "store"),
        ("PUBLIC_URL", "ftp://one.example"),
        ("EID_PROVIDERS", "{'a': 1}"),
        ("HANDOVER_RETRY_CAP_SECONDS", "soon"),
    ],
)
def test_a_value_that_can_not_be_meant_stops_the_start(read: Read, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(**{name: value})


def test_the_faults_repeat_no_secret(read: Read) -> None:
    with pytest.raises(SettingsError) as stopped:
        read(EID_PROVIDERS='{"sandbox": {"client_secret": "hidden-word"}', OFFICES="hidden-word", DATABASE_POOL="x")

    assert "hidden-word" not in str(stopped.value)


def test_a_carrier_is_needed_as_soon_as_codes_are_sent(read: Read) -> None:
    providers = '{"phone": {"protocol": "phone"}}'
    with pytest.raises(SettingsError) as stopped:
        read(EID_PROVIDERS=providers)

    assert all(name in str(stopped.value) for name in CARRIER)
    found = read(EID_PROVIDERS=providers, **CARRIER)
    assert (found.sms_api_url, found.voice_code_template) == ("https://carrier.example", "TTS_1")
    assert read().sms_api_url == ""


@pytest.mark.parametrize("keys", ["A" * 42, "A" * 44, "A" * 42 + "!", f"{'A' * 43},short"])
def test_a_key_of_the_message_push_is_43_letters_and_digits(read: Read, keys: str) -> None:
    with pytest.raises(SettingsError, match="WECHAT_PUSH_KEYS"):
        read(WECHAT_PUSH_KEYS=keys)

    assert read(WECHAT_PUSH_KEYS="A" * 43 + "," + "B" * 43).wechat_push_keys == ("A" * 43, "B" * 43)
    assert read().wechat_push_keys == ()
