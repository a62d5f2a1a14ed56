"""Handlers: whom an organisation's legal representative authorised to act for it.

The authorisation names the agent, the services (matters and extent in one: all that they need, and nothing else) and
the period (民法典 第一百六十五条). It ends with its period, and at once when either side ends it (第一百七十三条). A
handler authorises nobody else (第一百六十九条).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from app import clock
from app.catalogue import services
from app.crypto import data_keys, normal_forms
from app.crypto.blind_indexes import DOCUMENT_NUMBER
from app.database import Work
from app.identifiers import new_id
from app.people import identity, masks, residents
from app.people.callers import Resident
from app.people.organisations import (
    LEVEL,
    SEALED_HANDLER,
    OrganisationNotFound,
    authorisations,
    handler_of,
    is_representative,
    organisations,
    require_level,
    require_representative,
    with_key,
)
from app.refusals import InvalidContent, NotFound, Refusal

LONGEST: Final = timedelta(days=3 * 366)
_MOST = 200


class AuthorisationNotFound(NotFound):
    """No such authorisation, or it has ended."""


class HandlerLimitReached(Refusal):
    """So many handlers are authorised that one must be revoked first."""


def listing(connection: Connection, caller: Resident, organisation_id: UUID) -> list[dict[str, Any]]:
    """Whom I authorised, newest first, those that have ended too; numbers are masked.

    Raises OrganisationNotFound, NotLegalRepresentative, SealError.
    """
    require_representative(connection, caller, organisation_id)
    mine = with_key().where(authorisations.c.organisation_id == organisation_id)
    rows = connection.execute(mine.order_by(authorisations.c.id.desc()).limit(_MOST))
    return [_described(row) for row in rows]


def authorise(work: Work, caller: Resident, organisation_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Authorise a handler. `wish` has name, document_number, services (codes), starts_on (today if None), ends_on.

    Whether the person has an account here is not told: they see it when they log in. Raises StepUpRequired,
    OrganisationNotFound, NotLegalRepresentative, InvalidContent, HandlerLimitReached.
    """
    identity.require_login(caller, LEVEL, identity.RIGHTS_FRESHNESS)
    require_representative(work.connection, caller, organisation_id)
    work.run(select(organisations.c.id).where(organisations.c.id == organisation_id).with_for_update())
    starts_on = wish["starts_on"] or clock.today()
    _check(work, caller, wish, starts_on)
    if len(_standing(work, organisation_id)) >= _MOST:
        raise HandlerLimitReached
    authorisation_id = new_id()
    named = {"name": wish["name"], "document_number": wish["document_number"]}
    values = {
        "id": authorisation_id,
        "organisation_id": organisation_id,
        "named_by": caller.id,
        "handler": data_keys.of(work.connection, organisation_id).seal(named, SEALED_HANDLER, authorisation_id),
        "handler_index": data_keys.index(DOCUMENT_NUMBER, wish["document_number"]),
        "services": sorted(set(wish["services"])),
        "starts_on": starts_on,
        "ends_on": wish["ends_on"],
        "created_at": clock.now(),
    }
    work.run(insert(authorisations).values(**values))
    return _described(work.run(with_key().where(authorisations.c.id == authorisation_id)).one())


def _check(work: Work, caller: Resident, wish: dict[str, Any], starts_on: date) -> None:
    errors: dict[str, list[str]] = {}
    if starts_on < clock.today():
        errors["/starts_on"] = ["Not in the past."]
    if not starts_on <= wish["ends_on"] <= starts_on + LONGEST:
        errors["/ends_on"] = ["After the beginning, and within three years of it."]
    for place, code in enumerate(wish["services"]):
        try:
            services.current(work.connection, code)
        except Refusal:
            errors[f"/services/{place}"] = ["No such service."]
    own = residents.applicant(work.connection, caller.id).document_number
    if normal_forms.document_number(own) == normal_forms.document_number(wish["document_number"]):
        errors["/document_number"] = ["You act for the organisation yourself."]
    if not normal_forms.document_number(wish["document_number"]) or not normal_forms.full_name(wish["name"]):
        errors["/document_number"] = ["Name and number of the person, please."]
    if errors:
        raise InvalidContent(errors=errors)


def _standing(work: Work, organisation_id: UUID) -> list[Any]:
    c = authorisations.c
    live = c.revoked_at.is_(None) & (c.ends_on >= clock.today())
    return list(work.run(select(c.id).where(c.organisation_id == organisation_id, live)))


def revoke(work: Work, caller: Resident, organisation_id: UUID, authorisation_id: UUID) -> UUID | None:
    """End an authorisation at once: the legal representative takes it back, or the handler lays it down.

    The handler's account, None when they never acted. Raises StepUpRequired, OrganisationNotFound,
    AuthorisationNotFound.
    """
    require_level(caller)
    c = authorisations.c
    this = (c.id == authorisation_id) & (c.organisation_id == organisation_id) & c.revoked_at.is_(None)
    row = work.run(select(authorisations).where(this).with_for_update()).one_or_none()
    represents = is_representative(work.connection, caller.id, organisation_id)
    if not represents and (row is None or row.handler_id != caller.id):
        raise OrganisationNotFound
    if row is None:
        raise AuthorisationNotFound
    work.run(update(authorisations).where(c.id == authorisation_id).values(revoked_at=clock.now()))
    handler: UUID | None = row.handler_id
    return handler


def _described(row: Any) -> dict[str, Any]:
    named = handler_of(row)
    shown = ("id", "services", "starts_on", "ends_on", "created_at", "revoked_at")
    return {
        **{name: getattr(row, name) for name in shown},
        "name": named["name"],
        "document_number": masks.document_number(named["document_number"]),
        "stands": row.revoked_at is None and row.starts_on <= clock.today() <= row.ends_on,
    }
