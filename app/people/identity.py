"""Identity: whether a login is strong and fresh enough for a sensitive act.

Each service says the least identity level and the oldest login for filing and signing. A lesser login changes nothing:
the answer says which level is needed, how fresh, and at which providers it can be reached, and the draft waits.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from app import clock
from app.catalogue.services import ServiceVersion
from app.people import residents
from app.people.callers import Resident
from app.people.residents import Person
from app.refusals import Refusal
from app.settings import settings

PROVED_LEVEL = 2
"""From here on a login vouches for a person: name and number were checked at an authority (domain-facts §2.3)."""

RIGHTS_LEVEL = 3
RIGHTS_FRESHNESS = timedelta(minutes=15)
"""The login that a right over everything about a person needs: as strong as filing, and of just now."""


class StepUpRequired(Refusal):
    """A fresh or stronger login is needed first; the draft stays as it is."""


class ActsForOrganisation(Refusal):
    """The session speaks for an organisation, and this would be done in the person's own name."""


def require(connection: Connection, caller: Resident, service: ServiceVersion) -> None:
    """Filing and signing: a proved person, by a login of the service's level and freshness.

    Raises StepUpRequired with `required_level`, `max_age_seconds` and `providers`, and ActsForOrganisation: who acts
    for whom must never be in doubt.
    """
    if caller.organisation_id is not None:
        raise ActsForOrganisation
    level = service.identity_level
    if level < PROVED_LEVEL and not _is_person(connection, caller):
        level = PROVED_LEVEL
    require_login(caller, level, service.identity_freshness)


def require_person(connection: Connection, caller: Resident) -> Person:
    """The person that a login has proved the caller to be. Raises StepUpRequired."""
    known = residents.person(connection, caller.id)
    if known is None:
        raise _step_up(PROVED_LEVEL, RIGHTS_FRESHNESS)
    return known


def require_rights(connection: Connection, caller: Resident, freshness: timedelta = RIGHTS_FRESHNESS) -> None:
    """A right over everything about somebody: a login as strong as filing. An account that nobody proved to be
    anybody's has its rights too, by the login that it has. Raises StepUpRequired."""
    level = RIGHTS_LEVEL if _is_person(connection, caller) else 1
    require_login(caller, level, freshness)


def require_login(caller: Resident, level: int, freshness: timedelta, since: timedelta = timedelta(0)) -> None:
    """The same for acts that belong to no service, and may have begun some time `since`. Raises StepUpRequired."""
    age = clock.now() - caller.authenticated_at - since
    if caller.level < level or age > freshness:
        raise _step_up(level, freshness)


def providers_reaching(level: int) -> list[str]:
    """The configured e-ID providers at which this level can be reached, by their names."""
    reach = {name: max(options.get("levels", {}).values(), default=0) for name, options in _configured()}
    return sorted(name for name, highest in reach.items() if highest >= level)


def _configured() -> list[tuple[str, dict[str, dict[str, int]]]]:
    return list(settings().eid_providers.items())


def _is_person(connection: Connection, caller: Resident) -> bool:
    """Whether a person was proved. A login of this level proves it by itself, so most callers cost no question."""
    return caller.level >= PROVED_LEVEL or residents.proved_level(connection, caller.id) >= PROVED_LEVEL


def _step_up(level: int, freshness: timedelta) -> StepUpRequired:
    seconds = int(freshness.total_seconds())
    return StepUpRequired(required_level=level, max_age_seconds=seconds, providers=providers_reaching(level))
