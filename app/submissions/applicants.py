"""Applicants: what the form of a service may know of the resident who fills it in."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection

from app.catalogue.persons import Person
from app.catalogue.services import ServiceVersion
from app.people import residents


def known(connection: Connection, service: ServiceVersion, resident_id: UUID) -> Person:
    """The applicant as their last login vouched for them.

    Of somebody whom no login has proved yet, no more than their phone. Nobody, and without a question to the database,
    for a form that takes nothing over from the login. Raises SealError.
    """
    if not service.form.prefills:
        return Person()
    person = residents.person(connection, resident_id)
    if person is None:
        return Person(phone=residents.phone(connection, resident_id))
    return Person(person.name, person.document_type, person.document_number, person.phone)
