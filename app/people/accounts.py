"""Accounts: whose login this is. Identities of one person are joined by proof, never by guess."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert, select, update

from app import clock
from app.crypto import data_keys
from app.crypto.blind_indexes import SUBJECT
from app.database import Work
from app.people import residents
from app.people.identities import Identity, identities
from app.refusals import Refusal


class PersonUnproved(Refusal):
    """The provider vouches for no person, and nobody is known by this identity."""


def enter(work: Work, identity: Identity) -> tuple[UUID, residents.Person | None]:
    """The resident whose identity this is, and what was known of them before; a new one at a first login.

    Raises PersonUnproved, and NothingToIndex for a name or number of no characters.
    """
    found = data_keys.candidates(SUBJECT, identity.subject)
    mine = (identities.c.provider == identity.provider) & identities.c.subject_index.in_(found)
    # Two first logins at once must not make two residents of one person.
    lock = {"who": f"{identity.provider} {found[-1].hex()}"}
    work.run_sql("SELECT pg_advisory_xact_lock(hashtextextended(%(who)s, 1))", lock)
    known = work.run(select(identities.c.resident_id).where(mine)).scalar_one_or_none()
    if identity.person is None:
        raise PersonUnproved
    if known is not None:
        before = residents.person(work.connection, known)
        residents.refresh(work, known, identity.person)
        work.run(update(identities).where(mine).values(subject_index=found[0], last_login_at=clock.now()))
        return UUID(str(known)), before
    new_resident = residents.enrol(work, identity.person)
    values = {"provider": identity.provider, "subject_index": found[0], "last_login_at": clock.now()}
    work.run(insert(identities).values(resident_id=new_resident, **values))
    return new_resident, None
