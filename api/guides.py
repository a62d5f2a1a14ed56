"""Guides in one language: the published definition with every `{zh, en}` pair reduced to the caller's words."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from app.catalogue.services import ServiceVersion

# What is processed why is told by the service's notice.
_INTERNAL = frozenset({"connector", "data_source", "processing"})


def summary(service: ServiceVersion, language: str) -> dict[str, Any]:
    """A service in one line of a list."""
    definition = service.definition
    return {
        "code": service.code,
        "version": service.version,
        "name": service.name(language),
        "summary": definition["summary"][language],
        "department": service.department_code,
        "case_type": definition["case_type"],
    }


def guide(service: ServiceVersion, language: str) -> dict[str, Any]:
    """The whole guide."""
    return _guide(_Known(service), language)


class _Known:
    """A version as a cache key: versions are immutable, so their code and number say it all."""

    def __init__(self, service: ServiceVersion) -> None:
        self.service = service

    def __hash__(self) -> int:
        return hash((self.service.code, self.service.version))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.service is other.service


@lru_cache(maxsize=2048)
def _guide(known: _Known, language: str) -> dict[str, Any]:
    shown = {name: part for name, part in known.service.definition.items() if name not in _INTERNAL}
    worded: dict[str, Any] = _in_language(shown, language)
    return worded


def _in_language(part: Any, language: str) -> Any:
    if isinstance(part, dict):
        if part.keys() == {"zh", "en"}:
            return part[language]
        return {name: _in_language(inner, language) for name, inner in part.items()}
    if isinstance(part, list):
        return [_in_language(inner, language) for inner in part]
    return part
