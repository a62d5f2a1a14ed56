"""Erasures: closing the account, and with it whatever no law keeps (个人信息保护法 第四十七条).

In the request: drafts, inbox, WeChat, identities and stored answers go, all logins end, and what the law keeps is
restricted. Half an hour later, when no access token is alive and no request is under way any more, a job does it
once again for what slipped in, and destroys the person's own key, or leaves it until the last submission that is kept
comes to its end. The row that stays of it all, here, names nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs
from app.catalogue import services
from app.database import Work, metadata
from app.identifiers import new_id
from app.people import identity
from app.people.callers import Resident
from app.people.residents import residents
from app.privacy import endings, held_rows, holdings, retention
from app.privacy.holdings import AT_ONCE
from app.refusals import NotFound, Refusal
from app.settings import settings
from app.submissions.drafts import submissions
from app.submissions.steps import FINAL_STATES

log = structlog.get_logger()

SESSIONS: Final = "sessions"

erasures = Table(
    "erasures",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    # Empty when all is done: then this row says what was done, and to nobody.
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id")),
    Column("state", Text, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("destroyed_keys", Integer, nullable=False),
    Column("kept_until", Date),
    Column("confirmed_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('confirmed', 'restricted', 'done')", name="state"),
    CheckConstraint(
        "(state = 'done') = (resident_id IS NULL) AND (state = 'done') = (finished_at IS NOT NULL)", name="done"
    ),
    Index("erasures_resident_id_idx", "resident_id", unique=True),
    Index("erasures_state_idx", "state", "confirmed_at"),
)


class SubmissionsUnfinished(Refusal):
    """Submissions are still with their offices: the account closes when they have ended; `references` names them."""


class ErasureNotFound(NotFound):
    """No such erasure."""


def preview(connection: Connection, caller: Resident, language: str) -> dict[str, Any]:
    """What closing the account would erase at once, keep restricted until when and by which law, and stop."""
    mine = _submissions_of(connection, caller.id)
    at_once = [
        {"title": holding.title[language], "count": count, "why": holdings.ENDINGS[holding.ends][language]}
        for holding in holdings.HOLDINGS
        if holding.ends == AT_ONCE and (count := held_rows.count(connection, holding, caller.id))
    ]
    drafts = [row for row in mine if row.state == "draft"]
    if drafts:
        why = holdings.ENDINGS[holdings.WITH_SUBMISSION][language]
        at_once.insert(0, {"title": _DRAFTS[language], "count": len(drafts), "why": why})
    unfinished = _unfinished(mine)
    return {
        "possible": not unfinished,
        "erased_at_once": at_once,
        "kept_restricted": [_kept(connection, row, language) for row in mine if row.state in FINAL_STATES],
        "waiting_for": [{"reference": row.reference, "why": _UNFINISHED[language]} for row in unfinished],
        "stops": _STOPS[language],
    }


_DRAFTS = {"zh": "草稿和草稿中的文件", "en": "Drafts and their files"}
_UNFINISHED = {
    "zh": "部门还在办理。已提交的办件不会因注销而丢失，办结后即可注销",
    "en": "its office is still at work; what was filed is never lost, and you can close the account when it has ended",
}
_STOPS = {
    "zh": [
        "所有设备立即退出登录，本账户不能再登录",
        "不再向您发送任何通知",
        "工作人员不能再查到您和您的办件，依法复议、诉讼、监督等情形除外",
        "以后再用同一身份登录，会建立新的账户，看不到原来的办件；办理结果请先下载",
    ],
    "en": [
        "every device is logged out at once, and nobody can log in to this account any more",
        "no notification is sent to you any more",
        "staff find neither you nor your submissions any more, save for review, litigation or supervision by law",
        "logging in again makes a new account that does not see the old submissions: download your results first",
    ],
}


def confirm(work: Work, caller: Resident) -> dict[str, Any]:
    """Close the account; the erasure. Asking twice, or from two phones at once, is one and the same erasure.

    Raises StepUpRequired, SubmissionsUnfinished.
    """
    identity.require_rights(work.connection, caller)
    return close(work, caller.id)


def close(work: Work, person: UUID) -> dict[str, Any]:
    """The erasure of an account whose owner asked for it, or that nobody can enter any more.

    Raises SubmissionsUnfinished.
    """
    # The submissions first, as whoever adds to one does before they refer to the person.
    _submissions_of(work.connection, person, lock=True)
    # Whoever files or starts a draft just now holds a share of this row's lock: we see their work, or they wait.
    found = work.run(select(residents.c.closed_at).where(residents.c.id == person).with_for_update()).one()
    if found.closed_at is not None:
        return described(work.run(select(erasures).where(erasures.c.resident_id == person)).one())
    mine = _submissions_of(work.connection, person, lock=True)
    if unfinished := _unfinished(mine):
        raise SubmissionsUnfinished(references=[row.reference for row in unfinished])
    kept = [row for row in mine if row.state in FINAL_STATES]
    drafts = [row.id for row in mine if row.state == "draft"]
    counts = {"drafts": len(drafts), "kept": len(kept)} | _erase_what_may_go(work, person, drafts)
    _restrict(work, person)
    return described(work.run(_new_row(work, person, counts, kept)).one())


def _erase_what_may_go(work: Work, person: UUID, drafts: Sequence[UUID]) -> dict[str, int]:
    """Drafts and what nothing keeps. Sessions end now and their rows go later: until then they say who is out."""
    endings.drop_drafts(work, drafts)
    rows = endings.drop_at_once(work, person, but=frozenset({SESSIONS}))
    ended = work.run_sql(_END_SESSIONS, {"person": person, "now": clock.now()}).rowcount
    return {"rows": rows, "logins": ended}


_END_SESSIONS = """
UPDATE sessions
SET revoked_at = coalesce(revoked_at, %(now)s), device = '', device_sha256 = NULL, network = NULL, answer = NULL
WHERE resident_id = %(person)s
"""


def _restrict(work: Work, person: UUID) -> None:
    now = clock.now()
    work.run(
        update(residents)
        .where(residents.c.id == person)
        .values(closed_at=now, phone=None, phone_index=None, name_index=None, document_number_index=None)
    )
    mine = (submissions.c.applicant_id == person) & submissions.c.restricted_at.is_(None)
    work.run(update(submissions).where(mine, submissions.c.state.in_(FINAL_STATES)).values(restricted_at=now))


def _new_row(work: Work, person: UUID, counts: dict[str, int], kept: Sequence[Any]) -> Any:
    ends = [_end(work.connection, row) for row in kept]
    values = {
        "id": new_id(),
        "resident_id": person,
        "state": "confirmed",
        "counts": counts,
        "destroyed_keys": counts["drafts"],
        "kept_until": None if None in ends else max((end for end in ends if end is not None), default=None),
        "confirmed_at": clock.now(),
    }
    return insert(erasures).values(**values).returning(erasures)


def show(connection: Connection, erasure_id: UUID) -> dict[str, Any]:
    """What became of an erasure, for whoever holds its number: nobody can log in to ask. Raises ErasureNotFound."""
    row = connection.execute(select(erasures).where(erasures.c.id == erasure_id)).one_or_none()
    if row is None:
        raise ErasureNotFound
    return described(row)


def described(row: Any) -> dict[str, Any]:
    shown = ("id", "state", "kept_until", "confirmed_at", "finished_at", "destroyed_keys")
    return {**{name: getattr(row, name) for name in shown}, "kept": row.counts["kept"], "drafts": row.counts["drafts"]}


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("finish_erasures", queueing_lock="finish_erasures")
def sweep(timestamp: int) -> None:
    """Finish the erasures whose last access token has died."""
    before = clock.now() - 2 * settings().access_token_life
    due = select(erasures.c.id).where(erasures.c.state == "confirmed", erasures.c.confirmed_at < before)
    with database.reading() as connection:
        ids = connection.execute(due.order_by(erasures.c.confirmed_at).limit(500)).scalars().all()
    for erasure_id in ids:
        with database.work() as work:
            finish(work, erasure_id)


def finish(work: Work, erasure_id: UUID) -> None:
    """Erase what slipped in meanwhile, then the person, unless the law still keeps a submission. May run twice."""
    erasure = work.run(select(erasures).where(erasures.c.id == erasure_id).with_for_update()).one()
    if erasure.state == "done":
        return
    person = erasure.resident_id
    work.run(select(residents.c.id).where(residents.c.id == person).with_for_update()).one()
    mine = _submissions_of(work.connection, person, lock=True)
    if _unfinished(mine):
        # It was filed in the very moment of closing. What was filed is never lost: all the rest waits for its end.
        log.warning("erasure_waits", erasure=str(erasure_id))
        return
    endings.drop_drafts(work, [row.id for row in mine if row.state == "draft"])
    endings.drop_at_once(work, person)
    _restrict(work, person)
    if any(row.state in FINAL_STATES for row in mine):
        work.run(update(erasures).where(erasures.c.id == erasure_id).values(state="restricted"))
    else:
        _end_person(work, erasure_id, person, 1)


def release(work: Work, emptied: Sequence[UUID]) -> None:
    """After a purge of submissions of these applicants: note its keys with the erasures of those who closed their
    account, and erase the persons of whom nothing is kept any more."""
    closed = select(erasures).where(erasures.c.resident_id.in_(emptied), erasures.c.state == "restricted")
    for row in work.run(closed.order_by(erasures.c.id).with_for_update()).all():
        keys = sum(owner == row.resident_id for owner in emptied)
        if _submissions_of(work.connection, row.resident_id):
            more = erasures.c.destroyed_keys + keys
            work.run(update(erasures).where(erasures.c.id == row.id).values(destroyed_keys=more))
        else:
            _end_person(work, row.id, row.resident_id, keys + 1)


def _end_person(work: Work, erasure_id: UUID, person: UUID, keys: int) -> None:
    done = {"state": "done", "resident_id": None, "finished_at": clock.now()}
    work.run(
        update(erasures)
        .where(erasures.c.id == erasure_id)
        .values(**done, destroyed_keys=erasures.c.destroyed_keys + keys)
    )
    endings.drop_person(work, person)


def _submissions_of(connection: Connection, person: UUID, lock: bool = False) -> list[Any]:
    """What is needed of a person's submissions to judge them, in the order of their ids."""
    c = submissions.c
    columns = (c.id, c.reference, c.state, c.service_code, c.service_version, c.completed_at)
    statement = select(*columns).where(c.applicant_id == person).order_by(c.id)
    return list(connection.execute(statement.with_for_update() if lock else statement))


def _unfinished(rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if row.state != "draft" and row.state not in FINAL_STATES]


def _kind(connection: Connection, row: Any) -> retention.Retention:
    return retention.of(services.version(connection, row.service_code, row.service_version).definition)


def _end(connection: Connection, row: Any) -> date | None:
    return retention.kept_until(_kind(connection, row), row.completed_at)


def _kept(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    kind = _kind(connection, row)
    return {
        "reference": row.reference,
        "service": services.version(connection, row.service_code, row.service_version).name(language),
        "retention": kind.words(language),
        "until": _end(connection, row),
        "law": kind.law,
    }
