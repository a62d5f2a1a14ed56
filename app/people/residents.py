"""Residents: the people the service is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, DateTime, LargeBinary, Table, Text, func, insert, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.crypto import data_keys
from app.crypto.blind_indexes import DOCUMENT_NUMBER, FULL_NAME, PHONE, NothingToIndex
from app.crypto.envelopes import DataKey
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import masks

residents = Table(
    "residents",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("name", Sealed, nullable=False, info=personal(purpose="to address the resident and to name the applicant")),
    Column("name_index", LargeBinary, nullable=False, index=True),
    Column("document_type", Text, nullable=False),
    Column("document_number", Sealed, nullable=False, info=personal(purpose="to tell the office who applies")),
    Column("document_number_index", LargeBinary, nullable=False, index=True),
    Column("phone", Sealed, info=personal(purpose="to reach the resident about their submissions")),
    Column("phone_index", LargeBinary, index=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    *(sealed_only(name) for name in ("name", "document_number", "phone")),
)


@dataclass(frozen=True)
class Person:
    """What an e-ID provider vouches for. `document_type` is GA/T 2000.156: 111 is the resident ID card."""

    name: str
    document_type: str
    document_number: str
    phone: str | None


def enrol(work: Work, person: Person) -> UUID:
    """Add a resident who logs in for the first time. Raises NothingToIndex for a name or number of no characters."""
    resident_id = new_id()
    key = data_keys.create(work, resident_id)
    work.run(insert(residents).values(id=resident_id, **_columns(key, resident_id, person)))
    return resident_id


def refresh(work: Work, resident_id: UUID, person: Person) -> None:
    """Take over what the provider says today: people change their name and their phone.

    Raises NothingToIndex.
    """
    key = data_keys.of(work.connection, resident_id)
    work.run(update(residents).where(residents.c.id == resident_id).values(**_columns(key, resident_id, person)))


def person(connection: Connection, resident_id: UUID) -> Person:
    """The full, unmasked person, for filing in their own name; never for an answer to staff."""
    row = connection.execute(
        select(residents, *data_keys.KEY)
        .outerjoin(data_keys.data_keys, data_keys.data_keys.c.owner_id == residents.c.id)
        .where(residents.c.id == resident_id)
    ).one()
    key = data_keys.opened(row)
    return Person(
        name=key.open_text(row.name, _NAME, row.id),
        document_type=row.document_type,
        document_number=key.open_text(row.document_number, _DOCUMENT_NUMBER, row.id),
        phone=None if row.phone is None else key.open_text(row.phone, _PHONE, row.id),
    )


def profile(connection: Connection, resident_id: UUID) -> dict[str, Any]:
    """What the phone shows of its own user: even here numbers are masked, against eyes over the shoulder."""
    known = person(connection, resident_id)
    return {
        "id": resident_id,
        "name": known.name,
        "document_type": known.document_type,
        "document_number": masks.document_number(known.document_number),
        "phone": known.phone and masks.phone(known.phone),
    }


_NAME, _DOCUMENT_NUMBER, _PHONE = "residents.name", "residents.document_number", "residents.phone"


def _columns(key: DataKey, resident_id: UUID, person: Person) -> dict[str, Any]:
    return {
        "name": key.seal(person.name, _NAME, resident_id),
        "name_index": data_keys.index(FULL_NAME, person.name),
        "document_type": person.document_type,
        "document_number": key.seal(person.document_number, _DOCUMENT_NUMBER, resident_id),
        "document_number_index": data_keys.index(DOCUMENT_NUMBER, person.document_number),
        "phone": key.seal(person.phone, _PHONE, resident_id) if person.phone else None,
        "phone_index": _phone_index(person.phone),
    }


def _phone_index(phone: str | None) -> bytes | None:
    """None for what is no phone at all: nobody is found by it."""
    try:
        return data_keys.index(PHONE, phone) if phone else None
    except NothingToIndex:
        return None
