"""Identity: whether a login is strong and fresh enough for a sensitive act."""

from __future__ import annotations

from app import clock
from app.catalogue.services import ServiceVersion
from app.people.callers import Resident
from app.refusals import Refusal


class StepUpRequired(Refusal):
    """A fresh or stronger login is needed first; the draft stays as it is."""


def require(caller: Resident, service: ServiceVersion) -> None:
    """Raises StepUpRequired with `required_level` and `max_age_seconds`."""
    age = clock.now() - caller.authenticated_at
    if caller.level < service.identity_level or age > service.identity_freshness:
        raise StepUpRequired(
            required_level=service.identity_level,
            max_age_seconds=int(service.identity_freshness.total_seconds()),
        )
