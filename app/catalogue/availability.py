"""Availability: what staff can switch without a new version: maintenance, and the oldest client that still works."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, DateTime, ForeignKey, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from app.database import metadata
from app.refusals import Refusal

service_switches = Table(
    "service_switches",
    metadata,
    Column("service_code", Text, ForeignKey("services.code"), primary_key=True),
    # {zh, en}: what residents are told; empty while the service is open.
    Column("maintenance_note", JSONB(none_as_null=True)),
    # It ends then by itself; empty until somebody ends it.
    Column("maintenance_until", DateTime(timezone=True)),
    # {platform: version}: older clients can not file.
    Column("minimum_clients", JSONB, nullable=False),
)

PLATFORMS = ("android", "harmony", "ios", "web", "wechat", "alipay")

_CLIENT = re.compile(rf"({'|'.join(PLATFORMS)})/([0-9]{{1,5}}(?:\.[0-9]{{1,5}}){{0,3}})")
_VERSION = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){0,3}")


class ServiceInMaintenance(Refusal):
    """Staff closed it for a while; `note` says why and `until` until when, if that is known. Drafts are kept."""


class ClientOutdated(Refusal):
    """This client is older than `minimum` for its `platform` and does not know this service. Drafts are kept."""


@dataclass(frozen=True)
class Switches:
    """`maintenance` is what residents are told, None while the service is open."""

    maintenance: dict[str, str] | None = None
    until: datetime | None = None
    minimum_clients: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Client:
    """What program asks: a platform of PLATFORMS and its version."""

    platform: str
    version: str


def client_of(text: str) -> Client | None:
    """`wechat/2.3.1` → that client; None for anything else."""
    known = _CLIENT.fullmatch(text)
    return None if known is None else Client(known[1], known[2])


def is_version(text: str) -> bool:
    """One to four numbers with dots: `2`, `2.3.1`."""
    return _VERSION.fullmatch(text) is not None


def require_no_maintenance(switches: Switches) -> None:
    """Raises ServiceInMaintenance."""
    if switches.maintenance is not None:
        raise ServiceInMaintenance(note=switches.maintenance, until=switches.until)


def require_client(switches: Switches, client: Client | None) -> None:
    """Raises ClientOutdated. A client that does not say what it is can not be judged, and is let through."""
    minimum = switches.minimum_clients.get(client.platform) if client else None
    if client and minimum and _parts(client.version) < _parts(minimum):
        raise ClientOutdated(platform=client.platform, minimum=minimum)


def _parts(version: str) -> tuple[int, ...]:
    """`2.10` → (2, 10, 0, 0), so that 2.10 is newer than 2.9 and 2 the same as 2.0."""
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))
