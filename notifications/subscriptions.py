"""Subscriptions: which WeChat user a resident is, and how many messages they still allow.

A one-time subscription is good for one message, and accepts add up (WeChat subscribe-message guide). WeChat
keeps the true count; ours only avoids calls that would surely be refused.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    case,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import database, jobs
from app.crypto import blind_indexes, data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Job, Work, metadata
from app.events import ConsentWithdrawn
from app.people.callers import Resident
from app.privacy import consents, notices
from app.privacy.consents import WECHAT_TAP, Wish
from app.settings import settings
from notifications.inbox import attempts, notifications

wechat_bindings = Table(
    "wechat_bindings",
    metadata,
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), primary_key=True),
    Column("openid", Sealed, nullable=False, info=personal(purpose="to push the progress over WeChat")),
    Column("openid_index", LargeBinary, nullable=False, index=True),
    Column("progress_credits", Integer, nullable=False),
    # Credits taken on the client's word, which WeChat's own event about the same tap must not add again.
    Column("unconfirmed", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("progress_credits >= 0", name="progress_credits"),
    sealed_only("openid"),
)

OPENID = "wechat_bindings.openid"

# One tap allows three messages at most; more than that were never told by WeChat, and are not waited for.
_MOST_UNCONFIRMED = 3

PROGRESS = "progress-messages"
"""The purpose of the notice about WeChat messages that every one of them needs consent to."""


def bind(
    work: Work,
    caller: Resident,
    openid: str,
    accepted: list[str],
    device: str = "",
    notice_version: int | None = None,
    language: str = "zh",
) -> dict[str, Any]:
    """Tie the resident to the WeChat user of this phone and add the messages just allowed.

    Allowing them beside the notice is the consent to it, so it is recorded as one: of the version that was shown,
    or the newest. Raises NoticeNotFound, GuardianConsentRequired.
    """
    _consent(work, caller, device, notice_version, language)
    added = accepted.count("progress")
    who = {
        "openid": data_keys.of(work.connection, caller.id).seal(openid, OPENID, caller.id),
        "openid_index": data_keys.index(blind_indexes.OPENID, openid),
    }
    claimed = added if settings().wechat_push_token else 0
    first = {"progress_credits": added, "unconfirmed": claimed}
    statement = insert(wechat_bindings).values(resident_id=caller.id, **first, **who)
    # Credits belong to a WeChat user: those of a former one don't count for the new one.
    same = wechat_bindings.c.openid_index.in_(data_keys.candidates(blind_indexes.OPENID, openid))
    kept = case((same, wechat_bindings.c.progress_credits + added), else_=added)
    waiting = case((same, func.least(_MOST_UNCONFIRMED, wechat_bindings.c.unconfirmed + claimed)), else_=claimed)
    changed = {**who, "progress_credits": kept, "unconfirmed": waiting}
    bound = statement.on_conflict_do_update(index_elements=["resident_id"], set_=changed)
    credits = work.run(bound.returning(wechat_bindings.c.progress_credits)).scalar_one()
    return {"bound": True, "credits": {"progress": credits}}


def _consent(work: Work, caller: Resident, device: str, version: int | None, language: str) -> None:
    shown = version or notices.newest(work.connection, notices.WECHAT_PUSH).version
    for kind in notices.asked(work.connection, notices.WECHAT_PUSH, shown, PROGRESS):
        wish = Wish(notices.WECHAT_PUSH, shown, PROGRESS, kind)
        consents.give(work, caller, wish, device, language, method=WECHAT_TAP)


def of(connection: Connection, resident_id: UUID) -> Any:
    """The binding of a resident, or None; `consented` says whether messages may be sent at this moment."""
    consented = consents.standing_for(wechat_bindings.c.resident_id, notices.WECHAT_PUSH, PROGRESS)
    statement = select(wechat_bindings, consented.label("consented"))
    return connection.execute(statement.where(wechat_bindings.c.resident_id == resident_id)).one_or_none()


def on_withdrawn(work: Work, event: ConsentWithdrawn) -> None:
    """The listener: whoever takes this consent back has their WeChat user forgotten (PIPL art. 47)."""
    if event.notice == notices.WECHAT_PUSH:
        work.defer(Job("forget_wechat", {"resident_id": str(event.resident_id)}))


@jobs.task("forget_wechat")
def forget(resident_id: str) -> None:
    """Forget the WeChat user of a resident, unless they have agreed again meanwhile. May run twice."""
    mine = wechat_bindings.c.resident_id == UUID(resident_id)
    consented = consents.standing_for(wechat_bindings.c.resident_id, notices.WECHAT_PUSH, PROGRESS)
    with database.work() as work:
        # Locked by a statement of its own: a DELETE that had to wait for somebody who agrees again would then look at
        # the consents from before it waited.
        work.run(select(wechat_bindings.c.resident_id).where(mine).with_for_update())
        work.run(delete(wechat_bindings).where(mine, ~consented))


def openid(connection: Connection, binding: Any) -> str:
    """The WeChat user of a binding. Raises SealError."""
    return data_keys.of(connection, binding.resident_id).open_text(binding.openid, OPENID, binding.resident_id)


def spend(work: Work, resident_id: UUID) -> None:
    """Take one credit after WeChat accepted a message."""
    used = update(wechat_bindings).where(
        wechat_bindings.c.resident_id == resident_id, wechat_bindings.c.progress_credits > 0
    )
    work.run(used.values(progress_credits=wechat_bindings.c.progress_credits - 1))


def clear(work: Work, resident_id: UUID) -> None:
    """WeChat said that the person refuses or has no credit left (43101)."""
    mine = update(wechat_bindings).where(wechat_bindings.c.resident_id == resident_id)
    work.run(mine.values(progress_credits=0, unconfirmed=0))


def confirm(work: Work, openid: str) -> None:
    """WeChat says that this user allowed one more message: counted now, unless the client said so before."""
    told = wechat_bindings.c.unconfirmed > 0
    known = update(wechat_bindings).where(_is(openid))
    work.run(
        known.values(
            progress_credits=wechat_bindings.c.progress_credits + case((told, 0), else_=1),
            unconfirmed=wechat_bindings.c.unconfirmed - case((told, 1), else_=0),
        )
    )


def cancel(work: Work, openid: str) -> None:
    """WeChat says that this user takes no more messages."""
    work.run(update(wechat_bindings).where(_is(openid)).values(progress_credits=0, unconfirmed=0))


def note_sent(work: Work, openid: str, msgid: str, errcode: int) -> None:
    """WeChat says what became of a message that it had accepted: an attempt is refused after all, or was delivered."""
    mine = select(notifications.c.id).join(
        wechat_bindings, wechat_bindings.c.resident_id == notifications.c.resident_id
    )
    accepted = update(attempts).where(
        attempts.c.notification_id.in_(mine.where(_is(openid))),
        attempts.c.state == "accepted",
        attempts.c.receipt["msgid"].astext == msgid,
    )
    delivered = {"receipt": attempts.c.receipt.concat({"sent": True})}
    outcome = {"state": "refused", "detail": f"sent_{errcode}"} if errcode else delivered
    work.run(accepted.values(**outcome))


def _is(openid: str) -> ColumnElement[bool]:
    return wechat_bindings.c.openid_index.in_(data_keys.candidates(blind_indexes.OPENID, openid))
