"""The e-ID provider's signing keys: a private JWK Set in a file, made at the first start."""

import json
import os
from pathlib import Path

from joserfc.jwk import ECKey, KeySet


def load_keys(path: str) -> KeySet:
    """Read the key set, or make one of a single ES256 key (RFC 7517, RFC 7518 §3.4). The first key signs."""
    file = Path(path)
    if not file.exists():
        write_keys(file)
    return KeySet.import_key_set(json.loads(file.read_text()))


def write_keys(file: Path) -> None:
    """Written beside and then renamed, so that a killed start never leaves half a file."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
    key.ensure_kid()
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(file.name + ".new")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump({"keys": [key.as_dict(private=True)]}, out)
    half.replace(file)
