"""Acting: a session in which somebody speaks for an organisation. Actor and principal stand both in its tokens.

Whoever loses the authority loses it at once: their tokens that name the organisation die within about a second, and
the ones they get by refreshing speak for themselves alone.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import case, update

from app import clock
from app.database import Work
from app.people import handlers, organisations
from app.people.callers import Resident
from app.people.identities import Identity
from app.settings import settings
from auth import sessions
from auth.sessions import sessions as rows


def choose(work: Work, caller: Resident, organisation_id: UUID | None) -> dict[str, Any]:
    """Speak for an organisation from now on, in this session, or with None for oneself again; a new access token.

    The token from before holds until its end: what it says was so. Raises StepUpRequired, OrganisationNotFound.
    """
    told = None
    if organisation_id is not None:
        authority = organisations.require(work, caller, organisation_id)
        told = organisations.shown(work.connection, organisation_id, authority)
    until = clock.now() + settings().access_token_life
    values = {"organisation_id": organisation_id, "tokens_until": until}
    mine = update(rows).where(rows.c.id == caller.session_id, rows.c.revoked_at.is_(None))
    row = work.run(mine.values(**values).returning(rows)).one_or_none()
    if row is None:
        raise sessions.SessionNotFound
    return {**sessions.access(work, row), "organisation": told}


def note_login(work: Work, resident_id: UUID, identity: Identity) -> None:
    """Take note of whom a login proved to be a legal representative; a former one speaks for it no more."""
    noted = organisations.note_login(work, resident_id, identity)
    for former in noted[1] if noted else ():
        _silence(work, former, noted[0] if noted else None)


def revoke(work: Work, caller: Resident, organisation_id: UUID, authorisation_id: UUID) -> None:
    """End a handler's authorisation, and with it every session of theirs that spoke by it.

    Raises StepUpRequired, OrganisationNotFound, HandlerNotFound.
    """
    handler = handlers.revoke(work, caller, organisation_id, authorisation_id)
    if handler is not None:
        _silence(work, handler, organisation_id)


def _silence(work: Work, resident_id: UUID, organisation_id: UUID | None) -> None:
    # In all their sessions: one that speaks for them again may have a token from just before that does not.
    theirs = (rows.c.resident_id == resident_id) & rows.c.revoked_at.is_(None)
    others = case((rows.c.organisation_id == organisation_id, None), else_=rows.c.organisation_id)
    sessions.outdate(work, theirs, organisation_id=others)
