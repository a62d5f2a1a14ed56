"""History: the append-only, past-tense rows of a submission. State is what the last row says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, append_only, metadata
from app.submissions import chain, steps
from app.submissions.steps import STEPS, Step

ACTOR_KINDS = ("resident", "staff", "office", "system")

history = Table(
    "history",
    metadata,
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("step", Text, nullable=False),
    Column("from_state", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    # In which role of the step table; who by id, and for whom: an agent acts for a principal.
    Column("actor_role", Text, nullable=False),
    Column("actor_id", Uuid(as_uuid=True)),
    Column("principal_id", Uuid(as_uuid=True)),
    # Whoever of an office decides does so by name, in public: it is printed under the decision.
    Column("actor_name", Text),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    # What clocks and tables count by: `kind`, `days`, `until`, `document`. Nothing of a person.
    Column("terms", JSONB, nullable=False, server_default="{}"),
    Column("opinion", Sealed, info=personal(purpose="to tell the resident why an office decided so")),
    Column("items", Sealed, info=personal(purpose="to tell the resident what must be corrected or brought")),
    Column("visible", Boolean, nullable=False, server_default="true"),
    # What makes the rows a chain: see chain.py.
    Column("previous_hash", LargeBinary, nullable=False),
    Column("personal_digest", LargeBinary, nullable=False),
    Column("row_hash", LargeBinary, nullable=False),
    Column("hash_algorithm", Text, nullable=False),
    # Rows come in the order of time, so a few bytes for every 128 pages are enough to find those of a day.
    Index("history_at_idx", "at", postgresql_using="brin"),
    CheckConstraint(f"actor_kind IN {ACTOR_KINDS}", name="actor_kind"),
    CheckConstraint("octet_length(previous_hash) = 32 AND octet_length(row_hash) = 32", name="hashes"),
    CheckConstraint("octet_length(personal_digest) = 32", name="personal_digest"),
    sealed_only("opinion"),
    sealed_only("items"),
    # Whom a version of the calendar touched.
    Index("history_recounts_idx", text("(terms ->> 'calendar')"), postgresql_where=text("step = 'recount'")),
    # An erasure blanks these, and resealing writes the sealed ones anew; nothing else ever changes.
    info=append_only("opinion", "items", "actor_name", "actor_id", "principal_id"),
)

OPINION = "history.opinion"
ITEMS = "history.items"


@dataclass(frozen=True)
class Actor:
    """Who takes a step. `role` is one of the step table; `name` is public: an official's, never a resident's.

    `principal_id` is for whom they act, where that is somebody else.
    """

    kind: str
    role: str
    name: str | None = None
    id: UUID | None = None
    principal_id: UUID | None = None


SYSTEM = Actor("system", steps.SYSTEM)


def applicant(resident_id: UUID) -> Actor:
    """A resident in their own matter."""
    return Actor("resident", steps.APPLICANT, id=resident_id, principal_id=resident_id)


def office(handler: str | None = None) -> Actor:
    """An office's system, and its handler by name as far as it says."""
    return Actor("office", steps.OFFICE, handler)


@dataclass(frozen=True)
class Item:
    """One thing to correct or to bring: a JSON Pointer into the submission (`/answers/…`, `/materials/…`), in words."""

    pointer: str
    words: str


@dataclass(frozen=True)
class Given:
    """What comes with a step. `reason` is what the resident reads (an opinion, too); `days` are working days;
    `until` is a day; `document` numbers the paper that a step rests on; `content_sha256` is of what was filed."""

    reason: str | None = None
    kind: str | None = None
    items: tuple[Item, ...] = ()
    until: date | None = None
    days: int | None = None
    document: str | None = None
    content_sha256: str | None = None
    # Of a recount: the version of the calendar, `2027/2`, and each date that moved, as it was and as it is.
    calendar: str | None = None
    moved: Mapping[str, tuple[str | None, str | None]] | None = None

    @property
    def terms(self) -> dict[str, Any]:
        """The part that clocks and tables count by, as JSON."""
        until = self.until and self.until.isoformat()
        found: dict[str, Any] = {"kind": self.kind, "days": self.days, "document": self.document, "until": until}
        found["content_sha256"] = self.content_sha256
        found |= {"calendar": self.calendar, "moved": self.moved}
        return {name: value for name, value in found.items() if value is not None}

    def lacking(self, step: Step) -> frozenset[str]:
        """What the step needs and is not there, and a kind that it does not know; words of spaces only are none."""
        given = {name for name in ("items", "until") if getattr(self, name)}
        if self.days is not None and self.days > 0:
            given.add(steps.DAYS)
        given |= {name for name in ("reason", "document") if (getattr(self, name) or "").strip()}
        if self.kind is not None and self.kind in (step.kinds or ()):
            given.add(steps.KIND)
        wanted = step.needs | {steps.KIND} if self.kind is not None else step.needs
        return wanted - given

    def surplus(self, step: Step) -> frozenset[str]:
        """What asks something of the applicant, or counts for a clock, and has no place in the step."""
        given = frozenset(name for name in (steps.ITEMS, steps.UNTIL, steps.DAYS) if getattr(self, name))
        return given - step.needs - step.may


NOTHING = Given()


@dataclass(frozen=True)
class Tip:
    """Where a chain ends: the number and the hash of its last row."""

    number: int
    row_hash: bytes


def record(
    work: Work, submission: Any, tip: Tip | None, step: str, state: str, actor: Actor, at: datetime, given: Given
) -> int:
    """Append a row for a step just taken under the submission's row lock; its number.

    The submission and the `tip` of its chain, None before the first row, were read under that lock, before the step.
    Raises SealKeyMissing.
    """
    number = 1 if tip is None else tip.number + 1
    place = f"{submission.id}/{number}"
    key = data_keys.opened(submission)
    listed = [{"pointer": item.pointer, "words": item.words} for item in given.items] or None
    facts = {
        "submission_id": submission.id,
        "number": number,
        "at": at,
        "step": step,
        "from_state": submission.state,
        "state": state,
        "actor_kind": actor.kind,
        "actor_role": actor.role,
        "department_code": submission.department_code,
        "terms": given.terms,
        "visible": STEPS[step].visible,
    }
    person = {"actor_name": actor.name, "actor_id": actor.id, "principal_id": actor.principal_id}
    said = {"opinion": given.reason or None, "items": listed}
    values = facts | person | chain.link(key, facts, person | said, None if tip is None else tip.row_hash)
    statement = insert(history).values(
        **values,
        opinion=key.seal(given.reason, OPINION, place) if given.reason else None,
        items=key.seal(listed, ITEMS, place) if listed else None,
    )
    work.run(statement)
    return number


def opinion(row: Any, submission_id: UUID, number: int, sealed: bytes | None) -> str | None:
    """The opinion of one event, by the submission's key, which the row holds. Raises SealError."""
    return None if sealed is None else data_keys.opened(row).open_text(sealed, OPINION, f"{submission_id}/{number}")


def items(row: Any, submission_id: UUID, number: int, sealed: bytes | None) -> tuple[Item, ...]:
    """The list of one event, by the submission's key, which the row holds. Raises SealError."""
    if sealed is None:
        return ()
    listed = data_keys.opened(row).open(sealed, ITEMS, f"{submission_id}/{number}")
    return tuple(Item(one["pointer"], one["words"]) for one in listed)


def row(work: Work, submission_id: UUID, number: int) -> Any:
    """One history row."""
    return work.run(select(history).where(history.c.submission_id == submission_id, history.c.number == number)).one()
