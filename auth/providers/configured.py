"""The configured providers: built once, before the first request, so that a wrong option stops the start."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from app.settings import SettingsError, settings
from auth.providers.interface import Provider, ProviderMisconfigured
from auth.providers.registry import PROTOCOLS

RESIDENTS = "residents"
STAFF = "staff"


@cache
def providers(audience: str) -> dict[str, Provider]:
    """The configured providers for residents or for staff, by name. Raises SettingsError."""
    if audience == RESIDENTS:
        return _built("EID_PROVIDERS", settings().eid_providers)
    return _built("STAFF_PROVIDERS", settings().staff_providers)


def check() -> None:
    """Build all providers now. Raises SettingsError naming every fault of both variables."""
    faults = []
    for audience in (RESIDENTS, STAFF):
        try:
            providers(audience)
        except SettingsError as error:
            faults.append(str(error))
    if faults:
        raise SettingsError("\n".join(faults))


def _built(variable: str, configured: Any) -> dict[str, Provider]:
    if not isinstance(configured, Mapping):
        raise SettingsError(f"{variable} is to be an object of providers by name.")
    built, faults = {}, []
    for name, options in configured.items():
        try:
            built[name] = _provider(options)
        except ProviderMisconfigured as fault:
            faults.append(f"  {variable}, {name}: {fault}")
    if faults:
        raise SettingsError("The e-ID providers are not configured well:\n" + "\n".join(faults))
    return built


def _provider(options: Any) -> Provider:
    """Raises ProviderMisconfigured; no text repeats a value, because some are secrets."""
    if not isinstance(options, Mapping):
        raise ProviderMisconfigured("is to be an object of options")
    make = PROTOCOLS.get(str(options.get("protocol")))
    if make is None:
        raise ProviderMisconfigured(f"protocol is to be one of {', '.join(sorted(PROTOCOLS))}")
    known = inspect.signature(make).parameters
    public = [one for name, one in known.items() if not name.startswith("_")]
    missing = [one.name for one in public if one.default is one.empty and one.name not in options]
    unknown = sorted(set(options) - {one.name for one in public})
    if missing or unknown:
        wrong = [f"misses {name}" for name in missing] + [f"has no option {name}" for name in unknown]
        raise ProviderMisconfigured("; ".join(wrong))
    return make(**options)
