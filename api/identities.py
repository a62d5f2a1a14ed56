"""The ways in which the caller can log in: see them, and take one away. Another is added by a login (`link`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.schemas.identities import IdentityListSchema
from app.people import identities
from app.people.identities import IdentityNotFound, LastIdentity
from app.people.identity import StepUpRequired
from auth import guards, sessions

door = Door("identities", guards.residents, "/v1/identities", "How I can log in.")


@door.reads("", answer=IdentityListSchema)
def list_identities(visit: Visit) -> dict[str, Any]:
    """My logins at e-ID providers, oldest first."""
    return {"items": identities.listing(visit.connection, visit.caller)}


@door.saves("DELETE", "/<uuid:identity_id>", status=204, refuses=(IdentityNotFound, LastIdentity, StepUpRequired))
def remove_identity(visit: Visit, identity_id: UUID) -> None:
    """Take a login from my account, never the last one that works; other devices where it was used are logged out. I
    am told of it in the inbox.

    An e-ID that proves me comes back by itself when I log in with it: whoever fears for theirs has it blocked there.
    """
    sessions.unlink(visit.work, visit.caller, identity_id)
