"""Organisations that the caller may act for, and the handlers whom their legal representative authorised."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.schemas.organisations import (
    AuthorisedHandlerSchema,
    HandlerListSchema,
    HandlerWishSchema,
    OrganisationListSchema,
)
from app.people import handlers, organisations
from app.people.handlers import AuthorisationNotFound, HandlerLimitReached
from app.people.identity import StepUpRequired
from app.people.organisations import NotLegalRepresentative, OrganisationNotFound
from app.refusals import InvalidContent
from auth import acting, guards

door = Door("organisations", guards.residents, "/v1/organisations", "Organisations I may act for.")

_OF_REPRESENTATIVES = (StepUpRequired, OrganisationNotFound, NotLegalRepresentative)


@door.reads("", answer=OrganisationListSchema)
def list_organisations(visit: Visit) -> dict[str, Any]:
    """The organisations I may act for today; choose one by `POST /v1/sessions/acting-for`."""
    return {"items": organisations.mine(visit.connection, visit.caller)}


@door.reads("/<uuid:organisation_id>/handlers", answer=HandlerListSchema, refuses=_OF_REPRESENTATIVES)
def list_handlers(visit: Visit, organisation_id: UUID) -> dict[str, Any]:
    """Whom I authorised as the legal representative, newest first, those that have ended too."""
    return {"items": handlers.listing(visit.connection, visit.caller, organisation_id)}


@door.acts(
    "/<uuid:organisation_id>/handlers",
    status=201,
    body=HandlerWishSchema,
    answer=AuthorisedHandlerSchema,
    refuses=(*_OF_REPRESENTATIVES, InvalidContent, HandlerLimitReached),
)
def authorise_handler(visit: Visit, wish: dict[str, Any], organisation_id: UUID) -> dict[str, Any]:
    """Authorise a handler for named services and a period. They see it when they log in."""
    return handlers.authorise(visit.work, visit.caller, organisation_id, wish)


@door.saves(
    "DELETE",
    "/<uuid:organisation_id>/handlers/<uuid:authorisation_id>",
    status=204,
    refuses=(StepUpRequired, OrganisationNotFound, AuthorisationNotFound),
)
def revoke_handler(visit: Visit, organisation_id: UUID, authorisation_id: UUID) -> None:
    """Take a handler's authority back, or lay one's own down; it counts at once."""
    acting.revoke(visit.work, visit.caller, organisation_id, authorisation_id)
