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
    Table,
    Text,
    case,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app.database import Work, metadata
from app.people.callers import Resident

wechat_bindings = Table(
    "wechat_bindings",
    metadata,
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), primary_key=True),
    Column("openid", Text, nullable=False),
    Column("progress_credits", Integer, nullable=False),
    CheckConstraint("progress_credits >= 0", name="progress_credits"),
)


def bind(work: Work, caller: Resident, openid: str, accepted: list[str]) -> dict[str, Any]:
    """Tie the resident to the WeChat user of this phone and add the messages just allowed."""
    added = accepted.count("progress")
    statement = insert(wechat_bindings).values(resident_id=caller.id, openid=openid, progress_credits=added)
    # Credits belong to a WeChat user: those of a former one don't count for the new one.
    kept = case((wechat_bindings.c.openid == openid, wechat_bindings.c.progress_credits + added), else_=added)
    bound = statement.on_conflict_do_update(
        index_elements=["resident_id"], set_={"openid": openid, "progress_credits": kept}
    )
    credits = work.run(bound.returning(wechat_bindings.c.progress_credits)).scalar_one()
    return {"bound": True, "credits": {"progress": credits}}


def of(connection: Connection, resident_id: UUID) -> Any:
    """The binding of a resident, or None."""
    return connection.execute(select(wechat_bindings).where(wechat_bindings.c.resident_id == resident_id)).one_or_none()


def spend(work: Work, resident_id: UUID) -> None:
    """Take one credit after WeChat accepted a message."""
    used = update(wechat_bindings).where(
        wechat_bindings.c.resident_id == resident_id, wechat_bindings.c.progress_credits > 0
    )
    work.run(used.values(progress_credits=wechat_bindings.c.progress_credits - 1))


def clear(work: Work, resident_id: UUID) -> None:
    """WeChat said that the person refuses or has no credit left (43101)."""
    work.run(update(wechat_bindings).where(wechat_bindings.c.resident_id == resident_id).values(progress_credits=0))
