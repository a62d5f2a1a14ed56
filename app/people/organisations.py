"""Organisations: who may act for one, and who may not any more.

An organisation is known by its unified social credit code (GB 32100-2015). Its legal representative (法定代表人,
民法典 第六十一条) is whom an e-ID proved to be it; a new one ends the former one's standing, and so does their own e-ID
when it calls them a handler by now. They authorise handlers (经办人): see `handlers.py`. Who acts and for whom are both
known in every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.catalogue import formats
from app.crypto import data_keys, normal_forms
from app.crypto.blind_indexes import DOCUMENT_NUMBER
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import identity, residents
from app.people.callers import Resident
from app.people.identities import HANDLER, LEGAL_REPRESENTATIVE, Identity, Organisation
from app.people.residents import Person
from app.refusals import NotFound, Refusal

LEVEL: Final = 3
"""Acting for others needs a login that proved its holder to be the person."""

_ANY_AGE = timedelta(days=366)
"""Longer than any session lives: it is the level that counts."""

organisations = Table(
    "organisations",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("credit_code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

representations = Table(
    "representations",
    metadata,
    Column("organisation_id", Uuid(as_uuid=True), ForeignKey("organisations.id"), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), primary_key=True),
    Column("proved_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Index(None, "resident_id"),
    # An organisation has one legal representative at a time.
    Index("representations_one_idx", "organisation_id", unique=True, postgresql_where=text("ended_at IS NULL")),
)

authorisations = Table(
    "authorisations",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("organisation_id", Uuid(as_uuid=True), ForeignKey("organisations.id"), nullable=False),
    Column("named_by", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    # Empty until the handler, who may have no account yet, acts for the first time.
    Column("handler_id", Uuid(as_uuid=True), ForeignKey("residents.id")),
    Column("handler", Sealed, nullable=False, info=personal(purpose="to know whom an organisation authorised")),
    Column("handler_index", LargeBinary, nullable=False),
    Column("services", JSONB, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("ends_on >= starts_on", name="period"),
    CheckConstraint("jsonb_array_length(services) > 0", name="services"),
    sealed_only("handler"),
    Index(None, "organisation_id", "id"),
    Index(None, "handler_index"),
    Index(None, "handler_id"),
    Index(None, "named_by"),
)

SEALED_HANDLER = "authorisations.handler"


class OrganisationNotFound(NotFound):
    """No organisation of that id for which the caller may act."""


class NotLegalRepresentative(Refusal):
    """Only the legal representative authorises handlers: a handler cannot pass the authority on."""


@dataclass(frozen=True)
class Authority:
    """By what somebody may act for an organisation. A legal representative's holds for every service, without end."""

    role: str
    services: frozenset[str] | None = None
    ends_on: date | None = None
    authorisation_id: UUID | None = None


def note_login(work: Work, resident_id: UUID, proved: Identity) -> tuple[UUID, list[UUID]] | None:
    """Take note that an e-ID proved somebody to be an organisation's legal representative, or to be it no more.

    The organisation, and the residents who are it no longer; None when the login proves nothing of the kind. That
    somebody is a handler is for the organisation to say here, service by service, and for no provider; but it is not
    said of whoever still represents it.
    """
    found = proved.organisation
    if found is None or proved.person is None or proved.level < LEVEL:
        return None
    if not formats.is_social_credit_code(found.credit_code):
        return None
    if found.role != LEGAL_REPRESENTATIVE:
        return _step_down(work, resident_id, found)
    organisation_id, now = _known(work, found), clock.now()
    others = (representations.c.organisation_id == organisation_id) & (representations.c.resident_id != resident_id)
    ended = update(representations).where(others, representations.c.ended_at.is_(None)).values(ended_at=now)
    former = list(work.run(ended.returning(representations.c.resident_id)).scalars())
    values = {"organisation_id": organisation_id, "resident_id": resident_id, "proved_at": now, "ended_at": None}
    mine = insert(representations).values(**values)
    again = {"proved_at": now, "ended_at": None}
    work.run(mine.on_conflict_do_update(index_elements=["organisation_id", "resident_id"], set_=again))
    return organisation_id, former


def _step_down(work: Work, resident_id: UUID, found: Organisation) -> tuple[UUID, list[UUID]] | None:
    code = found.credit_code.strip().upper()
    this = select(organisations.c.id).where(organisations.c.credit_code == code).scalar_subquery()
    theirs = (representations.c.organisation_id == this) & (representations.c.resident_id == resident_id)
    ended = update(representations).where(theirs, representations.c.ended_at.is_(None)).values(ended_at=clock.now())
    organisation_id = work.run(ended.returning(representations.c.organisation_id)).scalar_one_or_none()
    return None if organisation_id is None else (organisation_id, [resident_id])


def _known(work: Work, found: Organisation) -> UUID:
    """The organisation of this credit code under its name of today, its row locked: two logins come one by one."""
    code = found.credit_code.strip().upper()
    statement = insert(organisations).values(id=new_id(), credit_code=code, name=found.name)
    named = statement.on_conflict_do_update(index_elements=["credit_code"], set_={"name": found.name})
    organisation_id: UUID = work.run(named.returning(organisations.c.id)).scalar_one()
    has_key = select(data_keys.data_keys.c.owner_id).where(data_keys.data_keys.c.owner_id == organisation_id)
    if work.run(has_key).one_or_none() is None:
        data_keys.create(work, organisation_id)
    return organisation_id


# ——— Who may act. ———


