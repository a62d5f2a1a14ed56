"""Issued notices (通知书): what the law wants in writing when a step is taken, numbered, dated and never changed.

行政许可法 第三十二条第二款 (acceptance and refusal to accept, dated and sealed), 第三十八条第二款 (reasons, remedies),
第四十二条 (extensions), 第四十四条, 第四十五条 (special procedures). The step table says which step makes which.

A sealed PDF can be made of each later: whoever makes it listens to `NoticeIssued` and reads `content_of`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

import rfc8785
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app.catalogue import departments
from app.clock import day_of
from app.crypto import data_keys
from app.crypto.failures import SealBroken
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.events import NoticeIssued
from app.identifiers import new_id
from app.people import residents
from app.people.callers import Resident
from app.refusals import NotFound
from app.submissions import correction_lists, drafts, notice_words
from app.submissions.history import Given, Item
from app.submissions.moments import Moment
from app.submissions.notice_words import Facts, Template
from app.submissions.steps import STEPS, Step

# Counts the notices of one department, series and year without a gap: a step that rolls back takes its number back.
notice_series = Table(
    "notice_series",
    metadata,
    Column("department_code", Text, ForeignKey("departments.code"), primary_key=True),
    Column("series", Text, primary_key=True),
    Column("year", SmallInteger, primary_key=True, autoincrement=False),
    Column("last_number", Integer, nullable=False),
    CheckConstraint("last_number > 0", name="last_number"),
)

issued_notices = Table(
    "issued_notices",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), nullable=False),
    Column("history_number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    Column("series", Text, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    # In China: what the law counts the person's sixty days and six months from, at the earliest.
    Column("day", Date, nullable=False),
    Column("content", Sealed, info=personal(purpose="to tell the applicant in writing what was decided, and why")),
    # Salted (decision 0015), so that it proves the content to whoever has it and tells nothing to anybody else.
    Column("content_sha256", Text, nullable=False),
    ForeignKeyConstraint(
        ["submission_id", "history_number"],
        ["history.submission_id", "history.number"],
        name="issued_notices_history_fk",
    ),
    UniqueConstraint("submission_id", "history_number", name="issued_notices_step_key"),
    UniqueConstraint("department_code", "series", "year", "serial", name="issued_notices_serial_key"),
    sealed_only("content"),
)

CONTENT = "issued_notices.content"

NOT_ON_THE_SPOT: Final = frozenset({"completion"})
"""What needs no notice of its own where everything is done at once: the decision that is made on the spot in writing
(行政许可法 第三十四条第二款) says already that it is done. Acceptance stays: 第三十二条第二款 makes no exception."""


class IssuedNoticeNotFound(NotFound):
    """No such notice of this submission."""


class NoticeAltered(SealBroken):
    """What a notice holds is not what was issued: its hash is another one."""


# The row lock of the series is held from here to the commit.
_COUNT = """
INSERT INTO notice_series AS s (department_code, series, year, last_number)
VALUES (%(department)s, %(series)s, %(year)s, 1)
ON CONFLICT (department_code, series, year) DO UPDATE SET last_number = s.last_number + 1
RETURNING last_number
"""


def issue(
    work: Work, moment: Moment, step_name: str, history_number: int, given: Given, changed: Mapping[str, Any]
) -> UUID | None:
    """The notice of a step that was just recorded; its id, None when it makes none.

    `moment` is as it was before the step, `changed` what the step has changed of the row. Raises SealError.
    """
    step = STEPS[step_name]
    if step.notice is None or (moment.service.on_the_spot and step.notice in NOT_ON_THE_SPOT):
        return None
    template = notice_words.templates()[step.notice]
    row, key, notice_id = moment.row, data_keys.opened(moment.row), new_id()
    place = {"department": row.department_code, "series": template.series, "year": moment.day.year}
    serial = int(work.row(_COUNT, place).last_number)
    department = departments.details(work.connection, row.department_code)
    number = number_of(department, template.series, moment.day.year, serial)
    content = {
        "number": number,
        "kind": step.notice,
        "day": moment.day.isoformat(),
        **_content(work.connection, moment, step, template, department, given, changed),
    }
    values = {
        "id": notice_id,
        "submission_id": row.id,
        "history_number": history_number,
        "kind": step.notice,
        "department_code": row.department_code,
        "series": template.series,
        "year": moment.day.year,
        "serial": serial,
        "number": number,
        "issued_at": moment.at,
        "day": moment.day,
        "content": key.seal(content, CONTENT, notice_id),
        "content_sha256": hash_of(content, key.salt(_salt(notice_id))),
    }
    work.run(insert(issued_notices).values(**values))
    work.announce(NoticeIssued(row.id, notice_id))
    return notice_id


def number_of(department: Mapping[str, Any], series: str, year: int, serial: int) -> str:
    """`示例公受理〔2026〕12号`; a department without a word of its own is named in full."""
    return f"{department.get('document_word') or department['name']['zh']}{series}〔{year}〕{serial}号"


def _content(
    connection: Connection,
    moment: Moment,
    step: Step,
    template: Template,
    department: Mapping[str, Any],
    given: Given,
    changed: Mapping[str, Any],
) -> dict[str, Any]:
    row = moment.row
    applicant = residents.people(connection, [row.applicant_id]).get(row.applicant_id)
    facts = _facts(moment, step, department, given, changed)
    return {
        "title": dict(template.title),
        "text": notice_words.text(template, facts),
        "recipient": None if applicant is None else applicant.name,
        "reference": row.reference,
        "service": dict(facts.service),
        "department": dict(facts.department),
        "reasons": given.reason,
        "reason_kind": dict(facts.kind) or None,
        "items": [{"pointer": item.pointer, "words": item.words} for item in _items(moment, step, given)],
        "remedies": notice_words.remedies(department) if template.has_remedies else None,
    }


def _items(moment: Moment, step: Step, given: Given) -> tuple[Item, ...]:
    """What is to be corrected is always told whole, with what the list of this round had before."""
    before = correction_lists.of_this_round(moment) if step.notice == "correction" else ()
    return (*(item for event in before for item in event.items), *given.items)


def _facts(
    moment: Moment, step: Step, department: Mapping[str, Any], given: Given, changed: Mapping[str, Any]
) -> Facts:
    row = moment.row
    return Facts(
        department=department["name"],
        service=moment.service.definition["name"],
        reference=row.reference,
        received=day_of(row.received_at),
        decision_due=changed.get("decision_due", row.decision_due),
        due_provisional=changed.get("due_provisional", row.due_provisional),
        until=given.until or changed.get("correction_due", row.correction_due) or _standing_day(moment),
        days=given.days,
        kind=(step.kinds or {}).get(given.kind or "", {}),
        document=given.document,
        licence=moment.service.is_licence,
        joint=bool(moment.service.joint),
        noon=changed.get("decision_noon", row.decision_noon),
    )


def _standing_day(moment: Moment) -> date | None:
    """By when something is to be done, where the step itself names no new day: that of the list or offer before it."""
    asked = [
        event.until for event in moment.steps("ask_correction", "add_to_correction", "offer_promise") if event.until
    ]
    return asked[-1] if asked else None


def _salt(notice_id: UUID) -> str:
    return f"notice/{notice_id}"


def hash_of(content: Mapping[str, Any], salt: str) -> str:
    """SHA-256, in hex, over the canonical JSON (RFC 8785) of the content and its salt."""
    return hashlib.sha256(rfc8785.dumps({**content, "salt": salt})).hexdigest()


def of_own(connection: Connection, caller: Resident, submission_id: UUID) -> list[dict[str, Any]]:
    """The notices of the caller's submission, the latest first. Raises SubmissionNotFound, NoticeAltered, SealError."""
    return of(connection, drafts.own(connection, caller, submission_id))


