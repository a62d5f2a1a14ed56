"""Key rings: what all of them promise, and what is peculiar to each."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from app.crypto import hsm, key_file
from app.crypto.failures import KeyFileUnsafe, KeysAway, SealBroken, SealError, SealKeyMissing, SuiteUnavailable
from app.crypto.hsm import Pkcs11KeyRing, Token
from app.crypto.keyring import FileKeyRing, KeyRing, Wrapped
from app.crypto.kms import KmsKeyRing
from app.crypto.suites import INTERNATIONAL, NATIONAL

PIN = "1234"
DATA_KEY = bytes(range(32))


def test_what_was_wrapped_unwraps(ring: KeyRing) -> None:
    wrapped = ring.wrap(DATA_KEY)
    assert wrapped.master_key_id == ring.current_id == ring.ids()[0]
    assert DATA_KEY not in wrapped.blob and DATA_KEY.hex() not in repr(wrapped)
    assert ring.unwrap(wrapped) == DATA_KEY
    assert len(ring.ids()) == 2


def test_an_altered_wrapping_is_broken(ring: KeyRing) -> None:
    wrapped = ring.wrap(DATA_KEY)
    flipped = wrapped.blob[:-1] + bytes((wrapped.blob[-1] ^ 1,))
    for blob in (flipped, wrapped.blob[:-8], wrapped.blob[:5]):
        with pytest.raises(SealBroken):
            ring.unwrap(Wrapped(wrapped.master_key_id, blob))


def test_another_master_key_does_not_unwrap(ring: KeyRing) -> None:
    wrapped = ring.wrap(DATA_KEY)
    with pytest.raises((SealBroken, SealKeyMissing)):
        ring.unwrap(Wrapped(ring.ids()[1], wrapped.blob))


def test_an_unknown_master_key_is_named(ring: KeyRing) -> None:
    with pytest.raises(SealKeyMissing, match="of-old"):
        ring.unwrap(Wrapped("of-old", ring.wrap(DATA_KEY).blob))


def test_threads_share_a_ring(ring: KeyRing) -> None:
    keys = [os.urandom(32) for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda key: ring.unwrap(ring.wrap(key)), keys)) == keys


# -- the file --


def test_a_new_key_file_is_its_owners_alone(keys_path: Path) -> None:
    assert stat.S_IMODE(keys_path.stat().st_mode) == 0o600
    key_file.add_master_key(keys_path, INTERNATIONAL)
    assert stat.S_IMODE(keys_path.stat().st_mode) == 0o600
    assert [path.name for path in keys_path.parent.iterdir()] == [keys_path.name]


def test_a_key_file_is_never_made_over_another(keys_path: Path) -> None:
    with pytest.raises(FileExistsError):
        key_file.create(keys_path, INTERNATIONAL)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o660, 0o666])
def test_a_file_for_everybody_is_refused(keys_path: Path, mode: int) -> None:
    keys_path.chmod(mode)
    with pytest.raises(KeyFileUnsafe, match="chmod 600"):
        FileKeyRing(keys_path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440])
def test_a_file_for_the_service_is_taken(keys_path: Path, mode: int) -> None:
    keys_path.chmod(mode)
    assert FileKeyRing(keys_path).ids()


def test_an_absent_file_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(SealKeyMissing, match="no key file"):
        FileKeyRing(tmp_path / "none.json")
    assert not list(tmp_path.iterdir())


SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="
MASTER = f'{{"id":"a","suite":"international","key":"{SECRET}"}}'
INDEX = f'{{"version":1,"suite":"international","key":"{SECRET}"}}'


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[]",
        '{"format":2,"master_keys":[],"index_keys":[]}',
        f'{{"format":1,"master_keys":[],"index_keys":[{INDEX}]}}',
        f'{{"format":1,"master_keys":[{MASTER}],"index_keys":[]}}',
        f'{{"format":1,"master_keys":[{MASTER},{MASTER}],"index_keys":[{INDEX}]}}',
        f'{{"format":1,"master_keys":[{MASTER}],"index_keys":[{INDEX.replace(SECRET, "c2VjcmV0")}]}}',
        f'{{"format":1,"master_keys":[{MASTER.replace("international", "rot13")}],"index_keys":[{INDEX}]}}',
        f'{{"format":1,"master_keys":[{MASTER}],"index_keys":"all"}}',
    ],
)
def test_what_is_no_key_file_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileUnsafe) as refused:
        FileKeyRing(path)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


def test_a_key_added_meanwhile_is_used_without_a_restart(keys_path: Path, file_ring: FileKeyRing) -> None:
    old = file_ring.wrap(DATA_KEY)
    added = key_file.add_master_key(keys_path, NATIONAL)
    assert file_ring.current_id == added != old.master_key_id
    assert file_ring.ids() == (added, old.master_key_id)
    assert file_ring.unwrap(file_ring.wrap(DATA_KEY)) == file_ring.unwrap(old) == DATA_KEY


def test_of_keys_added_at_once_none_is_lost(keys_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: key_file.add_master_key(keys_path, INTERNATIONAL), range(16)))
    assert set(added) <= set(FileKeyRing(keys_path).ids()) and len(set(added)) == 16


def test_an_interrupted_writing_leaves_the_old_file(keys_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys_path.read_bytes()

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        key_file.add_master_key(keys_path, INTERNATIONAL)
    assert keys_path.read_bytes() == before
    assert [path.name for path in keys_path.parent.iterdir()] == [keys_path.name]


# -- KMS --


def test_kms_binds_the_encryption_context(kms_client: Any) -> None:
    key_id = kms_client.create_key()["KeyMetadata"]["KeyId"]
    wrapped = KmsKeyRing(kms_client, [key_id], {"installation": "here"}).wrap(DATA_KEY)
    with pytest.raises(SealBroken):
        KmsKeyRing(kms_client, [key_id], {"installation": "there"}).unwrap(wrapped)


def test_a_kms_key_that_was_never_there_is_missing(kms_client: Any) -> None:
    with pytest.raises(SealKeyMissing, match="NotFoundException"):
        KmsKeyRing(kms_client, ["11111111-2222-3333-4444-555555555555"], {}).wrap(DATA_KEY)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InvalidCiphertextException", SealBroken),
        ("DisabledException", SealKeyMissing),
        ("KMSInvalidStateException", SealKeyMissing),
        ("AccessDeniedException", SealKeyMissing),
        ("ThrottlingException", KeysAway),
        ("KMSInternalException", KeysAway),
    ],
)
def test_what_kms_says_is_told_apart(kms_client: Any, code: str, expected: type[SealError]) -> None:
    """By botocore's own stub, because the local server knows no disabled keys and is never busy."""
    with Stubber(kms_client) as stub:
        stub.add_client_error("decrypt", code)
        with pytest.raises(expected):
            KmsKeyRing(kms_client, ["some-key"], {}).unwrap(Wrapped("some-key", b"blob"))


