"""Corrections: something about me is wrong (个人信息保护法 第四十六条); staff verify it, the old value is kept sealed.

Name and document number are what the e-ID vouches for: they are corrected there, and taken over by the next login.
What was filed and signed is never altered: a correction that is granted stands beside it. A refusal gives its reasons,
and says what can be done about it (第五十条).
"""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock
from app.crypto import data_keys
from app.crypto.envelopes import DataKey
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.documents.uploads import uploads
from app.identifiers import new_id
from app.people import masks, residents, staff
from app.people.callers import Clerk, Resident
from app.people.residents import Person
from app.refusals import InvalidContent, NotFound, Refusal
from app.submissions import drafts
from app.supervision import looks
from app.supervision.looks import Look, Reason

VOUCHED: Final = ("name", "document_number")
FIELDS: Final = ("phone", "answer", "other", *VOUCHED)
STATES: Final = ("received", "granted", "refused", "by_login")

_MOST_OPEN = 20
_PHONE = re.compile(r"\+?[0-9](?:[ -]?[0-9]){4,18}")

corrections = Table(
    "corrections",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("field", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("claim", Sealed, nullable=False, info=personal(purpose="to know what is wrong and what is right")),
    Column("old_value", Sealed, info=personal(purpose="to keep what was corrected, as proof")),
    Column("answer", Sealed, info=personal(purpose="to tell the resident why staff decided so")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Uuid(as_uuid=True), ForeignKey("staff.id")),
    CheckConstraint(f"field IN {FIELDS}", name="field"),
    CheckConstraint(f"state IN {STATES}", name="state"),
    CheckConstraint("(state = 'received') = (decided_at IS NULL)", name="decided"),
    CheckConstraint(
        "(state IN ('granted', 'refused')) = (answer IS NOT NULL)"
        " AND (state IN ('granted', 'refused')) = (decided_by IS NOT NULL)",
        name="answered",
    ),
    *(sealed_only(name) for name in ("claim", "old_value", "answer")),
    Index(None, "resident_id", "id"),
    Index(None, "state", "id"),
)

_CLAIM, _OLD_VALUE, _ANSWER = "corrections.claim", "corrections.old_value", "corrections.answer"


class CorrectedByLogin(Refusal):
    """The e-ID vouches for this: have it corrected there and log in afresh, and it is right here too."""


class CorrectionNotFound(NotFound):
    """No such correction of this resident."""


class CorrectionLimitReached(Refusal):
    """So many corrections are open that staff must answer one first."""


class CorrectionDecided(Refusal):
    """The correction was answered before: its state is in the answer."""


class CorrectionNotAllowed(Refusal):
    """This role does not decide corrections."""


# ——— What a resident asks for. ———


def ask(work: Work, caller: Resident, wish: dict[str, Any]) -> dict[str, Any]:
    """Say what is wrong. `wish` has field, new_value, words, and for an answer its submission and name; evidence are
    ids of clean uploads of the caller's own.

    Raises CorrectedByLogin, SubmissionNotFound, InvalidContent, CorrectionLimitReached.
    """
    if wish["field"] in VOUCHED:
        raise CorrectedByLogin
    mine = corrections.c.resident_id == caller.id
    opened = select(func.count()).where(mine, corrections.c.state == "received")
    if work.run(opened).scalar_one() >= _MOST_OPEN:
        raise CorrectionLimitReached
    _check(work, caller, wish)
    correction_id, key = new_id(), data_keys.of(work.connection, caller.id)
    names = ("new_value", "words", "submission", "answer_name", "evidence")
    claim = {name: wish[name] for name in names if wish.get(name)}
    claim |= {"evidence": [str(upload_id) for upload_id in wish["evidence"]]}
    claim |= {"submission": str(wish["submission"])} if wish.get("submission") else {}
    values = {
        "id": correction_id,
        "resident_id": caller.id,
        "field": wish["field"],
        "state": "received",
        "claim": key.seal(claim, _CLAIM, correction_id),
        "created_at": clock.now(),
    }
    return _described(work.run(insert(corrections).values(**values).returning(corrections)).one(), key, "zh")


def _check(work: Work, caller: Resident, wish: dict[str, Any]) -> None:
    if wish["field"] == "phone" and not _PHONE.fullmatch(wish["new_value"]):
        raise InvalidContent(errors={"/new_value": ["Not a phone number."]})
    if wish["field"] == "answer":
        _answered(work, caller, wish)
    mine = select(func.count()).where(
        uploads.c.id.in_(wish["evidence"]), uploads.c.owner_id == caller.id, uploads.c.state == "clean"
    )
    if work.run(mine).scalar_one() != len(set(wish["evidence"])):
        raise InvalidContent(errors={"/evidence": ["Not all of these are clean uploads of yours."]})


def _answered(work: Work, caller: Resident, wish: dict[str, Any]) -> None:
    """Raises SubmissionNotFound, InvalidContent when the answer is none that was filed."""
    if not wish.get("submission") or not wish.get("answer_name"):
        raise InvalidContent(errors={"/submission": ["Say which submission, and which answer of it."]})
    row = drafts.own(work.connection, caller, wish["submission"])
    if row.state == "draft":
        raise InvalidContent(errors={"/submission": ["A draft is edited, not corrected."]})
    if wish["answer_name"] not in drafts.answers(row):
        raise InvalidContent(errors={"/answer_name": ["This was not answered."]})


def listing(
    connection: Connection, caller: Resident, before: UUID | None, limit: int, language: str
) -> list[dict[str, Any]]:
    """My corrections, newest first, before the given one."""
    statement = select(corrections).where(corrections.c.resident_id == caller.id)
    if before is not None:
        statement = statement.where(corrections.c.id < before)
    rows = connection.execute(statement.order_by(corrections.c.id.desc()).limit(limit)).all()
    key = data_keys.of(connection, caller.id)
    return [_described(row, key, language) for row in rows]


def show(connection: Connection, caller: Resident, correction_id: UUID, language: str) -> dict[str, Any]:
    """One of my corrections. Raises CorrectionNotFound."""
    mine = (corrections.c.id == correction_id) & (corrections.c.resident_id == caller.id)
    row = connection.execute(select(corrections).where(mine)).one_or_none()
    if row is None:
        raise CorrectionNotFound
    return _described(row, data_keys.of(connection, caller.id), language)


def note_login(work: Work, resident_id: UUID, before: Person, after: Person) -> None:
    """Keep what a login has just put right, so that nobody wonders later what stood there."""
    key = data_keys.of(work.connection, resident_id)
    for field in (*VOUCHED, "phone"):
        old, new = getattr(before, field), getattr(after, field)
        if old and new and old != new:
            _note(work, key, resident_id, field, old, new)


def _note(work: Work, key: DataKey, resident_id: UUID, field: str, old: str, new: str) -> None:
    correction_id, now = new_id(), clock.now()
    values = {
        "id": correction_id,
        "resident_id": resident_id,
        "field": field,
        "state": "by_login",
        "claim": key.seal({"new_value": new}, _CLAIM, correction_id),
        "old_value": key.seal(old, _OLD_VALUE, correction_id),
        "created_at": now,
        "decided_at": now,
    }
    work.run(insert(corrections).values(**values))


_REMEDIES = {
    "zh": "对本答复不服的，可以向履行个人信息保护职责的部门投诉、举报，也可以依法向人民法院提起诉讼"
    "（个人信息保护法第五十条、第六十五条）。",
    "en": "If you disagree, you may complain to the authority for the protection of personal information, or bring a "
    "lawsuit before a people's court (PIPL art. 50 and 65).",
}


def _described(row: Any, key: DataKey, language: str) -> dict[str, Any]:
    claim = key.open(row.claim, _CLAIM, row.id)
    return {
        "id": row.id,
        "field": row.field,
        "state": row.state,
        "new_value": claim["new_value"],
        "old_value": row.old_value and key.open(row.old_value, _OLD_VALUE, row.id),
        "words": claim.get("words"),
        "answer": row.answer and key.open_text(row.answer, _ANSWER, row.id),
        "remedies": _REMEDIES[language] if row.state == "refused" else None,
        "created_at": row.created_at,
        "decided_at": row.decided_at,
    }


# ——— What staff see and decide. ———


def waiting(connection: Connection, clerk: Clerk, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """The corrections that wait for an answer, oldest first, masked. Raises CorrectionNotAllowed."""
    _require_right(clerk)
    statement = _with_key().where(corrections.c.state == "received")
    if after is not None:
        statement = statement.where(corrections.c.id > after)
    rows = connection.execute(statement.order_by(corrections.c.id).limit(limit)).all()
    return [_masked(connection, row) for row in rows]


def look(connection: Connection, clerk: Clerk, correction_id: UUID) -> dict[str, Any]:
    """One correction, masked. Raises CorrectionNotAllowed, CorrectionNotFound."""
    _require_right(clerk)
    return _masked(connection, _row(connection, correction_id))


def reveal(work: Work, clerk: Clerk, correction_id: UUID, reason: str) -> dict[str, Any]:
    """One correction in full, to verify it; the look is recorded with its reason.

    Raises CorrectionNotAllowed, CorrectionNotFound.
    """
    _require_right(clerk)
    row = _row(work.connection, correction_id)
    shown = [looks.OfPerson(row.resident_id)]
    looks.record(work, clerk, Reason("verification", reason), Look("correction", "shown", asked_id=row.id, shown=shown))
    key, person = data_keys.opened(row), residents.person(work.connection, row.resident_id)
    claim = key.open(row.claim, _CLAIM, row.id)
    names = ("name", "document_type", "document_number", "phone")
    applicant = {name: getattr(person, name, None) for name in names}
    applicant["phone"] = residents.phone(work.connection, row.resident_id)
    about = {"submission": claim.get("submission"), "answer_name": claim.get("answer_name")}
    full = {"new_value": claim["new_value"], "words": claim.get("words"), "evidence": claim.get("evidence", [])}
    return {**_outline(row), **about, **full, "applicant": applicant}


def decide(work: Work, clerk: Clerk, correction_id: UUID, granted: bool, reason: str) -> dict[str, Any]:
    """Grant a correction, which then takes effect, or refuse it, with reasons either way.

    Raises CorrectionNotAllowed, CorrectionNotFound, CorrectionDecided.
    """
    _require_right(clerk)
    row = _row(work.connection, correction_id, lock=True)
    if row.state != "received":
        raise CorrectionDecided(state=row.state)
    key = data_keys.opened(row)
    old = _take_effect(work, row, key.open(row.claim, _CLAIM, row.id)) if granted else None
    values = {
        "state": "granted" if granted else "refused",
        "answer": key.seal(reason, _ANSWER, row.id),
        "old_value": None if old is None else key.seal(old, _OLD_VALUE, row.id),
        "decided_at": clock.now(),
        "decided_by": clerk.id,
    }
    work.run(update(corrections).where(corrections.c.id == row.id).values(**values))
    return _masked(work.connection, _row(work.connection, correction_id))


def _take_effect(work: Work, row: Any, claim: dict[str, Any]) -> Any:
    """Put the new value in its place, where it has one of its own; the old value."""
    if row.field == "phone":
        old = residents.phone(work.connection, row.resident_id)
        residents.correct_phone(work, row.resident_id, claim["new_value"])
        return old
    if row.field == "answer":
        # What was filed and signed stays as it is: the correction stands beside it.
        filed = work.run(drafts.with_key().where(drafts.submissions.c.id == UUID(claim["submission"]))).one()
        return None if filed.answers is None else drafts.answers(filed).get(claim["answer_name"])
    return None


def _require_right(clerk: Clerk) -> None:
    if not staff.may(clerk.role, staff.CORRECT):
        raise CorrectionNotAllowed


def _with_key() -> Any:
    keys = data_keys.data_keys
    return select(corrections, *data_keys.KEY).outerjoin(keys, keys.c.owner_id == corrections.c.resident_id)


def _row(connection: Connection, correction_id: UUID, lock: bool = False) -> Any:
    statement = _with_key().where(corrections.c.id == correction_id)
    row = connection.execute(statement.with_for_update(of=corrections) if lock else statement).one_or_none()
    if row is None:
        raise CorrectionNotFound
    return row


def _outline(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "field", "state", "created_at", "decided_at")}


def _masked(connection: Connection, row: Any) -> dict[str, Any]:
    person, phone = residents.person(connection, row.resident_id), residents.phone(connection, row.resident_id)
    claim = data_keys.opened(row).open(row.claim, _CLAIM, row.id)
    new_value = claim["new_value"]
    return {
        **_outline(row),
        "applicant": {
            "name": person and masks.name(person.name),
            "document_type": person and person.document_type,
            "document_number": person and masks.document_number(person.document_number),
            "phone": phone and masks.phone(phone),
        },
        "new_value": masks.phone(new_value) if row.field == "phone" else masks.anything(new_value),
        "evidence": len(claim.get("evidence", [])),
    }
