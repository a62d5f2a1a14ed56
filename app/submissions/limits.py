"""Limits: how long each legal clock of a submission runs, as the law and the service version say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.catalogue.editions import Limit, ServiceVersion

WORKING, CALENDAR = "working_day", "calendar_day"

ACCEPTANCE_LIMIT: Final = Limit(5, WORKING)
"""In which a department must say what is missing, or the submission counts as accepted:
行政许可法 第三十二条第一款第四项, counted by 第八十二条."""

DECISION_LIMIT: Final = Limit(20, WORKING)
JOINT_LIMIT: Final = Limit(45, WORKING)
"""For a licence whose own law sets no limit, decided by one department or by several: 行政许可法 第四十二条."""

LONGEST_EXTENSION: Final = 10
LONGEST_JOINT_EXTENSION: Final = 15
"""Working days by which a decision may be put off, once: 行政许可法 第四十二条. What the service's own law has instead
stands in its definition, as `limits.extension`."""

DELIVERY_LIMIT: Final = Limit(10, WORKING)
"""From the decision until the document is issued and delivered: 行政许可法 第四十四条. A service may have less, as
`limits.delivery`."""


@dataclass(frozen=True)
class Limits:
    """How long each clock of a service version runs. `legal` is None where no law sets a limit."""

    promised: Limit
    legal: Limit | None
    longest_extension: int
    delivery: Limit
    on_the_spot: bool

    @classmethod
    def of(cls, service: ServiceVersion) -> Limits:
        joint = bool(service.definition.get("joint"))
        legal = _limit(service.limits.get("legal"))
        if legal is None and service.is_licence:
            legal = JOINT_LIMIT if joint else DECISION_LIMIT
        return cls(
            promised=Limit(service.limits["promised"]["value"], service.limits["promised"]["unit"]),
            legal=legal,
            longest_extension=longest_extension(service),
            delivery=_limit(service.limits.get("delivery")) or DELIVERY_LIMIT,
            on_the_spot=service.on_the_spot,
        )


def longest_extension(service: ServiceVersion) -> int:
    """Working days by which a decision on this service may be put off."""
    own = service.definition.get("limits", {}).get("extension")
    if own is not None:
        return int(own["value"])
    return LONGEST_JOINT_EXTENSION if service.definition.get("joint") else LONGEST_EXTENSION


def _limit(said: Mapping[str, Any] | None) -> Limit | None:
    return None if said is None else Limit(said["value"], said["unit"])