def test_a_kms_that_is_away_is_worth_another_try() -> None:
    client = boto3.client(
        "kms",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(KeysAway, match="does not answer"):
        KmsKeyRing(client, ["some-key"], {}).wrap(DATA_KEY)


def test_a_kms_ring_takes_no_alias(kms_client: Any) -> None:
    with pytest.raises(ValueError, match="no aliases"):
        KmsKeyRing(kms_client, ["alias/onephone"], {})


# -- the hardware module --


def test_a_label_that_the_token_lacks_is_named(token: Token, hsm_ring: KeyRing) -> None:
    other = Pkcs11KeyRing(token, ["lost"])
    with pytest.raises(SealKeyMissing, match="lost"):
        other.unwrap(Wrapped("lost", hsm_ring.wrap(DATA_KEY).blob))


def test_a_master_key_cannot_be_read(token: Token, hsm_ring: Pkcs11KeyRing) -> None:
    p11 = hsm_ring._p11
    with pytest.raises(p11.AttributeSensitive):
        hsm_ring._master("2026")[p11.Attribute.VALUE]


def test_a_wrong_pin_is_tried_once(token: Token) -> None:
    ring = Pkcs11KeyRing(Token(token.library, token.label, "4321"), ["2026"])
    with pytest.raises(SealKeyMissing, match="refuses the PIN"):
        ring.wrap(DATA_KEY)
    with pytest.raises(SealKeyMissing, match="would lock"):
        ring.wrap(DATA_KEY)
    assert "4321" not in repr(ring._token)


def test_a_ring_opens_a_new_session_after_the_old_one_ended(hsm_ring: Pkcs11KeyRing) -> None:
    wrapped = hsm_ring.wrap(DATA_KEY)
    hsm_ring._session.close()
    assert hsm_ring.unwrap(wrapped) == DATA_KEY


def test_a_module_that_is_away_is_worth_another_try(token: Token) -> None:
    with pytest.raises(KeysAway, match="does not serve"):
        Pkcs11KeyRing(Token("/nowhere/module.so", token.label, PIN), ["2026"]).wrap(DATA_KEY)
    with pytest.raises(KeysAway, match="NoSuchToken"):
        Pkcs11KeyRing(Token(token.library, "elsewhere", PIN), ["2026"]).wrap(DATA_KEY)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hsm, "pkcs11", None)
    with pytest.raises(SuiteUnavailable, match="python-pkcs11"):
        Pkcs11KeyRing(Token("module.so", "label", "1234"), ["2026"])
