"""Guides in one language: the published definition with every `{zh, en}` pair reduced to the caller's words."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from app.catalogue.availability import Switches
from app.catalogue.services import ServiceVersion
from app.finding.search import Found

# What is processed why is told by the service's notice.
INTERNAL = frozenset({"connector", "data_source", "processing"})


def listed(found: Found, language: str) -> dict[str, Any]:
    """A service in one line of a list."""
    shown: dict[str, Any] = _in_language(dict(found.shown), language)
    return {"code": found.code, "version": found.version, **shown}


def guide(service: ServiceVersion, language: str, switches: Switches) -> dict[str, Any]:
    """The whole guide, and whether the service can be applied for at this moment."""
    worded = _guide(_Known(service), language)
    return {
        **worded,
        "maintenance": switches.maintenance and {"note": switches.maintenance[language], "until": switches.until},
        "minimum_clients": switches.minimum_clients,
        "on_the_phone": service.on_the_phone,
    }


def switches_tag(switches: Switches) -> str:
    """What the switches add to the guide's ETag; nothing while none is set."""
    if switches == Switches():
        return ""
    return f"-{hashlib.sha256(repr(switches).encode()).hexdigest()[:12]}"


class _Known:
    """A version as a cache key: versions are immutable, so their code and number say it all."""

    def __init__(self, service: ServiceVersion) -> None:
        self.service = service

    def __hash__(self) -> int:
        return hash((self.service.code, self.service.version))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.service is other.service


@lru_cache(maxsize=512)
def _guide(known: _Known, language: str) -> dict[str, Any]:
    worded: dict[str, Any] = _in_language(_shown(known.service.definition), language)
    # As phones evaluate it: with the situations, which a definition names once.
    sections = _in_language(known.service.definition["form"].get("sections", []), language)
    return {**worded, "form": {**known.service.form.for_client(language), "sections": sections}}


def _shown(definition: dict[str, Any]) -> dict[str, Any]:
    """Without how we reach the offices, which is nobody else's business."""
    shown = {name: part for name, part in definition.items() if name not in INTERNAL and name != "form"}
    if "joint" in shown:
        shown["joint"] = {**shown["joint"], "children": [_shown(child) for child in shown["joint"]["children"]]}
    return shown


def _in_language(part: Any, language: str) -> Any:
    if isinstance(part, dict):
        if part.keys() == {"zh", "en"}:
            return part[language]
        return {name: _in_language(inner, language) for name, inner in part.items()}
    if isinstance(part, list):
        return [_in_language(inner, language) for inner in part]
    return part
