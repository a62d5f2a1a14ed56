"""Addresses: where a request comes from, as far as we can know.

The connection's own address is a fact. `X-Forwarded-For` is only what somebody wrote, so it is read behind
TRUSTED_PROXIES alone, from its end: what our own proxy added last is true, what stands before it may be invented.
"""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from flask import Request

from app.settings import settings

# A subscriber of IPv6 has a whole /64 (RFC 6177 §2), so a single address in it says nothing.
_SUBSCRIBER = 64
_MOST_HOPS = 20


def of(request: Request) -> str:
    """The client's address; `unknown` for a connection without one, such as a Unix socket."""
    address = _known(request.remote_addr or "")
    if address is None:
        return "unknown"
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")[-_MOST_HOPS:]):
        if not _is_trusted(address):
            break
        before = _known(hop)
        if before is None:
            break
        address = before
    return address


def network_of(address: str) -> str:
    """What counts as one origin: an IPv4 address, or the /64 of an IPv6 one."""
    known = _known(address)
    if known is None or ":" not in known:
        return address
    return str(ip_network(f"{known}/{_SUBSCRIBER}", strict=False))


def is_local(request: Request) -> bool:
    """Whether somebody on this very machine asks, and no proxy in between asks for somebody else."""
    own = _known(request.remote_addr or "")
    forwarded = {"X-Forwarded-For", "Forwarded", "X-Real-Ip"} & {name for name, _ in request.headers}
    return own is not None and ip_address(own).is_loopback and not forwarded


def _known(text: str) -> str | None:
    """An address in its one form; an IPv4 address written as IPv6 is what it is."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address).partition("%")[0]


def _is_trusted(address: str) -> bool:
    return any(ip_address(address) in network for network in _trusted(settings().trusted_proxies))


@cache
def _trusted(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network, strict=False) for network in networks)
