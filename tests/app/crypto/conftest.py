"""The rings that the stories of sealing share: a key file, a stand-in of KMS, and SoftHSM where it is installed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from app.crypto import hsm, key_file
from app.crypto.hsm import Pkcs11KeyRing, Token
from app.crypto.keyring import FileKeyRing, KeyRing
from app.crypto.kms import KmsKeyRing
from app.crypto.suites import INTERNATIONAL, NATIONAL, SUITES, Suite

HSM_LIBRARIES = (
    os.environ.get("SOFTHSM2_LIBRARY", ""),
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
)
PIN = "1234"


@pytest.fixture(params=SUITES.values(), ids=lambda suite: suite.name)
def suite(request: pytest.FixtureRequest) -> Suite:
    found: Suite = request.param
    return found


@pytest.fixture
def keys_path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    key_file.create(path, INTERNATIONAL)
    return path


@pytest.fixture
def file_ring(keys_path: Path) -> FileKeyRing:
    return FileKeyRing(keys_path)


@pytest.fixture(scope="session")
def kms_url() -> Iterator[str]:
    """A local server that speaks the KMS protocol."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def kms_client(kms_url: str) -> Any:
    return boto3.client(
        "kms",
        endpoint_url=kms_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Token:
    """A new token in SoftHSM."""
    library = next((path for path in HSM_LIBRARIES if path and Path(path).exists()), None)
    tool = shutil.which("softhsm2-util")
    if library is None or tool is None or hsm.pkcs11 is None:
        pytest.skip("needs SoftHSM (Debian package softhsm2) and python-pkcs11")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    command = [tool, "--module", library, "--init-token", "--free", "--label", "onephone"]
    subprocess.run([*command, "--pin", PIN, "--so-pin", "12345678"], check=True, capture_output=True)
    ring = Pkcs11KeyRing(Token(library, "onephone", PIN), ["2026"])
    ring.create_master_key("2025")
    ring.create_master_key("2026")
    ring.close()
    return Token(library, "onephone", PIN)


@pytest.fixture
def hsm_ring(token: Token) -> Iterator[KeyRing]:
    ring = Pkcs11KeyRing(token, ["2026", "2025"])
    yield ring
    ring.close()


def kms_ring(client: Any) -> KmsKeyRing:
    made = [client.create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]
    return KmsKeyRing(client, made, {"installation": "test"})


@pytest.fixture(params=["file", "national-file", "kms", "hsm"])
def ring(request: pytest.FixtureRequest, tmp_path: Path) -> KeyRing:
    """One ring of each kind, all with an old key beside the current one."""
    if request.param == "kms":
        return kms_ring(request.getfixturevalue("kms_client"))
    if request.param == "hsm":
        found: KeyRing = request.getfixturevalue("hsm_ring")
        return found
    path, suite = tmp_path / "ring.json", NATIONAL if request.param == "national-file" else INTERNATIONAL
    key_file.create(path, suite)
    key_file.add_master_key(path, suite)
    return FileKeyRing(path)
