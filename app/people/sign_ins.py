"""Sign-ins: who came in under a resident's name, or tried, so that they can see for themselves what is not theirs.

Kept for six months, as long as the law wants network logs to be kept (网络安全法 第二十三条第三项), then purged. Of the
address only the network is kept, sealed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    delete,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Work, metadata
from app.identifiers import new_id
from app.people.callers import Resident

ENTERED: Final = "entered"
REFUSED: Final = "refused"
STOLEN: Final = "stolen"
OUTCOMES: Final = (ENTERED, REFUSED, STOLEN)
"""Somebody came in; somebody was refused although the account was known; a copied refresh token was used."""

KEPT: Final = timedelta(days=183)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("provider", Text),
    Column("method", Text),
    Column("level", Integer),
    Column("device", Text, nullable=False),
    Column("network", Sealed, info=personal(purpose="to show the resident from where about somebody signed in")),
    CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
    sealed_only("network"),
    Index(None, "resident_id", "id"),
    Index(None, "at"),
)

_NETWORK = "sign_ins.network"


@dataclass(frozen=True)
class SignIn:
    """One try. `network` is an address without its last part; `level` is None where nobody came in."""

    resident_id: UUID
    outcome: str
    device: str = ""
    network: str | None = None
    provider: str | None = None
    method: str | None = None
    level: int | None = None


def record(work: Work, tried: SignIn, sign_in_id: UUID | None = None) -> UUID:
    """Add a line to the history, once for each id; its id. Raises SealError."""
    sign_in_id, network = sign_in_id or new_id(), None
    if tried.network:
        network = data_keys.of(work.connection, tried.resident_id).seal(tried.network, _NETWORK, sign_in_id)
    values = {**vars(tried), "id": sign_in_id, "at": clock.now(), "network": network}
    work.run(insert(sign_ins).values(**values).on_conflict_do_nothing())
    return sign_in_id


def listing(connection: Connection, caller: Resident, before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """My sign-ins, newest first, before the given one. Raises SealError."""
    statement = select(sign_ins).where(sign_ins.c.resident_id == caller.id)
    if before is not None:
        statement = statement.where(sign_ins.c.id < before)
    rows = connection.execute(statement.order_by(sign_ins.c.id.desc()).limit(limit)).all()
    key = data_keys.of(connection, caller.id) if any(row.network for row in rows) else None
    shown = ("id", "at", "outcome", "provider", "method", "level", "device")
    return [
        {
            **{name: getattr(row, name) for name in shown},
            "network": key.open_text(row.network, _NETWORK, row.id) if key and row.network else None,
        }
        for row in rows
    ]


def device_of(connection: Connection, sign_in_id: UUID) -> str | None:
    """How the device of a sign-in named itself; None when the line is gone."""
    statement = select(sign_ins.c.device).where(sign_ins.c.id == sign_in_id)
    found: str | None = connection.execute(statement).scalar_one_or_none()
    return found


@jobs.tasks.periodic(cron="7 3 * * *")
@jobs.task("purge_sign_ins", queueing_lock="purge_sign_ins")
def purge(timestamp: int) -> None:
    """Forget what is older than six months."""
    with database.work() as work:
        work.run(delete(sign_ins).where(sign_ins.c.at < clock.now() - KEPT))
