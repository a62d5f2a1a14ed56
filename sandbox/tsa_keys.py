"""The keys of the sandbox's time-stamping authority: one PEM file, made once, and its root for those who trust it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=3650)


def make(file: Path, root_file: Path) -> None:
    """Write the authority's key and certificate, and apart from them the root's certificate, unless they are there.

    Each is written beside and then renamed, the authority's own last, so a killed start leaves nothing by halves.
    """
    if file.exists() and root_file.exists():
        return
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = name("OnePhone Sandbox Root 沙箱根证书")
    root = certificate(root_name, root_name, root_key, root_key, None)
    own = certificate(
        name("OnePhone Sandbox TSA 沙箱时间戳"), root_name, key, root_key, ExtendedKeyUsageOID.TIME_STAMPING
    )
    write(root_file, root.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write(file, private + own.public_bytes(Encoding.PEM))


def load(file: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The authority's key and certificate."""
    content = file.read_bytes()
    key = load_pem_private_key(content, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key, x509.load_pem_x509_certificate(content)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    usage: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    """A root's certificate without a usage; with one, a certificate for nothing else (RFC 3161 §2.3: critical)."""
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + LIFE)
    made = made.add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    made = made.add_extension(above, critical=False)
    if usage is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return made.sign(signer, hashes.SHA256())


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(file.name + ".new")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    half.replace(file)
