"""Identity: whether a login is strong and fresh enough for a sensitive act."""

from __future__ import annotations

from datetime import timedelta

from app import clock
from app.catalogue.services import ServiceVersion
from app.people.callers import Resident
from app.refusals import Refusal

RIGHTS_LEVEL = 3
RIGHTS_FRESHNESS = timedelta(minutes=15)
"""The login that a right over everything about a person needs: as strong as filing, and of just now."""


class StepUpRequired(Refusal):
    """A fresh or stronger login is needed first; the draft stays as it is."""


def require(caller: Resident, service: ServiceVersion) -> None:
    """Raises StepUpRequired with `required_level` and `max_age_seconds`."""
    require_login(caller, service.identity_level, service.identity_freshness)


def require_login(caller: Resident, level: int, freshness: timedelta) -> None:
    """The same for acts that belong to no service. Raises StepUpRequired."""
    age = clock.now() - caller.authenticated_at
    if caller.level < level or age > freshness:
        raise StepUpRequired(required_level=level, max_age_seconds=int(freshness.total_seconds()))
