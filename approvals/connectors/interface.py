"""What every connector gives: one file per language that approval systems speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.people.residents import Person


class OfficeAway(Exception):
    """The office cannot be reached, or did not answer as it should; the same hand-over is tried again later.

    `reason` is a short word for operators and holds nothing an office or a person wrote.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class File:
    """One attachment. `url` can be fetched by the office for a day."""

    material: str
    name: str
    filename: str
    content_type: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True)
class Case:
    """Everything an office gets of one submission. `key` is the same at every try."""

    key: UUID
    submission_id: UUID
    reference: str
    service_code: str
    service_version: int
    service_name: str
    definition: dict[str, Any] = field(repr=False)
    department_code: str
    received_at: datetime
    turn: int
    acceptance_due: date
    decision_due: date
    applicant: Person = field(repr=False)
    answers: dict[str, Any] = field(repr=False)
    files: tuple[File, ...]
    signature: dict[str, Any] | None


@dataclass(frozen=True)
class Change:
    """What happened to a case on our side. `key` is the same at every try; `number` counts within the submission.

    `items` are pairs of a JSON Pointer and words. `with_content` says that answers and files are not what they were.
    """

    key: UUID
    number: int
    step: str
    state: str
    at: datetime
    reason: str | None = field(repr=False)
    items: tuple[tuple[str, str], ...] = field(repr=False)
    until: str | None
    with_content: bool


@dataclass(frozen=True)
class Handed:
    """The office has it: its own number for the case, and, from a system that answers on the spot, the answer."""

    office_reference: str
    data: dict[str, Any] | None = None


Connector = Callable[[Case], Handed]
"""Gives a case to its office, exactly once in effect however often it is called. Raises OfficeAway."""

Updater = Callable[[Case, Change], None]
"""Tells the office that has the case what happened to it; the same way. Raises OfficeAway."""
