"""The caller's consents: give, see, take back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import PageQuery, after_id, page
from api.schemas.notices import ConsentPageSchema, ConsentSchema, ConsentWishSchema
from app.people.identity import StepUpRequired
from app.privacy import consents
from app.privacy.consents import ConsentNotFound, Wish
from app.privacy.guardians import Child, GuardianConsentRequired
from app.privacy.notices import NoticeNotFound
from app.refusals import InvalidContent
from auth import guards

door = Door("consents", guards.residents, "/v1/consents", "What I consented to, and took back.")


@door.acts(
    "",
    status=201,
    body=ConsentWishSchema,
    answer=ConsentSchema,
    refuses=(NoticeNotFound, InvalidContent, GuardianConsentRequired, StepUpRequired),
)
def give_consent(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Consent to one purpose of a notice; for a child under 14, as its guardian."""
    child = wish["child"] and Child(**wish["child"])
    wanted = Wish(wish["notice"], wish["version"], wish["purpose"], wish["kind"], child)
    return consents.give(visit.work, visit.caller, wanted, visit.device, visit.language)


@door.reads("", query=PageQuery, answer=ConsentPageSchema, refuses=(CursorInvalid,))
def list_consents(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Everything I ever consented to, newest first."""
    before, limit = after_id(query["cursor"]), query["limit"]
    return page(consents.listing(visit.connection, visit.caller, before, limit + 1), limit, "id")


@door.acts("/<uuid:consent_id>/withdraw", answer=ConsentSchema, refuses=(ConsentNotFound,))
def withdraw_consent(visit: Visit, consent_id: UUID) -> dict[str, Any]:
    """Take a consent back, as easily as it was given; it counts at once."""
    return consents.withdraw(visit.work, visit.caller, consent_id, visit.device)
