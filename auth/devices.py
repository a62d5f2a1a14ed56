"""Devices: what a request tells of the phone or desk it comes from, and how little of that is kept.

The client makes a random id once and sends it as `OnePhone-Device` with every login and refresh. Only its hash is
kept. It is no secret like a token, but whoever stole a refresh token from an answer, a log or a backup does not have
it, and then the token is worth nothing (RFC 9700 §2.2.2: refresh tokens of public clients are bound to their sender).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass

from flask import Request

from app.refusals import Refusal
from auth import addresses

HEADER = "OnePhone-Device"
PATTERN = "^[A-Za-z0-9_-]{22,128}$"
"""At least 128 random bits in base64url."""

_SHAPE = re.compile("[A-Za-z0-9_-]{22,128}")
_LONGEST_NAME = 200


class DeviceInvalid(Refusal):
    """The header `OnePhone-Device` does not have the shape that the specification gives."""


@dataclass(frozen=True)
class Device:
    """`name` is how the client names itself, shortened; `id_sha256` is None for one that sends no id; `network` is
    the address without its last part, such as `198.51.100.0/24`."""

    name: str = ""
    id_sha256: str | None = None
    network: str | None = None


def of(request: Request) -> Device:
    """The device of a request. Raises DeviceInvalid."""
    named = request.headers.get("User-Agent", "")[:_LONGEST_NAME]
    given = request.headers.get(HEADER)
    if given is not None and not _SHAPE.fullmatch(given):
        raise DeviceInvalid
    return Device(named, given and hashlib.sha256(given.encode()).hexdigest(), network_of(addresses.of(request)))


def network_of(address: str | None) -> str | None:
    """The network of an address: /24 of IPv4 and /48 of IPv6 say from where about, and not which household."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    known = getattr(known, "ipv4_mapped", None) or known
    return str(ipaddress.ip_network((known, 24 if known.version == 4 else 48), strict=False))