def mine(connection: Connection, caller: Resident) -> list[dict[str, Any]]:
    """The organisations for which the caller may act today, by name. Raises SealError."""
    found = {row.organisation_id: Authority(LEGAL_REPRESENTATIVE) for row in _represented(connection, caller.id)}
    for row, authority in _authorised(connection, caller.id):
        found.setdefault(row.organisation_id, authority)
    rows = connection.execute(
        select(organisations).where(organisations.c.id.in_(found)).order_by(organisations.c.name, organisations.c.id)
    )
    return [_shown(row, found[row.id]) for row in rows]


def shown(connection: Connection, organisation_id: UUID, authority: Authority) -> dict[str, Any]:
    """An organisation as somebody with this authority sees it."""
    return _shown(
        connection.execute(select(organisations).where(organisations.c.id == organisation_id)).one(), authority
    )


def _shown(row: Any, authority: Authority) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "credit_code": row.credit_code,
        "role": authority.role,
        "services": None if authority.services is None else sorted(authority.services),
        "ends_on": authority.ends_on,
    }


def authority(connection: Connection, resident_id: UUID, organisation_id: UUID) -> Authority | None:
    """By what somebody may act for an organisation today; None when by nothing. Raises SealError."""
    if any(row.organisation_id == organisation_id for row in _represented(connection, resident_id)):
        return Authority(LEGAL_REPRESENTATIVE)
    held = [one for row, one in _authorised(connection, resident_id) if row.organisation_id == organisation_id]
    if not held:
        return None
    every = frozenset().union(*(one.services or frozenset() for one in held))
    return Authority(HANDLER, every, max(one.ends_on for one in held if one.ends_on), held[0].authorisation_id)


def require(work: Work, caller: Resident, organisation_id: UUID) -> Authority:
    """What the caller may do for an organisation that they want to act for. Raises StepUpRequired,
    OrganisationNotFound."""
    require_level(caller)
    found = authority(work.connection, caller.id, organisation_id)
    if found is None:
        raise OrganisationNotFound
    # Whoever takes the authority away just now waits for us, or is waited for: then it is there no more.
    is_held = (_bind if found.role == HANDLER else _hold)(work, caller.id, organisation_id)
    if not is_held:
        raise OrganisationNotFound
    return found


def require_level(caller: Resident) -> None:
    """Raises StepUpRequired."""
    identity.require_login(caller, LEVEL, _ANY_AGE)


def _represented(connection: Connection, resident_id: UUID) -> list[Any]:
    c = representations.c
    standing = select(representations).where(c.resident_id == resident_id, c.ended_at.is_(None))
    return list(connection.execute(standing))


def _authorised(connection: Connection, resident_id: UUID) -> list[tuple[Any, Authority]]:
    """What names this very person, by number and name, and holds today; what was given for longest first."""
    person = residents.person(connection, resident_id)
    if person is None or residents.proved_level(connection, resident_id) < LEVEL:
        return []
    today, c = clock.today(), authorisations.c
    numbers = data_keys.candidates(DOCUMENT_NUMBER, person.document_number)
    holds = c.revoked_at.is_(None) & (c.starts_on <= today) & (c.ends_on >= today)
    rows = connection.execute(
        with_key().where(c.handler_index.in_(numbers), holds).order_by(c.ends_on.desc(), c.id)
    ).all()
    return [(row, _of_row(row)) for row in rows if _names(row, person)]


def _of_row(row: Any) -> Authority:
    return Authority(HANDLER, frozenset(row.services), row.ends_on, row.id)


def _names(row: Any, person: Person) -> bool:
    named = handler_of(row)
    return normal_forms.full_name(named["name"]) == normal_forms.full_name(person.name)


def handler_of(row: Any) -> dict[str, str]:
    """Name and document number of whom a row authorises. Raises SealError."""
    handler: dict[str, str] = data_keys.opened(row).open(row.handler, SEALED_HANDLER, row.id)
    return handler


def with_key() -> Any:
    """Authorisations together with the key that opens what is sealed in them."""
    keys = data_keys.data_keys
    return select(authorisations, *data_keys.KEY).outerjoin(keys, keys.c.owner_id == authorisations.c.organisation_id)


def _bind(work: Work, resident_id: UUID, organisation_id: UUID) -> bool:
    """From now on it is known which account the named person is; whether they are a handler still."""
    ids = [row.id for row, _ in _authorised(work.connection, resident_id) if row.organisation_id == organisation_id]
    standing = authorisations.c.id.in_(ids) & authorisations.c.revoked_at.is_(None)
    return work.run(update(authorisations).where(standing).values(handler_id=resident_id)).rowcount > 0


def _hold(work: Work, resident_id: UUID, organisation_id: UUID) -> bool:
    """Whether they are its legal representative still, and until we are done."""
    c = representations.c
    mine = (c.resident_id == resident_id) & (c.organisation_id == organisation_id) & c.ended_at.is_(None)
    return work.run(select(c.organisation_id).where(mine).with_for_update(read=True)).one_or_none() is not None


def is_representative(connection: Connection, resident_id: UUID, organisation_id: UUID) -> bool:
    """Whether somebody is an organisation's legal representative today."""
    return any(row.organisation_id == organisation_id for row in _represented(connection, resident_id))


def require_representative(connection: Connection, caller: Resident, organisation_id: UUID) -> None:
    """Raises StepUpRequired, OrganisationNotFound, NotLegalRepresentative."""
    require_level(caller)
    if is_representative(connection, caller.id, organisation_id):
        return
    if authority(connection, caller.id, organisation_id) is None:
        raise OrganisationNotFound
    raise NotLegalRepresentative
