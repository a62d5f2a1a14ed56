"""Drafts: how a submission starts, and how its answers are saved until it is filed.

A submission is a draft first, so the table of submissions stands here.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Select,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.catalogue import services
from app.catalogue.availability import Client
from app.catalogue.services import ServiceVersion
from app.crypto import data_keys as keys
from app.crypto.data_keys import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people.callers import Resident
from app.refusals import InvalidContent, NotFound, Refusal
from app.settings import settings
from app.submissions import applicants
from app.submissions.steps import STATES, TAKEN_AS

_DRAFTS_PER_RESIDENT = 50

LARGEST_ANSWERS = 200_000
"""Characters of JSON that all answers of one draft may have together, however many patches they came in."""

ANSWERS, AMENDED = "submissions.answers", "submissions.amended"
EDITABLE = frozenset({"draft", "correcting"})

submissions = Table(
    "submissions",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("service_code", Text, nullable=False),
    Column("service_version", Integer, nullable=False),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    # What is erased keeps its row, so that statistics still count it, and names nobody any more.
    Column("applicant_id", Uuid(as_uuid=True), ForeignKey("residents.id")),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("answers", Sealed, info=personal(purpose="to apply for the service, as its form says")),
    # How often it was filed. What is being corrected is held apart until it is filed again.
    Column("round", Integer, nullable=False, server_default="1"),
    Column("amended", Sealed, info=personal(purpose="to keep a correction apart from what was filed")),
    Column("content_sha256", Text),
    Column("reference", Text, unique=True),
    Column("received_at", DateTime(timezone=True)),
    Column("turn", Integer),
    # Its place among those accepted, where the number is limited; see app/submissions/turns.py for these five.
    Column("acceptance_turn", Integer),
    Column("waiting", Boolean, nullable=False, server_default="false"),
    Column("taken", Integer),
    Column("taken_as", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("acceptance_due", Date),
    Column("decision_due", Date),
    Column("due_provisional", Boolean, nullable=False, server_default="false"),
    # What follows from history like the dates above; see due_dates.py. A half-day limit ends at noon.
    Column("decision_noon", Boolean, nullable=False, server_default="false"),
    Column("delivery_due", Date),
    Column("correction_due", Date),
    Column("promise_due", Date),
    Column("suspension_due", Date),
    Column("extended", Boolean, nullable=False, server_default="false"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
    Column("warned_at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
    # "Stop all but storage": its person closed the account, and the law still keeps it (PIPL art. 47 para. 2).
    Column("restricted_at", DateTime(timezone=True)),
    Column("erased_at", DateTime(timezone=True)),
    ForeignKeyConstraint(
        ["service_code", "service_version"],
        ["service_versions.service_code", "service_versions.version"],
        name="submissions_service_version_fk",
    ),
    # A filed submission has everything that its receipt promises; a draft has none of it.
    CheckConstraint(
        "erased_at IS NOT NULL OR ("
        "(state = 'draft') = (reference IS NULL) AND (state = 'draft') = (received_at IS NULL)"
        " AND (state = 'draft') = (turn IS NULL) AND (state = 'draft') = (content_sha256 IS NULL))",
        name="filed",
    ),
    CheckConstraint(
        "(erased_at IS NULL) = (applicant_id IS NOT NULL) AND (erased_at IS NULL) = (answers IS NOT NULL)",
        name="erased",
    ),
    CheckConstraint(f"state IN {tuple(STATES)}", name="state"),
    CheckConstraint("(taken IS NULL) = (taken_as IS NULL) AND NOT (waiting AND turn IS NULL)", name="line"),
    CheckConstraint(f"taken_as IN {tuple(TAKEN_AS)}", name="taken_as"),
    sealed_only("answers"),
    sealed_only("amended"),
    UniqueConstraint("department_code", "service_code", "turn", name="submissions_turn_key"),
    Index(
        "submissions_acceptance_turn_key",
        "department_code",
        "service_code",
        "acceptance_turn",
        unique=True,
        postgresql_where=text("acceptance_turn IS NOT NULL"),
    ),
    # The line in which `next` looks, in its very order.
    Index(
        "submissions_waiting_idx",
        "department_code",
        "service_code",
        "acceptance_turn",
        "turn",
        postgresql_where=text("waiting"),
    ),
    Index(
        "submissions_open_idx",
        "department_code",
        "service_code",
        "received_at",
        postgresql_where=text("state IN ('received', 'correcting', 'accepted', 'in_review', 'suspended')"),
    ),
    Index(
        "submissions_decided_idx",
        "department_code",
        "service_code",
        "decided_at",
        postgresql_where=text("decided_at IS NOT NULL"),
    ),
    Index(None, "applicant_id", "id"),
    Index(
        "submissions_kept_idx",
        "service_code",
        "service_version",
        "completed_at",
        postgresql_where=text("completed_at IS NOT NULL AND erased_at IS NULL"),
    ),
    # What the sweepers and alarms look for every minute.
    Index("submissions_acceptance_due_idx", "acceptance_due", postgresql_where=text("state = 'received'")),
    Index(
        "submissions_decision_due_idx",
        "decision_due",
        postgresql_where=text("state IN ('accepted', 'in_review')"),
    ),
    Index("submissions_delivery_due_idx", "delivery_due", postgresql_where=text("state = 'approved'")),
    Index("submissions_correction_due_idx", "correction_due", postgresql_where=text("state = 'correcting'")),
    Index("submissions_promise_due_idx", "promise_due", postgresql_where=text("promise_due IS NOT NULL")),
    Index("submissions_suspension_due_idx", "suspension_due", postgresql_where=text("state = 'suspended'")),
    Index("submissions_expires_idx", "expires_at", postgresql_where=text("state = 'draft'")),
)


class SubmissionNotFound(NotFound):
    """No such submission of this resident."""


class AlreadySubmitted(Refusal):
    """The submission was filed before: its reference is in the answer, and nothing was done twice."""


class Stale(Refusal):
    """Somebody, perhaps another phone of the same person, saved in between."""


class DraftLimitReached(Refusal):
    """So many drafts are open that one must be finished or dropped first."""


def own(connection: Connection, caller: Resident, submission_id: UUID, lock: bool = False) -> Any:
    """The resident's submission as a row, locked if asked. Raises SubmissionNotFound."""
    statement = with_key().where(submissions.c.id == submission_id, submissions.c.applicant_id == caller.id)
    row = connection.execute(statement.with_for_update(of=submissions) if lock else statement).one_or_none()
    if row is None:
        raise SubmissionNotFound
    return row


