"""SM2 against a second implementation: OpenSSL 3, in both directions."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from app.crypto.suites import NATIONAL, SigningPair

# RFC 5915 and RFC 5480 around the raw keys, with the curve's object id 1.2.156.10197.1.301 (GM/T 0006-2012).
CURVE = bytes.fromhex("06082a811ccf5501822d")
OPTIONS = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"]


def private_pem(pair: SigningPair) -> str:
    der = bytes.fromhex("30770201010420") + pair.private + b"\xa0\x0a" + CURVE
    return pem("EC PRIVATE KEY", der + bytes.fromhex("a14403420004") + pair.public)


def public_pem(pair: SigningPair) -> str:
    der = bytes.fromhex("3059301306072a8648ce3d0201") + CURVE + bytes.fromhex("03420004") + pair.public
    return pem("PUBLIC KEY", der)


def pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"


def openssl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=False)


@pytest.fixture(autouse=True)
def second_implementation() -> None:
    if shutil.which("openssl") is None or b"SM2" not in openssl("list", "-public-key-algorithms").stdout:
        pytest.skip("needs an openssl 3 with SM2 (Debian package openssl)")


@pytest.fixture
def pair(tmp_path: Path) -> SigningPair:
    made = NATIONAL.new_signing_pair()
    (tmp_path / "private.pem").write_text(private_pem(made))
    (tmp_path / "public.pem").write_text(public_pem(made))
    return made


@pytest.mark.parametrize("message", [b"a", "你好,一部手机".encode(), bytes(5000)], ids=["one", "text", "long"])
def test_openssl_verifies_what_we_sign(pair: SigningPair, message: bytes, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(NATIONAL.sign(pair, message))
    files = ["-in", f"{tmp_path}/message", "-sigfile", f"{tmp_path}/signature"]
    done = openssl("pkeyutl", "-verify", "-pubin", "-inkey", f"{tmp_path}/public.pem", *files, *OPTIONS)
    assert done.returncode == 0, done.stderr
    (tmp_path / "message").write_bytes(message + b"!")
    done = openssl("pkeyutl", "-verify", "-pubin", "-inkey", f"{tmp_path}/public.pem", *files, *OPTIONS)
    assert done.returncode != 0


@pytest.mark.parametrize("message", [b"a", "你好,一部手机".encode(), bytes(5000)], ids=["one", "text", "long"])
def test_we_verify_what_openssl_signs(pair: SigningPair, message: bytes, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(message)
    done = openssl("pkeyutl", "-sign", "-inkey", f"{tmp_path}/private.pem", "-in", f"{tmp_path}/message", *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert NATIONAL.verify(pair.public, message, done.stdout)
    assert not NATIONAL.verify(pair.public, message + b"!", done.stdout)


def test_openssl_hashes_as_we_do(tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes("一部手机办事通".encode())
    done = openssl("dgst", "-sm3", "-binary", f"{tmp_path}/message")
    assert done.stdout == NATIONAL.digest("一部手机办事通".encode())
