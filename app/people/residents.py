"""Residents: the people the service is for.

Of somebody who came by WeChat or by a phone number alone, nobody has proved who they are: name and document number are
unknown then, and stay so until an e-ID vouches for them. They read, ask and keep drafts; they file nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.crypto import data_keys
from app.crypto.blind_indexes import DOCUMENT_NUMBER, FULL_NAME, PHONE, NothingToIndex, Purpose
from app.crypto.envelopes import DataKey
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import masks

residents = Table(
    "residents",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("name", Sealed, info=personal(purpose="to address the resident and to name the applicant")),
    Column("name_index", LargeBinary, index=True),
    Column("document_type", Text),
    Column("document_number", Sealed, info=personal(purpose="to tell the office who applies")),
    Column("document_number_index", LargeBinary, index=True),
    Column("phone", Sealed, info=personal(purpose="to reach the resident about their submissions")),
    Column("phone_index", LargeBinary, index=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # The highest level at which a login proved this person; empty while nobody has.
    Column("proved_level", Integer),
    Column("elder_mode", Boolean, nullable=False, server_default="false"),
    # An account that turned out to be another one's waits here, empty, until its last access token is dead.
    Column("merged_into", Uuid(as_uuid=True)),
    Column("merged_at", DateTime(timezone=True)),
    # Who closed the account stays only while the law keeps a submission of theirs, and is found by nobody.
    Column("closed_at", DateTime(timezone=True)),
    CheckConstraint(
        "closed_at IS NOT NULL OR ((name IS NULL) = (name_index IS NULL)"
        " AND (document_number IS NULL) = (document_number_index IS NULL))",
        name="found",
    ),
    CheckConstraint(
        "(name IS NULL) = (document_number IS NULL) AND (name IS NULL) = (document_type IS NULL)", name="person"
    ),
    CheckConstraint("(merged_into IS NULL) = (merged_at IS NULL)", name="merged"),
    Index(None, "merged_at"),
    *(sealed_only(name) for name in ("name", "document_number", "phone")),
)


@dataclass(frozen=True)
class Person:
    """What an e-ID provider vouches for. `document_type` is GA/T 2000.156: 111 is the resident ID card."""

    name: str
    document_type: str
    document_number: str
    phone: str | None


def enrol(work: Work, person: Person, level: int | None = None) -> UUID:
    """Add a resident who logs in for the first time, proved at this level.

    Raises NothingToIndex for a name or number of no characters.
    """
    resident_id = new_id()
    key = data_keys.create(work, resident_id)
    work.run(insert(residents).values(id=resident_id, proved_level=level, **_columns(key, resident_id, person)))
    return resident_id


def enrol_unproved(work: Work, phone: str | None) -> UUID:
    """Add somebody of whom no more is known than that they come back, and perhaps their phone number."""
    resident_id = new_id()
    key = data_keys.create(work, resident_id)
    work.run(insert(residents).values(id=resident_id, **_phone_columns(key, resident_id, phone)))
    return resident_id


def refresh(work: Work, resident_id: UUID, person: Person, level: int | None = None) -> None:
    """Take over what the provider says today: people change their name and their phone.

    A provider that says nothing of a phone takes none away: it may have been corrected here. Raises NothingToIndex.
    """
    key = data_keys.of(work.connection, resident_id)
    values = _columns(key, resident_id, person)
    if person.phone is None:
        values = {name: value for name, value in values.items() if name not in ("phone", "phone_index")}
    if level is not None:
        values["proved_level"] = func.greatest(residents.c.proved_level, level)
    work.run(update(residents).where(residents.c.id == resident_id).values(**values))


def is_elder(connection: Connection, resident_id: UUID) -> bool:
    """Whether they switched elder mode on."""
    return bool(connection.execute(select(residents.c.elder_mode).where(residents.c.id == resident_id)).scalar())


def set_elder(work: Work, resident_id: UUID, elder: bool) -> None:
    work.run(update(residents).where(residents.c.id == resident_id).values(elder_mode=elder))


def proved_level(connection: Connection, resident_id: UUID) -> int:
    """The highest level at which somebody proved to be this resident; 1 while nobody has: an account, no person.

    Whoever was enrolled before levels were kept has a person and counts as 2.
    """
    shown = (residents.c.proved_level, residents.c.document_type)
    row = connection.execute(select(*shown).where(residents.c.id == resident_id)).one()
    if row.proved_level is not None:
        return int(row.proved_level)
    return 1 if row.document_type is None else 2


def correct_phone(work: Work, resident_id: UUID, phone: str | None) -> None:
    """Take over a number that staff verified. Raises SealError."""
    values = _phone_columns(data_keys.of(work.connection, resident_id), resident_id, phone)
    work.run(update(residents).where(residents.c.id == resident_id).values(**values))


class PersonUnknown(Exception):
    """Nobody has proved who this resident is, where a rule had made sure of it: a fault of ours."""


def person(connection: Connection, resident_id: UUID) -> Person | None:
    """The full, unmasked person; never for an answer to staff. None when nobody has proved who they are."""
    return _opened(_with_key(connection, resident_id))


def applicant(connection: Connection, resident_id: UUID) -> Person:
    """The full, unmasked person of somebody who has filed, which nobody can without one. Raises PersonUnknown."""
    known = person(connection, resident_id)
    if known is None:
        raise PersonUnknown(f"resident {resident_id}")
    return known


def phone(connection: Connection, resident_id: UUID) -> str | None:
    """The full phone number, which even an unproved resident may have."""
    return _phone_of(_with_key(connection, resident_id))


def _with_key(connection: Connection, resident_id: UUID) -> Any:
    return connection.execute(
        select(residents, *data_keys.KEY)
        .outerjoin(data_keys.data_keys, data_keys.data_keys.c.owner_id == residents.c.id)
        .where(residents.c.id == resident_id)
    ).one()


def _phone_of(row: Any) -> str | None:
    return None if row.phone is None else data_keys.opened(row).open_text(row.phone, _PHONE, row.id)


def _opened(row: Any) -> Person | None:
    key = data_keys.opened(row)
    if row.name is None:
        return None
    return Person(
        name=key.open_text(row.name, _NAME, row.id),
        document_type=row.document_type,
        document_number=key.open_text(row.document_number, _DOCUMENT_NUMBER, row.id),
        phone=_phone_of(row),
    )


def profile(connection: Connection, resident_id: UUID) -> dict[str, Any]:
    """What the phone shows of its own user: even here numbers are masked, against eyes over the shoulder."""
    row = _with_key(connection, resident_id)
    known, number = _opened(row), _phone_of(row)
    return {
        "id": resident_id,
        "name": known and known.name,
        "document_type": known and known.document_type,
        "document_number": known and masks.document_number(known.document_number),
        "phone": number and masks.phone(number),
        "elder_mode": row.elder_mode,
    }


SEARCHES: dict[str, tuple[Purpose, str]] = {
    "document_number": (DOCUMENT_NUMBER, "document_number_index"),
    "phone": (PHONE, "phone_index"),
    "name": (FULL_NAME, "name_index"),
}
"""What people are found by: how it is normalised, and the column of its blind index."""


def people(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Person]:
    """Several full, unmasked persons at once. Left out are whose key was destroyed, because nobody can read them any
    more, and who never proved to be anybody."""
    keys = data_keys.data_keys
    found = connection.execute(
        select(residents, *data_keys.KEY).join(keys, keys.c.owner_id == residents.c.id).where(residents.c.id.in_(ids))
    )
    opened = {row.id: _opened(row) for row in found}
    return {resident_id: known for resident_id, known in opened.items() if known is not None}


_NAME, _DOCUMENT_NUMBER, _PHONE = "residents.name", "residents.document_number", "residents.phone"


def _columns(key: DataKey, resident_id: UUID, person: Person) -> dict[str, Any]:
    return {
        "name": key.seal(person.name, _NAME, resident_id),
        "name_index": data_keys.index(FULL_NAME, person.name),
        "document_type": person.document_type,
        "document_number": key.seal(person.document_number, _DOCUMENT_NUMBER, resident_id),
        "document_number_index": data_keys.index(DOCUMENT_NUMBER, person.document_number),
        **_phone_columns(key, resident_id, person.phone),
    }


def _phone_columns(key: DataKey, resident_id: UUID, phone: str | None) -> dict[str, Any]:
    sealed = key.seal(phone, _PHONE, resident_id) if phone else None
    return {"phone": sealed, "phone_index": _phone_index(phone)}


def _phone_index(phone: str | None) -> bytes | None:
    """None for what is no phone at all: nobody is found by it."""
    try:
        return data_keys.index(PHONE, phone) if phone else None
    except NothingToIndex:
        return None
