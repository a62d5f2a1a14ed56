"""Which protocols of e-ID providers we speak. A provider's configuration names one of them."""

from __future__ import annotations

from collections.abc import Callable

from auth.providers.crashing import CrashingProvider
from auth.providers.demo import DemoProvider
from auth.providers.interface import Provider
from auth.providers.network_id import NetworkIdProvider
from auth.providers.oidc import OidcProvider
from auth.providers.phone import PhoneProvider
from auth.providers.refusing import RefusingProvider
from auth.providers.ticket import TicketProvider
from auth.providers.wechat import WechatProvider

PROTOCOLS: dict[str, Callable[..., Provider]] = {
    "oidc": OidcProvider,
    "ticket": TicketProvider,
    "network_id": NetworkIdProvider,
    "wechat": WechatProvider,
    "phone": PhoneProvider,
    "demo": DemoProvider,
    "refusing": RefusingProvider,
    "crashing": CrashingProvider,
}
