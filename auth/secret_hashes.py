"""What is kept of a secret that we made: logins, steps of staff and refresh tokens are found again by it."""

from __future__ import annotations

import hashlib


def hashed(secret: str) -> str:
    """Hexadecimal. A secret of ours has 256 random bits, so a plain hash keeps it: there is nothing to guess."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
