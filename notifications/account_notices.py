"""Account notices: what happened to somebody's account rather than to a submission of theirs.

They stand in the same inbox. Nothing is pushed: the phone that stole a login would read it too, and the inbox is where
its owner looks on every device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Connection, DateTime, ForeignKey, Index, Table, Text, select
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs
from app.clock import CHINA
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Job, Work, metadata
from app.events import IdentityAdded, IdentityRemoved, SessionStolen
from app.identifiers import new_id
from app.people import sign_ins
from app.people.callers import Resident

KINDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "session_stolen": {
        "zh": (
            "登录凭证可能被盗用",
            "{at}，您的一个登录凭证被再次使用（设备：{device}）。为了您的安全，这个登录已经退出。如果不是您本人操作，请在“登录"
            "设备”里退出其他设备，并查看登录记录。",
        ),
        "en": (
            "A login of yours may have been copied",
            "{at}: one of your login tokens was used again (device: {device}). To protect you, that login was ended. "
            "If it was not you, log out your other devices and look at your sign-ins.",
        ),
    },
    "identity_added": {
        "zh": (
            "账户新增了登录方式",
            "{at}，您的账户新增了登录方式：{provider}。如果不是您本人操作，请在“登录方式”里移除它，并退出其他设备。",
        ),
        "en": (
            "Your account can be entered in another way",
            "{at}: the login {provider} was added to your account. If it was not you, remove it and log out your other "
            "devices.",
        ),
    },
    "identity_removed": {
        "zh": (
            "账户移除了登录方式",
            "{at}，您的账户移除了登录方式：{provider}。如果不是您本人操作，请用其他方式登录后检查登录设备。",
        ),
        "en": (
            "A login was taken from your account",
            "{at}: the login {provider} was removed from your account. If it was not you, log in another way and look "
            "at your devices.",
        ),
    },
}
"""Title and text of each kind, in each language."""

account_notices = Table(
    "account_notices",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("resident_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("facts", Sealed, nullable=False, info=personal(purpose="to tell the resident what happened to the account")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("kind ~ '^[a-z_]{3,40}$'", name="kind"),
    sealed_only("facts"),
    Index(None, "resident_id", "id"),
)

_FACTS = "account_notices.facts"


def on_stolen(work: Work, event: SessionStolen) -> None:
    """The listener: a login was copied, and its owner must hear of it."""
    work.defer(_job(event.resident_id, "session_stolen", sign_in_id=str(event.sign_in_id)))


def on_added(work: Work, event: IdentityAdded) -> None:
    """The listener: whoever added a login, the owner hears of it on every device."""
    work.defer(_job(event.resident_id, "identity_added", provider=event.provider))


def on_removed(work: Work, event: IdentityRemoved) -> None:
    """The listener: the same for one that was taken away."""
    work.defer(_job(event.resident_id, "identity_removed", provider=event.provider))


def _job(resident_id: UUID, kind: str, **facts: str) -> Job:
    """The job to put a notice into the inbox. Its id is given here, so that it comes once however often it runs."""
    return Job("tell_of_account", {"notice_id": str(new_id()), "resident_id": str(resident_id), "kind": kind, **facts})


@jobs.task("tell_of_account")
def tell(notice_id: str, resident_id: str, kind: str, **facts: str) -> None:
    """Put the notice into the inbox. May run twice. Raises SealError."""
    with database.work() as work:
        known = data_keys.of(work.connection, UUID(resident_id))
        values = {
            "id": UUID(notice_id),
            "resident_id": UUID(resident_id),
            "kind": kind,
            "facts": known.seal(_told(work, facts), _FACTS, notice_id),
            "created_at": clock.now(),
        }
        work.run(insert(account_notices).values(**values).on_conflict_do_nothing())


def _told(work: Work, facts: dict[str, str]) -> dict[str, str]:
    if "sign_in_id" in facts:
        return {"device": sign_ins.device_of(work.connection, UUID(facts["sign_in_id"])) or ""}
    return facts


def listing(
    connection: Connection, caller: Resident, before: UUID | None, limit: int, language: str
) -> list[dict[str, Any]]:
    """The notices about the caller's account as the inbox shows them, newest first. Raises SealError."""
    statement = select(account_notices).where(account_notices.c.resident_id == caller.id)
    if before is not None:
        statement = statement.where(account_notices.c.id < before)
    rows = connection.execute(statement.order_by(account_notices.c.id.desc()).limit(limit)).all()
    if not rows:
        return []
    key = data_keys.of(connection, caller.id)
    return [_shown(row, key.open(row.facts, _FACTS, row.id), language) for row in rows]


def _shown(row: Any, facts: dict[str, str], language: str) -> dict[str, Any]:
    title, text = KINDS[row.kind][language]
    at = f"{row.created_at.astimezone(CHINA):%Y-%m-%d %H:%M}"
    unnamed = {"zh": "未知", "en": "unknown"}[language]
    return {
        "id": row.id,
        "at": row.created_at,
        "title": title,
        "text": text.format(at=at, **{name: value or unnamed for name, value in facts.items()}),
        "kind": row.kind,
        "submission": None,
        "reference": None,
        "channels": [],
    }