def with_key() -> Select[Any]:
    """Submissions together with the key that opens what is sealed in them."""
    return select(submissions, *keys.KEY).outerjoin(data_keys, data_keys.c.owner_id == submissions.c.id)


def answers(row: Any) -> dict[str, Any]:
    """The answers of a row that was read `with_key`. Raises SealError."""
    found: dict[str, Any] = keys.opened(row).open(row.answers, ANSWERS, row.id)
    return found


def in_work(row: Any) -> dict[str, Any]:
    """The answers that the person is working on: the draft's, or the copy held apart while they correct it.

    Raises SealError.
    """
    if row.amended is None:
        return answers(row)
    found: dict[str, Any] = keys.opened(row).open(row.amended, AMENDED, row.id)
    return found


def round_in_work(row: Any) -> int:
    """The filing that is being prepared: the first one of a draft, the next one of what was filed."""
    filed = int(row.round)
    return filed if row.state == "draft" else filed + 1


def cleaned(connection: Connection, service: ServiceVersion, draft: Any) -> dict[str, Any]:
    """The answers in work as they would be filed now: what the form hides is left out, but stays in the draft.

    Raises SealError.
    """
    return service.form.clean(in_work(draft), applicants.known(connection, service, draft.applicant_id))


def own_editable(work: Work, caller: Resident, submission_id: UUID) -> Any:
    """The resident's draft, or what they were asked to correct, under a row lock.

    Raises SubmissionNotFound, AlreadySubmitted.
    """
    row = own(work.connection, caller, submission_id, lock=True)
    if row.state not in EDITABLE:
        raise AlreadySubmitted(reference=row.reference)
    return row


