"""Residents: the people the service is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, DateTime, Table, Text, func, insert, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.database import Work, metadata
from app.identifiers import new_id
from app.people import masks

residents = Table(
    "residents",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("document_type", Text, nullable=False),
    Column("document_number", Text, nullable=False),
    Column("phone", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


@dataclass(frozen=True)
class Person:
    """What an e-ID provider vouches for. `document_type` is GA/T 2000.156: 111 is the resident ID card."""

    name: str
    document_type: str
    document_number: str
    phone: str | None


def enrol(work: Work, person: Person) -> UUID:
    """Add a resident who logs in for the first time."""
    resident_id = new_id()
    work.run(insert(residents).values(id=resident_id, **_columns(person)))
    return resident_id


def refresh(work: Work, resident_id: UUID, person: Person) -> None:
    """Take over what the provider says today: people change their name and their phone."""
    work.run(update(residents).where(residents.c.id == resident_id).values(**_columns(person)))


def person(connection: Connection, resident_id: UUID) -> Person:
    """The full, unmasked person, for filing in their own name; never for an answer to staff."""
    row = connection.execute(select(residents).where(residents.c.id == resident_id)).one()
    return Person(row.name, row.document_type, row.document_number, row.phone)


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


def _columns(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "document_type": person.document_type,
        "document_number": person.document_number,
        "phone": person.phone,
    }