def one_of_own(connection: Connection, caller: Resident, submission_id: UUID, notice_id: UUID) -> dict[str, Any]:
    """One of them. Raises SubmissionNotFound, IssuedNoticeNotFound, NoticeAltered, SealError."""
    return one(connection, drafts.own(connection, caller, submission_id), notice_id)


def of(connection: Connection, row: Any) -> list[dict[str, Any]]:
    """The notices of a submission that was read with its key, for those whose right to see it was checked before."""
    statement = select(issued_notices).where(
        issued_notices.c.submission_id == row.id, issued_notices.c.content.is_not(None)
    )
    return [
        _shown(row, notice) for notice in connection.execute(statement.order_by(issued_notices.c.history_number.desc()))
    ]


def one(connection: Connection, row: Any, notice_id: UUID) -> dict[str, Any]:
    """One notice of a submission that was read with its key. Raises IssuedNoticeNotFound, NoticeAltered, SealError."""
    statement = select(issued_notices).where(
        issued_notices.c.id == notice_id,
        issued_notices.c.submission_id == row.id,
        issued_notices.c.content.is_not(None),
    )
    notice = connection.execute(statement).one_or_none()
    if notice is None:
        raise IssuedNoticeNotFound
    return _shown(row, notice)


def content_of(row: Any, notice: Any) -> dict[str, Any]:
    """What a notice says, as it was issued: everything that a document of it would hold.

    `row` is its submission, read with its key. Raises NoticeAltered, SealError.
    """
    key = data_keys.opened(row)
    content: dict[str, Any] = key.open(notice.content, CONTENT, notice.id)
    if hash_of(content, key.salt(_salt(notice.id))) != notice.content_sha256:
        raise NoticeAltered(f"notice {notice.id} has another content than it was issued with")
    return content


def number_at(connection: Connection, submission_id: UUID, history_number: int) -> tuple[UUID, str] | None:
    """The id and number of the notice that a step made; None when it made none."""
    statement = select(issued_notices.c.id, issued_notices.c.number).where(
        issued_notices.c.submission_id == submission_id, issued_notices.c.history_number == history_number
    )
    found = connection.execute(statement).one_or_none()
    return None if found is None else (found.id, found.number)


def _shown(row: Any, notice: Any) -> dict[str, Any]:
    return {
        "id": notice.id,
        "issued_at": notice.issued_at,
        **content_of(row, notice),
        "content_sha256": notice.content_sha256,
        "content_salt": data_keys.opened(row).salt(_salt(notice.id)),
    }