def own_draft(work: Work, caller: Resident, submission_id: UUID) -> Any:
    """The resident's draft under a row lock. Raises SubmissionNotFound, AlreadySubmitted."""
    row = own(work.connection, caller, submission_id, lock=True)
    if row.state != "draft":
        raise AlreadySubmitted(reference=row.reference)
    return row


def start(work: Work, caller: Resident, service_code: str, typed: dict[str, Any], client: Client | None = None) -> Any:
    """Open a draft for the current version of a service; its row.

    Answers may be incomplete or wrong: a draft keeps whatever was typed. What the login knows stands there already.
    Raises DraftLimitReached, or as `services.for_filing`.
    """
    service = services.for_filing(work.connection, service_code, client)
    return begin(work, caller, service, typed)


def begin(work: Work, caller: Resident, service: ServiceVersion, typed: dict[str, Any]) -> Any:
    """A new draft under this version, as a row. Raises DraftLimitReached."""
    open_drafts = select(func.count()).where(submissions.c.applicant_id == caller.id, submissions.c.state == "draft")
    if work.run(open_drafts).scalar_one() >= _DRAFTS_PER_RESIDENT:
        raise DraftLimitReached
    submission_id = new_id()
    key = keys.create(work, submission_id)
    work.run(
        insert(submissions).values(
            id=submission_id,
            service_code=service.code,
            service_version=service.version,
            department_code=service.department_code,
            applicant_id=caller.id,
            state="draft",
            answers=key.seal(with_prefilled(work.connection, service, caller, typed), ANSWERS, submission_id),
            expires_at=clock.now() + settings().draft_life,
        )
    )
    return own(work.connection, caller, submission_id)


def with_prefilled(
    connection: Connection, service: ServiceVersion, caller: Resident, typed: dict[str, Any]
) -> dict[str, Any]:
    """What was typed, and beside it what the login knows of what was not. Raises SealError."""
    if not service.form.prefills:
        return typed
    return {**service.form.prefilled(applicants.known(connection, service, caller.id)), **typed}


def edit(work: Work, caller: Resident, submission_id: UUID, revision: int | None, patch: dict[str, Any]) -> Any:
    """Merge a patch (RFC 7396) into the answers of a draft, or of a correction held apart from what was filed; the row.

    `revision` is what the phone last saw, None meaning any. Raises SubmissionNotFound, AlreadySubmitted, Stale,
    InvalidContent when the answers grow too long altogether.
    """
    draft = own_editable(work, caller, submission_id)
    check_revision(draft, revision)
    typed = merged(in_work(draft), patch)
    if len(json.dumps(typed, ensure_ascii=False)) > LARGEST_ANSWERS:
        raise InvalidContent(errors={"/answers": ["Too long altogether."]})
    key, values = keys.opened(draft), {"revision": draft.revision + 1}
    if draft.state == "draft":
        values["answers"] = key.seal(typed, ANSWERS, submission_id)
        values |= {"expires_at": clock.now() + settings().draft_life, "warned_at": None}
    else:
        values["amended"] = key.seal(typed, AMENDED, submission_id)
    work.run(update(submissions).where(submissions.c.id == submission_id).values(**values))
    return own(work.connection, caller, submission_id)


def check_revision(draft: Any, revision: int | None) -> None:
    """Raises Stale, naming the revision that stands now."""
    if revision is not None and revision != draft.revision:
        raise Stale(revision=draft.revision)


def merged(target: Any, patch: Any) -> Any:
    """JSON Merge Patch, as RFC 7396 §2 defines it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
