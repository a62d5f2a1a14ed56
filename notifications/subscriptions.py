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
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    case,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app.crypto import blind_indexes, data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.people.callers import Resident

wechat_bindings = Table(
    "wechat_bindings",
    metadata,
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), primary_key=True),
    Column("openid", Sealed, nullable=False, info=personal(purpose="to push the progress over WeChat")),
    Column("openid_index", LargeBinary, nullable=False),
    Column("progress_credits", Integer, nullable=False),
    CheckConstraint("progress_credits >= 0", name="progress_credits"),
    sealed_only("openid"),
)

OPENID = "wechat_bindings.openid"


def bind(work: Work, caller: Resident, openid: str, accepted: list[str]) -> dict[str, Any]:
    """Tie the resident to the WeChat user of this phone and add the messages just allowed."""
    added = accepted.count("progress")
    who = {
        "openid": data_keys.of(work.connection, caller.id).seal(openid, OPENID, caller.id),
        "openid_index": data_keys.index(blind_indexes.OPENID, openid),
    }
    statement = insert(wechat_bindings).values(resident_id=caller.id, progress_credits=added, **who)
    # Credits belong to a WeChat user: those of a former one don't count for the new one.
    same = wechat_bindings.c.openid_index.in_(data_keys.candidates(blind_indexes.OPENID, openid))
    kept = case((same, wechat_bindings.c.progress_credits + added), else_=added)
    bound = statement.on_conflict_do_update(index_elements=["resident_id"], set_={**who, "progress_credits": kept})
    credits = work.run(bound.returning(wechat_bindings.c.progress_credits)).scalar_one()
    return {"bound": True, "credits": {"progress": credits}}


def of(connection: Connection, resident_id: UUID) -> Any:
    """The binding of a resident, or None."""
    return connection.execute(select(wechat_bindings).where(wechat_bindings.c.resident_id == resident_id)).one_or_none()


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
    work.run(update(wechat_bindings).where(wechat_bindings.c.resident_id == resident_id).values(progress_credits=0))
